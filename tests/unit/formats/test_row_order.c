// SPDX-License-Identifier: BSD-2-Clause
#include "formats/row_order.h"

#include "tests/test.h"
#include "tests/unit/formats/random_events.h"

#define N 2000

static uint64_t ts[N], cpu[N];

/*
 * Every row once; within a run by time, equal times in the order they came, and one CPU to a run
 * when parted.
 */
static void check_order(const struct row_order *o, uint32_t n, bool is_parted)
{
	uint8_t *seen = calloc(n, 1);
	uint32_t start = 0;

	CHECK(o->run_cnt && o->run_ends[o->run_cnt - 1] == n);
	for (uint32_t r = 0; r < o->run_cnt; start = o->run_ends[r++]) {
		CHECK(o->run_ends[r] > start);
		for (uint32_t i = start; i < o->run_ends[r]; i++) {
			uint32_t row = o->rows[i], before = i > start ? o->rows[i - 1] : row;

			CHECK(row < n && !seen[row]);
			seen[row] = 1;
			CHECK(ts[before] < ts[row] || (ts[before] == ts[row] && before <= row));
			CHECK(!is_parted || cpu[before] == cpu[row]);
		}
	}
	free(seen);
}

static void fill(uint64_t *state, uint32_t n, unsigned cpus, unsigned jitter)
{
	for (uint32_t i = 0; i < n; i++) {
		ts[i] = 1000 + i * 10 + random_next(state) % jitter;
		cpu[i] = random_next(state) % cpus;
	}
}

TEST(rows_are_ordered_by_time_however_mixed)
{
	static const unsigned jitters[] = { 1, 30, 1000, 1000000 };
	struct row_order o = { 0 };
	uint64_t state = 4;

	for (uint32_t n = 1; n <= N; n = n * 3 + 1) {
		for (size_t j = 0; j < ARRAY_SIZE(jitters); j++) {
			fill(&state, n, 3, jitters[j]);
			CHECK_EQ(row_order_make(&o, ts, NULL, n), 0);
			CHECK_EQ(o.run_cnt, 1);
			CHECK(o.is_identity || j > 0);
			CHECK(!o.is_identity || j < 2 || n < 20);
			check_order(&o, n, false);
		}
	}
	row_order_deinit(&o);
}

TEST(many_rows_are_parted_by_cpu_and_few_are_not)
{
	struct row_order o = { 0 };
	uint64_t state = 5;

	fill(&state, N, 8, 100);
	CHECK_EQ(row_order_make(&o, ts, cpu, N), 0);
	CHECK_EQ(o.run_cnt, 8);
	check_order(&o, N, true);
	fill(&state, 90, 2, 100);
	CHECK_EQ(row_order_make(&o, ts, cpu, 90), 0);
	CHECK_EQ(o.run_cnt, 1);
	check_order(&o, 90, false);
	fill(&state, N, 1000, 100); /* two rows to a CPU */
	CHECK_EQ(row_order_make(&o, ts, cpu, N), 0);
	CHECK_EQ(o.run_cnt, 1);
	row_order_deinit(&o);
}

TEST(a_cpu_number_beyond_reason_is_only_not_parted)
{
	struct row_order o = { 0 };
	uint64_t state = 6;

	fill(&state, N, 2, 1);
	cpu[N - 1] = UINT32_MAX;
	CHECK_EQ(row_order_make(&o, ts, cpu, N), 0);
	CHECK_EQ(o.run_cnt, 1);
	check_order(&o, N, false);
	row_order_deinit(&o);
}

TEST_MAIN()
