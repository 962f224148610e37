/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a chunk's stack trie goes to disk: depth first, the children of a node by their frames, each
 * node said by how many levels it climbs from the node before, and its frame by the step from the
 * frame that was last called from the same place. On recordings of compilers, where almost every
 * sample is a new stack, that takes a quarter off a sample against nodes in the order they came
 * with their parents' distances.
 */
#ifndef VARVE_STACK_ORDER_H
#define VARVE_STACK_ORDER_H

#include "formats/stacktab.h"

/* The rows of the STACK section, and where each node went. */
struct stack_rows {
	uint64_t *up; /* of node_cnt: STACK_REF_BASE + levels climbed, or the end of a root */
	uint64_t *frame_steps; /* of node_cnt, zigzag */
	uint32_t *row_of;      /* of node_cnt + 1: by node id, the row from 1 */
};

/*
 * Fill *rows, whose arrays are the caller's. frame_row: by frame index, its row in the FRAME
 * section. Returns 0 or -ENOMEM.
 */
int stack_rows_make(const struct stacktab *t, const uint32_t *frame_row, struct stack_rows *rows);

#endif
