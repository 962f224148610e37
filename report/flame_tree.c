// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "formats/idmap.h"
#include "report/escape.h"

struct flame_tree {
	struct flame_frame *frames; /* [0] unused */
	size_t frame_cnt, frame_cap;
	struct flame_node *nodes; /* [0] the root */
	size_t node_cnt, node_cap;
	struct idmap by_name, by_edge;
	uint32_t *order;
	uint32_t depth;
	bool is_appended; /* built by flame_tree_append(): siblings keep their order */
};

static uint32_t frame_hash(const char *name, const char *module, enum flame_kind kind)
{
	return hash_mix(hash_bytes(name, strlen(name)),
			(uint64_t)hash_bytes(module, strlen(module)) << 8 | kind);
}

/* Room for one more element; ids are 32 bits. */
static int grow(void **data, size_t *cap, size_t cnt, size_t elem_sz)
{
	size_t want = *cap ? *cap * 2 : 256, bytes;
	void *grown;

	if (cnt < *cap)
		return 0;
	if (want > UINT32_MAX || __builtin_mul_overflow(want, elem_sz, &bytes))
		return -ENOMEM;
	grown = realloc(*data, bytes);
	if (!grown)
		return -ENOMEM;
	*data = grown;
	*cap = want;
	return 0;
}

int flame_tree_create(struct flame_tree **ret)
{
	struct flame_tree *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	if (grow((void **)&t->frames, &t->frame_cap, 0, sizeof(*t->frames)) ||
	    grow((void **)&t->nodes, &t->node_cap, 0, sizeof(*t->nodes))) {
		flame_tree_destroy(t);
		return -ENOMEM;
	}
	t->frames[0] = (struct flame_frame){ .name = NULL };
	t->frame_cnt = 1;
	t->nodes[0] = (struct flame_node){ .parent = 0 };
	t->node_cnt = 1;
	*ret = t;
	return 0;
}

void flame_tree_destroy(struct flame_tree *t)
{
	if (!t)
		return;
	for (size_t i = 1; i < t->frame_cnt; i++) {
		free((char *)t->frames[i].name);
		free((char *)t->frames[i].module);
	}
	free(t->frames);
	free(t->nodes);
	idmap_deinit(&t->by_name);
	idmap_deinit(&t->by_edge);
	free(t->order);
	free(t);
}

uint32_t flame_tree_frame(struct flame_tree *t, const char *name, const char *module,
			  enum flame_kind kind)
{
	_cleanup_free_ char *shown = escape_text_dup(name, strlen(name));
	_cleanup_free_ char *where = escape_text_dup(module ?: "", module ? strlen(module) : 0);
	uint32_t hash, pos, id;

	if (!shown || !where)
		return 0;
	hash = frame_hash(shown, where, kind);
	for (id = idmap_first(&t->by_name, hash, &pos); id;
	     id = idmap_next(&t->by_name, hash, &pos)) {
		const struct flame_frame *f = &t->frames[id];

		if (f->kind == kind && !strcmp(f->name, shown) && !strcmp(f->module, where))
			return id;
	}
	id = (uint32_t)t->frame_cnt;
	if (grow((void **)&t->frames, &t->frame_cap, t->frame_cnt, sizeof(*t->frames)) ||
	    idmap_add(&t->by_name, hash, id))
		return 0;
	t->frames[id] = (struct flame_frame){ take_ptr(shown), take_ptr(where), kind };
	t->frame_cnt++;
	return id;
}

/* A new last child. */
static uint32_t add_node(struct flame_tree *t, uint32_t parent, uint32_t frame)
{
	uint32_t id = (uint32_t)t->node_cnt;
	struct flame_node *p;

	if (grow((void **)&t->nodes, &t->node_cap, t->node_cnt, sizeof(*t->nodes)))
		return 0;
	p = &t->nodes[parent];
	t->nodes[id] =
		(struct flame_node){ .parent = parent, .frame = frame, .depth = p->depth + 1 };
	if (p->last)
		t->nodes[p->last].next = id;
	else
		p->first = id;
	p->last = id;
	t->node_cnt++;
	if (t->nodes[id].depth > t->depth)
		t->depth = t->nodes[id].depth;
	return id;
}

uint32_t flame_tree_child(struct flame_tree *t, uint32_t parent, uint32_t frame)
{
	uint32_t hash = hash_mix(parent, frame), pos, id;

	assert(!t->order && !t->is_appended && parent < t->node_cnt && frame &&
	       frame < t->frame_cnt);
	for (id = idmap_first(&t->by_edge, hash, &pos); id;
	     id = idmap_next(&t->by_edge, hash, &pos)) {
		if (t->nodes[id].parent == parent && t->nodes[id].frame == frame)
			return id;
	}
	if (grow((void **)&t->nodes, &t->node_cap, t->node_cnt, sizeof(*t->nodes)) ||
	    idmap_add(&t->by_edge, hash, (uint32_t)t->node_cnt))
		return 0;
	return add_node(t, parent, frame);
}

uint32_t flame_tree_append(struct flame_tree *t, uint32_t parent, uint32_t frame)
{
	uint32_t last;

	assert(!t->order && !t->by_edge.cnt && parent < t->node_cnt && frame &&
	       frame < t->frame_cnt);
	t->is_appended = true;
	last = t->nodes[parent].last;
	if (last && t->nodes[last].frame == frame)
		return last;
	return add_node(t, parent, frame);
}

void flame_tree_add(struct flame_tree *t, uint32_t node, uint64_t value)
{
	assert(node < t->node_cnt);
	t->nodes[node].self += value;
}

void flame_tree_add_base(struct flame_tree *t, uint32_t node, uint64_t value)
{
	assert(node < t->node_cnt);
	t->nodes[node].base_self += value;
}

static int compare_frames(const void *a, const void *b, void *ctx)
{
	const struct flame_frame *frames = ctx;
	const struct flame_frame *x = &frames[*(const uint32_t *)a],
				 *y = &frames[*(const uint32_t *)b];
	int by_name = strcmp(x->name, y->name);

	if (by_name)
		return by_name;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->module, y->module);
}

/*
 * Sibling lists by frame name: nodes in descending order of their frame are pushed to the front of
 * their parent's list.
 */
static int sort_siblings(struct flame_tree *t)
{
	_cleanup_free_ uint32_t *rank = calloc(t->frame_cnt, sizeof(*rank));
	_cleanup_free_ uint32_t *head = calloc(t->frame_cnt, sizeof(*head));
	_cleanup_free_ uint32_t *same =
		calloc(t->node_cnt, sizeof(*same)); /* next node with the same frame */

	if (!rank || !head || !same)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->frame_cnt; i++)
		rank[i] = i;
	qsort_r(rank + 1, t->frame_cnt - 1, sizeof(*rank), compare_frames, t->frames);
	for (uint32_t n = (uint32_t)t->node_cnt - 1; n > 0; n--) {
		same[n] = head[t->nodes[n].frame];
		head[t->nodes[n].frame] = n;
	}
	for (uint32_t n = 0; n < t->node_cnt; n++)
		t->nodes[n].first = t->nodes[n].last = t->nodes[n].next = 0;
	for (size_t r = t->frame_cnt - 1; r > 0; r--) {
		for (uint32_t n = head[rank[r]]; n; n = same[n]) {
			struct flame_node *p = &t->nodes[t->nodes[n].parent];

			t->nodes[n].next = p->first;
			p->first = n;
			if (!p->last)
				p->last = n;
		}
	}
	return 0;
}

static void walk_preorder(struct flame_tree *t)
{
	uint32_t n = FLAME_ROOT;

	for (size_t i = 0; i < t->node_cnt; i++) {
		t->order[i] = n;
		if (t->nodes[n].first) {
			n = t->nodes[n].first;
			continue;
		}
		while (n && !t->nodes[n].next)
			n = t->nodes[n].parent;
		n = t->nodes[n].next;
	}
}

int flame_tree_settle(struct flame_tree *t)
{
	assert(!t->order);
	if (!t->is_appended && sort_siblings(t))
		return -ENOMEM;
	t->order = calloc(t->node_cnt, sizeof(*t->order));
	if (!t->order)
		return -ENOMEM;
	walk_preorder(t);
	for (size_t n = 0; n < t->node_cnt; n++) {
		t->nodes[n].total = t->nodes[n].self;
		t->nodes[n].base_total = t->nodes[n].base_self;
	}
	for (size_t n = t->node_cnt - 1; n > 0; n--) { /* a parent is older than its children */
		t->nodes[t->nodes[n].parent].total += t->nodes[n].total;
		t->nodes[t->nodes[n].parent].base_total += t->nodes[n].base_total;
	}
	return 0;
}

uint32_t flame_tree_node_cnt(const struct flame_tree *t)
{
	return (uint32_t)t->node_cnt;
}

const struct flame_node *flame_tree_node(const struct flame_tree *t, uint32_t node)
{
	assert(node < t->node_cnt);
	return &t->nodes[node];
}

uint32_t flame_tree_frame_cnt(const struct flame_tree *t)
{
	return (uint32_t)t->frame_cnt - 1;
}

const struct flame_frame *flame_tree_frame_at(const struct flame_tree *t, uint32_t frame)
{
	assert(frame && frame < t->frame_cnt);
	return &t->frames[frame];
}

const uint32_t *flame_tree_order(const struct flame_tree *t)
{
	return t->order;
}

uint32_t flame_tree_depth(const struct flame_tree *t)
{
	return t->depth;
}
