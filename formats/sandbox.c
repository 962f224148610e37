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

/* ---- what both programs do without ------------------------------------------------------------------------------------- */

/*
 * A list of what is refused, not of what is allowed: what libc and the libraries call differs from version to version, and a program that
 * dies at a customer's of a harmless call is worse than what a longer list of refusals leaves open. Not in it: clone() for the
 * workers, kill(), and setuid() and its like, for workers and (CAP_SETUID being gone) of no use.
 */
static const int refused[] = {
	/* the outside: the first two */
	SYS_socket, SYS_connect,
	/* other programs */
	SYS_execve, SYS_execveat,
	/* other processes */
	SYS_process_vm_writev,
#ifndef __SANITIZE_ADDRESS__ /* its search for leaks */
	SYS_ptrace,
#endif
#ifdef SYS_pidfd_getfd
	SYS_pidfd_getfd,
#endif
#ifdef SYS_process_madvise
	SYS_process_madvise,
#endif
	/* the kernel */
	SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load,
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
	SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime,
	SYS_sethostname, SYS_setdomainname, SYS_syslog, SYS_userfaultfd, SYS_add_key, SYS_request_key, SYS_keyctl,
#ifdef SYS_iopl
	SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
#ifdef SYS_io_uring_setup
	SYS_io_uring_setup, /* what is done through it passes no filter */
#endif
	/* the tree of files */
	SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_setns, SYS_unshare,
#ifdef SYS_move_mount
	SYS_move_mount, SYS_open_tree, SYS_fsopen, SYS_fsconfig, SYS_fsmount,
#endif
};

int sandbox_fence(bool may_connect)
{
	size_t from = may_connect ? 2 : 0;

	return sandbox_forbid(refused + from, ARRAY_SIZE(refused) - from);
}

uint64_t sandbox_mapped_bytes(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!f || fscanf(f, "%lu", &pages) != 1)
		return 0;
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
