// SPDX-License-Identifier: BSD-2-Clause
#include "formats/stacktab.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "formats/bytes.h"

static bool is_same_frame(const struct frame *a, const struct frame *b)
{
	return a->off == b->off && a->module == b->module && a->flags == b->flags;
}

int64_t stacktab_add_frame(struct stacktab *t, const struct frame *f)
{
	uint32_t hash = hash_mix(f->off, (uint64_t)f->flags << 32 | f->module), id, pos;
	int err;

	for (id = idmap_first(&t->frame_ids, hash, &pos); id;
	     id = idmap_next(&t->frame_ids, hash, &pos)) {
		if (is_same_frame(&t->frames[id - 1], f))
			return id - 1;
	}
	err = array_grow(&t->frames, &t->frame_cap, t->frame_cnt, sizeof(*t->frames));
	if (!err)
		err = idmap_add(&t->frame_ids, hash, t->frame_cnt + 1);
	if (err)
		return err;
	t->frames[t->frame_cnt] = *f;
	return t->frame_cnt++;
}

int64_t stacktab_add_node(struct stacktab *t, uint32_t parent, uint32_t frame, enum stack_end end)
{
	struct stack_node node = { parent, frame, parent ? 0 : end };
	uint32_t hash = hash_mix(parent, (uint64_t)node.end << 32 | frame), id, pos;
	int err;

	for (id = idmap_first(&t->node_ids, hash, &pos); id;
	     id = idmap_next(&t->node_ids, hash, &pos)) {
		const struct stack_node *have = &t->nodes[id - 1];

		if (have->parent == parent && have->frame == frame && have->end == node.end)
			return id;
	}
	err = array_grow(&t->nodes, &t->node_cap, t->node_cnt, sizeof(*t->nodes));
	if (!err)
		err = idmap_add(&t->node_ids, hash, t->node_cnt + 1);
	if (err)
		return err;
	t->nodes[t->node_cnt] = node;
	return ++t->node_cnt;
}

/* How many frames, from the root, are those of the recent stack. */
static uint32_t common_depth(const struct recent_stack *r, const struct frame *frames, uint32_t cnt,
			     enum stack_end end)
{
	uint32_t n = 0, max = cnt < r->cnt ? cnt : r->cnt;

	if (r->end != end)
		return 0;
	while (n < max && is_same_frame(&r->frames[n], &frames[cnt - 1 - n]))
		n++;
	return n;
}

int64_t stacktab_add(struct stacktab *t, const struct frame *frames, uint32_t cnt,
		     enum stack_end end, uint32_t hint)
{
	struct recent_stack *recent;
	uint32_t depth;
	int64_t node;

	if (!t->recent)
		t->recent = calloc(RECENT_STACKS, sizeof(*t->recent));
	if (!t->recent)
		return -ENOMEM;
	recent = &t->recent[hint % RECENT_STACKS];
	depth = common_depth(recent, frames, cnt, end);
	node = depth ? recent->nodes[depth - 1] : 0;
	recent->end = end;
	for (recent->cnt = depth; depth < cnt; depth++) {
		const struct frame *f = &frames[cnt - 1 - depth];
		int64_t frame = stacktab_add_frame(t, f);

		if (frame < 0)
			return frame;
		node = stacktab_add_node(t, (uint32_t)node, (uint32_t)frame, end);
		if (node < 0)
			return node;
		if (depth < RECENT_DEPTH) {
			recent->frames[depth] = *f;
			recent->nodes[depth] = (uint32_t)node;
			recent->cnt = depth + 1;
		}
	}
	return node;
}

void stacktab_clear(struct stacktab *t)
{
	for (int i = 0; t->recent && i < RECENT_STACKS; i++)
		t->recent[i].cnt = 0;
	t->frame_cnt = 0;
	t->node_cnt = 0;
	idmap_clear(&t->frame_ids);
	idmap_clear(&t->node_ids);
}

void stacktab_deinit(struct stacktab *t)
{
	free(t->recent);
	free(t->frames);
	free(t->nodes);
	idmap_deinit(&t->frame_ids);
	idmap_deinit(&t->node_ids);
	*t = (struct stacktab){ 0 };
}
