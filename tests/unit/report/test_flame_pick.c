// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_pick.h"

#include "tests/test.h"

TEST(flame_picks_keep_all_when_there_is_room)
{
	struct flame_picks p = { 0 };

	for (uint32_t i = 1; i <= 10; i++)
		CHECK_EQ(flame_picks_add(&p, &(struct flame_pick_key){ .who = 1, .stack = i }, i), 0);
	CHECK_EQ(flame_picks_settle(&p, 10), 0);
	for (uint32_t i = 1; i <= 10; i++)
		CHECK(flame_picks_keep(&p, &(struct flame_pick_key){ .who = 1, .stack = i }));
	CHECK(!p.is_needed);
	flame_picks_deinit(&p);
}

TEST(flame_picks_keep_the_largest_sums_and_of_equals_the_first)
{
	struct flame_picks p = { 0 };

	for (int round = 0; round < 3; round++)
		for (uint32_t i = 1; i <= 10; i++)
			CHECK_EQ(flame_picks_add(&p, &(struct flame_pick_key){ .who = i % 2, .stack = i / 2, .waker = 7, .waker_stack = i == 9 },
						 i == 4 ? 100 : 5),
				 0);
	CHECK_EQ(p.rows.cnt, 10);
	CHECK_EQ(flame_picks_settle(&p, 3), 0);
	for (uint32_t i = 1; i <= 10; i++)
		CHECK_EQ(flame_picks_keep(&p, &(struct flame_pick_key){ .who = i % 2, .stack = i / 2, .waker = 7, .waker_stack = i == 9 }),
			 i == 4 || i == 1 || i == 2);
	CHECK(!flame_picks_keep(&p, &(struct flame_pick_key){ .who = 99 }));
	flame_picks_deinit(&p);
}

/* A million different stacks go by, each once; those that matter come all the time. */
TEST(flame_picks_hold_no_more_than_they_may_and_keep_what_matters)
{
	struct flame_picks p = { .row_max = 1000 };

	for (uint32_t i = 1; i <= 1000000; i++) {
		struct flame_pick_key once = { .who = 2, .stack = i }, often = { .who = 1, .stack = 1 + i % 100 };

		CHECK_EQ(flame_picks_add(&p, &once, 1), 0);
		if (i % 10 == 0)
			CHECK_EQ(flame_picks_add(&p, &often, 1), 0);
		CHECK(p.rows.cnt <= 1000);
	}
	CHECK_EQ(flame_picks_settle(&p, 10), 0);
	/* i % 10 == 0: stacks 1, 11, … 91, each 10,000 times */
	for (uint32_t i = 1; i <= 91; i += 10)
		CHECK(flame_picks_keep(&p, &(struct flame_pick_key){ .who = 1, .stack = i }));
	CHECK(!flame_picks_keep(&p, &(struct flame_pick_key){ .who = 2, .stack = 999999 }));
	CHECK(!flame_picks_keep(&p, &(struct flame_pick_key){ .who = 2, .stack = 1 }));
	flame_picks_deinit(&p);
}

TEST(flame_picks_are_exact_up_to_their_rows_and_say_when_some_were_forgotten)
{
	struct flame_picks p = { .row_max = 8 };

	for (uint32_t i = 1; i <= 8; i++)
		CHECK_EQ(flame_picks_add(&p, &(struct flame_pick_key){ .stack = i }, i), 0);
	CHECK(!p.is_needed);
	CHECK_EQ(flame_picks_add(&p, &(struct flame_pick_key){ .stack = 9 }, 9), 0);
	CHECK(p.is_needed);
	CHECK_EQ(p.rows.cnt, 5); /* 8 to 5, and the new one */
	CHECK_EQ(flame_picks_settle(&p, 100), 0); /* there would be room, but not all are known any more */
	for (uint32_t i = 1; i <= 9; i++)
		CHECK_EQ(flame_picks_keep(&p, &(struct flame_pick_key){ .stack = i }), i >= 5);
	flame_picks_deinit(&p);
}

TEST_MAIN()
