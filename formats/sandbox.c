// SPDX-License-Identifier: BSD-2-Clause
#include "formats/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "formats/cleanup.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef NATIVE_ARCH
#define FIXED_MAX 16 /* instructions besides two for each call */

struct program {
	struct sock_filter code[FIXED_MAX + 2 * SANDBOX_CALLS_MAX];
	unsigned short len;
};

static void put(struct program *p, struct sock_filter instruction)
{
	p->code[p->len++] = instruction;
}

static void put_load(struct program *p, size_t off)
{
	put(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)off));
}

static void put_return(struct program *p, uint32_t verdict)
{
	put(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

static void put_calls(struct program *p, const int *calls, size_t cnt, bool may_open)
{
	const uint32_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;

	put_load(p, offsetof(struct seccomp_data, arch));
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0));
	put_return(p, SECCOMP_RET_KILL_PROCESS); /* numbers would mean other calls */
	put_load(p, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < cnt; i++) {
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1));
		put_return(p, SECCOMP_RET_ALLOW);
	}
	if (may_open) {
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3));
		put_load(p, offsetof(struct seccomp_data, args[2]));
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, writing, 1, 0));
		put_return(p, SECCOMP_RET_ALLOW);
	}
	put_return(p, SECCOMP_RET_ERRNO | EPERM);
}

int sandbox_allow(const int *calls, size_t cnt, bool may_open)
{
	struct program p = { .len = 0 };
	struct sock_fprog prog = { .filter = p.code };

	if (cnt > SANDBOX_CALLS_MAX)
		return -E2BIG;
	put_calls(&p, calls, cnt, may_open);
	prog.len = p.len;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return -errno;
	return 0;
}
#else
int sandbox_allow(const int *calls, size_t cnt, bool may_open)
{
	(void)calls, (void)cnt, (void)may_open;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : -ENOTSUP;
}
#endif

uint64_t sandbox_mapped_bytes(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!f || fscanf(f, "%lu", &pages) != 1)
		return 0;
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
