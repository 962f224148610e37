// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_spans.h"

#include <errno.h>

#include "report/sym_vec.h"

/* Spans in force at the sweep's present address, the winner at the root of a binary heap; ended
 * ones leave when they surface. */
struct active {
	SYM_VEC(struct sym_span) heap;
	SYM_VEC(struct sym_cut) cuts;
};

static int by_start(const void *a, const void *b)
{
	const struct sym_span *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	if (x->prio != y->prio)
		return x->prio < y->prio ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

#define RADIX_BITS 11
#define RADIX_MIN 2048 /* fewer are sorted faster by comparing */

static inline uint32_t place_of(const void *entries, size_t entry_sz, size_t i)
{
	uint32_t at;

	memcpy(&at, (const char *)entries + i * entry_sz, sizeof(at));
	return at;
}

/* Bits of places that are ever set; 0 as well when there is nothing to sort. */
static inline uint32_t places_seen(const void *entries, size_t entry_sz, size_t cnt)
{
	uint32_t seen = 0, last = 0;
	bool is_sorted = true;

	for (size_t i = 0; i < cnt; i++) {
		uint32_t at = place_of(entries, entry_sz, i);

		seen |= at;
		is_sorted &= at >= last;
		last = at;
	}
	return is_sorted ? 0 : seen;
}

static inline bool sort_by_place(void *entries, size_t entry_sz, size_t cnt)
{
	uint32_t seen = places_seen(entries, entry_sz, cnt);
	char *other, *from = entries, *to;

	if (!seen)
		return true;
	to = other = malloc(cnt * entry_sz);
	if (!other)
		return false;
	for (unsigned shift = 0; shift < 32 && seen >> shift; shift += RADIX_BITS) {
		size_t starts[1 << RADIX_BITS] = {0}, at = 0;
		char *swap = from;

		for (size_t i = 0; i < cnt; i++)
			starts[place_of(from, entry_sz, i) >> shift & ((1 << RADIX_BITS) - 1)]++;
		for (size_t i = 0; i < 1 << RADIX_BITS; i++) {
			size_t n = starts[i];

			starts[i] = at;
			at += n;
		}
		for (size_t i = 0; i < cnt; i++) {
			uint32_t digit = place_of(from, entry_sz, i) >> shift & ((1 << RADIX_BITS) - 1);

			memcpy(to + starts[digit]++ * entry_sz, from + i * entry_sz, entry_sz);
		}
		from = to;
		to = swap;
	}
	if (from != entries)
		memcpy(entries, from, cnt * entry_sz);
	free(other);
	return true;
}

bool sym_order_sort(struct sym_order *o, size_t cnt)
{
	return sort_by_place(o, sizeof(*o), cnt);
}

bool sym_order_sort16(void *entries, size_t cnt)
{
	return sort_by_place(entries, 16, cnt);
}

static bool wins(const struct sym_span *a, const struct sym_span *b)
{
	if (a->prio != b->prio)
		return a->prio > b->prio;
	if (a->lo != b->lo)
		return a->lo > b->lo;
	return a->id < b->id;
}

static bool heap_push(struct active *a, const struct sym_span *s)
{
	size_t i = a->heap.cnt;

	if (!sym_vec_push(&a->heap))
		return false;
	for (; i && wins(s, &a->heap.v[(i - 1) / 2]); i = (i - 1) / 2)
		a->heap.v[i] = a->heap.v[(i - 1) / 2];
	a->heap.v[i] = *s;
	return true;
}

static void heap_pop(struct active *a)
{
	struct sym_span last = a->heap.v[--a->heap.cnt];
	size_t i = 0, n = a->heap.cnt;

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= n)
			break;
		if (c + 1 < n && wins(&a->heap.v[c + 1], &a->heap.v[c]))
			c++;
		if (!wins(&a->heap.v[c], &last))
			break;
		a->heap.v[i] = a->heap.v[c];
		i = c;
	}
	if (n)
		a->heap.v[i] = last;
}

/* From lo on, id holds. */
static bool add_cut(struct active *a, uint64_t lo, uint32_t id)
{
	struct sym_cut *c = a->cuts.cnt ? &a->cuts.v[a->cuts.cnt - 1] : NULL;

	if (c && c->id == id)
		return true;
	if (c && c->lo == lo) {
		c->id = id;
		if (a->cuts.cnt > 1 && a->cuts.v[a->cuts.cnt - 2].id == id)
			a->cuts.cnt--;
		return true;
	}
	if (!c && !id)
		return true;
	c = sym_vec_push(&a->cuts);
	if (!c)
		return false;
	*c = (struct sym_cut){lo, id};
	return true;
}

/* Let the winners end up to address `to`: each end uncovers the next best span that still runs. */
static bool end_until(struct active *a, uint64_t to)
{
	while (a->heap.cnt && a->heap.v[0].hi <= to) {
		uint64_t end = a->heap.v[0].hi;

		while (a->heap.cnt && a->heap.v[0].hi <= end)
			heap_pop(a);
		if (!add_cut(a, end, a->heap.cnt ? a->heap.v[0].id : 0))
			return false;
	}
	return true;
}

static bool is_sorted(const struct sym_span *spans, size_t cnt)
{
	for (size_t i = 1; i < cnt; i++)
		if (spans[i].lo < spans[i - 1].lo)
			return false;
	return true;
}

/* The spans by start, in a quarter of the time that moving them takes: millions of a large program's. NULL: too wide apart, or no memory. */
static struct sym_order *order_by_start(const struct sym_span *spans, size_t cnt)
{
	struct sym_order *o = malloc(cnt * sizeof(*o));
	uint64_t min = UINT64_MAX, max = 0;

	for (size_t i = 0; i < cnt; i++) {
		min = spans[i].lo < min ? spans[i].lo : min;
		max = spans[i].lo > max ? spans[i].lo : max;
	}
	for (size_t i = 0; o && i < cnt; i++)
		o[i] = (struct sym_order){(uint32_t)(spans[i].lo - min), (uint32_t)i};
	if (!o || cnt > UINT32_MAX || max - min > UINT32_MAX || !sym_order_sort(o, cnt)) {
		free(o);
		return NULL;
	}
	return o;
}

int sym_spans_flatten(struct sym_span *spans, size_t cnt, struct sym_cut **ret, size_t *ret_cnt)
{
	struct sym_order *order = NULL;
	struct active a = {0};
	bool ok = true;

	if (!is_sorted(spans, cnt)) {
		if (cnt >= RADIX_MIN)
			order = order_by_start(spans, cnt);
		if (!order)
			qsort(spans, cnt, sizeof(*spans), by_start);
	}
	for (size_t i = 0; ok && i < cnt; i++) {
		const struct sym_span *s = &spans[order ? order[i].id : i];

		if (s->lo < s->hi)
			ok = end_until(&a, s->lo) && heap_push(&a, s) && add_cut(&a, s->lo, a.heap.v[0].id);
	}
	ok = ok && end_until(&a, UINT64_MAX);
	sym_vec_deinit(&a.heap);
	free(order);
	if (!ok) {
		sym_vec_deinit(&a.cuts);
		return -ENOMEM;
	}
	*ret = a.cuts.v;
	*ret_cnt = a.cuts.cnt;
	return 0;
}
