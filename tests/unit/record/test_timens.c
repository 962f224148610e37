// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include "record/timens.h"

TEST(timens_parse_reads_the_offset_of_the_monotonic_clock)
{
	CHECK_EQ(timens_parse("monotonic           0         0\nboottime            0         0\n"), 0);
	CHECK_EQ(timens_parse("monotonic        1000         5\nboottime            0         0\n"), 1000000000005);
	CHECK_EQ(timens_parse("monotonic          -2 500000000\nboottime       864000         0\n"), -1500000000);
	CHECK_EQ(timens_parse("monotonic 9223372036854775807 0\n"), 0); /* no kernel says such */
	CHECK_EQ(timens_parse("monotonic"), 0);
	CHECK_EQ(timens_parse("nonsense"), 0);
	CHECK_EQ(timens_parse(""), 0);
}

TEST_MAIN()
