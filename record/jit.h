/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JIT code over time. Runtimes say what they write where (perf maps, jitdump), and write over it later: an address's name holds from when its
 * entry was written until another covers it. So these files are followed while recording, and when something known is overwritten by
 * something else, the process's JIT memory becomes another module from then on: frames before keep the names of before.
 */
#ifndef VARVE_JIT_H
#define VARVE_JIT_H

#include <stdbool.h>
#include <stdint.h>

#include "record/modules.h"

struct jit;

/* Both stay the caller's and must outlive it. */
int jit_create(struct modules *m, struct recording_writer *w, struct jit **ret);
void jit_destroy(struct jit *j);

/*
 * Look at what was added to the files of all processes with JIT memory: a few us for each. To be called about ten times a second; names are right
 * to that, and code replaced more often than it is looked keeps the last name.
 */
void jit_poll(struct jit *j);

/* The module that a JIT module (its first id) is now; any other id is returned as it is. For each frame. */
uint32_t jit_current(const struct jit *j, uint32_t module);

/* Another number whenever jit_current() may give something else than before. */
uint32_t jit_state(const struct jit *j);

/*
 * How much of a process's files names one of its modules. What was written while the module ended (from map to map_end, from dump to dump_end) may be of
 * before or after that, but says what was where nothing had been known. All 0: it has not ended, and all of them does.
 */
struct jit_extent {
	uint64_t map, dump, map_end, dump_end; /* bytes */
};

/* A module made by jit_poll(), or a first one: whose it is, and what names it. NULL: none. */
const struct module_entry *jit_entry(const struct jit *j, uint32_t module, struct jit_extent *ret);

/* The i-th module that jit_poll() made; 0: there are no more. */
uint32_t jit_later(const struct jit *j, uint32_t i);

/* Whether many were made since the last sweep. */
bool jit_wants_sweep(const struct jit *j);
/*
 * fn is called with each module that one of those used (is_used, asked by id) needs: its process's first, which has the files with its names, and the one
 * that the first is now. Both get ctx; what fn was called with is used from then on.
 */
void jit_each_needed(const struct jit *j, bool (*is_used)(void *ctx, uint32_t id), void (*fn)(void *ctx, uint32_t id), void *ctx);
/* Forget what is not used. Before modules_sweep() with the same. 0, or -ENOMEM having changed nothing: then that must not be called. */
int jit_sweep(struct jit *j, bool (*is_used)(void *ctx, uint32_t id), void *ctx);

#endif
