// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_spans.h"
#include "tests/test.h"

static uint32_t cut_at(const struct sym_cut *c, size_t n, uint64_t addr)
{
	uint32_t id = 0;

	for (size_t i = 0; i < n && c[i].lo <= addr; i++)
		id = c[i].id;
	return id;
}

TEST(sym_spans_inner_wins_and_outer_continues)
{
	struct sym_span s[] = {{10, 50, 0, 1}, {20, 30, 1, 2}, {22, 24, 2, 3}, {60, 70, 0, 4}};
	struct sym_cut *c;
	size_t n;

	CHECK_EQ(sym_spans_flatten(s, 4, &c, &n), 0);
	CHECK_EQ(n, 8);
	CHECK_EQ(cut_at(c, n, 9), 0);
	CHECK_EQ(cut_at(c, n, 10), 1);
	CHECK_EQ(cut_at(c, n, 21), 2);
	CHECK_EQ(cut_at(c, n, 23), 3);
	CHECK_EQ(cut_at(c, n, 24), 2);
	CHECK_EQ(cut_at(c, n, 30), 1);
	CHECK_EQ(cut_at(c, n, 50), 0);
	CHECK_EQ(cut_at(c, n, 69), 4);
	CHECK_EQ(c[n - 1].id, 0);
	free(c);
}

TEST(sym_spans_nothing_gives_no_cuts)
{
	struct sym_span s[] = {{10, 10, 0, 1}, {9, 3, 0, 2}};
	struct sym_cut *c;
	size_t n = 5;

	CHECK_EQ(sym_spans_flatten(s, 2, &c, &n), 0);
	CHECK_EQ(n, 0);
	CHECK(!c);
}

TEST(sym_spans_agree_with_a_plain_search_on_random_ranges)
{
	unsigned seed = 7;

	for (int round = 0; round < 500; round++) {
		struct sym_span s[24], orig[24];
		struct sym_cut *c;
		size_t n;

		for (uint32_t i = 0; i < 24; i++) {
			s[i].lo = (seed = seed * 1103515245 + 12345) >> 16 & 127;
			s[i].hi = s[i].lo + ((seed = seed * 1103515245 + 12345) >> 16 & 31);
			s[i].prio = (seed = seed * 1103515245 + 12345) >> 16 & 3;
			s[i].id = i + 1;
		}
		memcpy(orig, s, sizeof(s));
		CHECK_EQ(sym_spans_flatten(s, 24, &c, &n), 0);
		for (uint64_t a = 0; a < 170; a++) {
			const struct sym_span *best = NULL;

			for (int i = 0; i < 24; i++) {
				const struct sym_span *o = &orig[i];

				if (a < o->lo || a >= o->hi)
					continue;
				if (!best || o->prio > best->prio ||
				    (o->prio == best->prio &&
				     (o->lo > best->lo || (o->lo == best->lo && o->id < best->id))))
					best = o;
			}
			CHECK_EQ(cut_at(c, n, a), best ? best->id : 0);
		}
		for (size_t i = 1; i < n; i++)
			CHECK(c[i].lo > c[i - 1].lo && c[i].id != c[i - 1].id);
		free(c);
	}
}

TEST(sym_spans_many_sort_as_few)
{
	enum { N = 20000 };
	struct sym_span *s = calloc(N, sizeof(*s));
	struct sym_cut *c, *d;
	unsigned seed = 9;
	size_t n, k;

	CHECK(s);
	for (int wide = 0; wide < 2; wide++) { /* wide: beyond what the radix sort takes */
		for (uint32_t i = 0; i < N; i++) {
			s[i].lo = 0x400000 + ((seed = seed * 1103515245 + 12345) >> 4) % 3000000 +
				  (wide && i == 7 ? 1ULL << 40 : 0);
			s[i].hi = s[i].lo + ((seed = seed * 1103515245 + 12345) >> 16) % 4000;
			s[i].prio = (seed >> 8) & 3;
			s[i].id = i + 1;
		}
		CHECK_EQ(sym_spans_flatten(s, N, &c, &n), 0);
		CHECK(n > 1000);
		for (size_t i = 1; i < n; i++)
			CHECK(c[i].lo > c[i - 1].lo && c[i].id != c[i - 1].id);
		for (size_t i = 0; i + 1 < n; i += 97) { /* against a plain search */
			const struct sym_span *best = NULL;

			for (int j = 0; j < N; j++)
				if (s[j].lo <= c[i].lo && c[i].lo < s[j].hi &&
				    (!best || s[j].prio > best->prio ||
				     (s[j].prio == best->prio &&
				      (s[j].lo > best->lo ||
				       (s[j].lo == best->lo && s[j].id < best->id)))))
					best = &s[j];
			CHECK_EQ(c[i].id, best ? best->id : 0);
		}
		CHECK_EQ(sym_spans_flatten(s, N, &d, &k), 0); /* sorted already: the same again */
		CHECK_EQ(n, k);
		for (size_t i = 0; i < n; i++)
			CHECK(c[i].lo == d[i].lo && c[i].id == d[i].id);
		free(c);
		free(d);
	}
	free(s);
}

TEST(sym_order_sorts_by_place_and_keeps_the_order_of_equals)
{
	static struct {
		uint32_t at, id, rest[2];
	} big[5000];
	static struct sym_order o[5000];
	unsigned seed = 3;

	for (uint32_t i = 0; i < 5000; i++) {
		seed = seed * 1103515245 + 12345;
		o[i] = (struct sym_order){i % 5 ? seed >> 12 : seed, i};
		big[i].at = o[i].at;
		big[i].id = i;
		big[i].rest[1] = ~i;
	}
	CHECK(sym_order_sort(o, 5000));
	CHECK(sym_order_sort16(big, 5000));
	for (uint32_t i = 0; i < 5000; i++) {
		CHECK(!i || o[i].at > o[i - 1].at || (o[i].at == o[i - 1].at && o[i].id > o[i - 1].id));
		CHECK_EQ(big[i].at, o[i].at);
		CHECK_EQ(big[i].id, o[i].id);
		CHECK_EQ(big[i].rest[1], ~o[i].id);
	}
}

TEST_MAIN()
