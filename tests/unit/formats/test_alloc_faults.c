// SPDX-License-Identifier: BSD-2-Clause
/*
 * The n-th allocation fails, for every n: nothing crashes or leaks (the sanitizer build sees
 * leaks), what was written is whole chunks, and what could not be is counted. The library is
 * compiled into this file, so that its allocations are ours to fail.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static long fail_at; /* countdown; 0: none fails */

static int fails(void)
{
	return fail_at && !--fail_at;
}

static void *faulty_malloc(size_t n)
{
	return fails() ? NULL : malloc(n);
}

static void *faulty_calloc(size_t n, size_t sz)
{
	return fails() ? NULL : calloc(n, sz);
}

static void *faulty_realloc(void *p, size_t n)
{
	return fails() ? NULL : realloc(p, n);
}

static char *faulty_strdup(const char *s)
{
	return fails() ? NULL : strdup(s);
}

static char *faulty_strndup(const char *s, size_t n)
{
	return fails() ? NULL : strndup(s, n);
}

#include <stdarg.h>
#include <stdio.h>

static int __attribute__((format(printf, 2, 3))) faulty_asprintf(char **ret, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (fails())
		return -1;
	va_start(ap, fmt);
	n = vasprintf(ret, fmt, ap);
	va_end(ap);
	return n;
}

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "tests/test.h"
#include "tests/unit/formats/random_events.h"

#define malloc faulty_malloc
#define calloc faulty_calloc
#define realloc faulty_realloc
#undef strdup
#define strdup faulty_strdup
#undef strndup
#define strndup faulty_strndup
#define asprintf faulty_asprintf

#include "formats/bytes.c"
#include "formats/chunk_encode.c"
#include "formats/chunk_reader.c"
#include "formats/chunk_scan.c"
#include "formats/chunk_tables.c"
#include "formats/chunk_writer.c"
#include "formats/columns.c"
#include "formats/damage.c"
#include "formats/flight.c"
#include "formats/idmap.c"
#include "formats/input.c"
#include "formats/modtab.c"
#include "formats/output.c"
#include "formats/row_order.c"
#include "formats/section_reader.c"
#include "formats/seqset.c"
#include "formats/stack_order.c"
#include "formats/stacktab.c"
#include "formats/strtab.c"
#include "formats/tasktab.c"
#define create writer_create
#define destroy writer_destroy
#include "formats/recording_writer.c"
#undef create
#undef destroy
#include "formats/recording_chunk.c"
#include "formats/recording_file.c"
#include "formats/recording_flight.c"
#define add segments_add
#define deinit segments_deinit
#define scan segments_scan
#include "formats/segments.c"
#undef add
#undef deinit
#undef scan
#define take_chunk reader_take_chunk
#include "formats/recording_reader.c"

#undef malloc
#undef calloc
#undef realloc
#undef strdup
#undef strndup
#undef asprintf

#define EVENTS 150

static const char *path(void)
{
	static char name[64];

	snprintf(name, sizeof(name), "/tmp/varve-test-alloc.%d", (int)getpid());
	return name;
}

struct tally {
	int open_code, failed_adds, close_code;
	uint64_t added, written, dropped;
};

static void sum_stats(struct tally *t, const struct recording_writer_stats *s)
{
	t->written = t->dropped = 0;
	for (unsigned kind = 0; kind < EVENT_KIND_CNT; kind++) {
		if (kind == EVENT_LOSS)
			continue;
		t->written += s->written[kind];
		t->dropped += s->dropped[kind];
	}
}

/* Modules whose adding failed are 0 here: a frame without one is a raw address. */
static void only_known_modules(struct random_event *e, const uint32_t known[TEST_MODULES + 1])
{
	for (int s = 0; s < 2; s++)
		for (int i = 0; i < RANDOM_FRAMES; i++)
			e->frames[s][i].module = known[e->frames[s][i].module];
	if (e->ev.kind == EVENT_MAPPING)
		e->ev.mapping.module = known[e->ev.mapping.module];
	if (e->ev.kind == EVENT_SYMBOL)
		e->ev.symbol.module = known[e->ev.symbol.module];
}

static void add_events(struct recording_writer *w, struct tally *t)
{
	uint32_t known[TEST_MODULES + 1] = { 0 };
	static struct random_event e;
	uint64_t state = 77;

	for (int i = 0; i < TEST_MODULES; i++) {
		int id = recording_writer_add_module(w, &test_modules[i]);

		CHECK(id > 0 || id == -ENOMEM);
		known[i + 1] = id > 0 ? (uint32_t)id : 0;
	}
	for (int i = 0; i < EVENTS; i++) {
		int ret;

		random_event(&state, 1 + (unsigned)i % (EVENT_KIND_CNT - 1), &e);
		if (e.ev.kind == EVENT_LOSS)
			continue; /* the writer adds its own */
		only_known_modules(&e, known);
		ret = recording_writer_add(w, &e.ev, NULL);
		CHECK(!ret || ret == -ENOMEM);
		t->failed_adds += ret != 0;
		t->added += !ret;
		if (i % 50 == 49)
			(void)recording_writer_flush(w, NULL); /* failures show in the stats */
	}
}

static struct tally write_it(void)
{
	static const struct recording_writer_options options = { .uuid = { 3 }, .force = true };
	struct recording_writer *w = NULL;
	struct tally t = { 0 };

	t.open_code = recording_writer_open(path(), &options, &w, NULL);
	if (t.open_code)
		return t;
	add_events(w, &t);
	(void)recording_writer_flush(w, NULL);
	sum_stats(&t, recording_writer_stats(w));
	t.close_code = recording_writer_close(w, NULL);
	return t;
}

/* Events read, LOSS left out; -1 with *ret_code when reading failed. */
static int64_t read_it(int *ret_code)
{
	struct recording_reader *r = NULL;
	struct event ev;
	int64_t n = 0;
	int ret = recording_reader_open(path(), &r, NULL);

	while (!ret) {
		ret = recording_reader_next(r, &ev, NULL);
		if (ret <= 0)
			break;
		n += ev.kind != EVENT_LOSS;
		ret = 0;
	}
	if (r && !ret)
		CHECK_EQ(recording_reader_summary(r)->damage_cnt, 0);
	recording_reader_close(r);
	*ret_code = ret;
	return ret ? -1 : n;
}

TEST(a_writer_without_memory_loses_events_and_counts_them)
{
	int ret;
	bool is_over = false;

	for (long n = 1; !is_over; n += TEST_STEP) {
		struct tally t;

		fail_at = n;
		t = write_it();
		is_over = fail_at > 0; /* it was not reached: all have been tried */
		fail_at = 0;
		CHECK(!t.open_code || t.open_code == -ENOMEM);
		if (t.open_code)
			continue;
		CHECK_EQ(t.written + t.dropped, t.added);
		CHECK_EQ(read_it(&ret), t.written);
		CHECK(!t.close_code || t.close_code == -ENOMEM || t.close_code == -ENOBUFS);
		CHECK(!is_over || (!t.failed_adds && !t.dropped));
	}
	unlink(path());
}

/* ---- segments ---- */

#define PARTS 3

static const char *part(int n)
{
	static char name[96];

	snprintf(name, sizeof(name), "%s.%06d.varve", path(), n);
	return name;
}

static void remove_parts(void)
{
	char lock[96];

	for (int n = 1; n <= PARTS + 1; n++)
		unlink(part(n));
	snprintf(lock, sizeof(lock), "%s.lock", path());
	unlink(lock); /* its name could not be made again: it stays, and is no harm */
}

static struct tally write_parts(const struct recording_writer_options *o)
{
	struct recording_writer *w = NULL;
	struct tally t = { 0 };

	remove_parts();
	t.open_code = recording_writer_open(path(), o, &w, NULL);
	if (t.open_code)
		return t;
	for (int n = 0; n < PARTS; n++) {
		add_events(w, &t);
		(void)recording_writer_flush(w, NULL);
		if (n + 1 < PARTS)
			(void)recording_writer_next_segment(w, 1, (uint64_t)n + 1, NULL); /* else the present one goes on */
	}
	(void)recording_writer_flush(w, NULL);
	sum_stats(&t, recording_writer_stats(w));
	t.close_code = recording_writer_close(w, NULL);
	return t;
}

/* Events in all parts that are there; each part is whole. */
static uint64_t read_parts(void)
{
	uint64_t sum = 0;

	for (int n = 1; n <= PARTS; n++) {
		struct recording_reader *r = NULL;
		struct event ev;

		if (recording_reader_open(part(n), &r, NULL))
			continue;
		while (recording_reader_next(r, &ev, NULL) == 1)
			sum += ev.kind != EVENT_LOSS;
		CHECK_EQ(recording_reader_summary(r)->damage_cnt, 0);
		recording_reader_close(r);
	}
	return sum;
}

static void starve_parts(const struct recording_writer_options *o, bool in_memory)
{
	bool is_over = false;

	for (long n = 1; !is_over; n += TEST_STEP) {
		struct tally t;
		uint64_t got;

		fail_at = n;
		t = write_parts(o);
		is_over = fail_at > 0;
		fail_at = 0;
		CHECK(!t.open_code || t.open_code == -ENOMEM);
		if (t.open_code)
			continue;
		CHECK_EQ(t.written + t.dropped, t.added);
		got = read_parts();
		CHECK(got == t.written || (in_memory && t.close_code && got < t.written));
		CHECK(!is_over || (!t.failed_adds && !t.dropped && !t.close_code));
	}
	remove_parts();
}

TEST(segments_without_memory_lose_events_and_count_them)
{
	const struct recording_writer_options o = { .uuid = { 3 }, .force = true, .is_segmented = true };

	starve_parts(&o, false);
}

TEST(a_recording_in_memory_without_memory_loses_events_and_counts_them)
{
	const struct recording_writer_options o = { .uuid = { 3 }, .force = true, .is_segmented = true, .flight.bytes = 64 << 20 };

	starve_parts(&o, true);
}

TEST(a_reader_without_memory_says_so)
{
	struct tally t = write_it();
	int ret = -1;

	for (long n = 1; ret; n += TEST_STEP) {
		int64_t got;

		fail_at = n;
		got = read_it(&ret);
		fail_at = 0;
		CHECK(ret == 0 || ret == -ENOMEM);
		CHECK(got == -1 || got == (int64_t)t.written);
		CHECK(n < 100000);
	}
	unlink(path());
}

TEST_MAIN()
