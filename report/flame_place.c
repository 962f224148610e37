// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"

int flame_placer_init(struct flame_placer *p, struct flame_tree *tree, const struct stacks *s,
		      const struct tasks *t)
{
	*p = (struct flame_placer){ .tree = tree, .stacks = s, .tasks = t };
	p->frame = calloc(s->frames.cnt + 1ul, sizeof(*p->frame));
	p->waker_frame = calloc(s->frames.cnt + 1ul, sizeof(*p->waker_frame));
	p->thread = calloc(t->threads.cnt + 1ul, sizeof(*p->thread));
	return p->frame && p->waker_frame && p->thread ? 0 : -ENOMEM;
}

void flame_placer_deinit(struct flame_placer *p)
{
	free(p->frame);
	free(p->waker_frame);
	free(p->thread);
	table_deinit(&p->placed);
	idmap_deinit(&p->map);
	memset(p, 0, sizeof(*p));
}

static enum flame_kind kind_of(const struct stacks *s, const struct stack_frame *f)
{
	switch (stacks_frame_mark(s, f)) {
	case 'k':
		return FLAME_KERNEL;
	case 'j':
		return FLAME_JIT;
	case 'i':
		return FLAME_INLINED;
	}
	return FLAME_USER;
}

/* The tree's frame for a row of stacks.frames. */
static uint32_t tree_frame(struct flame_placer *p, uint32_t id, bool is_waker)
{
	const struct stack_frame *f = &p->stacks->frames.row[id];
	uint32_t *known = is_waker ? &p->waker_frame[id] : &p->frame[id];

	if (!*known) {
		const struct stack_function *fn = &p->stacks->functions.row[f->function];
		const char *path = f->image ? p->stacks->images.row[f->image].path : "";

		*known = flame_tree_frame(p->tree, fn->name, path,
					  is_waker ? FLAME_WAKER : kind_of(p->stacks, f));
	}
	return *known;
}

static uint32_t find_placed(const struct flame_placer *p, uint32_t hash, const struct placed *key)
{
	uint32_t pos, id;

	for (id = idmap_first(&p->map, hash, &pos); id; id = idmap_next(&p->map, hash, &pos)) {
		const struct placed *row = &p->placed.row[id];

		if (row->below == key->below && row->stack == key->stack &&
		    row->is_waker == key->is_waker)
			return row->node;
	}
	return 0;
}

static int remember(struct flame_placer *p, uint32_t hash, const struct placed *row)
{
	uint32_t id = table_add(&p->placed);

	if (!id || idmap_add(&p->map, hash, id))
		return -ENOMEM;
	p->placed.row[id] = *row;
	return 0;
}

/*
 * The node of a stack standing on `below`. 0: out of memory. What is remembered is whole stacks, not
 * the parts they share: those are found again in the tree itself, and would be most of the memory of
 * a large page. A damaged database's trie could loop: no stack is deeper than STACK_DEPTH_MAX
 * recorded frames with some inlined ones each.
 */
static uint32_t place_stack(struct flame_placer *p, uint32_t below, uint32_t stack,
			    bool is_waker)
{
	uint32_t hash = hash_mix((uint64_t)below << 1 | is_waker, stack);
	struct placed whole = { below, stack, 0, is_waker };
	uint32_t chain[STACK_DEPTH_MAX * 4];
	uint32_t cnt = 0, node = find_placed(p, hash, &whole);

	if (node || !stack)
		return node ?: below;
	for (uint32_t at = stack; at && at <= p->stacks->nodes.cnt && cnt < ARRAY_SIZE(chain);
	     at = p->stacks->nodes.row[at].parent)
		chain[cnt++] = at;
	node = below;
	while (cnt--) {
		uint32_t frame = p->stacks->nodes.row[chain[cnt]].frame;

		if (!frame || frame > p->stacks->frames.cnt)
			continue;
		frame = tree_frame(p, frame, is_waker);
		if (!frame)
			return 0;
		node = flame_tree_child(p->tree, node, frame);
		if (!node)
			return 0;
	}
	whole.node = node;
	return remember(p, hash, &whole) ? 0 : node;
}

/* The node of a thread's name, at the bottom of its stacks. */
uint32_t flame_place_thread(struct flame_placer *p, uint32_t utid)
{
	const char *comm = utid ? p->tasks->threads.row[utid].comm : NULL;

	if (!p->thread[utid]) {
		uint32_t frame =
			flame_tree_frame(p->tree, comm && *comm ? comm : "[unknown thread]",
					 NULL, FLAME_PROCESS);

		p->thread[utid] = frame ? flame_tree_child(p->tree, FLAME_ROOT, frame) : 0;
	}
	return p->thread[utid];
}

/* A waker's thread and stack on top of a node. */
uint32_t flame_place_waker(struct flame_placer *p, uint32_t node, const struct export_event *ev)
{
	const char *comm = ev->waker_irq    ? "[interrupt]"
			   : ev->waker_utid ? p->tasks->threads.row[ev->waker_utid].comm
					    : NULL;
	uint32_t who = flame_tree_frame(p->tree, comm && *comm ? comm : "[unknown]", NULL,
					node == FLAME_ROOT ? FLAME_PROCESS : FLAME_WAKER);

	node = who ? flame_tree_child(p->tree, node, who) : 0;
	return node ? place_stack(p, node, ev->waker_stack, true) : 0;
}

/* "--", and what the waker did, on top of where it let someone wait. */
uint32_t flame_place_joint(struct flame_placer *p, uint32_t node, const struct export_event *ev)
{
	uint32_t joint;

	if (!ev->waker_irq && !ev->waker_utid && !ev->waker_stack)
		return node; /* nobody woke it: preempted, or not seen */
	joint = flame_tree_frame(p->tree, "--", NULL, FLAME_JOINT);
	node = joint ? flame_tree_child(p->tree, node, joint) : 0;
	return node ? flame_place_waker(p, node, ev) : 0;
}

uint32_t flame_place_stack(struct flame_placer *p, uint32_t below, uint32_t stack)
{
	return place_stack(p, below, stack, false);
}

uint32_t flame_place_smaller(struct flame_placer *p, const struct export_event *ev)
{
	uint32_t below = ev ? flame_place_thread(p, ev->utid) : FLAME_ROOT;
	uint32_t frame = flame_tree_frame(p->tree, "[smaller stacks]", NULL, FLAME_PROCESS);

	if (!frame || (ev && !below))
		return 0;
	return flame_tree_child(p->tree, below, frame);
}
