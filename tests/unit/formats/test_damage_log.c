// SPDX-License-Identifier: BSD-2-Clause
#include "formats/damage.h"

#include "tests/test.h"

#define MS 1000000ull

static struct chunk_header chunk(uint64_t seq, uint64_t first_ms, uint64_t last_ms,
				 uint32_t older_ms, uint32_t newer_ms)
{
	return (struct chunk_header){ .seq = seq,
				      .first_ts = first_ms * MS,
				      .last_ts = last_ms * MS,
				      .older_ms = older_ms,
				      .newer_ms = newer_ms };
}

TEST(a_chunk_without_a_header_is_bounded_by_what_its_neighbours_knew)
{
	/*
	 * 1 is lost: it held 100..2500. 0 was written beside it when it was open since 100, 2 when
	 * it was full.
	 */
	struct chunk_header a = chunk(0, 500, 900, 400, 1100), c = chunk(2, 950, 1000, 0, 1500);
	struct damage_log d = { 0 };

	CHECK_EQ(damage_good_chunk(&d, 96, &a), 1);
	damage_begin(&d, 200, NULL, "bad");
	CHECK_EQ(damage_good_chunk(&d, 300, &c), 1);
	CHECK_EQ(d.cnt, 1);
	CHECK_EQ(d.list[0].first_ts, 100 * MS);
	CHECK_EQ(d.list[0].last_ts, 2500 * MS);
	CHECK_EQ(d.list[0].offset, 200);
	CHECK_EQ(d.list[0].bytes, 100);
	CHECK_EQ(d.list[0].chunks, 1);
	damage_deinit(&d);
}

TEST(a_chunk_with_a_header_has_its_own_time)
{
	struct chunk_header a = chunk(0, 500, 900, 400, 1100), b = chunk(1, 600, 700, 0, 0),
			    c = chunk(2, 950, 1000, 0, 1500);
	struct damage_log d = { 0 };

	CHECK_EQ(damage_good_chunk(&d, 96, &a), 1);
	damage_begin(&d, 200, &b, "bad payload");
	damage_begin(&d, 264, NULL, "what follows of it");
	CHECK_EQ(damage_good_chunk(&d, 300, &c), 1);
	CHECK_EQ(d.list[0].first_ts, 600 * MS);
	CHECK_EQ(d.list[0].last_ts, 700 * MS);
	CHECK_STR(d.list[0].reason, "bad payload");
	damage_deinit(&d);
}

TEST(a_chunk_without_times_bounds_nothing_and_the_next_one_does)
{
	struct chunk_header a = chunk(0, 500, 900, 0, 0), meta = chunk(2, 0, 0, 0, 0),
			    c = chunk(3, 2000, 3000, 0, 1);
	struct damage_log d = { 0 };

	CHECK_EQ(damage_good_chunk(&d, 96, &a), 1);
	damage_begin(&d, 200, NULL, "bad");
	CHECK_EQ(damage_good_chunk(&d, 300, &meta), 1);
	CHECK_EQ(d.list[0].last_ts, 0);
	CHECK_EQ(damage_good_chunk(&d, 400, &c), 1);
	CHECK_EQ(d.list[0].first_ts, 500 * MS);
	CHECK_EQ(d.list[0].last_ts, 3001 * MS);
	damage_deinit(&d);
}

TEST(the_ends_of_a_recording_are_open)
{
	struct chunk_header a = chunk(3, 500, 900, 0, 0);
	struct damage_log d = { 0 };

	damage_begin(&d, 96, NULL, "bad");
	CHECK_EQ(damage_good_chunk(&d, 300, &a), 1);
	CHECK_EQ(d.list[0].first_ts, 0);
	CHECK_EQ(d.list[0].chunks, 0); /* numbers may begin anywhere */
	damage_begin(&d, 400, NULL, "bad");
	CHECK_EQ(damage_close(&d, 500), 0);
	CHECK_EQ(d.list[1].first_ts, 500 * MS);
	CHECK_EQ(d.list[1].last_ts, 0);
	damage_deinit(&d);
}

TEST(numbers_that_come_late_are_taken_off_what_is_missing)
{
	struct chunk_header h = chunk(0, 1, 2, 0, 0);
	struct damage_log d = { 0 };
	static const uint64_t order[] = { 0, 5, 3, 1, 9, 4 };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		h.seq = order[i];
		CHECK_EQ(damage_good_chunk(&d, 100 + i, &h), 1);
	}
	CHECK_EQ(d.cnt, 2);
	CHECK_EQ(d.list[0].chunks, 1); /* 2 */
	CHECK_EQ(d.list[1].chunks, 3); /* 6, 7, 8 */
	h.seq = 2;
	CHECK_EQ(damage_good_chunk(&d, 200, &h), 1);
	CHECK_EQ(d.cnt, 1);
	CHECK_EQ(d.list[0].chunks, 3);
	CHECK_EQ(damage_good_chunk(&d, 300, &h), 0); /* twice */
	damage_deinit(&d);
}

TEST(times_at_the_ends_of_what_can_be_counted_do_not_wrap)
{
	struct chunk_header a = chunk(0, 5, 6, UINT32_MAX, 0), c = chunk(2, 0, 0, 0, UINT32_MAX);
	struct damage_log d = { 0 };

	c.first_ts = 7;
	c.last_ts = UINT64_MAX - 5;
	CHECK_EQ(damage_good_chunk(&d, 96, &a), 1);
	damage_begin(&d, 200, NULL, "bad");
	CHECK_EQ(damage_good_chunk(&d, 300, &c), 1);
	CHECK_EQ(d.list[0].first_ts, 1);
	CHECK(d.list[0].last_ts == UINT64_MAX);
	damage_deinit(&d);
}

TEST_MAIN()
