// SPDX-License-Identifier: BSD-2-Clause
#include "report/loss.h"

#include "formats/event.h"
#include "tests/test.h"

TEST(loss_sentence_knows_every_reason_there_is)
{
	int known = 0;

	for (int r = 0; r < 64; r++) {
		const char *name = loss_reason_name((enum loss_reason)r);

		if (!name)
			continue;
		known++;
		CHECK(loss_sentence(name));
		CHECK(!strstr(loss_sentence(name), "does not know"));
	}
	CHECK_EQ(known, 9);
}

TEST(loss_sentence_knows_what_an_import_finds)
{
	CHECK(strstr(loss_sentence("damage: payload checksum differs"), "verify"));
	CHECK(strstr(loss_sentence("duplicate: the same thread, time and CPU twice"), "one of them"));
}

TEST(loss_sentence_of_a_later_recorder_says_so)
{
	CHECK(strstr(loss_sentence("eaten by the dog"), "does not know"));
	CHECK(strstr(loss_sentence(""), "does not know"));
}

TEST_MAIN()
