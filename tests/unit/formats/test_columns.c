// SPDX-License-Identifier: BSD-2-Clause
#include "formats/columns.h"

#include "tests/test.h"
#include "tests/unit/formats/random_events.h"

static const enum column_encoding encodings[] = {
	ENC_PLAIN,	  ENC_ZIGZAG,	     ENC_DELTA,	       ENC_DELTA_ZIGZAG,
	ENC_PLAIN_PLANES, ENC_ZIGZAG_PLANES, ENC_DELTA_PLANES, ENC_DELTA_ZIGZAG_PLANES,
};
#define ENCODINGS (sizeof(encodings) / sizeof(encodings[0]))

/* Encode, decode, compare. Returns the encoding that was used, and its bytes in *ret. */
static int round_trip(enum column_encoding enc, const uint64_t *v, size_t n, bool may_const,
		      struct buffer *ret)
{
	uint64_t *scratch = malloc((n + 1) * sizeof(*scratch)), got;
	struct column c;
	int used;

	memcpy(scratch, v, n * sizeof(*v));
	used = column_encode(ret, enc, scratch, n, may_const);
	free(scratch);
	CHECK(used > 0);
	CHECK_EQ(column_open(&c, (unsigned)used, (struct cursor){ ret->data, ret->data + ret->len },
			     n),
		 0);
	for (size_t i = 0; i < n; i++)
		CHECK(column_next(&c, &got) && got == v[i]);
	CHECK(column_at_end(&c));
	if (used != ENC_CONST)
		CHECK(!column_next(&c, &got));
	return used;
}

TEST(every_encoding_keeps_every_border_value)
{
	static const uint64_t borders[] = { 0, 1, 1ull << 7, 1ull << 14, 1ull << 32, UINT64_MAX };

	for (size_t e = 0; e < ENCODINGS; e++) {
		for (size_t i = 0; i < ARRAY_SIZE(borders); i++) {
			struct buffer b = { 0 };
			uint64_t v[3] = { borders[i], borders[i], borders[i] };

			round_trip(encodings[e], v, 1, false, &b);
			b.len = 0;
			round_trip(encodings[e], v, 3, false, &b);
			b.len = 0;
			CHECK_EQ(round_trip(encodings[e], v, 3, true, &b), ENC_CONST);
			buffer_deinit(&b);
		}
	}
}

TEST(every_encoding_keeps_random_columns)
{
	uint64_t state = 11, v[300];

	for (int round = 0; round < 400; round++) {
		size_t n = 1 + random_next(&state) % ARRAY_SIZE(v);
		unsigned shift = (unsigned)(random_next(&state) % 64);

		for (size_t i = 0; i < n; i++)
			v[i] = round % 2 ? random_value(&state) : random_next(&state) >> shift;
		for (size_t e = 0; e < ENCODINGS; e++) {
			struct buffer b = { 0 };

			round_trip(encodings[e], v, n, round % 3 == 0, &b);
			buffer_deinit(&b);
		}
	}
}

TEST(planes_are_given_up_for_one_large_value)
{
	struct buffer b = { 0 };
	uint64_t v[100];

	for (int i = 0; i < 100; i++)
		v[i] = (unsigned)i;
	CHECK_EQ(round_trip(ENC_PLAIN_PLANES, v, 100, true, &b), ENC_PLAIN_PLANES);
	CHECK_EQ(b.len, 102); /* plane count, base, one byte each */
	b.len = 0;
	v[50] = 1ull << 60;
	CHECK_EQ(round_trip(ENC_PLAIN_PLANES, v, 100, true, &b), ENC_PLAIN);
	buffer_deinit(&b);
}

TEST(an_absolute_first_time_does_not_cost_planes)
{
	struct buffer b = { 0 };
	uint64_t v[100];

	for (int i = 0; i < 100; i++)
		v[i] = 1700000000000000000ull + (unsigned)i * 200u;
	CHECK_EQ(round_trip(ENC_DELTA_PLANES, v, 100, true, &b), ENC_DELTA_PLANES);
	CHECK_EQ(b.len, 1 + uvarint_sz(v[0]) + 100);
	buffer_deinit(&b);
}

TEST(bytes_that_do_not_fit_the_rows_are_refused)
{
	static const uint8_t bytes[] = { 2, 0, 1, 2, 3, 4, 5, 6 };
	struct cursor c = { bytes, bytes + sizeof(bytes) };
	struct column col;

	CHECK_EQ(column_open(&col, ENC_PLAIN_PLANES, c, 3), 0);
	CHECK_EQ(column_open(&col, ENC_PLAIN_PLANES, c, 2), -EBADMSG);
	CHECK_EQ(column_open(&col, ENC_PLAIN_PLANES, c, 6), -EBADMSG);
	CHECK_EQ(column_open(&col, ENC_PLAIN_PLANES, c, 0), -EBADMSG);
	CHECK_EQ(column_open(&col, ENC_PLAIN_PLANES, c, UINT64_MAX / 2 + 2), -EBADMSG);
	c.end = bytes + 1;
	CHECK_EQ(column_open(&col, ENC_DELTA_PLANES, c, 3), -EBADMSG);
}

TEST(unknown_encodings_are_refused)
{
	static const uint8_t bytes[8] = { 1 };
	struct cursor c = { bytes, bytes + sizeof(bytes) };
	struct column col;

	for (uint64_t enc = 0; enc < 300; enc++) {
		bool is_known = enc == ENC_CONST;

		for (size_t e = 0; e < ENCODINGS; e++)
			is_known |= enc == (uint64_t)encodings[e];
		CHECK_EQ(column_open(&col, enc, c, 6), is_known ? 0 : -EBADMSG);
	}
	CHECK_EQ(column_open(&col, UINT64_MAX, c, 6), -EBADMSG);
	CHECK_EQ(column_open(&col, (1ull << 32) + ENC_PLAIN, c, 6), -EBADMSG);
	c.end = bytes;
	CHECK_EQ(column_open(&col, ENC_CONST, c, 6), -EBADMSG);
}

TEST_MAIN()
