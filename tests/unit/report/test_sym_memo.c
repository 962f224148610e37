// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_memo.h"
#include "tests/test.h"

#define KEYS 100000

TEST(memo_keeps_each_value_while_it_grows)
{
	struct sym_memo m = {0};
	static char keys[KEYS];

	for (uint32_t i = 0; i < KEYS; i++) {
		uint32_t *v = sym_memo_at(&m, &keys[i]);

		CHECK_EQ(*v, 0);
		*v = i + 1;
	}
	CHECK_EQ(m.cnt, KEYS);
	for (uint32_t i = KEYS; i-- > 0;)
		CHECK_EQ(*sym_memo_at(&m, &keys[i]), i + 1);
	CHECK_EQ(m.cnt, KEYS);
	sym_memo_deinit(&m);
}

TEST(memo_that_was_cleared_knows_nothing)
{
	struct sym_memo m = {0};
	char a, b;

	sym_memo_clear(&m);
	*sym_memo_at(&m, &a) = 1;
	*sym_memo_at(&m, &b) = 2;
	sym_memo_clear(&m);
	CHECK_EQ(m.cnt, 0);
	CHECK_EQ(*sym_memo_at(&m, &a), 0);
	CHECK_EQ(*sym_memo_at(&m, &b), 0);
	sym_memo_deinit(&m);
}

TEST_MAIN()
