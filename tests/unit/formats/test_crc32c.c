// SPDX-License-Identifier: BSD-2-Clause
#include "formats/crc32c.h"

#include "tests/test.h"

/* Bit by bit, from the polynomial: what the table and the instruction must agree with. */
static uint32_t slow(uint32_t crc, const uint8_t *p, size_t len)
{
	crc = ~crc;
	while (len--) {
		crc ^= *p++;
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

TEST(the_check_value_is_that_of_the_standard)
{
	CHECK_EQ(crc32c(0, "123456789", 9), 0xe3069283);
	CHECK_EQ(crc32c_portable(0, "123456789", 9), 0xe3069283);
	CHECK_EQ(crc32c(0, "", 0), 0);
}

TEST(all_ways_agree_at_every_length_and_alignment)
{
	uint8_t bytes[300];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + (i >> 3));
	for (size_t from = 0; from < 9; from++) {
		for (size_t n = 0; from + n <= sizeof(bytes); n++) {
			uint32_t want = slow(7, bytes + from, n);

			CHECK_EQ(crc32c(7, bytes + from, n), want);
			CHECK_EQ(crc32c_portable(7, bytes + from, n), want);
		}
	}
}

TEST(parts_make_the_whole)
{
	uint8_t bytes[100];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * i);
	for (size_t cut = 0; cut <= sizeof(bytes); cut++)
		CHECK_EQ(crc32c(crc32c(0, bytes, cut), bytes + cut, sizeof(bytes) - cut),
			 crc32c(0, bytes, sizeof(bytes)));
}

TEST_MAIN()
