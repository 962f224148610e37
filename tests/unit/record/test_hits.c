// SPDX-License-Identifier: BSD-2-Clause
#include "record/hits.h"

#include "tests/test.h"

static bool is_odd(void *ctx, uint32_t module)
{
	++*(int *)ctx;
	return module % 2;
}

/* What was taken, as "module+off:how ", and forgotten. */
static const char *taken(struct hits *h, bool (*wants)(void *ctx, uint32_t module), void *ctx)
{
	static char text[256];
	struct hit *hits;
	int64_t n = hits_take(h, wants, ctx, &hits);
	size_t len = 0;

	text[0] = '\0';
	CHECK(n >= 0);
	for (int64_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%u+%llu:%u ", hits[i].module, (unsigned long long)hits[i].off, hits[i].how);
	free(hits);
	return text;
}

TEST(hits_are_given_out_once_and_some_modules_before_others)
{
	struct hits h = { 0 };
	int asked = 0;

	hits_add(&h, &(struct frame){ .module = 2, .off = 7, .flags = FRAME_EXACT });
	hits_add(&h, &(struct frame){ .module = 1, .off = 9 });
	hits_add(&h, &(struct frame){ .module = 1, .off = 5 });
	CHECK_STR(taken(&h, is_odd, &asked), "1+5:2 1+9:2 ");
	CHECK_EQ(asked, 3);
	CHECK_STR(taken(&h, is_odd, &asked), "");
	hits_add(&h, &(struct frame){ .module = 1, .off = 5, .flags = FRAME_EXACT });
	CHECK_STR(taken(&h, NULL, NULL), "1+5:1 2+7:1 ");
	CHECK_STR(taken(&h, NULL, NULL), "");
	hits_next_era(&h, 1);
	CHECK_STR(taken(&h, NULL, NULL), "1+5:3 1+9:2 2+7:1 ");
	hits_deinit(&h);
}

TEST(hits_of_an_era_that_is_over_are_forgotten_or_given_out_again)
{
	struct hits h = { 0 };

	hits_add(&h, &(struct frame){ .module = 1, .off = 1 });
	hits_add(&h, &(struct frame){ .module = 1, .off = 2 });
	CHECK_STR(taken(&h, NULL, NULL), "1+1:2 1+2:2 ");
	hits_next_era(&h, 1); /* the era before still counts */
	hits_add(&h, &(struct frame){ .module = 1, .off = 2 });
	hits_add(&h, &(struct frame){ .module = 1, .off = 3 });
	CHECK_STR(taken(&h, NULL, NULL), "1+1:2 1+2:2 1+3:2 ");
	hits_next_era(&h, 1);
	CHECK_STR(taken(&h, NULL, NULL), "1+2:2 1+3:2 ");
	hits_next_era(&h, 0);
	CHECK_STR(taken(&h, NULL, NULL), "");
	CHECK_EQ(h.used, 0);
	hits_deinit(&h);
}

TEST(hits_survive_growing_and_shrinking_over_many_eras)
{
	struct hits h = { 0 };
	struct hit *hits;

	for (uint32_t era = 0; era < 70000; era++) { /* its number is 16 bits */
		hits_add(&h, &(struct frame){ .module = 1, .off = era % 7 });
		hits_next_era(&h, 3);
	}
	CHECK_EQ(h.used, 3);
	for (uint64_t off = 0; off < 100000; off++)
		hits_add(&h, &(struct frame){ .module = 5, .off = off });
	CHECK_EQ(hits_take(&h, NULL, NULL, &hits), 100003);
	CHECK_EQ(hits[100002].off, 99999);
	free(hits);
	hits_next_era(&h, 0);
	CHECK_EQ(h.used, 0);
	CHECK(h.slot_cnt <= 4096);
	CHECK_EQ(h.over_cap, 0);
	hits_deinit(&h);
}

TEST_MAIN()
