// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <errno.h>

#include "formats/cleanup.h"
#include "record/options.h"
#include "record/options_lists.h"

#define MAX_ARGS 16

/* Splits "a b c" (no quoting) into an argv of its own behind a program name, and parses. */
static int parse(const char *line, struct options *o, struct err *err)
{
	static char copy[256];
	static char *argv[MAX_ARGS + 1];
	int argc = 0;

	memset(err, 0, sizeof(*err));
	snprintf(copy, sizeof(copy), "varve-record %s", line);
	for (char *w = strtok(copy, " "); w && argc < MAX_ARGS; w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	return options_parse(argc, argv, o, err);
}

static void refuses(const char *line, const char *words)
{
	struct options o = { .freq = 7 };
	struct err err;

	CHECK_EQ(parse(line, &o, &err), -EINVAL);
	CHECK_HAS(err.text, words);
	CHECK(!strchr(err.text, '\n'));
	CHECK_EQ(o.freq, 7); /* untouched */
}

TEST(options_without_arguments_record_everything_by_default)
{
	struct options o;
	struct err err;

	CHECK_EQ(parse("", &o, &err), 0);
	CHECK(o.all_cpus);
	CHECK_EQ(o.events, EVENTS_ON_CPU | EVENTS_OFF_CPU | EVENTS_OOM | EVENTS_TASK);
	CHECK_EQ(o.freq, 99);
	CHECK_EQ(o.off_cpu_thresh_ns, 100000);
	CHECK_EQ(o.max_stack, 512);
	CHECK_STR(o.output, "recording.varve");
	CHECK(o.output_is_default);
	CHECK_EQ(o.level, 3);
	CHECK_EQ(o.sync_ns, 5000000000LL);
	CHECK_EQ(o.symbols, SYMBOLS_HIT);
	CHECK(!o.command);
	options_deinit(&o);
}

TEST(options_keep_a_commands_own_options_for_the_command)
{
	struct options o;
	struct err err;

	CHECK_EQ(parse("-F 999 ls -a --help", &o, &err), 0);
	CHECK(!o.all_cpus && !o.help);
	CHECK_STR(o.command[0], "ls");
	CHECK_STR(o.command[2], "--help");
	options_deinit(&o);
	CHECK_EQ(parse("-a -- -odd", &o, &err), 0);
	CHECK(o.all_cpus);
	CHECK_STR(o.command[0], "-odd");
	options_deinit(&o);
}

TEST(options_collect_lists_sorted_and_unique)
{
	struct options o;
	struct err err;

	CHECK_EQ(parse("-p 30,10 -p 20,10 -C 2-4,0,3 -u 5 --comm a*,b -G x/y,z", &o, &err), 0);
	CHECK_EQ(o.pids.cnt, 3);
	CHECK_EQ(o.pids.ids[0], 10);
	CHECK_EQ(o.pids.ids[2], 30);
	CHECK_EQ(o.cpus.cnt, 4);
	CHECK_EQ(o.cpus.ids[3], 4);
	CHECK_EQ(o.uids.ids[0], 5);
	CHECK_EQ(o.comms.cnt, 2);
	CHECK_STR(o.comms.items[0], "a*");
	CHECK_STR(o.cgroups.items[1], "z");
	CHECK(!o.all_cpus);
	options_deinit(&o);
	CHECK_EQ(parse("-u root", &o, &err), 0);
	CHECK_EQ(o.uids.ids[0], 0);
	CHECK(o.all_cpus);
	options_deinit(&o);
}

TEST(options_read_each_value)
{
	struct options o;
	struct err err;

	CHECK_EQ(parse("-e sched,oom -F max --off-cpu-thresh 5ms --max-stack 7 --call-graph fp "
		       "--no-stack-slices",
		       &o, &err),
		 0);
	CHECK_EQ(o.events, EVENTS_SCHED | EVENTS_OOM);
	CHECK_EQ(o.freq, UINT32_MAX);
	CHECK_EQ(o.off_cpu_thresh_ns, 5000000);
	CHECK_EQ(o.max_stack, 7);
	CHECK_EQ(o.call_graph, CALL_GRAPH_FP);
	CHECK(o.no_stack_slices);
	options_deinit(&o);
	CHECK_EQ(parse("-o - -f -z 9 --sync 0 --duration 1m --symbols all --cmdline first -qvv", &o, &err),
		 0);
	CHECK_STR(o.output, "-");
	CHECK(o.force && o.quiet && !o.output_is_default);
	CHECK_EQ(o.level, 9);
	CHECK_EQ(o.sync_ns, 0);
	CHECK_EQ(o.duration_ns, 60000000000LL);
	CHECK_EQ(o.symbols, SYMBOLS_ALL);
	CHECK_EQ(o.cmdline.keep, CMDLINE_FIRST);
	CHECK_EQ(o.verbose, 2);
	options_deinit(&o);
}

TEST(options_say_what_is_wrong_in_one_line)
{
	refuses("-F 0", "-F '0': want a number from 1");
	refuses("-F 99x", "-F '99x'");
	refuses("-p 1,,2", "-p '1,,2': want numbers");
	refuses("-p -1", "-p '-1'");
	refuses("-p 99999999999999999999999", "-p '");
	refuses("-C 3-1", "-C '3-1'");
	refuses("-C 0-9999999", "-C '");
	refuses("-e on-cpu,foo", "-e 'foo': want a list of on-cpu");
	refuses("-u nosuchuser_x", "no such user");
	refuses("--duration 0", "nothing would be recorded");
	refuses("--duration 5x", "--duration '5x': want a duration such as");
	refuses("--off-cpu-thresh 100", "--off-cpu-thresh '100'"); /* of what? */
	refuses("--duration 99999999999h", "--duration");
	refuses("--call-graph dwarf", "want one of auto, fp, none");
	refuses("-z 20", "-z '20': want a number from 1 to 19");
	refuses("--max-stack 1025", "--max-stack");
	refuses("-a -p 1", "exclude each other");
	refuses("-p 1 ls", "exclude each other");
	refuses("--json -o -", "standard output");
	refuses("-p", "option '-p' wants PID");
	refuses("--duration", "option '--duration' wants DUR");
	refuses("--force=yes", "--force takes no argument");
}

TEST(options_name_the_nearest_for_an_unknown_one)
{
	struct options o;
	struct err err;

	CHECK_EQ(parse("--durration 5", &o, &err), -EINVAL);
	CHECK_STR(err.text, "unknown option '--durration'");
	CHECK_STR(err.hint, "did you mean --duration?");
	CHECK_EQ(parse("--no-ktreads=1", &o, &err), -EINVAL);
	CHECK_STR(err.hint, "did you mean --no-kthreads?");
	CHECK_EQ(parse("--xyzzyplugh", &o, &err), -EINVAL);
	CHECK_HAS(err.hint, "--help");
	CHECK_EQ(parse("-X", &o, &err), -EINVAL);
	CHECK_STR(err.text, "unknown option '-X'");
	CHECK_EQ(parse("-qX", &o, &err), -EINVAL);
	CHECK_STR(err.text, "unknown option '-X'");
}

TEST(options_leave_perfs_letters_to_perfs_meaning)
{
	/* -d, -B, -N, -c, -W, -D mean other things to perf users: they stay unknown */
	refuses("-d", "unknown option '-d'");
	refuses("-B", "unknown option '-B'");
	refuses("-N", "unknown option '-N'");
	refuses("-c 1", "unknown option '-c'");
	refuses("-W", "unknown option '-W'");
	refuses("-D 1", "unknown option '-D'");
}

TEST(options_durations_have_units)
{
	uint64_t ns = 1;

	CHECK_EQ(options_parse_duration("100us", 0, &ns), 0);
	CHECK_EQ(ns, 100000);
	CHECK_EQ(options_parse_duration("2", 1000, &ns), 0);
	CHECK_EQ(ns, 2000);
	CHECK_EQ(options_parse_duration("0", 0, &ns), 0);
	CHECK_EQ(ns, 0);
	CHECK_EQ(options_parse_duration("1h", 0, &ns), 0);
	CHECK_EQ(ns, 3600000000000LL);
	CHECK_EQ(options_parse_duration("", 1, &ns), -EINVAL);
	CHECK_EQ(options_parse_duration("-1s", 1, &ns), -EINVAL);
	CHECK_EQ(options_parse_duration("1.5s", 1, &ns), 0);
	CHECK_EQ(ns, 1500000000);
	CHECK_EQ(options_parse_duration("0.5", 1000000000, &ns), 0);
	CHECK_EQ(ns, 500000000);
	CHECK_EQ(options_parse_duration("0.0000005s", 1, &ns), 0);
	CHECK_EQ(ns, 0); /* below a millionth */
	CHECK_EQ(options_parse_duration("0.25ms", 1, &ns), 0);
	CHECK_EQ(ns, 250000);
	CHECK_EQ(options_parse_duration("18446744073.99999999s", 1, &ns), -ERANGE);
	CHECK_EQ(options_parse_duration("0.5", 0, &ns), -EINVAL);
	CHECK_EQ(options_parse_duration("1.", 1, &ns), -EINVAL);
	CHECK_EQ(options_parse_duration(".5", 1, &ns), -EINVAL);
	CHECK_EQ(options_parse_duration("1.5.5s", 1, &ns), -EINVAL);
	CHECK_EQ(options_parse_duration("1.-5s", 1, &ns), -EINVAL);
	CHECK_EQ(options_parse_duration("18446744073709551615h", 1, &ns), -ERANGE);
}

TEST(options_edit_distance_counts_swaps_once)
{
	CHECK_EQ(options_edit_distance("cpu", 3, "cpu"), 0);
	CHECK_EQ(options_edit_distance("pcu", 3, "cpu"), 1);
	CHECK_EQ(options_edit_distance("", 0, "abc"), 3);
	CHECK_EQ(options_edit_distance("kitten", 6, "sitting"), 3);
}

TEST(options_of_files_are_sizes_durations_or_numbers_by_their_unit)
{
	struct options o;
	struct err err;

	CHECK_EQ(parse("--rotate 64M --rotate 10m --keep 8 --keep 1.5G --keep 24h --max-size 512MiB --min-free 2GB", &o, &err), 0);
	CHECK(o.is_segmented);
	CHECK_EQ(o.rotate_bytes, 64LL << 20);
	CHECK_EQ(o.rotate_ns, 600000000000LL);
	CHECK_EQ(o.keep_cnt, 8);
	CHECK_EQ(o.keep_bytes, 3LL << 29);
	CHECK_EQ(o.keep_ns, 86400000000000LL);
	CHECK_EQ(o.max_bytes, 512LL << 20);
	CHECK_EQ(o.min_free_bytes, 2LL << 30);
	options_deinit(&o);
	CHECK_EQ(parse("--max-size 1G", &o, &err), 0);
	CHECK(!o.is_segmented);
	options_deinit(&o);
}

TEST(options_of_files_settle_what_was_not_said)
{
	struct options o;
	struct err err;

	CHECK_EQ(parse("--keep 1h", &o, &err), 0);
	CHECK_EQ(o.rotate_bytes, 64LL << 20);
	CHECK_EQ(o.rotate_ns, 600000000000LL);
	options_deinit(&o);
	CHECK_EQ(parse("--keep 8M --keep 20m", &o, &err), 0);
	CHECK_EQ(o.rotate_bytes, 2LL << 20);
	CHECK_EQ(o.rotate_ns, 300000000000LL);
	options_deinit(&o);
	CHECK_EQ(parse("--rotate 30s --keep 1G", &o, &err), 0);
	CHECK_EQ(o.rotate_bytes, 256LL << 20);
	CHECK_EQ(o.rotate_ns, 30000000000LL);
	options_deinit(&o);
}

TEST(options_of_files_refuse_what_makes_no_sense)
{
	refuses("--rotate 64", "--rotate '64': want a size such as 64M or a duration");
	refuses("--rotate 10x", "want a size");
	refuses("--rotate 1K", "256K");
	refuses("--rotate 10ms", "1s");
	refuses("--keep 0", "nothing would be kept");
	refuses("--keep many", "number of segments");
	refuses("--keep 99999999999999999999G", "number of segments");
	refuses("--max-size 100", "size");
	refuses("--max-size 1K", "256K");
	refuses("--min-free 0M", "size");
	refuses("--rotate 64M --keep 100M", "two segments");
	refuses("--keep 300K", "two segments");
	refuses("--rotate 1m -o -", "-o -");
	refuses("--keep 4 -o -", "-o -");
	refuses("--min-free 1G -o -", "disk");
}

TEST(options_of_a_flight_recorder)
{
	struct options o;
	struct err err;

	CHECK_EQ(parse("--flight 30s --snapshot-on oom,off-cpu>1s,run-queue>50ms --snapshot-on psi-mem>12.5,exit!=0 --tail 2", &o, &err), 0);
	CHECK(o.is_segmented);
	CHECK_EQ(o.flight_ns, 30000000000LL);
	CHECK_EQ(o.flight_bytes, 64LL << 20);
	CHECK_EQ(o.rotate_ns, 3750000000LL);
	CHECK_EQ(o.rotate_bytes, 8LL << 20);
	CHECK(o.triggers.oom && o.triggers.failed_exit);
	CHECK_EQ(o.triggers.off_cpu_ns, 1000000000);
	CHECK_EQ(o.triggers.runq_ns, 50000000);
	CHECK(o.triggers.psi_mem_pct == 12.5);
	CHECK_EQ(o.tail_ns, 2000000000);
	options_deinit(&o);
	CHECK_EQ(parse("--flight 8M --keep 3", &o, &err), 0);
	CHECK_EQ(o.flight_ns, 0);
	CHECK_EQ(o.flight_bytes, 8LL << 20);
	CHECK_EQ(o.rotate_bytes, 1LL << 20);
	CHECK_EQ(o.rotate_ns, 0);
	CHECK_EQ(o.keep_cnt, 3);
	options_deinit(&o);
	refuses("--flight 10ms", "1s");
	refuses("--flight 8K", "1M");
	refuses("--flight some", "duration such as");
	refuses("--flight 30s -o -", "-o -");
	refuses("--flight 30s --rotate 64M", "--keep limits");
	refuses("--flight 30s --max-size 64M", "--keep limits");
	refuses("--snapshot-on oom", "for --flight");
	refuses("--tail 3", "for --flight");
	refuses("--flight 30s --tail 30s", "longer than");
	refuses("--flight 30s --snapshot-on off-cpu", "want a list of oom");
	refuses("--flight 30s --snapshot-on off-cpu>", "want a list of oom");
	refuses("--flight 30s --snapshot-on off-cpu>0", "want a list of oom");
	refuses("--flight 30s --snapshot-on psi-mem>120", "want a list of oom");
	refuses("--flight 30s --snapshot-on psi-mem>-5", "want a list of oom");
	refuses("--flight 30s --snapshot-on oom,,exit!=0", "empty name");
	refuses("--flight 30s -e on-cpu --snapshot-on oom", "-e oom");
	refuses("--flight 30s -e on-cpu --snapshot-on run-queue>1s", "-e off-cpu");
	refuses("--flight 30s -e on-cpu --snapshot-on exit!=0", "-e task");
	refuses("--flight 30s --off-cpu-thresh 10ms --snapshot-on off-cpu>5ms", "--off-cpu-thresh");
}

/* ---- help, man page and completions say the same ----------------------------------------------------------- */

static char *read_all(const char *path)
{
	static char text[65536];
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	return text;
}

static bool is_word_char(char c)
{
	return c == '-' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = strstr(text, word); p; p = strstr(p + 1, word))
		if (!is_word_char(p[len]) && (p == text || !is_word_char(p[-1])))
			return true;
	return false;
}

static bool is_option(const char *name, size_t len)
{
	const char *known, *arg;
	char c;

	for (size_t i = 0; options_describe(i, &known, &c, &arg); i++)
		if (strlen(known) == len && !strncmp(known, name, len))
			return true;
	return false;
}

/* Every option is in the text, long and short, and nothing else that looks like one. */
static void lists_the_options(const char *text, const char *prefix, const char *short_prefix)
{
	const char *name, *arg, *p;
	char word[80], c;

	CHECK(text);
	for (size_t i = 0; options_describe(i, &name, &c, &arg); i++) {
		snprintf(word, sizeof(word), "%s%s", prefix, name);
		if (!has_word(text, word))
			printf("# missing: %s\n", word);
		CHECK(has_word(text, word));
		snprintf(word, sizeof(word), "%s%c", short_prefix, c);
		if (c && !has_word(text, word))
			printf("# missing: %s\n", word);
		CHECK(!c || has_word(text, word));
	}
	for (p = strstr(text, prefix); p; p = strstr(p + 1, prefix)) {
		size_t len = strspn(p + strlen(prefix), "abcdefghijklmnopqrstuvwxyz-");

		p += strlen(prefix);
		if (len && *p != '-' && !is_option(p, len))
			printf("# no option: %.*s\n", (int)len, p);
		CHECK(!len || *p == '-' || is_option(p, len));
	}
}

TEST(options_help_lists_each_option_and_fits_a_terminal)
{
	static char text[16384];
	_cleanup_fclose_ FILE *f = fmemopen(text, sizeof(text), "w");

	CHECK(f);
	options_print_help(f);
	fflush(f);
	lists_the_options(text, "--", "-");
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		CHECK(strlen(line) <= 80);
}

TEST(options_man_page_lists_each_option)
{
	lists_the_options(read_all("record/varve-record.1"), "Fl -", "Fl ");
}

TEST(options_completions_list_each_option)
{
	lists_the_options(read_all("record/varve-record.bash"), "--", "-");
	lists_the_options(read_all("record/_varve-record"), "--", "-");
}

TEST(options_redact_may_be_given_again)
{
	struct options o;
	struct err err;

	CHECK_EQ(parse("--cmdline full --redact a,b --redact c --anonymize", &o, &err), 0);
	CHECK(o.cmdline.redact && o.anonymize);
	options_deinit(&o);
	refuses("--cmdline full --redact a --redact x[", "--redact 'x[': ");
	refuses("--redact x[", "at byte 2");
	refuses("--bundle b --anonymize", "--bundle and --anonymize exclude each other");
}

TEST_MAIN()
