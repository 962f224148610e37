/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which stacks a picture has a place for: of a million, most are narrower than a pixel, and a page
 * that holds them all opens nowhere. The largest are drawn; the rest become one frame. While they are
 * counted there are no more than row_max rows: when they are full, the smaller half is forgotten, and
 * counts from nothing when it comes again. So a stack is missed only if it was among the smaller half
 * before most of it had come; with up to row_max different ones the choice is exact.
 */
#ifndef VARVE_FLAME_PICK_H
#define VARVE_FLAME_PICK_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/idmap.h"
#include "report/table.h"

/* What makes a stack of a picture; 0 for what the picture does not tell apart. */
struct flame_pick_key {
	uint32_t who, stack, waker, waker_stack;
};

struct flame_pick {
	struct flame_pick_key key;
	uint64_t value;
	bool is_kept;
};

/* All zero is empty. */
struct flame_picks {
	TABLE(struct flame_pick) rows;
	struct idmap map;
	uint32_t row_max; /* at least 2; 0: as many as come */
	bool is_needed;	  /* some are not kept: known after settle, or as soon as some are forgotten */
};

/* 0 or -ENOMEM. */
int flame_picks_add(struct flame_picks *p, const struct flame_pick_key *key, uint64_t value);

/* Keep the max largest. With no more than that, all are kept and what was added is forgotten. */
int flame_picks_settle(struct flame_picks *p, uint32_t max);

/* After settle. */
bool flame_picks_keep(const struct flame_picks *p, const struct flame_pick_key *key);

void flame_picks_deinit(struct flame_picks *p);

#endif
