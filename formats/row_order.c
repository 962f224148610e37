// SPDX-License-Identifier: BSD-2-Clause
#include "formats/row_order.h"

#include <stdlib.h>
#include <string.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"

/* Fewer rows to a CPU, and a section of their own costs more than it saves. */
#define RUN_ROWS_MIN 48

static int compare_times(const void *a, const void *b, void *ts)
{
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	uint64_t x = ((const uint64_t *)ts)[i], y = ((const uint64_t *)ts)[k];

	if (x != y)
		return x < y ? -1 : 1;
	return i < k ? -1 : i > k;
}

/*
 * Rows come nearly sorted: a few places late. Insertion does that in one pass; when it has moved
 * too much, sort for good.
 */
static void sort_by_time(uint32_t *rows, uint32_t n, const uint64_t *ts)
{
	uint64_t moves = 0;

	for (uint32_t i = 1; i < n; i++) {
		uint32_t row = rows[i], k = i;

		for (; k > 0 && ts[rows[k - 1]] > ts[row]; k--)
			rows[k] = rows[k - 1];
		rows[k] = row;
		moves += i - k;
		if (moves > 8ull * n) {
			qsort_r(rows, n, sizeof(*rows), compare_times, (void *)ts);
			return;
		}
	}
}

static int add_run(struct row_order *o, uint32_t end)
{
	int err = array_grow(&o->run_ends, &o->run_cap, o->run_cnt, sizeof(*o->run_ends));

	if (!err)
		o->run_ends[o->run_cnt++] = end;
	return err;
}

/* Part the rows by CPU where that pays: true with cnt[c] the rows of CPU c. */
static bool count_cpus(const uint64_t *cpu, uint32_t n, uint32_t cnt[ORDER_CPU_MAX])
{
	uint32_t cpus = 0;

	if (!cpu || n < 2 * RUN_ROWS_MIN)
		return false;
	memset(cnt, 0, ORDER_CPU_MAX * sizeof(*cnt));
	for (uint32_t i = 0; i < n; i++) {
		if (cpu[i] >= ORDER_CPU_MAX)
			return false;
		cpus += !cnt[cpu[i]]++;
	}
	return cpus > 1 && n / cpus >= RUN_ROWS_MIN;
}

/* Scatter the rows to their CPUs, keeping their order. */
static int part_by_cpu(struct row_order *o, const uint64_t *cpu, uint32_t n,
		       const uint32_t cnt[ORDER_CPU_MAX])
{
	uint32_t start[ORDER_CPU_MAX], end = 0;

	for (uint32_t c = 0; c < ORDER_CPU_MAX; c++) {
		start[c] = end;
		end += cnt[c];
		if (cnt[c] && add_run(o, end))
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < n; i++)
		o->rows[start[cpu[i]]++] = i;
	return 0;
}

static bool is_sorted(const uint64_t *ts, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (ts[i] < ts[i - 1])
			return false;
	return true;
}

int row_order_make(struct row_order *o, const uint64_t *ts, const uint64_t *cpu, uint32_t n)
{
	uint32_t cnt[ORDER_CPU_MAX], start = 0;
	int err;

	o->run_cnt = 0;
	err = array_grow(&o->rows, &o->cap, n, sizeof(*o->rows));
	if (err)
		return err;
	if (count_cpus(cpu, n, cnt)) {
		o->is_identity = false;
		err = part_by_cpu(o, cpu, n, cnt);
	} else {
		o->is_identity = is_sorted(ts, n);
		for (uint32_t i = 0; i < n; i++)
			o->rows[i] = i;
		err = add_run(o, n);
	}
	for (uint32_t r = 0; r < o->run_cnt && !err && !o->is_identity; start = o->run_ends[r++])
		sort_by_time(o->rows + start, o->run_ends[r] - start, ts);
	return err;
}

void row_order_deinit(struct row_order *o)
{
	free(o->rows);
	free(o->run_ends);
	*o = (struct row_order){ 0 };
}
