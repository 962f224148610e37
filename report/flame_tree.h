/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree behind a flame graph: stacks merged from the root, each node one frame with the value
 * that ended in it (self) and in everything below it (total). Built by feeding stacks; then settled
 * once into drawing order.
 *
 * Two frames are one when name, kind and module agree. Everything is deterministic: the same stacks
 * in any order give the same settled tree (but for flame_tree_append(), whose order is time).
 */
#ifndef VARVE_FLAME_TREE_H
#define VARVE_FLAME_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What colours a frame. The numbers stand in written pages: append, never renumber. */
enum flame_kind {
	FLAME_USER = 0,
	FLAME_KERNEL = 1,
	FLAME_INLINED = 2,
	FLAME_JIT = 3,
	FLAME_WAKER = 4,
	FLAME_LOST = 5,	   /* what did not reach the recording; shown, so that nobody takes the rest
			      for all */
	FLAME_PROCESS = 6, /* a process or thread, below its stacks */
	FLAME_JOINT = 7,   /* "--" between a blocked stack and its waker's */
	FLAME_KIND_CNT = 8,
};

#define FLAME_ROOT 0 /* the node every tree has */

struct flame_frame {
	const char *name;   /* escaped for display; owned by the tree */
	const char *module; /* likewise; "" when there is none to tell */
	enum flame_kind kind;
};

struct flame_node {
	uint32_t parent, frame;
	uint32_t next, first, last; /* sibling and children; 0: none (the root is nobody's child) */
	uint32_t depth;		    /* root 0 */
	uint64_t self, total;	    /* total only after flame_tree_settle() */
	uint64_t base_self, base_total; /* the other recording of a difference */
};

struct flame_tree;

int flame_tree_create(struct flame_tree **ret); /* 0 or -ENOMEM */
void flame_tree_destroy(struct flame_tree *t);	/* NULL is fine */

/*
 * Intern a frame; name and module (NULL: none) are raw bytes, kept in their shown form. Returns its
 * id (>= 1), or 0 when out of memory.
 */
uint32_t flame_tree_frame(struct flame_tree *t, const char *name, const char *module,
			  enum flame_kind kind);

/*
 * The child of node `parent` with this frame, made if need be. Returns the node (>= 1), or 0 when
 * out of memory.
 */
uint32_t flame_tree_child(struct flame_tree *t, uint32_t parent, uint32_t frame);

/*
 * As flame_tree_child(), for time order: only the newest child of `parent` is ever joined, so that
 * equal frames that are not neighbours in time stay apart. A tree is built by one of the two, never
 * by both.
 */
uint32_t flame_tree_append(struct flame_tree *t, uint32_t parent, uint32_t frame);

/* Add to a node's self. base: to the value of the recording compared with. */
void flame_tree_add(struct flame_tree *t, uint32_t node, uint64_t value);
void flame_tree_add_base(struct flame_tree *t, uint32_t node, uint64_t value);

/*
 * Compute totals, and drawing order: node ids in preorder, siblings by name (or as appended).
 * order[0] is the root. Call once, after which no node is made any more. Returns 0 or -ENOMEM.
 */
int flame_tree_settle(struct flame_tree *t);

uint32_t flame_tree_node_cnt(const struct flame_tree *t); /* root included */
const struct flame_node *flame_tree_node(const struct flame_tree *t, uint32_t node);
uint32_t flame_tree_frame_cnt(const struct flame_tree *t); /* ids are 1..cnt */
const struct flame_frame *flame_tree_frame_at(const struct flame_tree *t, uint32_t frame);
const uint32_t *flame_tree_order(const struct flame_tree *t); /* NULL before settle */
uint32_t flame_tree_depth(const struct flame_tree *t); /* of the deepest node; 0: only the root */

#endif
