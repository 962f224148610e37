/* SPDX-License-Identifier: BSD-2-Clause */
/* The distinct frames that were recorded, and which of them had their names written in the present segment. For symbols.c. */
#ifndef VARVE_HITS_H
#define VARVE_HITS_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/event.h"

enum hit_how { HIT_EXACT = 1, HIT_RETURN = 2 };

struct hit {
	uint64_t off;
	uint32_t module; /* 0: a free slot */
	uint8_t how, named; /* enum hit_how, as sets; named: that hits_take() gave out */
	uint16_t era;	 /* of the last hit */
};

/* All zero is empty. */
struct hits {
	struct hit *slots; /* open addressing; owned */
	uint32_t slot_cnt, used;
	uint64_t over_cap; /* hits that found no room */
	uint16_t era;
};

/* For each frame of each event: a few ns when it is known already. Never fails: over the cap it counts. */
void hits_add(struct hits *h, const struct frame *f);

/*
 * Those that were not given out in this era, of modules that are wanted (NULL: of all), sorted by module and offset; the caller frees *ret.
 * Returns their number, or -ENOMEM.
 */
int64_t hits_take(struct hits *h, bool (*wants)(void *ctx, uint32_t module), void *ctx, struct hit **ret);

/* A new era: nothing is given out. What was not hit in the last `keep` eras is forgotten. */
void hits_next_era(struct hits *h, uint16_t keep);

/* The module of each hit, in no order, some many times. */
void hits_each_module(const struct hits *h, void (*fn)(void *ctx, uint32_t module), void *ctx);

void hits_deinit(struct hits *h);

#endif
