/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the recorder may still do once everything is attached, and gives up. It reads what others wrote (mappings, files, perf maps), so a
 * mistake in that should not be worth as much as root. The command was forked before and keeps all rights; the workers that are forked later
 * give up the rest (names_sandbox.h).
 *
 * No wall against whoever takes the recorder over: it stays the user it is, may look into every process, and openat2() takes its flags in a
 * place no filter can see. It takes away the short ways: to run a program, to talk to the network, to load a module, to become somebody else.
 */
#ifndef VARVE_PRIVILEGES_H
#define VARVE_PRIVILEGES_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/err.h"

/* Capabilities as a set: bit CAP_x of linux/capability.h, which is also how /proc/PID/status shows them. */

/* What decides how much is needed. */
struct privileges_situation {
	uint64_t permitted;	  /* what we have at all */
	int perf_event_paranoid;  /* INT_MAX: not known */
	bool has_command;	  /* which may be another user's by the time it has to be ended */
	bool may_change_user;	  /* workers have to, for want of seccomp */
	bool makes_files_later;	  /* segments, snapshots … */
	bool is_others_directory; /* … in a directory that only root's rights lead to */
};

/* What recording needs until its end, of what is permitted. */
uint64_t privileges_needed(const struct privileges_situation *s);

/* What is permitted to this process; 0 when that cannot be told. */
uint64_t privileges_permitted(void);

/* /proc/sys/kernel/perf_event_paranoid, INT_MAX when it cannot be read. */
int privileges_paranoid(void);

/* The directory of path is not our own: what is made in it later may take root's rights over other users' files. */
bool privileges_is_others_directory(const char *path);

/*
 * For this process and all that it forks from now on: no new privileges by exec, none of the calls that recording has no use for (SIGSYS ends
 * who tries one), root's capabilities not for being root alone. Nothing of it can be taken back. Returns 0, or a negative errno: -EINVAL where the kernel has
 * no seccomp. As much as could be was done then.
 */
int privileges_fence(struct err *err);

/* Keep these capabilities and no others, none inheritable or ambient. Returns 0, or a negative errno with the others still there. */
int privileges_keep(uint64_t keep, struct err *err);

#endif
