// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_callers.h"

#include <errno.h>

/* The node of the stack that ends in `leaf`, its leaf next to the root. 0: out of memory. */
static uint32_t turn(const struct flame_tree *t, uint32_t leaf, struct flame_tree *to)
{
	uint32_t node = FLAME_ROOT;

	for (uint32_t at = leaf; at != FLAME_ROOT; at = flame_tree_node(t, at)->parent) {
		const struct flame_frame *f = flame_tree_frame_at(t, flame_tree_node(t, at)->frame);
		uint32_t frame = flame_tree_frame(to, f->name, f->module, f->kind);

		node = frame ? flame_tree_child(to, node, frame) : 0;
		if (!node)
			return 0;
	}
	return node;
}

int flame_callers(const struct flame_tree *t, struct flame_tree **ret)
{
	struct flame_tree *to;
	uint32_t cnt = flame_tree_node_cnt(t);

	if (flame_tree_create(&to))
		return -ENOMEM;
	for (uint32_t i = 0; i < cnt; i++) {
		const struct flame_node *n = flame_tree_node(t, i);
		uint32_t node = FLAME_ROOT;

		if (!n->self && !n->base_self)
			continue;
		if (i != FLAME_ROOT)
			node = turn(t, i, to);
		if (i != FLAME_ROOT && !node) {
			flame_tree_destroy(to);
			return -ENOMEM;
		}
		flame_tree_add(to, node, n->self);
		flame_tree_add_base(to, node, n->base_self);
	}
	*ret = to;
	return 0;
}
