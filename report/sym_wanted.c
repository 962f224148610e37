// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_wanted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_PER_ADDRESS 4 /* so that most are empty, and yet stay in the processor's cache: 20,000 addresses have up to 320 kB of them */

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

size_t sym_wanted_sort(uint64_t *at, size_t cnt)
{
	bool is_sorted = true;
	size_t n = 0;

	for (size_t i = 1; i < cnt; i++)
		is_sorted &= at[i] >= at[i - 1];
	if (!is_sorted)
		qsort(at, cnt, sizeof(*at), by_address);
	for (size_t i = 0; i < cnt; i++)
		if (!n || at[i] != at[n - 1])
			at[n++] = at[i];
	return n;
}

int sym_wanted_init(struct sym_wanted *w, const uint64_t *at, size_t cnt)
{
	size_t bucket = 0;
	uint64_t span;

	*w = (struct sym_wanted){.at = at, .cnt = cnt};
	if (cnt >= UINT32_MAX / BUCKETS_PER_ADDRESS)
		return -EFBIG;
	span = cnt ? at[cnt - 1] - at[0] : 0;
	while (cnt && span >> w->shift >= cnt * BUCKETS_PER_ADDRESS)
		w->shift++;
	w->bucket_cnt = cnt ? (size_t)(span >> w->shift) + 1 : 0;
	w->buckets = malloc((w->bucket_cnt + 1) * sizeof(*w->buckets));
	if (!w->buckets)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i++)
		for (; bucket <= (at[i] - at[0]) >> w->shift; bucket++)
			w->buckets[bucket] = (uint32_t)i;
	w->buckets[bucket] = (uint32_t)cnt;
	return 0;
}

void sym_wanted_deinit(struct sym_wanted *w)
{
	free(w->buckets);
	memset(w, 0, sizeof(*w));
}
