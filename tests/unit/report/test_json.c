// SPDX-License-Identifier: BSD-2-Clause
#include "report/json.h"

#include <math.h>

#include "tests/test.h"

static char *text;
static size_t text_sz;

static void start(struct json *j)
{
	free(text);
	text = NULL;
	json_init(j, open_memstream(&text, &text_sz));
}

static const char *finish(struct json *j)
{
	fclose(j->f);
	return text;
}

TEST(commas_and_colons_stand_where_they_must)
{
	struct json j;

	start(&j);
	json_object(&j);
	json_key(&j, "a");
	json_array(&j);
	json_u64(&j, 1);
	json_array(&j);
	json_end(&j);
	json_object(&j);
	json_end(&j);
	json_null(&j);
	json_end(&j);
	json_key(&j, "b\"");
	json_bool(&j, true);
	json_key(&j, "c");
	CHECK(!json_is_complete(&j));
	json_string(&j, NULL);
	json_end(&j);
	CHECK(json_is_complete(&j));
	CHECK_STR(finish(&j), "{\"a\":[1,[],{},null],\"b\\\"\":true,\"c\":null}");
}

TEST(several_documents_in_one_stream_stand_on_their_own_lines)
{
	struct json j;

	start(&j);
	json_u64(&j, 1);
	json_object(&j);
	json_end(&j);
	CHECK_STR(finish(&j), "1\n{}");
}

TEST(integers_are_exact_at_both_ends)
{
	struct json j;

	start(&j);
	json_array(&j);
	json_u64(&j, UINT64_MAX);
	json_i64(&j, INT64_MIN);
	json_i64(&j, -1);
	json_u64(&j, 0);
	json_end(&j);
	CHECK_STR(finish(&j), "[18446744073709551615,-9223372036854775808,-1,0]");
}

TEST(doubles_read_back_the_same_and_nan_is_null)
{
	struct json j;

	start(&j);
	json_array(&j);
	json_double(&j, 0.1);
	json_double(&j, 1.0 / 3);
	json_double(&j, 1e300);
	json_double(&j, NAN);
	json_double(&j, -INFINITY);
	json_end(&j);
	CHECK_STR(finish(&j), "[0.1,0.3333333333333333,1e+300,null,null]");
}

TEST(fixed_point_is_exact_and_drops_trailing_zeros)
{
	struct json j;

	start(&j);
	json_array(&j);
	json_fixed(&j, 1234567, 6);
	json_fixed(&j, 1000000, 6);
	json_fixed(&j, 1, 6);
	json_fixed(&j, 1500, 3);
	json_fixed(&j, UINT64_MAX, 6);
	json_fixed(&j, 5, 0);
	json_end(&j);
	CHECK_STR(finish(&j), "[1.234567,1,0.000001,1.5,18446744073709.551615,5]");
}

TEST(hostile_strings_stay_inside_their_quotes)
{
	struct json j;

	start(&j);
	json_object(&j);
	json_key(&j, "</script>");
	json_string_n(&j, "a\0\"\xff<", 5);
	json_end(&j);
	CHECK_STR(finish(&j), "{\"\\u003c/script\\u003e\":\"a\\u0000\\\"\xef\xbf\xbd\\u003c\"}");
}

TEST_MAIN()
