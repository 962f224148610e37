// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <unistd.h>

#include "record/cmdline.h"

static const struct cmdline_how none = { .keep = CMDLINE_NONE }, first = { .keep = CMDLINE_FIRST }, full = { .keep = CMDLINE_FULL };

TEST(cmdline_keeps_what_is_wanted)
{
	char text[CMDLINE_SZ];

	cmdline_make("ls\0-l\0a b\0", 11, &full, text, sizeof(text));
	CHECK_STR(text, "ls -l a b");
	cmdline_make("ls\0-l\0a b\0", 11, &first, text, sizeof(text));
	CHECK_STR(text, "ls");
	cmdline_make("a title\0\0\0\0", 11, &full, text, sizeof(text));
	CHECK_STR(text, "a title");
	cmdline_make("\0", 1, &full, text, sizeof(text));
	CHECK_STR(text, "");
}

TEST(cmdline_hides_secrets)
{
	char text[CMDLINE_SZ];

	cmdline_make("x\0--token\0abc\0", 14, &full, text, sizeof(text));
	CHECK_STR(text, "x --token [redacted]");
	cmdline_make("db: TOKEN=abc\0x", 15, &first, text, sizeof(text));
	CHECK_STR(text, "db: TOKEN=[redacted]");
}

TEST(cmdline_leaves_an_argument_out_that_it_has_a_part_of)
{
	char args[CMDLINE_SZ - 1] = "curl\0-v\0https://user:", text[CMDLINE_SZ];

	memset(args + 21, 'p', sizeof(args) - 21); /* the @ would come behind */
	cmdline_make(args, sizeof(args), &full, text, sizeof(text));
	CHECK_STR(text, "curl -v [cut]");
	cmdline_make(args, sizeof(args), &first, text, sizeof(text));
	CHECK_STR(text, "curl");
	cmdline_make(args + 8, sizeof(args) - 8, &full, text, sizeof(text)); /* all of it is there */
	CHECK_EQ(strlen(text), sizeof(args) - 8);
	memset(args, 'p', sizeof(args));
	cmdline_make(args, sizeof(args), &full, text, sizeof(text));
	CHECK_STR(text, "[cut]");
	cmdline_make(args, sizeof(args), &first, text, sizeof(text));
	CHECK_STR(text, "[cut]");
}

TEST(cmdline_reads_a_process)
{
	char text[CMDLINE_SZ];

	cmdline_read((uint32_t)getpid(), &first, text, sizeof(text));
	CHECK_HAS(text, "test_cmdline");
	cmdline_read((uint32_t)getpid(), &none, text, sizeof(text));
	CHECK_STR(text, "");
	cmdline_read(2, &full, text, sizeof(text)); /* kthreadd, or nobody */
	cmdline_read(UINT32_MAX, &full, text, sizeof(text));
	CHECK_STR(text, "");
}

TEST_MAIN()
