// SPDX-License-Identifier: BSD-2-Clause
#include "formats/event.h"

#include <errno.h>

#include "formats/err.h"
#include "formats/format.h"
#include "tests/test.h"

TEST(every_value_has_a_name_of_its_own_and_others_have_none)
{
	for (unsigned i = 1; i < EVENT_KIND_CNT; i++) {
		CHECK(event_kind_name(i));
		for (unsigned k = 1; k < i; k++)
			CHECK(strcmp(event_kind_name(i), event_kind_name(k)));
	}
	for (unsigned i = 0; i < STACK_END_CNT; i++)
		CHECK(stack_end_name(i));
	for (unsigned i = LOSS_RING_FULL; i <= LOSS_DAMAGE; i++)
		CHECK(!loss_reason_name(i) == (i == 8)); /* 8 was never written and is not used again */
	for (unsigned i = MODULE_ELF; i <= MODULE_BPF; i++)
		CHECK(module_kind_name(i));
	for (unsigned i = SYMBOL_KALLSYMS; i <= SYMBOL_FDE; i++)
		CHECK(symbol_source_name(i));
	for (unsigned i = END_USER; i <= END_SNAPSHOT; i++)
		CHECK(end_reason_name(i));
	for (unsigned i = CHUNK_META; i <= CHUNK_END; i++)
		CHECK(chunk_type_name(i));
	CHECK(!event_kind_name(0) && !event_kind_name(EVENT_KIND_CNT) && !event_kind_name(-1));
	CHECK(!stack_end_name(STACK_END_CNT) && !stack_end_name(-1));
	CHECK(!loss_reason_name(0) && !loss_reason_name(1000));
	CHECK(!module_kind_name(0) && !module_kind_name(1000));
	CHECK(!symbol_source_name(0) && !symbol_source_name(1000));
	CHECK(!end_reason_name(0) && !end_reason_name(1000));
	CHECK(!chunk_type_name(0) && !chunk_type_name(1000));
}

TEST(an_error_says_what_with_which_code_and_where)
{
	struct err err = { 0 };

	errno = ENOENT;
	CHECK_EQ(err_errno(&err, "open '%s'", "x"), -ENOENT);
	CHECK_STR(err.text, "open 'x': ENOENT (No such file or directory)");
	err_hint(&err, "try %d", 2);
	CHECK_STR(err.hint, "try 2");
	err_prefix(&err, "file %d", 7);
	CHECK_STR(err.text, "file 7: open 'x': ENOENT (No such file or directory)");
	CHECK_EQ(err.code, -ENOENT);
	CHECK_EQ(err_set(&err, -EBADMSG, "bad %s", "thing"), -EBADMSG);
	CHECK_STR(err.text, "bad thing");
	CHECK_STR(err.hint, ""); /* a new error has no old advice */
	CHECK_EQ(err_code(&err, -EIO, "read"), -EIO);
	CHECK_STR(err.text, "read: EIO (Input/output error)");
}

TEST(an_error_nobody_wants_and_one_too_long_do_no_harm)
{
	struct err err = { 0 };
	char big[2000];

	CHECK_EQ(err_set(NULL, -EIO, "x"), -EIO);
	CHECK_EQ(err_code(NULL, -EIO, "x"), -EIO);
	err_prefix(NULL, "x");
	err_hint(NULL, "x");
	memset(big, 'y', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_code(&err, -EIO, "%s", big);
	CHECK_EQ(strlen(err.text), sizeof(err.text) - 1);
	err_prefix(&err, "%s", big);
	CHECK_EQ(strlen(err.text), sizeof(err.text) - 1);
	err_hint(&err, "%s", big);
	CHECK_EQ(strlen(err.hint), sizeof(err.hint) - 1);
}

TEST(error_numbers_have_names)
{
	CHECK_STR(err_name(-ENOSPC), "ENOSPC");
	CHECK_STR(err_name(ENOSPC), "ENOSPC");
	CHECK_STR(err_name(-99999), "E99999");
}

TEST_MAIN()
