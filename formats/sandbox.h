/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For processes that read files others wrote: what both programs and their workers share. Which calls each may do, and what else
 * it gives up, is in record/names_sandbox.c, report/sym_sandbox.c, record/privileges.c and report/fence.c.
 */
#ifndef VARVE_SANDBOX_H
#define VARVE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SANDBOX_CALLS_MAX 64

/*
 * From here on, and in all children, only these system calls work, and with may_open openat() for reading; anything else fails with EPERM, so
 * that a library that probes for something takes its other way. No new privileges either. There is no way back. Returns 0; -EINVAL: the kernel has no
 * seccomp; -ENOTSUP: not for this processor; or -errno.
 */
int sandbox_allow(const int *calls, size_t cnt, bool may_open);

/*
 * From here on, and in all children, who makes one of these system calls is ended by SIGSYS, as is who makes any by the numbers of another
 * calling convention; the others work as before. Else as sandbox_allow(), which may come on top.
 */
int sandbox_forbid(const int *calls, size_t cnt);

/*
 * sandbox_forbid() of what neither program does once it reads what others wrote: it runs no program, talks to nobody (may_connect: it may), and
 * leaves other processes, the kernel and the tree of files alone.
 */
int sandbox_fence(bool may_connect);

/* Bytes of address space in use, those mapped before a fork included; 0 unknown. For a limit "beyond what is there". */
uint64_t sandbox_mapped_bytes(void);

#endif
