/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chunk numbers that were seen, as ranges: for dropping a chunk that comes twice and counting
 * those that never come.
 */
#ifndef VARVE_SEQSET_H
#define VARVE_SEQSET_H

#include <stdbool.h>
#include <stdint.h>

struct seq_range {
	uint64_t first, last; /* both inside */
};

/* All zero is an empty set. Owns ranges. */
struct seqset {
	struct seq_range *ranges; /* ascending, never touching */
	uint32_t cnt, cap;
};

/* Returns 1 when seq was not there and now is, 0 when it was there, or -ENOMEM. */
int seqset_add(struct seqset *s, uint64_t seq);
bool seqset_has(const struct seqset *s, uint64_t seq);
void seqset_deinit(struct seqset *s);

#endif
