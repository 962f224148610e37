/* SPDX-License-Identifier: BSD-2-Clause */
/* A set of process ids, as a bitmap: half a MiB of address space, of which the pages are used where ids are. */
#ifndef VARVE_PIDSET_H
#define VARVE_PIDSET_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define PIDSET_MAX (1U << 22) /* PID_MAX_LIMIT, include/linux/threads.h */

struct pidset {
	uint64_t *words; /* owned */
};

/* 0 or -ENOMEM. */
static inline int pidset_init(struct pidset *s)
{
	s->words = calloc(PIDSET_MAX / 64, sizeof(*s->words));
	return s->words ? 0 : -ENOMEM;
}

/* Also of a zeroed struct. */
static inline void pidset_deinit(struct pidset *s)
{
	free(s->words);
	s->words = NULL;
}

static inline bool pidset_has(const struct pidset *s, uint32_t pid)
{
	return pid < PIDSET_MAX && s->words[pid / 64] >> pid % 64 & 1;
}

/* 0, or -ERANGE: no process id. */
static inline int pidset_add(struct pidset *s, uint32_t pid)
{
	if (pid >= PIDSET_MAX)
		return -ERANGE;
	s->words[pid / 64] |= 1ULL << pid % 64;
	return 0;
}

static inline void pidset_remove(struct pidset *s, uint32_t pid)
{
	if (pid < PIDSET_MAX)
		s->words[pid / 64] &= ~(1ULL << pid % 64);
}

#endif
