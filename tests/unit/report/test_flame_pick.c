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

TEST_MAIN()
