/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What became of the thing at an address of ours (a DIE, a string of a section), so that it need not be looked at again.
 */
#ifndef VARVE_SYM_MEMO_H
#define VARVE_SYM_MEMO_H

#include <stddef.h>
#include <stdint.h>

struct sym_memo_slot {
	const void *key; /* NULL: free */
	uint32_t value;
};

/* All zero is an empty one. Owns slots, not what keys point to. */
struct sym_memo {
	struct sym_memo_slot *slots;
	size_t cap, cnt; /* cap: 0 or a power of two, at most 3/4 full */
};

/* The value of key (not NULL): 0 when it is new. To be read and set until the next call. NULL without memory. */
uint32_t *sym_memo_at(struct sym_memo *m, const void *key);

/* Forget all: other things will lie at these addresses. Takes time as for filling it anew. */
void sym_memo_clear(struct sym_memo *m);
void sym_memo_deinit(struct sym_memo *m);

#endif
