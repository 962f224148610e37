// SPDX-License-Identifier: BSD-2-Clause
#include "record/names_sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "formats/sandbox.h"

#define NOBODY 65534
#define MEMORY_EXTRA (1ULL << 30)
#define CPU_SECONDS 20

static int set_limits(void)
{
	uint64_t memory = sandbox_mapped_bytes() + MEMORY_EXTRA;
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

/* *ret_is_root: still the user root, though without capabilities. The recorder has given up the right to change its user (privileges.h) where there is seccomp. */
static int drop_privileges(bool *ret_is_root)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = {};

	*ret_is_root = false;
	if (!geteuid() && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))) {
		if (errno != EPERM)
			return -errno;
		*ret_is_root = true;
	}
	/* as a user with capabilities of the file: those go too */
	return syscall(SYS_capset, &h, none) ? -errno : 0;
}

static int allow_only_reading(bool is_root)
{
	static const int calls[] = {
		SYS_pread64, SYS_write, SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise, SYS_exit_group,
		SYS_sigaltstack, /* the address sanitizer, when it says goodbye */
	};
	/* refused, not killed: qsort() asks for the size of memory and lives without an answer */
	int r = sandbox_allow(calls, ARRAY_SIZE(calls), false);

	/* A kernel without seccomp still has the dropped privileges and the limits; but root owns files. */
	return r == -EINVAL && !is_root ? 0 : r;
}

int names_sandbox_enter(void)
{
	static const int normal[] = { SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGSEGV, SIGBUS, SIGPIPE };
	sigset_t none;
	bool is_root = false;
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
		r = drop_privileges(&is_root);
	/* changing the user cleared it */
	if (!r && prctl(PR_SET_PDEATHSIG, SIGKILL))
		r = -errno;
	return r ? r : allow_only_reading(is_root);
}
