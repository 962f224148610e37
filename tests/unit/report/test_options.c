// SPDX-License-Identifier: BSD-2-Clause
#include "report/options.h"

#include <errno.h>
#include <unistd.h>

#include "report/cmd.h"
#include "tests/test.h"

/* main.c's table is not in the library: the names are what parsing needs. */
const struct command commands[] = {
	{ "db", COMMAND_DB, "", "", NULL },	  { "folded", COMMAND_FOLDED, "", "", NULL }, { "top", COMMAND_TOP, "", "", NULL },
	{ "sql", COMMAND_SQL, "", "", NULL },	  { "schema", COMMAND_SCHEMA, "", "", NULL }, { "info", COMMAND_INFO, "", "", NULL },
	{ "verify", COMMAND_VERIFY, "", "", NULL }, { 0 },
};

void cmd_note(const struct report_options *o, const char *fmt, ...)
{
}

static int parse(struct report_options *o, struct err *err, const char *line)
{
	static char copy[256];
	char *argv[16] = { (char *)"varve-report" };
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok(copy, "|"); w; w = strtok(NULL, "|"))
		argv[argc++] = w;
	return report_options_parse(argc, argv, o, err);
}

TEST(options_find_command_inputs_and_values)
{
	struct report_options o;
	struct err err = { 0 };

	CHECK_EQ(parse(&o, &err, "folded|a.varve|--event|off-cpu|--comm=nginx*|-o|x|b.varve|--debug-dir|d1|--debug-dir=d2|-v"), 0);
	CHECK_EQ(o.command, COMMAND_FOLDED);
	CHECK_EQ(o.input_cnt, 2);
	CHECK_STR(o.inputs[1], "b.varve");
	CHECK_STR(o.output, "x");
	CHECK_EQ(o.filter.event, FILTER_OFF_CPU);
	CHECK_STR(o.filter.comms.items[0], "nginx*");
	CHECK_STR(o.symbols.debug_dirs[1], "d2");
	CHECK(!o.symbols.debug_dirs[2]);
	CHECK(o.verbose);
	report_options_deinit(&o);
}

TEST(options_tell_a_statement_from_an_input)
{
	static const char *const lines[] = { "sql|r.db|SELECT 1", "sql|SELECT 1|r.db", "sql|r.db|-q|trust" };
	struct report_options o;
	struct err err = { 0 };

	for (size_t i = 0; i < 3; i++) {
		CHECK_EQ(parse(&o, &err, lines[i]), 0);
		CHECK_EQ(o.input_cnt, 1);
		CHECK_STR(o.inputs[0], "r.db");
		if (i < 2)
			CHECK_STR(o.sql, "SELECT 1");
		else
			CHECK_STR(o.question, "trust");
		report_options_deinit(&o);
	}
	CHECK_EQ(parse(&o, &err, "top|r.db|-q"), 0); /* -q is quiet where there is no question */
	CHECK(o.quiet);
	report_options_deinit(&o);
}

TEST(options_about_waits_choose_them)
{
	static const char *const lines[] = { "folded|r.db|--state|D", "folded|r.db|--offwake" };

	for (int i = 0; i < 2; i++) {
		struct report_options o;
		struct err err = { 0 };

		CHECK_EQ(parse(&o, &err, lines[i]), 0);
		CHECK_EQ(o.filter.event, FILTER_OFF_CPU);
		report_options_deinit(&o);
	}
}

/* A statement is what is no file, and has a blank or comes behind an input. */
TEST(options_tell_a_file_with_a_blank_in_its_name_from_a_statement)
{
	char path[] = "/tmp/varve options XXXXXX", line[64];
	int fd = mkstemp(path);
	struct report_options o;
	struct err err = { 0 };

	CHECK(fd >= 0);
	close(fd);
	snprintf(line, sizeof(line), "sql|%s|SELECT 1", path);
	CHECK_EQ(parse(&o, &err, line), 0);
	CHECK_STR(o.inputs[0], path);
	CHECK_STR(o.sql, "SELECT 1");
	report_options_deinit(&o);
	unlink(path);
}

TEST(options_say_what_is_wrong_and_what_is_near)
{
	static const char *const bad[][3] = {
		{ "folded|x|--evnt|off-cpu", "unknown option '--evnt'", "--event" },
		{ "folded|x|--event", "--event wants a value", "" },
		{ "folded|x|--event|lunch", "--event: 'lunch' is not an event", "" },
		{ "folded|x|--verbose=1", "takes no value", "" },
		{ "folded", "no input", "recording.varve" },
		{ "fold|x", "neither a command nor a file", "nearest command is folded" },
		{ "sql|x.db", "no statement", "" },
		{ "sql|x.db|SELECT 1|-q|y", "not both", "" },
		{ "verify|x|--event|off-cpu", "unknown option '--event'", "" },
		{ "folded|x|-z", "unknown option '-z'", "" },
		{ "top|x|-n|many", "--limit: 'many' is not a number", "" },
		{ "top|x|--by|colour", "--by: 'colour' is none of function", "" },
		{ "sql|x|-q|who-wake-whom", "no question is named 'who-wake-whom'", "nearest is who-wakes-whom" },
		{ "sql|x|-q|why", "no question is named 'why'", "--list" },
		{ "sql|x|SELECT 1|--format|yaml", "--format: 'yaml' is not a format", "" },
		{ "folded|x|--event|oom|--state|D", "--state is about waits", "" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct report_options o;
		struct err err = { 0 };
		int rc = parse(&o, &err, bad[i][0]);

		if (rc != -EINVAL)
			printf("# %s\n", bad[i][0]);
		CHECK_EQ(rc, -EINVAL);
		CHECK_HAS(err.text, bad[i][1]);
		CHECK_HAS(err.hint, bad[i][2]);
	}
}

TEST(options_help_names_every_option_of_the_command)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	report_options_help(COMMAND_FOLDED, f);
	fclose(f);
	CHECK_HAS(text, "--event EVENT");
	CHECK_HAS(text, "--cgroup GLOBS");
	CHECK(!strstr(text, "--query"));
	free(text);
}

TEST_MAIN()
