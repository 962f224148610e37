/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The executable ranges of one address space over time, shared by processes until one of them changes it. For tasks.c.
 */
#ifndef VARVE_SPACE_H
#define VARVE_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#define SPACE_RANGE_MAX 16384  /* ranges of one process; vm.max_map_count is 65530, real JITs stay below 5000 */
#define SPACE_SLOP_NS 1000000  /* a range serves addresses recorded this long before it was announced */

struct range {
	uint64_t start, end;
	uint64_t off_base; /* frame.off = off_base + address - start */
	uint64_t born_ts;
	uint32_t module;
	uint64_t seen_ts; /* announced last; kept by space_add() */
};

struct old_range {
	struct range r;
	uint64_t dead_ts;
};

struct space {
	uint32_t refs;
	uint32_t live_cnt, live_cap;
	uint32_t old_cnt, old_cap;
	uint32_t last; /* index in live of the last hit */
	struct range *live;    /* disjoint, sorted by start */
	struct old_range *old; /* by dead_ts */
};

/* Called for each stretch that lost its mapping. */
typedef void (*space_gone_fn)(void *ctx, uint64_t start, uint64_t end);

struct space *space_create(void); /* refs 1; NULL: no memory */
struct space *space_ref(struct space *s);
void space_unref(struct space *s); /* NULL is accepted */

/*
 * Put r into *s, making a private copy of a shared space first. What it overlaps ends at r->born_ts and is remembered; what
 * sticks out of it stays. Returns 1, 0 (the very same range is there already: nothing changed), -ENOMEM or
 * -E2BIG (SPACE_RANGE_MAX); nothing changed then.
 */
int space_add(struct space **s, const struct range *r, space_gone_fn gone, void *ctx);

/*
 * End at ts what *s has in [start, end) since before ts. Returns 1, 0 (there was nothing) or -ENOMEM.
 */
int space_remove(struct space **s, uint64_t start, uint64_t end, uint64_t ts, space_gone_fn gone, void *ctx);

/* The range that held addr at ts, or NULL. Valid until the space changes. */
const struct range *space_find(struct space *s, uint64_t addr, uint64_t ts);

/* Each range's module, those that ended among them; the same one many times. */
void space_each_module(const struct space *s, void (*fn)(void *ctx, uint32_t module), void *ctx);

/* Forget ranges that ended before ts. */
void space_prune(struct space *s, uint64_t ts);

#endif
