/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stacks of one chunk as a trie: each node is a frame under its caller, numbered from 1 with the
 * caller before the called. Equal stacks are one node, and stacks share their outer part.
 */
#ifndef VARVE_STACKTAB_H
#define VARVE_STACKTAB_H

#include "formats/event.h"
#include "formats/idmap.h"

struct stack_node {
	uint32_t parent; /* 0: a root */
	uint32_t frame;	 /* index of frames */
	uint32_t end;	 /* enum stack_end of a root, 0 in others */
};

#define RECENT_DEPTH 192
#define RECENT_STACKS 16

/*
 * A stack that was added, outermost frame first: the next one of the same thread mostly begins
 * alike.
 */
struct recent_stack {
	struct frame frames[RECENT_DEPTH];
	uint32_t nodes[RECENT_DEPTH];
	uint32_t cnt;
	enum stack_end end;
};

/* All zero is an empty table. Owns everything. */
struct stacktab {
	struct recent_stack *recent; /* RECENT_STACKS of them, or NULL */
	struct frame *frames;	     /* in order of first use */
	uint32_t frame_cnt, frame_cap;
	struct stack_node *nodes; /* nodes[id - 1] */
	uint32_t node_cnt, node_cap;
	struct idmap frame_ids, node_ids;
};

/* The index of a frame, added when new. -ENOMEM. */
int64_t stacktab_add_frame(struct stacktab *t, const struct frame *f);

/*
 * The node of frame (an index) called from parent (0: a root that ends with `end`), added when new.
 * -ENOMEM.
 */
int64_t stacktab_add_node(struct stacktab *t, uint32_t parent, uint32_t frame, enum stack_end end);

/*
 * A whole stack, leaf first, cnt >= 1. hint: stacks with the same one are likely alike (the
 * thread). Returns the node of the leaf, or -ENOMEM.
 */
int64_t stacktab_add(struct stacktab *t, const struct frame *frames, uint32_t cnt,
		     enum stack_end end, uint32_t hint);

void stacktab_clear(struct stacktab *t);
void stacktab_deinit(struct stacktab *t);

#endif
