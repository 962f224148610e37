// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "formats/cleanup.h"

#if defined(__x86_64__)
#define HOST_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define HOST_ARCH AUDIT_ARCH_AARCH64
#endif

#define ALLOW(nr)                                                                                  \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1),                                           \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

#ifdef HOST_ARCH
/* Anything else fails with EPERM: a library that probes for something then takes its other way. */
static int filter_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HOST_ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_read),
		ALLOW(SYS_pread64),
		ALLOW(SYS_ftruncate), /* nothing but the result is open for writing */
		ALLOW(SYS_write),
		ALLOW(SYS_writev),
		ALLOW(SYS_lseek),
		ALLOW(SYS_close),
		ALLOW(SYS_fstat),
		ALLOW(SYS_newfstatat),
		ALLOW(SYS_statx),
		ALLOW(SYS_mmap),
		ALLOW(SYS_munmap),
		ALLOW(SYS_mremap),
		ALLOW(SYS_mprotect),
		ALLOW(SYS_madvise),
		ALLOW(SYS_brk),
		ALLOW(SYS_futex),
		ALLOW(SYS_getrandom),
		ALLOW(SYS_rt_sigaction),
		ALLOW(SYS_rt_sigprocmask),
		ALLOW(SYS_rt_sigreturn),
		ALLOW(SYS_sigaltstack),
		ALLOW(SYS_gettid),
		ALLOW(SYS_getpid),
		ALLOW(SYS_tgkill),
		ALLOW(SYS_exit),
		ALLOW(SYS_exit_group),
		ALLOW(SYS_prlimit64),
		ALLOW(SYS_clock_gettime),
		ALLOW(SYS_readlinkat),
		ALLOW(SYS_fcntl),
		ALLOW(SYS_sched_yield),
#ifdef SYS_readlink
		ALLOW(SYS_readlink),
#endif
		/* openat for reading only */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
			 O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog prog = {ARRAY_SIZE(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return -errno;
	return 0;
}
#else
static int filter_calls(void)
{
	return 0;
}
#endif

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

#ifndef __SANITIZE_ADDRESS__
/* Pages mapped now, so that what the report had mapped before the fork does not count. */
static uint64_t mapped_bytes(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!f || fscanf(f, "%lu", &pages) != 1)
		return 0;
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
#endif

void sym_sandbox_limit(uint64_t bytes, uint64_t cpu_seconds)
{
	struct rlimit as, cpu, old;

#ifndef __SANITIZE_ADDRESS__ /* its shadow alone is terabytes */
	as.rlim_cur = mapped_bytes() + bytes;
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
