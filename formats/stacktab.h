/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stacks of one chunk as a trie: each node is a frame under its caller, numbered from 1 with the caller before the called.
 * Equal stacks are one node, and stacks share their outer part.
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

/* All zero is an empty table. Owns everything. */
struct stacktab {
	struct frame *frames; /* in order of first use */
	uint32_t frame_cnt, frame_cap;
	struct stack_node *nodes; /* nodes[id - 1] */
	uint32_t node_cnt, node_cap;
	struct idmap frame_ids, node_ids;
};

/* The index of a frame, added when new. -ENOMEM. */
int64_t stacktab_add_frame(struct stacktab *t, const struct frame *f);

/*
 * The node of frame (an index) called from parent (0: a root that ends with `end`), added when new. -ENOMEM.
 */
int64_t stacktab_add_node(struct stacktab *t, uint32_t parent, uint32_t frame, enum stack_end end);

void stacktab_clear(struct stacktab *t);
void stacktab_deinit(struct stacktab *t);

#endif
