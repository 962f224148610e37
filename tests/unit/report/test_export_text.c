// SPDX-License-Identifier: BSD-2-Clause
/* The exports that are text: perf-script, speedscope, Firefox. Their readers are tried in tests/consumers. */
#include <errno.h>

#include "tests/unit/report/fixture.h"

static size_t occurrences(const char *text, const char *words)
{
	size_t n = 0;

	for (; (text = strstr(text, words)); text += strlen(words))
		n++;
	return n;
}

/* A strict little reader of JSON: returns what follows the value, or NULL. */
static const char *json_value(const char *s, int depth);

static const char *json_text(const char *s)
{
	for (s++; *s != '"'; s++) {
		if ((uint8_t)*s < 0x20)
			return NULL;
		if (*s != '\\')
			continue;
		s++;
		if (*s == 'u') {
			for (int i = 0; i < 4; i++)
				if (!strchr("0123456789abcdefABCDEF", *++s) || !*s)
					return NULL;
		} else if (!strchr("\"\\/bfnrt", *s)) {
			return NULL;
		}
	}
	return s + 1;
}

static const char *json_container(const char *s, int depth, char close)
{
	if (*++s == close)
		return s + 1;
	for (;;) {
		if (close == '}') {
			s = *s == '"' ? json_text(s) : NULL;
			if (!s || *s++ != ':')
				return NULL;
		}
		s = json_value(s, depth + 1);
		if (!s || (*s != ',' && *s != close))
			return NULL;
		if (*s++ == close)
			return s;
	}
}

static const char *json_value(const char *s, int depth)
{
	static const char *const words[] = { "true", "false", "null" };
	char *end;

	if (depth > 100)
		return NULL;
	if (*s == '{')
		return json_container(s, depth, '}');
	if (*s == '[')
		return json_container(s, depth, ']');
	if (*s == '"')
		return json_text(s);
	for (size_t i = 0; i < 3; i++)
		if (!strncmp(s, words[i], strlen(words[i])))
			return s + strlen(words[i]);
	(void)strtod(s, &end);
	return end == s ? NULL : end;
}

static int is_json(const char *text)
{
	const char *end = json_value(text, 0);

	return end && !strcmp(end, "\n");
}

TEST(perf_script_prints_a_header_and_a_stack_for_each_sample)
{
	struct fixture x;

	fixture_init(&x, NULL);
	fixture_write(&x, export_perf_script);
	CHECK(!strncmp(x.text, "pool 1 100/101 [000]     5.005000000:   10000000 cpu-clock:\n"
		       "\t          100000 __x64_sys_recvfrom ([kernel.kallsyms])\n"
		       "\t             200 recv (/usr/lib/libc.so.6)\n"
		       "\t            2010 handle(std::vector<int, std::allocator<int> > const&) (/usr/bin/app)\n"
		       "\t            1010 main (/usr/bin/app)\n\n", 280));
	CHECK_EQ(occurrences(x.text, " cpu-clock:\n"), 105);
	CHECK_EQ(occurrences(x.text, "\n\n"), 105);
	CHECK_EQ(occurrences(x.text, " main (/usr/bin/app)\n"), 104);
	CHECK_EQ(occurrences(x.text, " parse:json (inlined)\n"), 43);
	fixture_deinit(&x);
}

TEST(perf_script_lets_no_escape_code_through)
{
	struct fixture x;

	fixture_init(&x, "UPDATE thread SET comm='a'||char(10)||'b 7/7 [000] 1.0: cpu-clock:' WHERE utid=3;");
	fixture_write(&x, export_perf_script);
	CHECK_EQ(occurrences(x.text, "\n\n"), 105);
	for (size_t i = 0; i < x.text_sz; i++)
		CHECK((uint8_t)x.text[i] >= 0x20 || x.text[i] == '\n' || x.text[i] == '\t');
	CHECK_HAS(x.text, "evil;\"></script><b>&\\x1b[31m (/usr/bin/app)");
	fixture_deinit(&x);
}

TEST(perf_script_of_waits_has_their_durations)
{
	struct fixture x;

	fixture_init(&x, NULL);
	x.filter.event = FILTER_OFF_CPU;
	fixture_write(&x, export_perf_script);
	CHECK_EQ(occurrences(x.text, " off-cpu:\n"), 12);
	CHECK_EQ(occurrences(x.text, "   40000000 off-cpu:\n"), 10);
	fixture_deinit(&x);
}

TEST(speedscope_has_all_threads_then_each_on_and_off_the_cpu)
{
	struct fixture x;

	fixture_init(&x, NULL);
	fixture_write(&x, export_speedscope);
	CHECK(is_json(x.text));
	CHECK_EQ(occurrences(x.text, "\"type\":\"sampled\""), 1 + 3 + 1 + 2);
	CHECK_HAS(x.text, "\"name\":\"On-CPU, all threads\",\"unit\":\"nanoseconds\",\"startValue\":0,\"endValue\":1050000000,");
	CHECK_HAS(x.text, "\"name\":\"Off-CPU, all threads\",\"unit\":\"nanoseconds\",\"startValue\":0,\"endValue\":605000000,");
	CHECK_HAS(x.text, "\"name\":\"Off-CPU, pool 1 101\"");
	CHECK(!strstr(x.text, "</script>"));
	fixture_deinit(&x);
}

/* A function of a header is one of each program that has it; or a file is there under two build-ids. */
TEST(speedscope_has_one_frame_for_functions_that_look_the_same)
{
	struct fixture x;

	fixture_init(&x, "INSERT INTO image(id,kind,path,build_id) VALUES(5,'elf','/usr/lib/libc.so.6','77');"
			 "INSERT INTO function(id,name,image_id,file_id,line) VALUES"
			 "(12,'parse:json',5,2,5),(13,'parse:json',5,2,6),(14,'strlen',5,NULL,NULL),(15,'strlen',2,NULL,NULL);");
	fixture_write(&x, export_speedscope);
	CHECK(is_json(x.text));
	CHECK_EQ(occurrences(x.text, "{\"name\":\"parse:json\",\"file\":\"/src/json.h\",\"line\":5}"), 1);
	CHECK_EQ(occurrences(x.text, "{\"name\":\"parse:json\",\"file\":\"/src/json.h\",\"line\":6}"), 1);
	CHECK_EQ(occurrences(x.text, "{\"name\":\"strlen\",\"file\":\"/usr/lib/libc.so.6\"}"), 1);
	CHECK_EQ(occurrences(x.text, "{\"name\":\"strlen\",\"file\":\"[kernel]\"}"), 1);
	fixture_deinit(&x);
}

TEST(firefox_has_a_thread_each_with_samples_and_markers)
{
	struct fixture x;

	fixture_init(&x, NULL);
	fixture_write(&x, export_firefox);
	CHECK(is_json(x.text));
	CHECK_EQ(occurrences(x.text, "\"stackTable\":"), 3);
	CHECK_HAS(x.text, "\"preprocessedProfileVersion\":47");
	CHECK_HAS(x.text, "\"name\":\"app\",\"isMainThread\":true,\"pid\":\"100\",\"tid\":100,");
	CHECK_HAS(x.text, "\"samples\":{\"length\":75,");
	CHECK_HAS(x.text, "\"markers\":{\"length\":10,");
	CHECK_HAS(x.text, "\"waker\":\"app\"");
	CHECK(!strstr(x.text, "</script>"));
	fixture_deinit(&x);
}

TEST(empty_databases_give_valid_empty_files)
{
	struct fixture x;

	fixture_init(&x, "DELETE FROM sample; DELETE FROM offcpu;");
	CHECK(is_json(fixture_write(&x, export_speedscope)));
	CHECK(is_json(fixture_write(&x, export_firefox)));
	CHECK_STR(fixture_write(&x, export_perf_script), "");
	fixture_deinit(&x);
}

/* A database can be made by hand: ids that lead nowhere, negative durations. */
TEST(contradictory_rows_do_no_harm)
{
	struct fixture x;

	fixture_init(&x, "UPDATE sample SET stack_id=999999 WHERE ts=5000000; UPDATE sample SET utid=77 WHERE ts=15000000;"
			 "UPDATE offcpu SET dur_ns=-5, runq_ns=1000000000000 WHERE ts=1210000000;"
			 "UPDATE offcpu SET waker_utid=-1, waker_stack_id=99999 WHERE ts=1200000000;");
	fixture_write(&x, export_perf_script);
	CHECK_EQ(occurrences(x.text, " cpu-clock:\n"), 105);
	CHECK(is_json(fixture_write(&x, export_firefox)));
	fixture_write(&x, export_perfetto);
	CHECK_EQ(export_pprof(&x.in, stderr, &x.err), -EBADMSG);
	CHECK_HAS(x.err.text, "stack or thread that is not there");
	fixture_deinit(&x);
}

TEST_MAIN()
