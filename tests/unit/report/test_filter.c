// SPDX-License-Identifier: BSD-2-Clause
#include "report/filter.h"

#include <errno.h>

#include "report/parse.h"
#include "tests/test.h"

TEST(filter_set_refuses_nonsense_in_words)
{
	static const char *const bad[][3] = {
		{ "event", "cpu", "not an event" }, { "weight", "bytes", "not a weight" }, { "pid", "1,x", "not a list" },
		{ "pid", "", "not a list" },	    { "pid", "5-3", "not a list" },	   { "pid", "0-4000000000", "too many" },
		{ "cpu", "-1", "not a list" },	    { "state", "Q", "not a list of states" }, { "time", "10s,5s", "ends before" },
		{ "time", "-5s,-10s", "ends before" }, { "time", ",", "not FROM,TO" },   { "time", "5 apples", "not a duration" },
		{ "comm", "", "empty list" },	    { "pid", "99999999999", "not a list" }, { "time", "1e300s", "too long" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct filter f = { 0 };
		struct err err = { 0 };
		int rc = filter_set(&f, bad[i][0], bad[i][1], &err);

		if (rc != -EINVAL)
			printf("# %s=%s gave %d\n", bad[i][0], bad[i][1], rc);
		CHECK_EQ(rc, -EINVAL);
		CHECK_HAS(err.text, bad[i][2]);
		filter_deinit(&f);
	}
}

TEST(filter_time_counts_from_start_or_end)
{
	static const struct {
		const char *text;
		int64_t from, to;
		bool streamable;
	} cases[] = {
		{ "5s,10s", 5000000000, 10000000000, true },   { "-10s,", 90000000000, INT64_MAX, false },
		{ ",1.5s", INT64_MIN, 1500000000, true },      { "100ms", 100000000, INT64_MAX, true },
		{ "5,-5", 5000000000, 95000000000, false },    { "0,100us", 0, 100000, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct filter f = { 0 };
		int64_t from, to;

		CHECK_EQ(filter_set(&f, "time", cases[i].text, NULL), 0);
		filter_time(&f, 100000000000, &from, &to);
		CHECK_EQ(from, cases[i].from);
		CHECK_EQ(to, cases[i].to);
		CHECK_EQ(filter_is_streamable(&f), cases[i].streamable);
		filter_deinit(&f);
	}
}

static void add_thread(struct tasks *t, uint32_t pid, uint32_t tid, const char *comm, const char *cgroup)
{
	uint32_t g = table_add(&t->cgroups), p = table_add(&t->processes), th = table_add(&t->threads);

	t->cgroups.row[g] = (struct cgroup){ .path = cgroup, .container_id = "abcdef0123456789", .runtime = "", .pod_uid = "" };
	t->processes.row[p] = (struct process){ .pid = pid, .comm = comm, .cgroup = g };
	t->threads.row[th] = (struct thread){ .upid = p, .pid = pid, .tid = tid, .comm = comm };
}

static int picked(const struct tasks *t, const char *name, const char *value)
{
	struct filter f = { 0 };
	int mask = 0;

	CHECK_EQ(filter_set(&f, name, value, NULL), 0);
	CHECK(filter_picks_threads(&f));
	for (uint32_t utid = 1; utid <= t->threads.cnt; utid++)
		mask |= filter_takes_thread(&f, t, utid) << (utid - 1);
	CHECK(!filter_takes_thread(&f, t, 0) || !strcmp(value, "*"));
	filter_deinit(&f);
	return mask;
}

TEST(filter_takes_threads_by_pid_tid_comm_and_cgroup)
{
	struct tasks t = { 0 };

	add_thread(&t, 10, 10, "nginx", "/web/a");
	add_thread(&t, 10, 11, "nginx-io", "/web/a/sub");
	add_thread(&t, 20, 20, "php", "/webb");
	CHECK_EQ(picked(&t, "pid", "10"), 3);
	CHECK_EQ(picked(&t, "pid", "5-15,20"), 7);
	CHECK_EQ(picked(&t, "tid", "11"), 2);
	CHECK_EQ(picked(&t, "comm", "nginx*"), 3);
	CHECK_EQ(picked(&t, "comm", "nginx"), 1);
	CHECK_EQ(picked(&t, "comm", "php,nginx"), 5);
	CHECK_EQ(picked(&t, "cgroup", "/web"), 3); /* and what is below, but not /webb */
	CHECK_EQ(picked(&t, "cgroup", "/web*"), 7);
	CHECK_EQ(picked(&t, "cgroup", "*sub"), 2);
	CHECK_EQ(picked(&t, "cgroup", "abcdef"), 7);
	CHECK_EQ(picked(&t, "cgroup", "bcdef0"), 0);
	t.processes.row[1].recording = t.processes.row[2].recording = 1;
	t.processes.row[3].recording = 2;
	CHECK_EQ(table_add(&t.hosts), 1);
	CHECK_EQ(table_add(&t.hosts), 2);
	t.hosts.row[1] = "web-1";
	t.hosts.row[2] = "web-2";
	CHECK_EQ(picked(&t, "recording", "2"), 4);
	CHECK_EQ(picked(&t, "recording", "web-1"), 3);
	CHECK_EQ(picked(&t, "recording", "web*"), 7);
	CHECK_EQ(picked(&t, "recording", "web,3"), 0);
	tasks_deinit(&t);
}

TEST(filter_weight_is_ns_for_waits_by_default)
{
	struct filter f = { 0 };

	CHECK(!filter_is_ns(&f));
	CHECK_EQ(filter_set(&f, "event", "off-cpu", NULL), 0);
	CHECK(filter_is_ns(&f));
	CHECK_EQ(filter_set(&f, "weight", "samples", NULL), 0);
	CHECK(!filter_is_ns(&f));
	CHECK_EQ(filter_set(&f, "event", "oom", NULL), 0);
	CHECK_EQ(filter_set(&f, "weight", "ns", NULL), 0);
	CHECK(!filter_is_ns(&f));
	filter_deinit(&f);
}

TEST(parse_duration_knows_its_units)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = { { "5", 5000000000 }, { "5s", 5000000000 }, { "1.5ms", 1500000 }, { "100us", 100000 }, { "7ns", 7 }, { "2m", 120000000000 },
		      { "1h", 3600000000000 }, { "-3s", -3000000000 }, { ".5s", 500000000 } };
	int64_t ns;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_EQ(parse_duration(cases[i].text, &ns, NULL), 0);
		CHECK_EQ(ns, cases[i].ns);
	}
	CHECK_EQ(parse_duration("nan", &ns, NULL), -EINVAL);
	CHECK_EQ(parse_duration("s", &ns, NULL), -EINVAL);
	CHECK_EQ(parse_duration("5sec", &ns, NULL), -EINVAL);
}

TEST_MAIN()
