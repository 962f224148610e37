// SPDX-License-Identifier: BSD-2-Clause
#include "formats/stack_order.h"

#include <errno.h>
#include <stdlib.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/event_table.h"

#define NONE UINT32_MAX

/* Family ties of the nodes, by id; 0 is above the roots. */
struct ties {
	uint32_t *first_child; /* 0: none */
	uint32_t *next_sibling;
};

/*
 * Link every node to its parent, siblings by frame row. In rising order by counting, as comparing
 * them all would be slower.
 */
static int link_children(const struct stacktab *t, const uint32_t *frame_row, struct ties *ties)
{
	_cleanup_free_ uint32_t *first =
		malloc((t->frame_cnt + 1) * sizeof(*first)); /* node by frame row */
	_cleanup_free_ uint32_t *next =
		malloc((t->node_cnt + 1) * sizeof(*next)); /* of the same frame */

	if (!first || !next)
		return -ENOMEM;
	for (uint32_t row = 0; row < t->frame_cnt; row++)
		first[row] = NONE;
	for (uint32_t i = 0; i < t->node_cnt; i++) {
		uint32_t row = frame_row[t->nodes[i].frame];

		next[i] = first[row];
		first[row] = i;
	}
	for (uint32_t row = t->frame_cnt; row-- > 0;) {
		for (uint32_t i = first[row]; i != NONE; i = next[i]) {
			uint32_t parent = t->nodes[i].parent;

			ties->next_sibling[i + 1] = ties->first_child[parent];
			ties->first_child[parent] = i + 1;
		}
	}
	return 0;
}

/* The node after `id` in depth-first order, 0 behind the last. *depth follows. */
static uint32_t next_node(const struct stacktab *t, const struct ties *ties, uint32_t id,
			  uint32_t *depth)
{
	if (ties->first_child[id]) {
		++*depth;
		return ties->first_child[id];
	}
	while (id && !ties->next_sibling[id]) {
		id = t->nodes[id - 1].parent;
		--*depth;
	}
	return id ? ties->next_sibling[id] : 0;
}

static void fill_rows(const struct stacktab *t, const uint32_t *frame_row, const struct ties *ties,
		      uint32_t *last_called, struct stack_rows *rows)
{
	uint32_t depth = 0, before = 0, id = 0;

	for (uint32_t row = 0; row < t->node_cnt; row++, before = depth) {
		const struct stack_node *node;
		uint32_t frame, *last;

		id = next_node(t, ties, id, &depth);
		node = &t->nodes[id - 1];
		frame = frame_row[node->frame];
		last = &last_called[node->parent ? frame_row[t->nodes[node->parent - 1].frame]
						 : t->frame_cnt];
		rows->up[row] = node->parent ? before + 1 - depth + STACK_REF_BASE : node->end;
		rows->frame_steps[row] = zigzag((uint64_t)frame - *last);
		rows->row_of[id] = row + 1;
		*last = frame;
	}
}

int stack_rows_make(const struct stacktab *t, const uint32_t *frame_row, struct stack_rows *rows)
{
	_cleanup_free_ uint32_t *children = calloc(t->node_cnt + 1, sizeof(*children));
	_cleanup_free_ uint32_t *siblings = calloc(t->node_cnt + 1, sizeof(*siblings));
	_cleanup_free_ uint32_t *last_called = malloc((t->frame_cnt + 1) * sizeof(*last_called));
	struct ties ties = { children, siblings };
	int err;

	if (!children || !siblings || !last_called)
		return -ENOMEM;
	err = link_children(t, frame_row, &ties);
	if (err)
		return err;
	/*
	 * A frame that has called none yet stands for itself: what it calls is often in its own
	 * module.
	 */
	for (uint32_t i = 0; i < t->frame_cnt; i++)
		last_called[i] = i;
	last_called[t->frame_cnt] = 0;
	fill_rows(t, frame_row, &ties, last_called, rows);
	return 0;
}
