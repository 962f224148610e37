/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The addresses a report asks for, to be asked in turn: is there one in [lo, hi)? Answers take some ns each, so that a walk over a
 * whole symbol table can leave out what nobody asked for before it looks at a name.
 */
#ifndef VARVE_SYM_WANTED_H
#define VARVE_SYM_WANTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sym_wanted {
	const uint64_t *at; /* ascending, none twice; borrowed */
	size_t cnt;
	uint32_t *buckets; /* of each 1 << shift bytes from at[0]: the first one in it or behind it; and cnt. Never NULL */
	size_t bucket_cnt;
	unsigned shift;
};

/* Sort addresses, and drop those that are twice; fast when they are sorted. Returns how many are left. */
size_t sym_wanted_sort(uint64_t *at, size_t cnt);

/* Returns 0, -ENOMEM, or -EFBIG (more than 4 G addresses). Ends with sym_wanted_deinit(), which accepts a zeroed one. */
int sym_wanted_init(struct sym_wanted *w, const uint64_t *at, size_t cnt);
void sym_wanted_deinit(struct sym_wanted *w);

/* Index of the first one that is >= addr; cnt: none. */
static inline size_t sym_wanted_first(const struct sym_wanted *w, uint64_t addr)
{
	size_t i, bucket;

	if (!w->cnt || addr <= w->at[0])
		return 0;
	bucket = (addr - w->at[0]) >> w->shift;
	if (bucket >= w->bucket_cnt)
		return w->cnt;
	/* most buckets are empty: the addresses themselves need no look then */
	for (i = w->buckets[bucket]; i < w->buckets[bucket + 1] && w->at[i] < addr; i++)
		;
	return i;
}

/* Is there one in a bucket of [lo, hi)? Without a branch on where they are. */
static inline bool sym_wanted_maybe(const struct sym_wanted *w, uint64_t lo, uint64_t hi)
{
	uint64_t base = w->cnt ? w->at[0] : 0, end = w->bucket_cnt;
	uint64_t first = lo > base ? (lo - base) >> w->shift : 0, last = hi > base ? (hi - base) >> w->shift : 0;

	first = first < end ? first : end;
	last = last + 1 < end ? last + 1 : end;
	return (hi > lo) & (hi > base) & (w->buckets[first] != w->buckets[last]);
}

static inline bool sym_wanted_any(const struct sym_wanted *w, uint64_t lo, uint64_t hi)
{
	size_t i = sym_wanted_first(w, lo);

	return i < w->cnt && w->at[i] < hi;
}

#endif
