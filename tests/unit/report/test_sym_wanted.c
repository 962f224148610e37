// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_wanted.h"

#include "tests/test.h"

static unsigned seed = 1;

static uint64_t draw(uint64_t below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 4) % below;
}

TEST(sym_wanted_sort_orders_and_drops_what_is_twice)
{
	uint64_t at[] = {5, 3, 9, 3, 5, UINT64_MAX, 0};

	CHECK_EQ(sym_wanted_sort(at, 7), 5);
	CHECK_EQ(at[0], 0);
	CHECK_EQ(at[1], 3);
	CHECK_EQ(at[2], 5);
	CHECK_EQ(at[3], 9);
	CHECK_EQ(at[4], UINT64_MAX);
	CHECK_EQ(sym_wanted_sort(at, 0), 0);
}

TEST(sym_wanted_of_nothing_has_nothing)
{
	struct sym_wanted w;

	CHECK_EQ(sym_wanted_init(&w, NULL, 0), 0);
	CHECK_EQ(sym_wanted_first(&w, 0), 0);
	CHECK(!sym_wanted_any(&w, 0, UINT64_MAX));
	CHECK(!sym_wanted_maybe(&w, 0, UINT64_MAX));
	sym_wanted_deinit(&w);
}

/* Against a look at each address. */
static void compare(const struct sym_wanted *w, uint64_t lo, uint64_t hi)
{
	size_t first = 0;
	bool any;

	while (first < w->cnt && w->at[first] < lo)
		first++;
	any = first < w->cnt && w->at[first] < hi;
	CHECK_EQ(sym_wanted_first(w, lo), first);
	CHECK_EQ(sym_wanted_any(w, lo, hi), any);
	CHECK(!any || sym_wanted_maybe(w, lo, hi));
}

TEST(sym_wanted_finds_what_a_look_at_each_address_finds)
{
	static const uint64_t spans[] = {1, 2, 100, 5000, 1 << 20, 1ULL << 40, UINT64_MAX / 2};
	uint64_t at[300];

	for (int round = 0; round < 400; round++) {
		uint64_t span = spans[round % 7], base = round % 2 ? UINT64_MAX - span : draw(1 << 20);
		size_t n = draw(300);
		struct sym_wanted w;

		for (size_t i = 0; i < n; i++)
			at[i] = base + draw(1 << 28) * (span >> 28 ?: 1) % span;
		n = sym_wanted_sort(at, n);
		CHECK_EQ(sym_wanted_init(&w, at, n), 0);
		for (int i = 0; i < 200; i++) {
			uint64_t lo = base - 10 + draw(1 << 28) * (span >> 28 ?: 1) % (span + 20), hi = lo + draw(span < 1 << 28 ? span + 3 : 1 << 28);

			compare(&w, lo, hi < lo ? UINT64_MAX : hi);
		}
		for (size_t i = 0; i < n; i++) {
			compare(&w, at[i], at[i] + (at[i] != UINT64_MAX));
			compare(&w, at[i], at[i]);
		}
		compare(&w, 0, UINT64_MAX);
		sym_wanted_deinit(&w);
	}
}

TEST_MAIN()
