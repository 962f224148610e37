// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_recorded.h"

#include <errno.h>

#include "formats/cleanup.h"

/* A symbol without a size reaches to the next one, but not further than this: with only the hit
 * symbols recorded the next one may be far away, and a missing name is better than a wrong one. */
#define UNSIZED_MAX 65536

bool sym_recorded_add(struct sym_recorded *r, const struct sym_recorded_symbol *s)
{
	struct sym_recorded_symbol *n = sym_vec_push(&r->symbols);

	if (!n)
		return false;
	*n = *s;
	r->is_sorted = false;
	return true;
}

static int by_lo(const void *a, const void *b)
{
	const struct sym_span *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Unsized symbols of the sorted spans reach to the next start, but not too far. */
static void give_ends(struct sym_span *spans, size_t n)
{
	uint64_t here = UINT64_MAX, next = UINT64_MAX; /* a start, and the one after it */

	for (size_t i = n; i-- > 0;) {
		if (spans[i].lo != here) {
			next = here;
			here = spans[i].lo;
		}
		if (spans[i].hi == spans[i].lo)
			spans[i].hi = next - here < UNSIZED_MAX ? next : here + UNSIZED_MAX;
		if (spans[i].hi < here) /* at the end of the address space */
			spans[i].hi = UINT64_MAX;
	}
}

int sym_recorded_sort(struct sym_recorded *r)
{
	_cleanup_free_ struct sym_span *spans = NULL;
	size_t n = r->symbols.cnt;

	if (r->is_sorted || !n)
		return 0;
	spans = calloc(n, sizeof(*spans));
	if (!spans)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct sym_recorded_symbol *s = &r->symbols.v[i];
		uint64_t end = s->off + s->size;

		spans[i] = (struct sym_span){s->off, end < s->off ? UINT64_MAX : end, 0,
					     (uint32_t)i + 1};
		spans[i].prio = r->later_wins ? i : s->source == SYMBOL_FDE ? 0 : s->size ? 2 : 1;
	}
	qsort(spans, n, sizeof(*spans), by_lo);
	give_ends(spans, n);
	free(r->cuts);
	r->cuts = NULL;
	r->cut_cnt = 0;
	if (sym_spans_flatten(spans, n, &r->cuts, &r->cut_cnt))
		return -ENOMEM;
	r->is_sorted = true;
	return 0;
}

const struct sym_recorded_symbol *sym_recorded_find(const struct sym_recorded *r, uint64_t off)
{
	size_t lo = 0, hi = r->cut_cnt;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->cuts[mid].lo <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && r->cuts[lo - 1].id ? &r->symbols.v[r->cuts[lo - 1].id - 1] : NULL;
}

void sym_recorded_deinit(struct sym_recorded *r)
{
	sym_vec_deinit(&r->symbols);
	free(r->cuts);
	memset(r, 0, sizeof(*r));
}
