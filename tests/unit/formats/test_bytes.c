// SPDX-License-Identifier: BSD-2-Clause
#include "formats/bytes.h"

#include <stdlib.h>

#include "tests/test.h"

static const uint64_t borders[] = {
	0,	    1,		127,	    128,       16383,	   16384,      (1ull << 21) - 1,
	1ull << 21, UINT32_MAX, 1ull << 32, INT64_MAX, 1ull << 63, UINT64_MAX,
};
#define BORDERS (sizeof(borders) / sizeof(borders[0]))

TEST(a_varint_comes_back_at_every_border)
{
	uint8_t bytes[UVARINT_MAX_SZ];
	uint64_t v;

	for (size_t i = 0; i < BORDERS; i++) {
		struct cursor c = { bytes, put_uvarint(bytes, borders[i]) };

		CHECK_EQ(cursor_left(&c), uvarint_sz(borders[i]));
		CHECK(cursor_uvarint(&c, &v) && v == borders[i]);
		CHECK_EQ(cursor_left(&c), 0);
	}
	CHECK_EQ(uvarint_sz(127), 1);
	CHECK_EQ(uvarint_sz(128), 2);
	CHECK_EQ(uvarint_sz(UINT64_MAX), 10);
}

TEST(a_varint_cut_short_fails_and_the_cursor_stays)
{
	uint8_t bytes[UVARINT_MAX_SZ];
	uint64_t v = 99;

	for (size_t i = 0; i < BORDERS; i++) {
		size_t n = (size_t)(put_uvarint(bytes, borders[i]) - bytes);

		for (size_t cut = 0; cut < n; cut++) {
			struct cursor c = { bytes, bytes + cut };

			CHECK(!cursor_uvarint(&c, &v));
			CHECK(c.p == bytes && v == 99);
		}
	}
}

TEST(a_varint_of_more_than_64_bits_fails)
{
	static const uint8_t eleven[] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
					  0x80, 0x80, 0x80, 0x80, 0 };
	static const uint8_t bit64[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2 };
	struct cursor a = { eleven, eleven + sizeof(eleven) }, b = { bit64, bit64 + sizeof(bit64) };
	uint64_t v;

	CHECK(!cursor_uvarint(&a, &v));
	CHECK(!cursor_uvarint(&b, &v));
}

TEST(zigzag_keeps_small_magnitudes_small)
{
	for (size_t i = 0; i < BORDERS; i++) {
		CHECK(unzigzag(zigzag(borders[i])) == borders[i]);
		CHECK(unzigzag(zigzag(-borders[i])) == -borders[i]);
	}
	CHECK_EQ(zigzag((uint64_t)-1), 1);
	CHECK_EQ(zigzag(1), 2);
	CHECK_EQ(zigzag((uint64_t)-64), 127);
}

TEST(fixed_widths_are_little_endian)
{
	uint8_t p[8];

	put_le64(p, 0x0102030405060708);
	CHECK(p[0] == 8 && p[7] == 1);
	CHECK(get_le64(p) == 0x0102030405060708);
	CHECK_EQ(get_le32(p), 0x05060708);
	CHECK_EQ(get_le16(p), 0x0708);
}

TEST(a_take_past_the_end_fails_whatever_its_size)
{
	static const uint8_t bytes[4];
	struct cursor c = { bytes, bytes + 4 }, got;

	CHECK(!cursor_take(&c, 5, &got));
	CHECK(!cursor_take(&c, UINT64_MAX, &got));
	CHECK(cursor_take(&c, 4, &got) && cursor_left(&got) == 4 && !cursor_left(&c));
	CHECK(cursor_take(&c, 0, &got));
}

TEST(a_buffer_grows_and_refuses_what_cannot_be)
{
	struct buffer b = { 0 };
	uint32_t *array = NULL, cap = 0;

	for (unsigned i = 0; i < 1000; i++)
		CHECK_EQ(buffer_put(&b, &i, sizeof(i)), 0);
	CHECK_EQ(b.len, 4000);
	CHECK_EQ(b.data[4 * 513], 1);
	CHECK_EQ(buffer_reserve(&b, SIZE_MAX), -ENOMEM);
	CHECK_EQ(buffer_reserve(&b, SIZE_MAX / 2), -ENOMEM);
	CHECK_EQ(b.len, 4000);
	buffer_deinit(&b);
	CHECK_EQ(array_grow(&array, &cap, 100, sizeof(*array)), 0);
	CHECK(cap > 100);
	CHECK_EQ(array_grow(&array, &cap, UINT32_MAX, SIZE_MAX / 2), -ENOMEM);
	array[100] = 7;
	free(array);
}

TEST_MAIN()
