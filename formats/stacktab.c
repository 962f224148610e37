// SPDX-License-Identifier: BSD-2-Clause
#include "formats/stacktab.h"

#include <errno.h>
#include <stdlib.h>

#include "formats/bytes.h"

int64_t stacktab_add_frame(struct stacktab *t, const struct frame *f)
{
	uint32_t hash = hash_mix(f->off, (uint64_t)f->flags << 32 | f->module), id, pos;
	int err;

	for (id = idmap_first(&t->frame_ids, hash, &pos); id; id = idmap_next(&t->frame_ids, hash, &pos)) {
		const struct frame *have = &t->frames[id - 1];

		if (have->off == f->off && have->module == f->module && have->flags == f->flags)
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

	for (id = idmap_first(&t->node_ids, hash, &pos); id; id = idmap_next(&t->node_ids, hash, &pos)) {
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

void stacktab_clear(struct stacktab *t)
{
	t->frame_cnt = 0;
	t->node_cnt = 0;
	idmap_clear(&t->frame_ids);
	idmap_clear(&t->node_ids);
}

void stacktab_deinit(struct stacktab *t)
{
	free(t->frames);
	free(t->nodes);
	idmap_deinit(&t->frame_ids);
	idmap_deinit(&t->node_ids);
	*t = (struct stacktab){ 0 };
}
