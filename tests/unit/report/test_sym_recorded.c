// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_recorded.h"

#include <time.h>

#include "tests/test.h"

static void add(struct sym_recorded *r, uint64_t off, uint64_t size, const char *name)
{
	struct sym_recorded_symbol s = {off, size, name, SYMBOL_KALLSYMS};

	CHECK(sym_recorded_add(r, &s));
}

static const char *at(struct sym_recorded *r, uint64_t off)
{
	const struct sym_recorded_symbol *s;

	CHECK_EQ(sym_recorded_sort(r), 0);
	s = sym_recorded_find(r, off);
	return s ? s->name : "-";
}

TEST(sym_recorded_sized_symbols_cover_their_size)
{
	struct sym_recorded r = {0};

	CHECK_STR(at(&r, 5), "-");
	add(&r, 100, 10, "b");
	add(&r, 50, 10, "a");
	CHECK_STR(at(&r, 49), "-");
	CHECK_STR(at(&r, 50), "a");
	CHECK_STR(at(&r, 59), "a");
	CHECK_STR(at(&r, 60), "-");
	CHECK_STR(at(&r, 109), "b");
	CHECK_STR(at(&r, 110), "-");
	sym_recorded_deinit(&r);
}

TEST(sym_recorded_unsized_symbols_reach_to_the_next_and_not_far)
{
	struct sym_recorded r = {0};

	add(&r, 0x1000, 0, "a");
	add(&r, 0x1000, 0, "alias");
	add(&r, 0x1100, 0, "b");
	add(&r, 0x9000000, 0, "c");
	CHECK_STR(at(&r, 0x10ff), "a");
	CHECK_STR(at(&r, 0x1100), "b");
	CHECK_STR(at(&r, 0x1100 + 65535), "b");
	CHECK_STR(at(&r, 0x1100 + 65536), "-");
	CHECK_STR(at(&r, 0x9000001), "c");
	sym_recorded_deinit(&r);
}

TEST(sym_recorded_at_the_end_of_the_address_space)
{
	struct sym_recorded r = {0};

	add(&r, UINT64_MAX - 10, 0, "last");
	add(&r, UINT64_MAX - 100, UINT64_MAX, "huge");
	CHECK_STR(at(&r, UINT64_MAX - 50), "huge");
	sym_recorded_deinit(&r);
}

TEST(sym_recorded_more_symbols_after_a_look)
{
	struct sym_recorded r = {0};

	add(&r, 10, 10, "a");
	CHECK_STR(at(&r, 15), "a");
	add(&r, 30, 10, "b");
	CHECK_STR(at(&r, 35), "b");
	CHECK_STR(at(&r, 15), "a");
	sym_recorded_deinit(&r);
}

TEST(sym_recorded_many_at_one_place_cost_no_more_than_others)
{
	struct sym_recorded r = {0};
	double start;

	for (int i = 0; i < 300000; i++)
		add(&r, 0x1000, 0, "same");
	start = test_cpu_seconds();
	CHECK_STR(at(&r, 0x1001), "same");
	CHECK(test_cpu_seconds() - start < 10); /* all pairs would be 90,000 million */
	sym_recorded_deinit(&r);
}

TEST_MAIN()
