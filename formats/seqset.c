// SPDX-License-Identifier: BSD-2-Clause
#include "formats/seqset.h"

#include <stdlib.h>

#include "formats/bytes.h"

/* The first range that ends at or behind seq. */
static uint32_t find(const struct seqset *s, uint64_t seq)
{
	uint32_t lo = 0, hi = s->cnt;

	if (s->cnt && s->ranges[s->cnt - 1].last < seq)
		return s->cnt; /* the usual case: numbers that rise */
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->ranges[mid].last < seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool seqset_has(const struct seqset *s, uint64_t seq)
{
	uint32_t i = find(s, seq);

	return i < s->cnt && s->ranges[i].first <= seq;
}

static void remove_at(struct seqset *s, uint32_t i)
{
	memmove(s->ranges + i, s->ranges + i + 1, (--s->cnt - i) * sizeof(*s->ranges));
}

int seqset_add(struct seqset *s, uint64_t seq)
{
	uint32_t i = find(s, seq);
	bool joins_before = i > 0 && s->ranges[i - 1].last + 1 == seq;
	bool joins_after = i < s->cnt && s->ranges[i].first == seq + 1;

	if (i < s->cnt && s->ranges[i].first <= seq)
		return 0;
	if (joins_before) {
		s->ranges[i - 1].last = joins_after ? s->ranges[i].last : seq;
		if (joins_after)
			remove_at(s, i);
		return 1;
	}
	if (joins_after) {
		s->ranges[i].first = seq;
		return 1;
	}
	if (array_grow(&s->ranges, &s->cap, s->cnt, sizeof(*s->ranges)))
		return -ENOMEM;
	memmove(s->ranges + i + 1, s->ranges + i, (s->cnt++ - i) * sizeof(*s->ranges));
	s->ranges[i] = (struct seq_range){ seq, seq };
	return 1;
}

void seqset_deinit(struct seqset *s)
{
	free(s->ranges);
	*s = (struct seqset){ 0 };
}
