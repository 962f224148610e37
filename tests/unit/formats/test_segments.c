// SPDX-License-Identifier: BSD-2-Clause
/* Recordings that are cut into segments: what is in which file, what is deleted when, who may write. */
#include "formats/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "tests/test.h"

#define SECOND 1000000000ull

static const struct recording_writer_options options = {
	.uuid = { 4, 5, 6 },
	.realtime_ns = 1700000000000000000,
	.monotonic_ns = 1000 * SECOND,
	.is_segmented = true,
};

/* A directory of the test's own, which its next user empties. */
static const char *dir(void)
{
	static char name[64];
	char command[256];

	snprintf(name, sizeof(name), "/tmp/varve-test-segments.%d", (int)getpid());
	snprintf(command, sizeof(command), "rm -rf %s && mkdir %s", name, name);
	CHECK_EQ(system(command), 0);
	return name;
}

static void done(const char *d)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", d);
	CHECK_EQ(system(command), 0);
}

static const char *in(const char *d, const char *name)
{
	static char path[2][256];
	static int which;

	which ^= 1;
	snprintf(path[which], sizeof(path[which]), "%s/%s", d, name);
	return path[which];
}

static const char *segment(const char *d, int n)
{
	char name[32];

	snprintf(name, sizeof(name), "x.%06d.varve", n);
	return in(d, name);
}

static struct recording_writer *writer(const char *d, const struct recording_keep *keep, bool force)
{
	struct recording_writer_options o = options;
	struct recording_writer *w = NULL;
	struct err err = { 0 };

	if (keep)
		o.keep = *keep;
	o.force = force;
	if (recording_writer_open(in(d, "x.varve"), &o, &w, &err))
		printf("# %s\n", err.text);
	CHECK(w);
	return w;
}

/* n marks and, for the size, noise of sz bytes. */
static void add(struct recording_writer *w, uint64_t ts, int n, size_t sz)
{
	_cleanup_free_ char *noise = calloc(1, sz + 1);
	uint32_t state = (uint32_t)ts | 1;

	CHECK(noise);
	for (size_t i = 0; i < sz; i++) {
		state = state * 1664525 + 1013904223;
		noise[i] = (char)(1 + (state >> 24) % 255);
	}
	for (int i = 0; i < n; i++) {
		const struct event ev = { .kind = EVENT_MARK, .ts = ts + (uint64_t)i, .mark = { i ? "" : noise } };

		CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
	}
}

static void next(struct recording_writer *w, uint64_t ts)
{
	const struct event ev = { .kind = EVENT_END, .ts = ts, .end = { END_SEGMENT, 0 } };
	struct err err = { 0 };

	CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
	if (recording_writer_next_segment(w, options.realtime_ns + ts - options.monotonic_ns, ts, &err))
		printf("# %s\n", err.text);
	CHECK_STR(err.text, "");
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

struct read {
	int code;
	uint64_t marks;
	struct recording_summary s;
	struct recording_segment first, last;
	struct recording_damage damage; /* the first */
};

static struct read read_file(const char *path)
{
	struct recording_reader *r = NULL;
	struct read got = { 0 };
	struct event ev;

	got.code = recording_reader_open(path, &r, NULL);
	if (got.code)
		return got;
	while ((got.code = recording_reader_next(r, &ev, NULL)) == 1)
		got.marks += ev.kind == EVENT_MARK;
	got.s = *recording_reader_summary(r);
	if (got.s.segment_cnt) {
		got.first = got.s.segment[0];
		got.last = got.s.segment[got.s.segment_cnt - 1];
	}
	if (got.s.damage_cnt)
		got.damage = got.s.damage[0];
	recording_reader_close(r);
	return got;
}

static struct read read_joined(const char *d, const char *numbers)
{
	char command[512];

	snprintf(command, sizeof(command), "cd %s && rm -f joined && for n in %s; do cat x.00000$n.varve; done >joined", d, numbers);
	CHECK_EQ(system(command), 0);
	return read_file(in(d, "joined"));
}

TEST(each_segment_is_read_alone_and_all_of_them_joined)
{
	const char *d = dir();
	struct recording_writer *w = writer(d, NULL, false);
	struct read got;

	for (int i = 0; i < 5; i++) {
		uint64_t ts = options.monotonic_ns + (uint64_t)i * SECOND;

		CHECK_EQ(recording_writer_position(w).segment, i);
		CHECK_STR(recording_writer_position(w).path, segment(d, i + 1));
		add(w, ts, 10 + i, 2000);
		if (i < 4)
			next(w, ts + SECOND);
	}
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	for (int i = 0; i < 5; i++) {
		got = read_file(segment(d, i + 1));
		CHECK_EQ(got.marks, 10 + i);
		CHECK_EQ(got.s.damage_cnt, 0);
		CHECK_EQ(got.s.has_end, i < 4);
		CHECK_EQ(got.first.number, i);
		CHECK_EQ(got.s.monotonic_ns, options.monotonic_ns + (uint64_t)i * SECOND);
		CHECK_EQ(got.s.realtime_ns, options.realtime_ns + (uint64_t)i * SECOND);
		CHECK(!memcmp(got.s.uuid, options.uuid, 16));
	}
	got = read_joined(d, "1 2 3 4 5");
	CHECK_EQ(got.marks, 60);
	CHECK_EQ(got.s.damage_cnt, 0);
	CHECK_EQ(got.s.segments, 5);
	CHECK_EQ(got.last.number, 4);
	CHECK(!got.s.has_end); /* the last one's counts */
	got = read_joined(d, "3 5 1 4 2");
	CHECK_EQ(got.marks, 60);
	CHECK_EQ(got.s.damage_cnt, 0);
	got = read_joined(d, "2 2 3");
	CHECK_EQ(got.marks, 23);
	CHECK_EQ(got.s.duplicate_chunks, 2);
	CHECK_EQ(got.s.damage_cnt, 0);
	done(d);
}

TEST(a_missing_segment_is_no_damage_a_missing_chunk_is)
{
	const char *d = dir();
	struct recording_writer *w = writer(d, NULL, false);
	struct read got;
	off_t half = 0;

	for (int i = 0; i < 4; i++) {
		add(w, options.monotonic_ns + (uint64_t)i * SECOND, 5, 1000);
		CHECK_EQ(recording_writer_flush(w, NULL), 0);
		if (i == 1)
			half = (off_t)recording_writer_position(w).bytes;
		add(w, options.monotonic_ns + (uint64_t)i * SECOND + 10, 5, 1000);
		next(w, options.monotonic_ns + (uint64_t)(i + 1) * SECOND);
	}
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	got = read_joined(d, "1 4");
	CHECK_EQ(got.marks, 20);
	CHECK_EQ(got.s.damage_cnt, 0);
	CHECK_EQ(got.first.last_ts, options.monotonic_ns + SECOND);
	CHECK_EQ(got.last.number, 3);
	/* the end of the second is gone: its last two chunks */
	CHECK_EQ(truncate(segment(d, 2), half), 0);
	got = read_joined(d, "1 2 3");
	CHECK_EQ(got.s.damage_cnt, 1);
	CHECK_EQ(got.damage.chunks, 2);
	done(d);
}

TEST(what_is_kept_stays_within_the_limit_and_one_segment)
{
	static const struct recording_keep limits[] = {
		{ .cnt = 3 }, { .bytes = 50000 }, { .age_ns = 3 * SECOND }, { .cnt = 100, .bytes = 1000000, .age_ns = 2 * SECOND },
	};

	for (size_t k = 0; k < ARRAY_SIZE(limits); k++) {
		const char *d = dir();
		struct recording_writer *w = writer(d, &limits[k], false);
		int left = 0;

		for (int i = 1; i <= 12; i++) {
			struct recording_position p;
			uint64_t total = 0;

			add(w, options.monotonic_ns + (uint64_t)i * SECOND, 1, 10000);
			next(w, options.monotonic_ns + (uint64_t)(i + 1) * SECOND);
			left = 0;
			for (int n = 1; n <= i; n++) {
				struct stat st;

				if (stat(segment(d, n), &st))
					continue;
				total += (uint64_t)st.st_size;
				left++;
			}
			p = recording_writer_position(w);
			CHECK_EQ(p.total_bytes, total + p.bytes);
			CHECK(exists(segment(d, i))); /* the newest stays */
			CHECK(exists(segment(d, i + 1)));
			CHECK(!limits[k].cnt || left <= (int)limits[k].cnt);
			CHECK(!limits[k].bytes || total <= limits[k].bytes);
			CHECK(!limits[k].age_ns || left <= (int)(limits[k].age_ns / SECOND) + 1);
		}
		CHECK(left >= 3);
		CHECK_EQ(recording_writer_close(w, NULL), 0);
		done(d);
	}
}

TEST(a_second_writer_of_the_same_segments_is_refused_and_a_later_one_goes_on)
{
	const char *d = dir();
	struct recording_writer *w = writer(d, NULL, false), *second = NULL;
	struct recording_keep keep = { .cnt = 2 };
	struct err err = { 0 };

	CHECK_EQ(recording_writer_open(in(d, "x"), &options, &second, &err), -EBUSY);
	CHECK_HAS(err.text, "another recorder");
	CHECK(exists(in(d, "x.lock")));
	next(w, options.monotonic_ns + SECOND);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	CHECK(!exists(in(d, "x.lock")));
	w = writer(d, NULL, false);
	CHECK_STR(recording_writer_position(w).path, segment(d, 3));
	CHECK_EQ(recording_writer_position(w).segment, 0);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	/* what earlier runs left counts, and goes */
	w = writer(d, &keep, false);
	CHECK(!exists(segment(d, 1)));
	CHECK(exists(segment(d, 2)));
	CHECK_STR(recording_writer_position(w).path, segment(d, 4));
	recording_writer_discard(w);
	CHECK(!exists(segment(d, 4)));
	w = writer(d, NULL, true);
	CHECK(!exists(segment(d, 2)));
	CHECK(!exists(segment(d, 3)));
	CHECK_STR(recording_writer_position(w).path, segment(d, 1));
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	done(d);
}

TEST(only_segments_are_counted_and_deleted)
{
	static const char *const others[] = { "x.varve", "x.00001.varve", "x.000001.varve.old", "y.000001.varve", "x.000001.db", "x.0000001.varve" };
	const char *d = dir();
	struct recording_keep keep = { .bytes = 1 };
	struct recording_writer *w;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		CHECK_EQ(close(open(in(d, others[i]), O_CREAT | O_WRONLY, 0600)), 0);
	CHECK_EQ(symlink("x.varve", segment(d, 7)), 0);
	w = writer(d, &keep, true);
	CHECK_STR(recording_writer_position(w).path, segment(d, 1));
	next(w, options.monotonic_ns + SECOND);
	next(w, options.monotonic_ns + 2 * SECOND);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	CHECK(!exists(segment(d, 1)));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		CHECK(exists(in(d, others[i])));
	CHECK(exists(segment(d, 7)));
	done(d);
}

TEST(where_the_next_segment_cannot_be_made_the_present_one_goes_on)
{
	const char *d = dir();
	struct recording_writer *w = writer(d, NULL, false);
	struct err err = { 0 };
	struct read got;

	CHECK_EQ(mkdir(segment(d, 2), 0700), 0); /* no segment, and in the way */
	add(w, options.monotonic_ns, 3, 100);
	CHECK_EQ(recording_writer_next_segment(w, 1, options.monotonic_ns + 5, &err), -EEXIST);
	CHECK_HAS(err.text, "x.000002.varve");
	CHECK_EQ(recording_writer_position(w).segment, 0);
	add(w, options.monotonic_ns + 10, 4, 100);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	got = read_file(segment(d, 1));
	CHECK_EQ(got.marks, 7);
	CHECK_EQ(got.s.damage_cnt, 0);
	CHECK_EQ(got.s.monotonic_ns, options.monotonic_ns);
	done(d);
}

/* As the session does: a segment ends, and all of them go into a file. */
static void snapshot(struct recording_writer *w, uint64_t ts)
{
	struct output out;
	uint64_t bytes = 0;

	next(w, ts);
	CHECK_EQ(recording_writer_open_snapshot(w, ts, &out, NULL), 0);
	CHECK_EQ(recording_writer_write_snapshot(w, &out, NULL), 0);
	CHECK_EQ(recording_writer_end_snapshot(w, bytes, ts), 0);
	recording_writer_trim(w, ts);
}

TEST(what_stays_in_memory_is_bounded_and_a_snapshot_of_it_is_a_recording)
{
	const char *d = dir();
	struct recording_writer_options o = options;
	struct recording_writer *w;
	struct read got;

	o.flight = (struct recording_flight){ .bytes = 50000, .age_ns = 100 * SECOND };
	CHECK_EQ(recording_writer_open(in(d, "x"), &o, &w, NULL), 0);
	CHECK(!exists(segment(d, 1)));
	CHECK(exists(in(d, "x.lock")));
	for (int i = 0; i < 20; i++) {
		uint64_t ts = options.monotonic_ns + (uint64_t)i * SECOND;

		add(w, ts, 3, 9000);
		next(w, ts + SECOND);
		recording_writer_trim(w, ts + SECOND);
		CHECK(recording_writer_position(w).kept <= 5);
		CHECK_EQ(recording_writer_position(w).total_bytes, 0);
	}
	add(w, options.monotonic_ns + 20 * SECOND, 7, 100);
	CHECK_STR(recording_writer_position(w).path, segment(d, 1));
	snapshot(w, options.monotonic_ns + 21 * SECOND);
	CHECK_STR(recording_writer_position(w).path, segment(d, 2));
	got = read_file(segment(d, 1));
	CHECK_EQ(got.code, 0);
	CHECK_EQ(got.marks, 5 * 3 + 7);
	CHECK_EQ(got.s.damage_cnt, 0);
	CHECK(got.s.has_end);
	CHECK_EQ(got.first.number, 15);
	CHECK_EQ(got.last.number, 20);
	CHECK_EQ(got.s.monotonic_ns, options.monotonic_ns + 15 * SECOND);
	/* the next one overlaps it: together each chunk counts once */
	add(w, options.monotonic_ns + 22 * SECOND, 4, 100);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	got = read_file(segment(d, 2));
	CHECK_EQ(got.last.number, 21);
	CHECK_EQ(got.s.damage_cnt, 0);
	CHECK(got.marks > 7 + 4);
	got = read_joined(d, "1 2");
	CHECK_EQ(got.marks, 5 * 3 + 7 + 4);
	CHECK_EQ(got.s.damage_cnt, 0);
	CHECK(got.s.duplicate_chunks > 0);
	done(d);
}

TEST(what_stays_in_memory_goes_when_it_is_old)
{
	const char *d = dir();
	struct recording_writer_options o = options;
	struct recording_writer *w;

	o.flight = (struct recording_flight){ .bytes = 1 << 20, .age_ns = 3 * SECOND };
	CHECK_EQ(recording_writer_open(in(d, "x"), &o, &w, NULL), 0);
	for (int i = 1; i <= 10; i++) {
		add(w, options.monotonic_ns + (uint64_t)i * SECOND, 1, 10);
		next(w, options.monotonic_ns + (uint64_t)i * SECOND);
		recording_writer_trim(w, options.monotonic_ns + (uint64_t)i * SECOND);
		CHECK_EQ(recording_writer_position(w).kept, i < 4 ? i : 4); /* the last ended 3 s ago: within */
	}
	recording_writer_discard(w);
	CHECK(!exists(segment(d, 1)));
	CHECK(!exists(in(d, "x.lock")));
	done(d);
}

TEST(peek_tells_recording_and_segment_and_reads_regular_files_only)
{
	const char *d = dir();
	struct recording_writer *w = writer(d, NULL, false);
	uint64_t number = 99;
	uint8_t uuid[16];

	next(w, options.monotonic_ns + SECOND);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	CHECK_EQ(recording_peek(segment(d, 2), uuid, &number), 0);
	CHECK_EQ(number, 1);
	CHECK(!memcmp(uuid, options.uuid, 16));
	CHECK_EQ(truncate(segment(d, 2), 90), 0);
	CHECK_EQ(recording_peek(segment(d, 2), uuid, &number), -EBADMSG);
	CHECK_EQ(mkfifo(in(d, "pipe"), 0600), 0);
	CHECK_EQ(recording_peek(in(d, "pipe"), uuid, &number), -EINVAL);
	CHECK_EQ(recording_peek(in(d, "none"), uuid, &number), -ENOENT);
	done(d);
}

TEST_MAIN()
