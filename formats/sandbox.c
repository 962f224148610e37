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
#define OTHER_NUMBERS 0x40000000U

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

/* Leaves the number of the call to be compared. */
static void put_beginning(struct program *p)
{
	put_load(p, offsetof(struct seccomp_data, arch));
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0));
	put_return(p, SECCOMP_RET_KILL_PROCESS); /* numbers would mean other calls */
	put_load(p, offsetof(struct seccomp_data, nr));
}

static void put_calls(struct program *p, const int *calls, size_t cnt, uint32_t verdict)
{
	for (size_t i = 0; i < cnt; i++) {
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1));
		put_return(p, verdict);
	}
}

static void put_allowed(struct program *p, const int *calls, size_t cnt, bool may_open)
{
	const uint32_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;

	put_beginning(p);
	put_calls(p, calls, cnt, SECCOMP_RET_ALLOW);
	if (may_open) {
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3));
		put_load(p, offsetof(struct seccomp_data, args[2]));
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, writing, 1, 0));
		put_return(p, SECCOMP_RET_ALLOW);
	}
	put_return(p, SECCOMP_RET_ERRNO | EPERM);
}

static void put_forbidden(struct program *p, const int *calls, size_t cnt)
{
	put_beginning(p);
	/* a tracer that skips a call makes it -1; x86-64's other numbers (x32) would pass by the list */
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UINT32_MAX, 2, 0));
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, OTHER_NUMBERS, 0, 1));
	put_return(p, SECCOMP_RET_KILL_PROCESS);
	put_calls(p, calls, cnt, SECCOMP_RET_KILL_PROCESS);
	put_return(p, SECCOMP_RET_ALLOW);
}

/*
 * Before 5.16 a filter makes the processor give up speculation (SSBD), for those who run others' code: we do not, and the recorder is to be cheap.
 * Kernels before 4.17 do not know the flag.
 */
static int install(struct program *p)
{
	struct sock_fprog prog = { .filter = p->code, .len = p->len };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &prog) ||
	    !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return 0;
	return -errno;
}

int sandbox_allow(const int *calls, size_t cnt, bool may_open)
{
	struct program p = { .len = 0 };

	if (cnt > SANDBOX_CALLS_MAX)
		return -E2BIG;
	put_allowed(&p, calls, cnt, may_open);
	return install(&p);
}

int sandbox_forbid(const int *calls, size_t cnt)
{
	struct program p = { .len = 0 };

	if (cnt > SANDBOX_CALLS_MAX)
		return -E2BIG;
	put_forbidden(&p, calls, cnt);
	return install(&p);
}
#else
int sandbox_allow(const int *calls, size_t cnt, bool may_open)
{
	(void)calls, (void)cnt, (void)may_open;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : -ENOTSUP;
}

int sandbox_forbid(const int *calls, size_t cnt)
{
	return sandbox_allow(calls, cnt, false);
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
