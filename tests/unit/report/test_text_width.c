// SPDX-License-Identifier: BSD-2-Clause
#include "report/text_width.h"

#include <locale.h>

#include "tests/test.h"

/* What is written in this many columns, and "|" and how many it took. */
static const char *cut(const char *s, int columns)
{
	static char text[128];
	FILE *f = fmemopen(text, sizeof(text), "w");

	fprintf(f, "|%d", text_put_cut(f, s, columns));
	fclose(f);
	return text;
}

TEST(text_width_counts_columns_not_bytes)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		SKIP("no C.UTF-8");
	CHECK_EQ(text_width(""), 0);
	CHECK_EQ(text_width("abc"), 3);
	CHECK_EQ(text_width("größe"), 5);
	CHECK_EQ(text_width("日本"), 4);
	CHECK_EQ(text_width("e\xcc\x81"), 1); /* e and a combining accent */
	CHECK_EQ(text_width("a\xff\xfe"), 3);  /* no UTF-8: a column each */
	CHECK_EQ(text_fitting("größe", 3), strlen("grö"));
	CHECK_EQ(text_fitting("日本", 3), strlen("日"));
}

TEST(text_put_cut_says_how_much_it_wrote)
{
	CHECK_STR(cut("abc", 3), "abc|3");
	CHECK_STR(cut("abcd", 3), "ab…|3");
	CHECK_STR(cut("abcd", 1), "…|1");
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		SKIP("no C.UTF-8");
	CHECK_STR(cut("日本", 3), "日…|3");
	CHECK_STR(cut("日本語", 4), "日…|3"); /* half a character is none */
}

TEST_MAIN()
