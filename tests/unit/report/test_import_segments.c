// SPDX-License-Identifier: BSD-2-Clause
/* A recording in several files: read in any order, together or joined, with what is not there said. */
#include "report/import_segments.h"

#include "formats/cleanup.h"
#include "report/inputs.h"
#include "tests/unit/report/synth_db.h"

#define SECOND 1000000000LL

struct cut {
	char dir[64], path[6][128], db[128];
};

/* The file of segment n, from 0. */
static char *file(struct cut *c, int n)
{
	char dir[64];

	memcpy(dir, c->dir, sizeof(dir));
	snprintf(c->path[n], sizeof(c->path[n]), "%s/r.%06d.varve", dir, n + 1);
	return c->path[n];
}

static void put(struct recording_writer *w, struct event *ev, int64_t ts)
{
	ev->ts = SYNTH_T0 + (uint64_t)ts;
	CHECK_EQ(recording_writer_add(w, ev, NULL), 0);
}

/* Segments of a second each; segment n holds n + 1 samples of the same thread, and the totals of these. */
static void cut_init(struct cut *c, int cnt, uint8_t uuid)
{
	struct recording_writer_options o = { .realtime_ns = SYNTH_REAL, .monotonic_ns = SYNTH_T0, .arch = 62, .is_segmented = true };
	struct recording_writer *w;
	char name[96];

	o.uuid[0] = uuid;
	strcpy(c->dir, "/tmp/varve-cut-XXXXXX");
	CHECK(mkdtemp(c->dir));
	snprintf(name, sizeof(name), "%s/r", c->dir);
	snprintf(c->db, sizeof(c->db), "%s/r.db", c->dir);
	CHECK_EQ(recording_writer_open(name, &o, &w, NULL), 0);
	for (int n = 0; n < cnt; n++) {
		struct event clock = { .kind = EVENT_CLOCK, .clock = { SYNTH_REAL + (uint64_t)n * SECOND, SYNTH_T0 + SYNTH_BOOT_AHEAD + (uint64_t)n * SECOND } };
		struct event sample = { .kind = EVENT_SAMPLE, .task = { 7, 7, synth_start(-5), "seven" }, .sample.weight_ns = 10 };
		struct event total = { .kind = EVENT_STREAM_TOTAL, .total = { .stream = EVENT_SAMPLE, .seen = (uint64_t)n + 2, .written = (uint64_t)n + 1, .ring_full = 1 } };
		struct event end = { .kind = EVENT_END, .end = { n + 1 < cnt ? END_SEGMENT : END_USER, 0 } };

		put(w, &clock, n * SECOND);
		for (int i = 0; i <= n; i++)
			put(w, &sample, n * SECOND + 100 + i);
		put(w, &total, (n + 1) * SECOND - 1);
		put(w, &end, (n + 1) * SECOND - 1);
		file(c, n);
		if (n + 1 < cnt)
			CHECK_EQ(recording_writer_next_segment(w, SYNTH_REAL + (uint64_t)(n + 1) * SECOND, SYNTH_T0 + (uint64_t)(n + 1) * SECOND, NULL), 0);
	}
	CHECK_EQ(recording_writer_close(w, NULL), 0);
}

static void cut_remove(struct cut *c)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf %s", c->dir);
	CHECK_EQ(system(command), 0);
}

static struct db *import_of(struct cut *c, const char **paths, size_t cnt, struct import_damage *damage)
{
	struct err err = { 0 };
	struct db *db;
	struct import *im;

	unlink(c->db);
	CHECK_EQ(db_create(c->db, &db, &err), 0);
	const struct import_options o = { .symbols = only_recorded, .db = db };
	CHECK_EQ(import_create(&o, &im, &err), 0);
	for (size_t i = 0; i < cnt; i++)
		CHECK_EQ(import_read(im, paths[i], &err), 0);
	CHECK_EQ(import_finish(im, &err), 0);
	CHECK_EQ(db_finish(db, &err), 0);
	import_damage(im, damage);
	import_destroy(im);
	return db;
}

static const char what[] = "SELECT (SELECT count(*) FROM sample), (SELECT count(*) FROM recording), (SELECT count(*) FROM thread), "
			   "(SELECT seen||' '||written||' '||ring_full||' '||imported FROM stream_total), (SELECT ended FROM recording), "
			   "(SELECT duration_ns FROM recording), (SELECT value FROM meta WHERE key='segments')";

TEST(segments_given_in_any_order_are_one_recording)
{
	struct import_damage damage;
	struct cut c;
	struct db *db;

	cut_init(&c, 4, 1);
	const char *paths[] = { c.path[2], c.path[0], c.path[3], c.path[1] };
	CHECK_EQ(inputs_order(paths, 4, NULL), 0);
	for (int i = 0; i < 4; i++)
		CHECK_STR(paths[i], c.path[i]);
	db = import_of(&c, paths, 4, &damage);
	CHECK_STR(rows(db, what), "10|1|1|14 10 4 10|stopped by the user|3999999999|0-3\n");
	CHECK_EQ(damage.missing_segments, 0);
	CHECK(damage.has_end);
	CHECK_STR(rows(db, "SELECT count(*) FROM loss"), "0\n");
	db_close(db);
	cut_remove(&c);
}

TEST(one_segment_alone_has_its_own_time_and_totals)
{
	struct import_damage damage;
	struct cut c;
	struct db *db;

	cut_init(&c, 4, 1);
	const char *paths[] = { c.path[2] };
	db = import_of(&c, paths, 1, &damage);
	CHECK_STR(rows(db, what), "3|1|1|4 3 1 3|goes on in the next segment|999999999|2\n");
	CHECK_STR(rows(db, "SELECT min(ts), t0_unix_ns FROM sample, recording"), "100|1700000002000000000\n");
	CHECK_STR(rows(db, "SELECT start_ts FROM thread"), "-2000000005\n");
	db_close(db);
	cut_remove(&c);
}

TEST(segments_that_are_not_there_are_said_and_are_no_damage)
{
	struct import_damage damage;
	char joined[96], command[512];
	struct cut c;
	struct db *db;

	cut_init(&c, 6, 1);
	snprintf(joined, sizeof(joined), "%s/joined", c.dir);
	snprintf(command, sizeof(command), "cat %s %s %s >%s", c.path[1], c.path[2], c.path[5], joined);
	CHECK_EQ(system(command), 0);
	for (int way = 0; way < 2; way++) {
		const char *paths[] = { way ? joined : c.path[1], c.path[2], c.path[5] };

		db = import_of(&c, paths, way ? 1 : 3, &damage);
		CHECK_STR(rows(db, what), "11|1|1|14 11 3 11|stopped by the user|4999999999|1-2, 5\n");
		CHECK_STR(rows(db, "SELECT ts, dur_ns, stream, reason FROM loss"), "1999999999|2000000001|recording|segments: 3 to 4 are not here\n");
		CHECK_EQ(damage.missing_segments, 2);
		CHECK_EQ(damage.stretches, 0);
		db_close(db);
	}
	cut_remove(&c);
}

TEST(a_last_segment_that_was_cut_off_did_not_end_on_purpose)
{
	struct import_damage damage;
	struct cut c;
	struct db *db;

	cut_init(&c, 2, 1);
	CHECK_EQ(truncate(c.path[1], 96), 0);
	const char *paths[] = { c.path[0], c.path[1] };
	db = import_of(&c, paths, 2, &damage);
	CHECK_STR(rows(db, what), "1|1|1|2 1 1 1||999999999|0-1\n");
	CHECK(!damage.has_end);
	db_close(db);
	cut_remove(&c);
}

TEST(other_recordings_and_pipes_keep_their_place)
{
	struct cut a, b;

	cut_init(&a, 3, 1);
	cut_init(&b, 2, 2);
	const char *paths[] = { "-", b.path[1], a.path[2], "/nonexistent", b.path[0], a.path[0] };
	CHECK_EQ(inputs_order(paths, 6, NULL), 0);
	CHECK_STR(paths[0], "-");
	CHECK_STR(paths[1], b.path[0]);
	CHECK_STR(paths[2], b.path[1]);
	CHECK_STR(paths[3], a.path[0]);
	CHECK_STR(paths[4], a.path[2]);
	CHECK_STR(paths[5], "/nonexistent");
	cut_remove(&a);
	cut_remove(&b);
}

TEST(a_file_of_nothing_but_segments_is_told_in_a_few_words)
{
	static struct recording_segment list[50000];
	const struct recording_summary sum = { .segment = list, .segment_cnt = 50000 };
	struct import_segments s = { 0 };
	struct import_segments_gap g;
	uint32_t at = 0, gaps = 0;
	char *text;

	for (size_t i = 0; i < 50000; i++)
		list[i].number = i % 2 ? UINT64_MAX - i : 3 * i;
	CHECK_EQ(import_segments_add(&s, &sum), 0);
	import_segments_sort(&s);
	while (import_segments_gap(&s, &at, &g)) {
		CHECK(g.first <= g.last);
		gaps++;
	}
	CHECK_EQ(gaps, 49999);
	text = import_segments_text(&s);
	CHECK_HAS(text, "0, 6, 12, ");
	CHECK_HAS(text, ", …");
	CHECK(strlen(text) < 1000);
	free(text);
	import_segments_deinit(&s);
}

TEST_MAIN()
