// SPDX-License-Identifier: BSD-2-Clause
#include "record/target.h"

#include <errno.h>
#include <fnmatch.h>

#include "tests/test.h"

static bool matches(const char *pattern, const char *comm)
{
	struct wire_glob g;

	CHECK_EQ(target_compile_glob(pattern, &g, NULL), 0);
	return target_glob_matches(&g, comm);
}

TEST(glob_agrees_with_fnmatch)
{
	static const char *const patterns[] = { "", "*", "a", "a*", "*a", "a*b", "*a*", "?", "??", "a?c", "[abc]", "[!abc]*",
						"x[0-9]*", "k*/[0-9]:*", "*[a-c]?", "a\\*b", "[]x]", "**a**", "a*b*c*d" };
	static const char *const comms[] = { "", "a", "b", "ab", "abc", "aXb", "ba", "aa", "x9", "x", "kworker/0:1", "a*b", "]",
					     "abcd", "aabbccdd", "0123456789abcde" };

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
		for (size_t j = 0; j < sizeof(comms) / sizeof(*comms); j++) {
			bool want = fnmatch(patterns[i], comms[j], 0) == 0;

			if (matches(patterns[i], comms[j]) != want)
				printf("# pattern '%s' name '%s'\n", patterns[i], comms[j]);
			CHECK_EQ(matches(patterns[i], comms[j]), want);
		}
}

TEST(glob_agrees_with_fnmatch_on_random_input)
{
	static const char letters[] = "ab*?[]";
	unsigned seed = 1;

	for (int n = 0; n < 20000; n++) {
		char pattern[9], comm[9];
		struct wire_glob g;
		int plen = rand_r(&seed) % 8, clen = rand_r(&seed) % 8;

		for (int i = 0; i < plen; i++)
			pattern[i] = letters[rand_r(&seed) % 4];
		for (int i = 0; i < clen; i++)
			comm[i] = letters[rand_r(&seed) % 2];
		pattern[plen] = comm[clen] = '\0';
		CHECK_EQ(target_compile_glob(pattern, &g, NULL), 0);
		CHECK_EQ(target_glob_matches(&g, comm), fnmatch(pattern, comm, 0) == 0);
	}
}

TEST(glob_refuses_an_open_bracket_and_a_long_pattern)
{
	struct wire_glob g;
	struct err err = { 0 };

	CHECK_EQ(target_compile_glob("a[bc", &g, &err), -EINVAL);
	CHECK_HAS(err.text, "'[' without ']'");
	CHECK_EQ(target_compile_glob("0123456789012345678901234567890x", &g, &err), -EINVAL);
	CHECK_HAS(err.text, "longer than");
}

TEST_MAIN()
