// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <stdbool.h>

#include "formats/utf8.h"

/* (What is decoded and what is not: tests/unit/report/test_escape.c.) */
TEST(utf8_show_dup_leaves_what_can_be_read_and_nothing_else)
{
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "plain name.varve", "plain name.varve" },
		{ "größer → 漢字", "größer → 漢字" },
		{ "\033]0;x\a", "\\x1b]0;x\\x07" },
		{ "a\nb\r\t\x7f", "a\\x0ab\\x0d\\x09\\x7f" },
		{ "\xc2\x9b" "31m", "\\xc2\\x9b31m" }, /* a C1 control */
		{ "\xe2\x80\xaegnp.exe", "\\xe2\\x80\\xaegnp.exe" }, /* right to left from here */
		{ "broken \xff\xc3", "broken \\xff\\xc3" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		char *text = utf8_show_dup(pairs[i][0]);

		CHECK_STR(text, pairs[i][1]);
		free(text);
	}
}

TEST(utf8_show_dup_lets_no_control_byte_through)
{
	for (int b = 1; b < 256; b++) {
		char *text = utf8_show_dup((char[]){ (char)b, 'x', '\0' });

		CHECK(text);
		for (const char *c = text; *c; c++)
			CHECK(*c >= 0x20 && *c < 0x7f);
		CHECK_EQ(text[strlen(text) - 1], 'x');
		free(text);
	}
}

TEST_MAIN()
