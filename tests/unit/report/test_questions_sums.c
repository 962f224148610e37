// SPDX-License-Identifier: BSD-2-Clause
/* Named questions: the import's sums and the events give the same answers. */
#include "report/questions.h"

#include "report/profile.h"
#include "tests/unit/report/synth_db.h"

struct asked {
	int64_t from, to;
	const char *threads; /* NULL: all */
	bool whole, most;
	const char *columns, *only; /* of the answer; NULL: all */
};

/* The rows of a named question. */
static char *ask(struct db *db, const char *name, const struct asked *a)
{
	struct err err = { 0 };
	struct db_stmt *st;
	struct question q;
	size_t len;
	char *text, sql[8192];
	FILE *f = open_memstream(&text, &len);
	int rc;

	CHECK_EQ(question_find(name, &q), 1);
	snprintf(sql, sizeof(sql), "SELECT %s FROM (%s) WHERE %s", a->columns ?: "*", q.sql, a->only ?: "1");
	CHECK_EQ(db_query_user(db, sql, &st, &err), 0);
	db_bind_int(st, ":from", a->from);
	db_bind_int(st, ":to", a->to);
	db_bind_int(st, ":whole", a->whole);
	db_bind_int(st, ":most", a->most);
	if (a->threads)
		db_bind_text(st, ":threads", a->threads);
	while ((rc = db_step(st, &err)) == 1)
		for (int c = 0; c < db_column_count(st) - (!strcmp(name, "hot-functions")); c++)
			fprintf(f, "%s|", db_column_text(st, c, NULL) ?: "");
	CHECK_EQ(rc, 0); /* two that fail alike would be alike */
	db_stmt_close(st);
	question_deinit(&q);
	fclose(f);
	return text;
}

/* Answered from the import's sums or from the events. */
static char *answer(struct db *db, const char *name, bool whole)
{
	return ask(db, name, &(struct asked){ .from = INT64_MIN, .to = INT64_MAX, .whole = whole });
}

static const char *const summed[] = { "hot-functions", "process-cores", "container-cores", "tree-cost", "runq-histogram", "runq-by-process",
				     "where-waits", "waits-on-whom", "who-wakes-whom", "wait-histogram", "disk-waits", "waits-through",
				     "runq-depth", "cpu-balance", "compare-windows", "noisy-neighbour" };

static void check_sums_and_events(struct db *db, bool with_switches)
{
	for (size_t i = 0; i < sizeof(summed) / sizeof(*summed); i++) {
		if (!with_switches && !strcmp(summed[i], "noisy-neighbour"))
			continue; /* who was on the CPU is known only from switches */
		char *sums = answer(db, summed[i], true), *events = answer(db, summed[i], false);

		if (strlen(sums) <= 8 || strcmp(sums, events))
			printf("# %s\n", summed[i]);
		CHECK(strlen(sums) > 8);
		CHECK_STR(sums, events);
		free(sums);
		free(events);
	}
}

/* twice: each sample, wait and slice has another one at its time in its place, longer or elsewhere. */
static struct db *import_mixed(struct synth *s, bool with_switches, bool twice)
{
	struct task_ref t[3] = { synth_task(1, 1, 1, "a"), synth_task(1, 2, 2, "b"), synth_task(3, 3, 3, "c") };

	synth_init(s, 60);
	uint32_t app = synth_module(s, MODULE_ELF, "/bin/app", 1);
	uint32_t kernel = synth_module(s, MODULE_KERNEL, "[kernel]", 9);
	struct frame fr[] = { { app, FRAME_EXACT, 0x1010 }, { app, 0, 0x1105 } };
	struct frame waits[] = { { kernel, FRAME_EXACT, 0x2010 }, { app, 0, 0x1105 } };
	synth_symbol(s, app, 0x1000, 0x100, "f");
	synth_symbol(s, app, 0x1100, 0x100, "main");
	synth_symbol(s, kernel, 0x2000, 0x100, "futex_wait");
	for (int i = 0; i < 100; i++) {
		for (int n = 0; n < 1 + twice; n++) {
			synth_sample(s, i * 10000, (uint32_t)i % 2, t[i % 3], fr + (i + n) % 2, 2 - (uint32_t)((i + n) % 2));
			add_offcpu(s, i * 10000 + 1, t[i % 3], i % 7 ? t[(i + 1) % 3] : (struct task_ref){ 0 }, 1000000 * (1 + (uint64_t)(i + 2 * n) % 5),
				   (uint64_t)i * i * 97, i % 4 ? 'S' : 'D', waits + (i + n) % 2, 2 - (uint32_t)((i + n) % 2), i % 11 == 0);
		}
		if (!with_switches)
			continue;
		add_switch(s, i * 1000 * (i + 1), 0, t[i % 3], t[(i + 1) % 3], 'R');
		if (twice && i % 5 == 0) { /* on and off again in no time, and on */
			add_switch(s, i * 1000 * (i + 1), 0, t[(i + 1) % 3], t[(i + 2) % 3], 'R');
			add_switch(s, i * 1000 * (i + 1), 0, t[(i + 2) % 3], t[(i + 1) % 3], 'R');
		}
	}
	synth_close(s);
	return import(s);
}

TEST(questions_answer_alike_from_sums_and_from_events)
{
	struct synth s;

	for (int with_switches = 0; with_switches < 2; with_switches++) {
		struct db *db = import_mixed(&s, with_switches, false);

		CHECK_STR(rows(db, "SELECT count(*) FROM loss"), "0\n");
		check_sums_and_events(db, with_switches);
		db_close(db);
		synth_remove(&s);
	}
}

/* Of two events of one thread at one time one becomes a row; the other is in no sum, and counted. */
TEST(questions_answer_alike_from_sums_and_from_events_where_rows_collide)
{
	struct synth s;

	for (int with_switches = 0; with_switches < 2; with_switches++) {
		struct db *db = import_mixed(&s, with_switches, true);

		CHECK_STR(rows(db, "SELECT (SELECT count(*) FROM sample), (SELECT count(*) FROM offcpu)"), "100|100\n");
		CHECK_STR(rows(db, "SELECT stream, lost, reason FROM loss"),
			  with_switches ? "recording|220|duplicate: the same thread, time and CPU twice\n" :
					  "recording|200|duplicate: the same thread, time and CPU twice\n");
		CHECK_STR(rows(db, "SELECT kind, sum(n) FROM thread_total GROUP BY 1"), "off-cpu|100\non-cpu|100\n");
		CHECK_STR(rows(db, "SELECT * FROM function_total EXCEPT SELECT * FROM function_total_def"), "");
		CHECK_STR(rows(db, "SELECT sum(n)=(SELECT count(*) FROM sched_slice) FROM thread_cpu WHERE kind='slice'"), with_switches ? "1\n" : "\n");
		check_sums_and_events(db, with_switches);
		db_close(db);
		synth_remove(&s);
	}
}

/* "utid stack cnt ns" of each entry of a profile, in order. */
static char *entries(struct db *db, const struct filter *f)
{
	struct err err = { 0 };
	struct profile p;
	size_t len;
	char *text;
	FILE *out = open_memstream(&text, &len);

	profile_init(&p);
	CHECK_EQ(profile_read(&p, db, f, &err), 0);
	for (uint32_t utid = 0; utid < 8; utid++)
		for (uint32_t stack = 0; stack < 8; stack++)
			for (uint32_t i = 1; i <= p.entries.cnt; i++)
				if (p.entries.row[i].utid == utid && p.entries.row[i].stack == stack)
					fprintf(out, "%u %u %llu %llu\n", utid, stack, (unsigned long long)p.entries.row[i].cnt, (unsigned long long)p.entries.row[i].ns);
	CHECK(p.cnt && p.entries.cnt < 64);
	profile_deinit(&p);
	fclose(out);
	return text;
}

/* What needs no single event is read from the sums; a condition that always holds asks for the events. */
TEST(profiles_are_alike_from_sums_and_from_events)
{
	static const struct filter filters[] = { { .event = FILTER_ON_CPU }, { .event = FILTER_OFF_CPU }, { .event = FILTER_OFF_CPU, .states = (char *)"D" } };
	struct synth s;

	for (size_t i = 0; i < 2 * sizeof(filters) / sizeof(*filters); i++) {
		struct db *db = import_mixed(&s, false, i % 2);
		struct filter f = filters[i / 2];
		char *sums = entries(db, &f), *events;

		f.where = (char *)"dur_ns IS NOT NULL";
		if (f.event == FILTER_ON_CPU)
			f.where = (char *)"weight_ns IS NOT NULL";
		events = entries(db, &f);
		CHECK_STR(sums, events);
		free(sums);
		free(events);
		db_close(db);
		synth_remove(&s);
	}
}

/* Sums less what is outside of a window are what is in it, wherever it is; the longest wait may be one outside. */
TEST(questions_answer_alike_by_what_is_in_a_window_and_by_what_is_not)
{
	static const char *const names[] = { "hot-functions", "process-cores", "container-cores", "tree-cost", "where-waits", "waits-on-whom", "who-wakes-whom",
					     "wait-histogram", "cpu-balance", "compare-windows", "trust", "wall-time" };
	enum { WINDOWS = 7 };
	static const struct asked windows[WINDOWS] = {
		{ .from = 5000000, .to = INT64_MAX }, { .from = 300000000, .to = INT64_MAX }, { .from = INT64_MIN, .to = 900000000 },
		{ .from = 200000000, .to = 700000000 }, { .from = 999000000, .to = INT64_MAX }, { .from = 5000000, .to = INT64_MAX, .threads = "[2,3]" },
		{ .from = 100000000, .to = 800000000, .threads = "[1,3]" },
	};
	struct task_ref t[3] = { synth_task(1, 1, 1, "a"), synth_task(1, 2, 2, "b"), synth_task(3, 3, 3, "c") };
	struct synth s;
	struct db *db;

	for (int with_switches = 0; with_switches < 2; with_switches++) {
		synth_init(&s, 62);
		uint32_t app = synth_module(&s, MODULE_ELF, "/bin/app", 1);
		struct frame fr[] = { { app, FRAME_EXACT, 0x1010 }, { app, 0, 0x1105 } };
		synth_symbol(&s, app, 0x1000, 0x100, "f");
		synth_symbol(&s, app, 0x1100, 0x100, "main");
		for (int i = 0; i < 100; i++) {
			uint64_t blocked = 1000000 * (1 + (uint64_t)(i * 37 % 11)), runq = (uint64_t)i * 97;

			synth_sample(&s, i * 10000000ll, (uint32_t)i % 2, t[i % 3], fr + i % 2, i % 13 ? 2 - (uint32_t)(i % 2) : 0);
			add_offcpu(&s, i * 10000000ll + 1, t[i % 3], i % 7 ? t[(i + 1) % 3] : (struct task_ref){ 0 }, blocked, runq, i % 4 ? 'S' : 'D', fr + i % 2,
				   2 - (uint32_t)(i % 2), false);
			if (with_switches)
				add_switch(&s, i * 100000ll * (i + 1), 0, t[i % 3], t[(i + 1) % 3], 'R');
		}
		synth_close(&s);
		db = import(&s);
		for (size_t i = 0; i < sizeof(names) / sizeof(*names) * WINDOWS; i++) {
			const char *name = names[i / WINDOWS];
			struct asked a = windows[i % WINDOWS];
			char *in = ask(db, name, &a), *out;

			a.most = true;
			out = ask(db, name, &a);
			if (strcmp(in, out) || (i % WINDOWS == 0 && strlen(in) <= 8))
				printf("# %s, window %zu, switches %d\n", name, i % WINDOWS, with_switches);
			CHECK(i % WINDOWS || strlen(in) > 8);
			CHECK_STR(out, in);
			free(in);
			free(out);
		}
		db_close(db);
		synth_remove(&s);
	}
}

/* 8 s of three threads that take turns on two CPUs, each wait of another length. */
static struct db *import_turns(struct synth *s)
{
	struct task_ref t[3] = { synth_task(1, 1, 1, "a"), synth_task(1, 2, 2, "b"), synth_task(3, 3, 3, "c") };
	uint64_t seed = 1;

	synth_init(s, 61);
	uint32_t app = synth_module(s, MODULE_ELF, "/bin/app", 1);
	struct frame fr[] = { { app, FRAME_EXACT, 0x1010 }, { app, 0, 0x1105 } };
	synth_symbol(s, app, 0x1000, 0x100, "f");
	synth_symbol(s, app, 0x1100, 0x100, "main");
	for (int64_t i = 0, ts = 0; ts < 8000000000ll; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		ts += 1000 + (int64_t)(seed >> 38);
		add_switch(s, ts, 0, t[i % 3], t[(i + 1) % 3], 'R');
		if (i % 3 == 0)
			synth_sample(s, ts, 0, t[seed >> 62 ? 1 : 2], fr + (seed >> 50 & 1), 2 - (uint32_t)(seed >> 50 & 1));
	}
	synth_close(s);
	return import(s);
}

/* What a question about waits for a CPU must say in a window, worked out from every single one. */
static char *from_view(struct db *db, const char *columns, const char *tail, const struct asked *a)
{
	char sql[1024];

	snprintf(sql, sizeof(sql), "SELECT %s FROM runq_latency JOIN thread_v USING(utid) WHERE ts>=%lld AND ts<%lld AND (%d OR utid IN (SELECT value FROM json_each('%s'))) %s",
		 columns, (long long)a->from, (long long)a->to, !a->threads, a->threads ?: "[]", tail);
	return strdup(rows(db, sql));
}

static void check_against_view(struct db *db, const char *name, const char *columns, const char *tail, const struct asked *a)
{
	char *want = from_view(db, columns, tail, a), *got = ask(db, name, a);

	for (char *p = want; (p = strchr(p, '\n')); p++)
		*p = '|';
	if (strcmp(got, want))
		printf("# %s, %lld to %lld, threads %s\n", name, (long long)a->from, (long long)a->to, a->threads ?: "all");
	CHECK_STR(got, want);
	free(want);
	free(got);
}

/* Turns and waits are clipped to the window, also those that began before it, of each recording for itself. */
TEST(questions_clip_the_wall_time_to_the_window)
{
	static const int64_t ms = 1000000, windows[][2] = { { 0, 8000 }, { 1500, 4250 }, { 2100, 2150 }, { 6999, 9000 }, { 9000, 9500 } };
	struct task_ref t[2] = { synth_task(7, 7, 1, "w"), synth_task(8, 8, 2, "x") };
	struct synth s, other;
	struct err err = { 0 };
	struct import *im;
	struct db *db;

	db_close(import_turns(&s));
	synth_init(&other, 63);
	for (int i = 0; i < 80; i++)
		add_offcpu(&other, i * 100 * ms, t[i % 2], (struct task_ref){ 0 }, (uint64_t)(90 + i % 100) * 1000000, (uint64_t)i * 1000000, 'S', NULL, 0, 0);
	for (int i = 0; i < 16; i++)
		add_switch(&other, i * 500 * ms + 1, 0, t[i % 2], t[(i + 1) % 2], 'R');
	synth_close(&other);
	CHECK_EQ(db_create(other.db, &db, &err), 0);
	const struct import_options o = { .symbols = only_recorded, .db = db };
	CHECK_EQ(import_create(&o, &im, &err), 0);
	if (import_read(im, s.path, &err) || import_read(im, other.path, &err) || import_finish(im, &err) || db_finish(db, &err))
		CHECK_STR(err.text, "");
	import_destroy(im);
	for (size_t i = 0; i < sizeof(windows) / sizeof(*windows) * 2; i++) {
		struct asked a = { windows[i / 2][0] * ms, windows[i / 2][1] * ms, .most = i % 2, .columns = "process, running_s, runq_s, blocked_s",
				   .only = "running_s+runq_s+blocked_s>0" };
		char *got = ask(db, "wall-time", &a), sql[2048], *want;

		snprintf(sql, sizeof(sql),
			 "WITH w(a,b) AS (SELECT %lld,%lld),"
			 "run AS (SELECT upid, sum(min(ts+dur_ns,b)-max(ts,a)) AS ns FROM w, sched_slice JOIN thread USING(utid) WHERE ts<b AND ts+dur_ns>a GROUP BY 1),"
			 "off AS (SELECT upid, sum(max(0,min(ts+dur_ns,b)-max(ts+dur_ns-runq_ns,a))) AS runq, sum(max(0,min(ts+dur_ns-runq_ns,b)-max(ts,a))) AS blocked "
			 "FROM w, offcpu JOIN thread USING(utid) WHERE ts<b AND ts+dur_ns>a GROUP BY 1)"
			 "SELECT comm||'|'||round(coalesce(ns,0)/1e9,3)||'|'||round(coalesce(runq,0)/1e9,3)||'|'||round(coalesce(blocked,0)/1e9,3)||'|' "
			 "FROM process LEFT JOIN run USING(upid) LEFT JOIN off USING(upid) WHERE ns OR runq OR blocked ORDER BY coalesce(ns,0) DESC, pid",
			 (long long)a.from, (long long)a.to);
		want = strdup(rows(db, sql));
		for (char *from = want, *to = want;; from++) {
			if (*from != '\n')
				*to++ = *from;
			if (!*from)
				break;
		}
		CHECK_EQ(*want != 0, i / 2 != 4);
		CHECK_STR(got, want);
		free(want);
		free(got);
	}
	db_close(db);
	synth_remove(&s);
	synth_remove(&other);
}

TEST(questions_about_the_run_queue_take_sums_and_events_together)
{
	static const int64_t ms = 1000000, windows[][2] = { { INT64_MIN, INT64_MAX }, { 0, 8000 }, { 1500, 4250 }, { 2000, 5000 }, { 2100, 2900 },
							   { 2500, 3500 }, { INT64_MIN, 3001 }, { 6999, INT64_MAX }, { -5000, -1 }, { 9000, 9500 } };
	static const char *const threads[] = { NULL, "[1,2,3,4]", "[2]" };
	struct synth s;
	struct db *db = import_turns(&s);

	CHECK(db_query_int(db, "SELECT count(*) FROM runq_latency", 0) > 200);
	for (size_t i = 0; i < sizeof(windows) / sizeof(*windows) * 3; i++) {
		const int64_t *w = windows[i / 3];
		struct asked a = { w[0] == INT64_MIN ? w[0] : w[0] * ms, w[1] == INT64_MAX ? w[1] : w[1] * ms, threads[i % 3], w[0] == INT64_MIN && w[1] == INT64_MAX };

		check_against_view(db, "runq-depth", "ts/1000000000, round(sum(latency_ns)/1e9,3), count(*), round(max(latency_ns)/1e3,1)", "GROUP BY 1 ORDER BY 1", &a);
		check_against_view(db, "runq-by-process",
				   "process, pid, count(*), round(sum(latency_ns)/1e6,2), round(sum(latency_ns)/1e3/count(*),1), round(max(latency_ns)/1e3,1), recording_id",
				   "GROUP BY upid ORDER BY sum(latency_ns) DESC", &a);
	}
	db_close(db);
	synth_remove(&s);
}

/* Picking every thread must change nothing but what is known only of all. */
TEST(questions_answer_alike_of_all_threads_by_name_and_without)
{
	static const char *const names[] = { "hot-functions", "compare-windows", "noisy-neighbour", "runq-histogram", "runq-by-container", "trust" };
	struct synth s;
	struct db *db = import_turns(&s);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *all = answer(db, names[i], true);
		char *picked = ask(db, names[i], &(struct asked){ INT64_MIN, INT64_MAX, "[1,2,3,4,5]", true });

		CHECK(strlen(all) > 8);
		CHECK_STR(picked, all);
		free(all);
		free(picked);
	}
	CHECK_STR(rows(db, "SELECT utid, coalesce(stack_id,0), sum(weight_ns), count(*) FROM sample GROUP BY 1, 2 EXCEPT SELECT utid, stack_id, ns, n FROM sample_stack"), "");
	CHECK_STR(rows(db, "SELECT count(*)=(SELECT count(*) FROM (SELECT 1 FROM sample GROUP BY utid, stack_id)) FROM sample_stack"), "1\n");
	db_close(db);
	synth_remove(&s);
}

TEST_MAIN()
