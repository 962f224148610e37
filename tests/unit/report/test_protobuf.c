// SPDX-License-Identifier: BSD-2-Clause
#include "report/protobuf.h"

#include "tests/test.h"

static int is(const struct protobuf *p, const char *bytes, size_t len)
{
	return !p->failed && p->len == len && !memcmp(p->data, bytes, len);
}
#define IS(p, literal) is(p, literal, sizeof(literal) - 1)

TEST(a_varint_field_is_the_documented_three_bytes)
{
	struct protobuf p = { 0 };

	protobuf_uint(&p, 1, 150);
	CHECK(IS(&p, "\x08\x96\x01"));
	protobuf_deinit(&p);
}

TEST(the_largest_value_and_field_number_fit)
{
	struct protobuf p = { 0 };

	protobuf_uint(&p, (1u << 29) - 1, UINT64_MAX);
	CHECK(IS(&p, "\xf8\xff\xff\xff\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
	protobuf_deinit(&p);
}

TEST(strings_carry_their_length_and_nul_bytes)
{
	struct protobuf p = { 0 };

	protobuf_string(&p, 2, "testing");
	protobuf_bytes(&p, 3, "a\0b", 3);
	protobuf_bytes(&p, 4, NULL, 0);
	CHECK(IS(&p, "\x12\x07testing\x1a\x03" "a\0b\x22\x00"));
	protobuf_deinit(&p);
}

TEST(fixed64_is_little_endian)
{
	struct protobuf p = { 0 };

	protobuf_fixed64(&p, 1, 0x0102030405060708);
	CHECK(IS(&p, "\x09\x08\x07\x06\x05\x04\x03\x02\x01"));
	protobuf_deinit(&p);
}

TEST(nested_messages_know_their_length)
{
	struct protobuf p = { 0 };
	size_t outer, inner;

	outer = protobuf_begin(&p, 1);
	protobuf_uint(&p, 1, 1);
	inner = protobuf_begin(&p, 2);
	protobuf_string(&p, 1, "x");
	protobuf_end(&p, inner);
	protobuf_end(&p, outer);
	protobuf_uint(&p, 3, 0);
	CHECK(IS(&p, "\x0a\x07\x08\x01\x12\x03\x0a\x01x\x18\x00"));
	protobuf_deinit(&p);
}

/* Lengths around each varint size: 127/128 and 16383/16384 are where a writer that reserves one byte goes wrong. */
TEST(lengths_at_the_varint_steps_are_right)
{
	static const size_t lens[] = { 0, 1, 127, 128, 129, 16383, 16384, 16385, 2097151, 2097152 };

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct protobuf p = { 0 };
		size_t mark = protobuf_begin(&p, 1), got = 0, shift = 0, at = 1;

		for (size_t k = 0; k < lens[i]; k++)
			protobuf_varint(&p, k & 0x7f);
		protobuf_end(&p, mark);
		CHECK(!p.failed);
		CHECK_EQ(p.data[0], 0x0a);
		do
			got |= (size_t)(p.data[at] & 0x7f) << shift, shift += 7;
		while (p.data[at++] & 0x80);
		CHECK_EQ(got, lens[i]);
		CHECK_EQ(p.len - at, lens[i]);
		for (size_t k = 0; k < lens[i]; k++)
			CHECK_EQ(p.data[at + k], k & 0x7f);
		protobuf_deinit(&p);
	}
}

TEST(an_impossible_length_fails_and_stays_failed)
{
	struct protobuf p = { 0 };

	protobuf_uint(&p, 1, 1);
	protobuf_bytes(&p, 2, "x", SIZE_MAX / 2);
	CHECK(p.failed);
	protobuf_uint(&p, 1, 1);
	CHECK(p.failed);
	protobuf_deinit(&p);
}

TEST_MAIN()
