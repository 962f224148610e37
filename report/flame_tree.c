// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/escape.h"

/* Open addressing from a key's hash to an id (0: empty). Keys live with what the ids name. */
struct id_table {
	uint32_t *slot;
	size_t mask; /* slots - 1; slots is a power of two */
	size_t used;
};

struct flame_tree {
	struct flame_frame *frames; /* [0] unused */
	size_t frame_cnt, frame_cap;
	struct flame_node *nodes; /* [0] the root */
	size_t node_cnt, node_cap;
	struct id_table by_name, by_edge;
	uint32_t *order;
	uint32_t depth;
	bool is_appended; /* built by flame_tree_append(): siblings keep their order */
};

static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdull;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 33;
}

static uint64_t text_hash(const char *s, uint64_t h)
{
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3ull;
	return h;
}

static uint64_t frame_hash(const char *name, const char *module, enum flame_kind kind)
{
	return mix(text_hash(module, text_hash(name, 0xcbf29ce484222325ull) * 31 + kind));
}

static uint64_t edge_hash(uint32_t parent, uint32_t frame)
{
	return mix((uint64_t)parent << 32 | frame);
}

static uint64_t frame_hash_of(const struct flame_tree *t, uint32_t id)
{
	const struct flame_frame *f = &t->frames[id];

	return frame_hash(f->name, f->module, f->kind);
}

static uint64_t edge_hash_of(const struct flame_tree *t, uint32_t id)
{
	return edge_hash(t->nodes[id].parent, t->nodes[id].frame);
}

static int id_table_grow(struct id_table *table, const struct flame_tree *t,
			 uint64_t (*hash_of)(const struct flame_tree *, uint32_t))
{
	size_t cap = table->slot ? (table->mask + 1) * 2 : 1024;
	uint32_t *slot = calloc(cap, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	for (size_t i = 0; table->slot && i <= table->mask; i++) {
		size_t at;

		if (!table->slot[i])
			continue;
		at = hash_of(t, table->slot[i]) & (cap - 1);
		while (slot[at])
			at = (at + 1) & (cap - 1);
		slot[at] = table->slot[i];
	}
	free(table->slot);
	table->slot = slot;
	table->mask = cap - 1;
	return 0;
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
	    grow((void **)&t->nodes, &t->node_cap, 0, sizeof(*t->nodes)) ||
	    id_table_grow(&t->by_name, t, frame_hash_of) || id_table_grow(&t->by_edge, t, edge_hash_of)) {
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
	free(t->by_name.slot);
	free(t->by_edge.slot);
	free(t->order);
	free(t);
}

uint32_t flame_tree_frame(struct flame_tree *t, const char *name, const char *module, enum flame_kind kind)
{
	_cleanup_free_ char *shown = escape_text_dup(name, strlen(name));
	_cleanup_free_ char *where = escape_text_dup(module ?: "", module ? strlen(module) : 0);
	size_t at;

	if (!shown || !where)
		return 0;
	if (t->by_name.used * 2 > t->by_name.mask && id_table_grow(&t->by_name, t, frame_hash_of))
		return 0;
	for (at = frame_hash(shown, where, kind) & t->by_name.mask; t->by_name.slot[at];
	     at = (at + 1) & t->by_name.mask) {
		const struct flame_frame *f = &t->frames[t->by_name.slot[at]];

		if (f->kind == kind && !strcmp(f->name, shown) && !strcmp(f->module, where))
			return t->by_name.slot[at];
	}
	if (grow((void **)&t->frames, &t->frame_cap, t->frame_cnt, sizeof(*t->frames)))
		return 0;
	t->frames[t->frame_cnt] = (struct flame_frame){ take_ptr(shown), take_ptr(where), kind };
	t->by_name.slot[at] = (uint32_t)t->frame_cnt;
	t->by_name.used++;
	return (uint32_t)t->frame_cnt++;
}

/* A new last child. */
static uint32_t add_node(struct flame_tree *t, uint32_t parent, uint32_t frame)
{
	uint32_t id = (uint32_t)t->node_cnt;
	struct flame_node *p;

	if (grow((void **)&t->nodes, &t->node_cap, t->node_cnt, sizeof(*t->nodes)))
		return 0;
	p = &t->nodes[parent];
	t->nodes[id] = (struct flame_node){ .parent = parent, .frame = frame, .depth = p->depth + 1 };
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
	size_t at;
	uint32_t id;

	assert(!t->order && !t->is_appended && parent < t->node_cnt && frame && frame < t->frame_cnt);
	if (t->by_edge.used * 2 > t->by_edge.mask && id_table_grow(&t->by_edge, t, edge_hash_of))
		return 0;
	for (at = edge_hash(parent, frame) & t->by_edge.mask; t->by_edge.slot[at]; at = (at + 1) & t->by_edge.mask) {
		const struct flame_node *n = &t->nodes[t->by_edge.slot[at]];

		if (n->parent == parent && n->frame == frame)
			return t->by_edge.slot[at];
	}
	id = add_node(t, parent, frame);
	if (id) {
		t->by_edge.slot[at] = id;
		t->by_edge.used++;
	}
	return id;
}

uint32_t flame_tree_append(struct flame_tree *t, uint32_t parent, uint32_t frame)
{
	uint32_t last;

	assert(!t->order && !t->by_edge.used && parent < t->node_cnt && frame && frame < t->frame_cnt);
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
	const struct flame_frame *x = &frames[*(const uint32_t *)a], *y = &frames[*(const uint32_t *)b];
	int by_name = strcmp(x->name, y->name);

	if (by_name)
		return by_name;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->module, y->module);
}

/* Sibling lists by frame name: nodes in descending order of their frame are pushed to the front of their parent's list. */
static int sort_siblings(struct flame_tree *t)
{
	_cleanup_free_ uint32_t *rank = calloc(t->frame_cnt, sizeof(*rank));
	_cleanup_free_ uint32_t *head = calloc(t->frame_cnt, sizeof(*head));
	_cleanup_free_ uint32_t *same = calloc(t->node_cnt, sizeof(*same)); /* next node with the same frame */

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
