// SPDX-License-Identifier: BSD-2-Clause
/* Expressions get small numbers: the same bytes the same, and none when there is no room. */
#include <string.h>

#include "record/expr_set.h"
#include "tests/test.h"

static uint16_t add(struct expr_set *s, const void *bytes, size_t sz)
{
	uint16_t n = 9999;

	if (expr_set_add(s, bytes, sz, &n))
		n = 9999;
	return n;
}

TEST(same_bytes_same_number)
{
	struct expr_set s = { .cnt = 0 };

	CHECK(!expr_set_get(&s, 1));
	CHECK_EQ(add(&s, "\x77\x08", 2), 1);
	CHECK_EQ(add(&s, "\x77\x10", 2), 2);
	CHECK_EQ(add(&s, "\x77\x08", 2), 1);
	CHECK_EQ(add(&s, "\x77\x08\x06", 3), 3);
	CHECK_EQ(add(&s, "", 0), 0);
	CHECK_EQ(expr_set_get(&s, 3)->sz, 3);
	CHECK(!memcmp(expr_set_get(&s, 3)->bytes, "\x77\x08\x06", 3));
	CHECK(!expr_set_get(&s, 0));
	CHECK(!expr_set_get(&s, 4));
	expr_set_deinit(&s);
	CHECK(!expr_set_get(&s, 1));
}

TEST(a_full_set_and_a_long_expression_give_no_number)
{
	uint8_t is_long[EXPR_SZ_MAX + 1] = { 1 };
	struct expr_set s = { .cnt = 0 };

	CHECK_EQ(add(&s, is_long, sizeof(is_long)), 0);
	CHECK_EQ(add(&s, is_long, EXPR_SZ_MAX), 1);
	for (uint32_t i = 1; i < EXPR_SET_MAX; i++)
		CHECK_EQ(add(&s, &i, sizeof(i)), i + 1);
	CHECK_EQ(add(&s, "new", 3), 0);
	CHECK_EQ(add(&s, is_long, EXPR_SZ_MAX), 1); /* what is known stays known */
	CHECK_EQ(expr_set_get(&s, EXPR_SET_MAX)->sz, 4);
	expr_set_deinit(&s);
}

TEST_MAIN()
