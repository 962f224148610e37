/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Overlapping, nested address ranges flattened into disjoint ones, so that a lookup is one binary
 * search.
 */
#ifndef VARVE_SYM_SPANS_H
#define VARVE_SYM_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* [lo, hi) belongs to id (never 0) unless a span with a higher prio covers the address too. Equal
 * prio: the later start wins, then the smaller id. */
struct sym_span {
	uint64_t lo, hi, prio;
	uint32_t id;
};

/* From lo to the next cut's lo (the last one: to the end of the address space) id holds; 0: nothing
 * does. */
struct sym_cut {
	uint64_t lo;
	uint32_t id;
};

/* Something (id) by its 32-bit place. */
struct sym_order {
	uint32_t at, id;
};

/* By place; of equal places the order stays. false: no memory. */
bool sym_order_sort(struct sym_order *o, size_t cnt);
/* The same for entries of 16 bytes that begin with their 32-bit place. */
bool sym_order_sort16(void *entries, size_t cnt);

/*
 * Returns in *ret the cuts in address order, neighbours differing, the last one's id 0. May sort spans. The caller frees *ret (NULL when there are no cuts). Empty spans are ignored. Returns 0 or
 * -ENOMEM.
 */
int sym_spans_flatten(struct sym_span *spans, size_t cnt, struct sym_cut **ret, size_t *ret_cnt);

#endif
