// SPDX-License-Identifier: BSD-2-Clause
#include "record/privileges.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "formats/sandbox.h"

#define CAP(c) (1ULL << (c))

/* ---- how much ---------------------------------------------------------------------------------------------------------- */

/* What a recording goes on to need, whatever its options. */
#define ALWAYS                                                                                                                        \
	(CAP(CAP_BPF) |		       /* unwind rows, counters, the tasks' iterator */                                               \
	 CAP(CAP_PERFMON) |	       /* sampling a CPU that comes back */                                                           \
	 CAP(CAP_IPC_LOCK) |	       /* its side-band ring, where the user's share of locked memory is used up */                   \
	 CAP(CAP_SYS_PTRACE) |	       /* /proc/PID/{maps,root,exe} of others */                                                      \
	 CAP(CAP_CHECKPOINT_RESTORE) | /* /proc/PID/map_files: the file as it is mapped */                                            \
	 CAP(CAP_DAC_READ_SEARCH) |    /* which others may have made unreadable */                                                    \
	 CAP(CAP_SYSLOG))	       /* /proc/kallsyms, read again for programs and modules that are loaded meanwhile */

/* These came out of CAP_SYS_ADMIN in 5.8 and 5.9; where somebody gives us only that, as container runtimes did, it stands for them. */
#define SPLIT_FROM_ADMIN (CAP(CAP_BPF) | CAP(CAP_PERFMON) | CAP(CAP_CHECKPOINT_RESTORE))

uint64_t privileges_needed(const struct privileges_situation *s)
{
	uint64_t keep = ALWAYS;

	/* Above 2, as Debian's kernels have it, perf_event_open() asks for more than CAP_PERFMON: a CPU that comes back would not be sampled */
	if (s->perf_event_paranoid > 2 || (s->permitted & SPLIT_FROM_ADMIN) != SPLIT_FROM_ADMIN)
		keep |= CAP(CAP_SYS_ADMIN);
	if (s->has_command || s->may_change_user)
		keep |= CAP(CAP_KILL);
	if (s->may_change_user)
		keep |= CAP(CAP_SETUID) | CAP(CAP_SETGID);
	/* No descriptor helps: the directory's own bits are looked at for each file that is made or deleted. Its owner may change them, or make it sticky */
	if (s->makes_files_later && s->is_others_directory)
		keep |= CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FOWNER);
	return keep & s->permitted;
}

uint64_t privileges_permitted(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = {};

	return syscall(SYS_capget, &h, d) ? 0 : d[0].permitted | (uint64_t)d[1].permitted << 32;
}

int privileges_paranoid(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
	int value;

	return f && fscanf(f, "%d", &value) == 1 ? value : INT_MAX;
}

bool privileges_is_others_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	struct stat st;

	return !dir || stat(dir, &st) || st.st_uid != geteuid();
}

/* ---- giving up ----------------------------------------------------------------------------------------------------------- */

int privileges_fence(struct err *err)
{
	int code;

	/* Neither being root nor what is ambient is to give capabilities any more. Without CAP_SETPCAP, which another user lacks, neither does. */
	(void)prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* cannot fail since 4.3 */
	code = sandbox_fence(false);
	return code ? err_code(err, code, "refuse system calls that recording has no use for") : 0;
}

int privileges_keep(uint64_t keep, struct err *err)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct d[2] = {
		{ .effective = (uint32_t)keep, .permitted = (uint32_t)keep },
		{ .effective = (uint32_t)(keep >> 32), .permitted = (uint32_t)(keep >> 32) },
	};

	if (syscall(SYS_capset, &h, d))
		return err_errno(err, "give up capabilities");
	return 0;
}
