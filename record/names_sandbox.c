// SPDX-License-Identifier: BSD-2-Clause
#include "record/names_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "formats/cleanup.h"

#define NOBODY 65534
#define MEMORY_EXTRA (1ULL << 30)
#define CPU_SECONDS 20

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "seccomp: which architecture is this?"
#endif

/* Address space in use, from /proc/self/statm; rings and maps of the parent are part of it. */
static uint64_t present_memory(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (f && fscanf(f, "%lu", &pages) != 1)
		pages = 0;
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int set_limits(void)
{
	uint64_t memory = present_memory() + MEMORY_EXTRA;
	const struct {
		int what;
		rlim_t value;
	} limits[] = {
		{ RLIMIT_AS, memory }, { RLIMIT_CPU, CPU_SECONDS }, { RLIMIT_FSIZE, 0 },
		{ RLIMIT_CORE, 0 },    { RLIMIT_NOFILE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit l = { limits[i].value, limits[i].value };

		if (setrlimit(limits[i].what, &l))
			return -errno;
	}
	return 0;
}

static int drop_privileges(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = {};

	if (!geteuid()) {
		if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
		    setresuid(NOBODY, NOBODY, NOBODY))
			return -errno;
	}
	/* as a user with capabilities of the file: those go too */
	return syscall(SYS_capset, &h, none) ? -errno : 0;
}

#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int allow_only_reading(void)
{
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_pread64),
		ALLOW(SYS_write),
		ALLOW(SYS_brk),
		ALLOW(SYS_mmap),
		ALLOW(SYS_munmap),
		ALLOW(SYS_mremap),
		ALLOW(SYS_madvise),
		ALLOW(SYS_exit_group),
		ALLOW(SYS_sigaltstack), /* the address sanitizer, when it says goodbye */
		/* refused, not killed: qsort() asks for the size of memory and lives without an answer */
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), (struct sock_filter *)code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	/* A kernel without seccomp still has the dropped privileges and the limits. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) && errno != EINVAL)
		return -errno;
	return 0;
}

int names_sandbox_enter(void)
{
	static const int normal[] = { SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGSEGV, SIGBUS, SIGPIPE };
	sigset_t none;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(normal); i++)
		signal(normal[i], SIG_DFL);
	signal(SIGINT, SIG_IGN); /* Ctrl-C is the parent's to answer, which ends us by closing the pipe */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_DUMPABLE, 0))
		return -errno;
	r = set_limits();
	if (!r)
		r = drop_privileges();
	/* changing the user cleared it */
	if (!r && prctl(PR_SET_PDEATHSIG, SIGKILL))
		r = -errno;
	return r ? r : allow_only_reading();
}
