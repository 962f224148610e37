/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks, threads and wakers → nodes of one flame tree, each placed once. */
#ifndef VARVE_FLAME_PLACE_H
#define VARVE_FLAME_PLACE_H

#include "formats/idmap.h"
#include "report/export_events.h"
#include "report/flame_tree.h"
#include "report/stacks.h"
#include "report/table.h"
#include "report/tasks.h"

/* One (thread name's frame or node, stack) already placed in a view's tree. */
struct placed {
	uint32_t below, stack, node;
	bool is_waker;
};

/* The tree, stacks and tasks are the caller's. */
struct flame_placer {
	struct flame_tree *tree;
	const struct stacks *stacks;
	const struct tasks *tasks;
	uint32_t *frame;       /* [stacks.frames] → tree frame; 0 not yet */
	uint32_t *waker_frame; /* the same frames in the waker's colour */
	uint32_t *thread;      /* [utid] → tree node of the thread's name */
	TABLE(struct placed) placed;
	struct idmap map;
};

/* 0 or -ENOMEM; to be deinitialized in both cases. */
int flame_placer_init(struct flame_placer *p, struct flame_tree *tree, const struct stacks *s,
		      const struct tasks *t);
void flame_placer_deinit(struct flame_placer *p); /* all zero is fine */

/* Each returns a node, or 0 when out of memory. */

/* The thread's name, at the bottom of its stacks. */
uint32_t flame_place_thread(struct flame_placer *p, uint32_t utid);

/* A stack standing on the node `below`. */
uint32_t flame_place_stack(struct flame_placer *p, uint32_t below, uint32_t stack);

/* The waker's thread and stack on top of a node. */
uint32_t flame_place_waker(struct flame_placer *p, uint32_t node, const struct export_event *ev);

/* "--", and what the waker did, on top of where it let someone wait. */
uint32_t flame_place_joint(struct flame_placer *p, uint32_t node, const struct export_event *ev);

/* "[smaller stacks]", of the event's thread or (NULL) of all. */
uint32_t flame_place_smaller(struct flame_placer *p, const struct export_event *ev);

#endif
