// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_points.h"

#include "tests/test.h"

static uint64_t sum(const struct flame_points *p)
{
	uint64_t v = 0;

	for (uint32_t i = 1; i <= p->rows.cnt; i++)
		v += p->rows.row[i].value;
	return v;
}

/* The value that lies in a slice, runs included. */
static uint64_t in_slice(const struct flame_points *p, uint32_t slice)
{
	uint64_t v = 0;

	for (uint32_t i = 1; i <= p->rows.cnt; i++) {
		const struct flame_point *x = &p->rows.row[i];

		if (slice >= x->slice && slice < x->slice + x->len)
			v += x->value / x->len;
	}
	return v;
}

static uint64_t cnt_of(const struct flame_points *p)
{
	uint64_t n = 0;

	for (uint32_t i = 1; i <= p->rows.cnt; i++)
		n += p->rows.row[i].cnt;
	return n;
}

TEST(instants_of_one_key_add_up_in_their_slice)
{
	struct flame_points p = { .from = 1000, .slice_ns = 100 };

	CHECK_EQ(flame_points_add(&p, 1, 2, 1050, 0, 7, 1), 0);
	CHECK_EQ(flame_points_add(&p, 1, 2, 1099, 0, 7, 1), 0);
	CHECK_EQ(flame_points_add(&p, 1, 2, 1100, 0, 7, 1), 0);
	CHECK_EQ(flame_points_add(&p, 1, 3, 1050, 0, 7, 1), 0);
	CHECK_EQ(p.rows.cnt, 3);
	CHECK_EQ(p.rows.row[1].value, 14);
	CHECK_EQ(p.rows.row[1].cnt, 2);
	flame_points_deinit(&p);
}

TEST(a_long_wait_is_three_points_and_each_slice_has_its_share)
{
	struct flame_points p = { .slice_ns = 100 };

	CHECK_EQ(flame_points_add(&p, 1, 1, 130, 1000, 1000, 1), 0);
	CHECK_EQ(p.rows.cnt, 3);
	CHECK_EQ(sum(&p), 1000);
	CHECK_EQ(cnt_of(&p), 1);
	CHECK_EQ(in_slice(&p, 1), 70);
	CHECK_EQ(in_slice(&p, 2), 100);
	CHECK_EQ(in_slice(&p, 10), 100);
	CHECK_EQ(in_slice(&p, 11), 30);
	CHECK_EQ(in_slice(&p, 12), 0);
	flame_points_deinit(&p);
}

TEST(a_value_that_is_not_time_is_spread_in_proportion_to_the_last_unit)
{
	struct flame_points p = { .slice_ns = 100 };

	CHECK_EQ(flame_points_add(&p, 1, 1, 50, 300, 10, 3), 0);
	CHECK_EQ(sum(&p), 10);
	CHECK_EQ(cnt_of(&p), 3);
	CHECK_EQ(in_slice(&p, 0), 1);
	CHECK_EQ(in_slice(&p, 1), 4);
	CHECK_EQ(in_slice(&p, 3), 2);
	flame_points_deinit(&p);
}

/* Widening by any power of two must leave each wide slice with exactly what its narrow ones had. */
TEST(widening_keeps_every_sum)
{
	struct flame_points p = { .slice_ns = 64 };
	uint64_t exact[64] = { 0 };
	uint32_t seed = 1;

	for (int i = 0; i < 500; i++) {
		uint64_t ts, dur;

		seed = seed * 1103515245 + 12345;
		ts = seed >> 8 & 4095;
		seed = seed * 1103515245 + 12345;
		dur = (seed >> 8) % (4096 - ts) + 1;
		CHECK_EQ(flame_points_add(&p, seed & 3, seed >> 4 & 3, (int64_t)ts, dur, dur, 1), 0);
		for (uint64_t t = ts; t < ts + dur; t++)
			exact[t / 64]++;
	}
	for (uint64_t width = 64; width <= 4096; width *= 2) {
		CHECK_EQ(flame_points_widen(&p, width), 0);
		CHECK_EQ(p.slice_ns, width);
		for (uint32_t s = 0; s < 4096 / width; s++) {
			uint64_t want = 0;

			for (uint64_t k = s * (width / 64); k < (s + 1) * (width / 64); k++)
				want += exact[k];
			CHECK_EQ(in_slice(&p, s), want);
		}
		CHECK_EQ(cnt_of(&p), 500);
	}
	flame_points_deinit(&p);
}

TEST(too_many_points_widen_the_slices_and_lose_nothing)
{
	struct flame_points p = { .slice_ns = 1, .max = 100 };

	for (int i = 0; i < 5000; i++)
		CHECK_EQ(flame_points_add(&p, 1, 1, i, 0, 3, 1), 0);
	CHECK(p.rows.cnt <= 101);
	CHECK_EQ(sum(&p), 15000);
	CHECK_EQ(cnt_of(&p), 5000);
	flame_points_deinit(&p);
}

TEST(distinct_stacks_are_kept_even_beyond_the_wanted_number)
{
	struct flame_points p = { .slice_ns = 1, .max = 100 };

	for (uint32_t i = 0; i < 1000; i++)
		CHECK_EQ(flame_points_add(&p, i, 1, i, 0, 1, 1), 0);
	CHECK_EQ(p.rows.cnt, 1000);
	CHECK_EQ(sum(&p), 1000);
	flame_points_deinit(&p);
}

TEST(settling_sorts_and_renumbers)
{
	static const uint32_t number[] = { 0, 9, 4 };
	struct flame_points p = { .slice_ns = 10 };

	CHECK_EQ(flame_points_add(&p, 1, 1, 0, 0, 1, 1), 0);
	CHECK_EQ(flame_points_add(&p, 2, 5, 0, 0, 1, 1), 0);
	CHECK_EQ(flame_points_add(&p, 2, 1, 90, 0, 1, 1), 0);
	CHECK_EQ(flame_points_settle(&p, number), 0);
	CHECK_EQ(p.rows.row[1].node, 4);
	CHECK_EQ(p.rows.row[1].thread, 1);
	CHECK_EQ(p.rows.row[2].thread, 5);
	CHECK_EQ(p.rows.row[3].node, 9);
	flame_points_deinit(&p);
}

TEST_MAIN()
