/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gives up everything a reader of hostile files does not need.
 */
#ifndef VARVE_NAMES_SANDBOX_H
#define VARVE_NAMES_SANDBOX_H

/*
 * In a freshly forked child: die with the parent; 1 GiB of address space more than now, 20 s of CPU time, no files, no
 * core; user and group nobody where we are root and may change it, no capabilities, no new ones; and from then on only reading, writing, memory and
 * exit are allowed (seccomp; anything else is refused). There is no way back. Returns 0, or -errno when a step that must not
 * fail did (privileges would remain).
 */
int names_sandbox_enter(void);

#endif
