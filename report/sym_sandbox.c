// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_sandbox.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "formats/sandbox.h"

static int filter_calls(void)
{
	static const int calls[] = {
		SYS_read, SYS_pread64, SYS_write, SYS_writev, SYS_lseek, SYS_close, SYS_fstat,
		SYS_newfstatat, SYS_statx, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect,
		SYS_madvise, SYS_brk, SYS_futex, SYS_getrandom, SYS_rt_sigaction,
		SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_gettid, SYS_getpid,
		SYS_tgkill, SYS_exit, SYS_exit_group, SYS_prlimit64, SYS_clock_gettime,
		SYS_readlinkat, SYS_fcntl, SYS_sched_yield,
		SYS_ftruncate, /* nothing but the result is open for writing */
#ifdef SYS_readlink
		SYS_readlink,
#endif
	};
	int err = sandbox_allow(calls, ARRAY_SIZE(calls), true);

	return err == -ENOTSUP ? 0 : err; /* of a processor it is not written for, limits remain */
}

int sym_sandbox_enter(int result_fd)
{
	struct rlimit none = {0, 0};
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &none);
	if (result_fd != 3 && dup2(result_fd, 3) < 0)
		return -errno;
	close_range(4, ~0U, 0); /* the database and whatever else the report has open */
	close(0);
	close(1);
	err = filter_calls();
	return err ?: 3;
}

void sym_sandbox_limit(uint64_t bytes, uint64_t cpu_seconds)
{
	struct rlimit as, cpu, old;

#ifndef __SANITIZE_ADDRESS__ /* its shadow alone is terabytes */
	as.rlim_cur = sandbox_mapped_bytes() + bytes; /* what the report had mapped before the fork does not count */
	as.rlim_max = getrlimit(RLIMIT_AS, &old) || old.rlim_max == RLIM_INFINITY ? as.rlim_cur * 16
										  : old.rlim_max;
	if (as.rlim_cur > as.rlim_max)
		as.rlim_cur = as.rlim_max;
	setrlimit(RLIMIT_AS, &as);
#else
	(void)as;
#endif
	cpu.rlim_cur = cpu_seconds;
	cpu.rlim_max = getrlimit(RLIMIT_CPU, &old) || old.rlim_max == RLIM_INFINITY
			       ? cpu_seconds * 16
			       : old.rlim_max;
	if (cpu.rlim_cur > cpu.rlim_max)
		cpu.rlim_cur = cpu.rlim_max;
	setrlimit(RLIMIT_CPU, &cpu);
}
