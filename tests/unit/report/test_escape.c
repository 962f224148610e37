// SPDX-License-Identifier: BSD-2-Clause
#include "report/escape.h"

#include "tests/test.h"

typedef void (*escape_fn)(FILE *f, const char *s, size_t len);

static char *escaped; /* what the last call wrote; kept so that a failed CHECK can print it */
static size_t escaped_sz;

static const char *run(escape_fn fn, const char *s, size_t len)
{
	FILE *f;

	free(escaped);
	escaped = NULL;
	f = open_memstream(&escaped, &escaped_sz);
	fn(f, s, len);
	fclose(f);
	return escaped;
}

#define ESC(fn, literal) run(fn, literal, sizeof(literal) - 1)

/* The names of trust.md's list, each a real accident somewhere. */
static const struct {
	const char *s;
	size_t len;
} evil[] = {
#define E(x) { x, sizeof(x) - 1 }
	E("a;b\n"), E("\x1b]0;x\x07"), E("</script><script>alert(1)</script>"), E("\"><img onerror=x>"), E("=cmd()"),
	E("a\0b"), E("\xff\xfe"), E("\xc0\x80"), E("\xed\xa0\x80"), E("\xf4\x90\x80\x80"), E("\xe2\x80\xae" "abc"),
	E("\xe2\x81\xa6" "x"), E("\xe2\x80\xa8"), E("\xc2\x9b" "31m"), E("\x7f"), E("\r\n"), E("\t"), E("]]>"),
	E("<!--"), E("&amp;"), E("');DROP TABLE sample;--"), E("\xf0\x9f\x98\x80"), E("\xf0\x9f\x98"), E("na\xc3\xafve"),
	E(""), E(" "), E("a 12"), E("\\x1b"), E("\xef\xbf\xbf"), E("\xef\xbb\xbf"),
#undef E
};

static bool is_valid_utf8(const char *s, size_t len)
{
	uint32_t cp;
	size_t n;

	for (; len; s += n, len -= n) {
		n = utf8_decode(s, len, &cp);
		if (!n)
			return false;
	}
	return true;
}

TEST(shell_quotes_what_a_shell_would_take_apart)
{
	CHECK_STR(ESC(escape_shell, "/tmp/a-b_c.0001.varve"), "/tmp/a-b_c.0001.varve");
	CHECK_STR(ESC(escape_shell, "my file.varve"), "'my file.varve'");
	CHECK_STR(ESC(escape_shell, "$(id)"), "'$(id)'");
	CHECK_STR(ESC(escape_shell, "a\\b"), "'a\\b'");
	CHECK_STR(ESC(escape_shell, ""), "''");
	CHECK_STR(ESC(escape_shell, "it's\\"), "$'it\\'s\\\\'");
	CHECK_STR(ESC(escape_shell, "\x1b[31m\n"), "$'\\x1b[31m\\x0a'");
	CHECK_STR(ESC(escape_shell, "\xff"), "$'\\xff'");
}

TEST(folded_turns_semicolons_to_colons_and_controls_to_hex)
{
	CHECK_STR(ESC(escape_folded, "a;b\n"), "a:b\\x0a");
	CHECK_STR(ESC(escape_folded, "std::vector<int>::push_back(int&&)"), "std::vector<int>::push_back(int&&)");
	CHECK_STR(ESC(escape_folded, "a\0b"), "a\\x00b");
	CHECK_STR(ESC(escape_folded, "na\xc3\xafve"), "na\xc3\xafve");
	CHECK_STR(ESC(escape_folded, "\xff"), "\\xff");
	CHECK_STR(ESC(escape_folded, "\xe2\x80\xae"), "\\xe2\\x80\\xae");
}

TEST(text_keeps_semicolons_and_stops_escape_codes)
{
	CHECK_STR(ESC(escape_text, "a;b"), "a;b");
	CHECK_STR(ESC(escape_text, "\x1b]0;x\x07"), "\\x1b]0;x\\x07");
	CHECK_STR(ESC(escape_text, "\xc2\x9b" "31m"), "\\xc2\\x9b31m");
}

TEST(xml_writes_entities_and_no_illegal_character)
{
	CHECK_STR(ESC(escape_xml, "<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
	CHECK_STR(ESC(escape_xml, "a\0b\x0b"), "a\\x00b\\x0b");
	CHECK_STR(ESC(escape_xml, "\xef\xbf\xbf"), "\\xef\\xbf\\xbf");
}

TEST(json_is_rfc8259_and_safe_inside_a_script_element)
{
	CHECK_STR(ESC(escape_json, "a\"b\\c\n\t\x01"), "a\\\"b\\\\c\\n\\t\\u0001");
	CHECK_STR(ESC(escape_json, "</script>"), "\\u003c/script\\u003e");
	CHECK_STR(ESC(escape_json, "a\0b"), "a\\u0000b");
	CHECK_STR(ESC(escape_json, "\xe2\x80\xa8"), "\\u2028");
	CHECK_STR(ESC(escape_json, "\xff" "a"), "\xef\xbf\xbd" "a");
	CHECK_STR(ESC(escape_json, "\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
}

TEST(csv_quotes_and_disarms_formulas)
{
	CHECK_STR(ESC(escape_csv, "plain"), "plain");
	CHECK_STR(ESC(escape_csv, "a,b"), "\"a,b\"");
	CHECK_STR(ESC(escape_csv, "say \"x\""), "\"say \"\"x\"\"\"");
	CHECK_STR(ESC(escape_csv, "=cmd()"), "'=cmd()");
	CHECK_STR(ESC(escape_csv, "@x,y"), "\"'@x,y\"");
	CHECK_STR(ESC(escape_csv, ""), "");
}

TEST(every_byte_alone_is_one_clean_line_in_every_shown_sink)
{
	static const escape_fn shown[] = { escape_folded, escape_text, escape_xml };

	for (int b = 0; b < 256; b++) {
		char c = (char)b;

		for (size_t k = 0; k < 3; k++) {
			run(shown[k], &c, 1);
			CHECK(escaped_sz >= 1);
			CHECK(is_valid_utf8(escaped, escaped_sz));
			for (size_t i = 0; i < escaped_sz; i++)
				CHECK((uint8_t)escaped[i] >= 0x20 && escaped[i] != 0x7f);
		}
	}
}

TEST(evil_names_stay_harmless_in_every_sink)
{
	for (size_t e = 0; e < sizeof(evil) / sizeof(evil[0]); e++) {
		run(escape_folded, evil[e].s, evil[e].len);
		CHECK(is_valid_utf8(escaped, escaped_sz));
		CHECK(!memchr(escaped, ';', escaped_sz) && !memchr(escaped, '\n', escaped_sz));
		run(escape_xml, evil[e].s, evil[e].len);
		CHECK(!strpbrk(escaped, "<>\"'"));
		CHECK_EQ(strlen(escaped), escaped_sz);
		run(escape_json, evil[e].s, evil[e].len);
		CHECK(is_valid_utf8(escaped, escaped_sz));
		CHECK(!strpbrk(escaped, "<>&\n"));
		CHECK_EQ(strlen(escaped), escaped_sz);
	}
}

TEST(utf8_refuses_overlong_surrogates_and_cut_sequences)
{
	uint32_t cp = 7;

	CHECK_EQ(utf8_decode("\xc0\x80", 2, &cp), 0);
	CHECK_EQ(utf8_decode("\xe0\x80\x80", 3, &cp), 0);
	CHECK_EQ(utf8_decode("\xed\xa0\x80", 3, &cp), 0);
	CHECK_EQ(utf8_decode("\xf4\x90\x80\x80", 4, &cp), 0);
	CHECK_EQ(utf8_decode("\xf0\x9f\x98\x80", 3, &cp), 0);
	CHECK_EQ(utf8_decode("", 0, &cp), 0);
	CHECK_EQ(cp, 7);
	CHECK_EQ(utf8_decode("\xf0\x9f\x98\x80", 4, &cp), 4);
	CHECK_EQ(cp, 0x1f600);
}

TEST(ten_megabytes_of_escapes_come_out_whole)
{
	size_t len = 10 << 20;
	char *big = malloc(len), *text;

	CHECK(big);
	memset(big, '\x1b', len);
	text = escape_text_dup(big, len);
	free(big);
	CHECK(text);
	CHECK_EQ(strlen(text), 4 * len);
	free(text);
	text = escape_folded_dup("x;y", 3);
	CHECK_STR(text, "x:y");
	free(text);
}

TEST_MAIN()
