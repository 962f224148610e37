// SPDX-License-Identifier: BSD-2-Clause
#include "formats/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/chunk_scan.h"
#include "formats/cleanup.h"
#include "formats/format.h"
#include "tests/test.h"
#include "tests/unit/formats/random_events.h"

static const struct recording_writer_options options = {
	.uuid = { 1, 2, 3 },
	.boot_id = { 9 },
	.realtime_ns = 1700000000000000000,
	.monotonic_ns = 1000000000,
	.arch = 62,
};

static const char *path(void)
{
	static char
		name[64]; /* differs by process: the plain and the sanitized test may run at once */

	snprintf(name, sizeof(name), "/tmp/varve-test-recording.%d", (int)getpid());
	return name;
}
#define PATH path()

static struct recording_writer *writer(const struct recording_writer_options *o)
{
	struct recording_writer_options forced = *o;
	struct recording_writer *w = NULL;
	struct err err = { 0 };

	forced.force = true;
	if (recording_writer_open(PATH, &forced, &w, &err))
		printf("# %s\n", err.text);
	CHECK(w);
	return w;
}

static struct recording_reader *reader(void)
{
	struct recording_reader *r = NULL;
	struct err err = { 0 };

	if (recording_reader_open(PATH, &r, &err))
		printf("# %s\n", err.text);
	CHECK(r);
	return r;
}

static void add_modules(struct recording_writer *w)
{
	for (int i = 0; i < TEST_MODULES; i++)
		CHECK_EQ(recording_writer_add_module(w, &test_modules[i]), i + 1);
	CHECK_EQ(recording_writer_add_module(w, &test_modules[0]), 1);
}

/* Events of a chunk come back sorted by time and kind; each must be one that was written, once. */
static void check_all_read(struct random_event *want, size_t n)
{
	struct recording_reader *r = reader();
	struct event ev;
	struct err err = { 0 };
	size_t got = 0;

	while (recording_reader_next(r, &ev, &err) == 1) {
		size_t i;

		for (i = 0; i < n; i++)
			if (want[i].ev.kind && same_event(&want[i].ev, &ev, r))
				break;
		CHECK(i < n);
		want[i].ev.kind = 0;
		got++;
	}
	CHECK_STR(err.text, "");
	CHECK_EQ(got, n);
	CHECK_EQ(recording_reader_summary(r)->damage_cnt, 0);
	recording_reader_close(r);
}

TEST(random_events_of_every_kind_come_back_as_they_were)
{
	enum { N = 400 };
	struct random_event *events = calloc(N, sizeof(*events));
	uint64_t state = 1;

	for (int round = 0; round < 20; round++) {
		struct recording_writer *w = writer(&options);

		add_modules(w);
		for (int i = 0; i < N; i++) {
			random_event(&state, 1 + random_next(&state) % (EVENT_KIND_CNT - 1),
				     &events[i]);
			CHECK_EQ(recording_writer_add(w, &events[i].ev, NULL), 0);
			if (random_next(&state) % 50 == 0)
				CHECK_EQ(recording_writer_flush(w, NULL), 0);
		}
		CHECK_EQ(recording_writer_close(w, NULL), 0);
		check_all_read(events, N);
	}
	free(events);
	unlink(PATH);
}

TEST(modules_come_back_with_segments_once_each)
{
	struct recording_writer *w = writer(&options);
	struct recording_reader *r;
	struct event ev = { .kind = EVENT_SAMPLE, .ts = 5 };
	struct frame f = { .module = 1, .off = 0x1010 };
	const struct module *m;

	add_modules(w);
	ev.stack = (struct event_stack){ .frames = &f, .cnt = 1 };
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
		CHECK_EQ(recording_writer_flush(w, NULL), 0);
	}
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	r = reader();
	while (recording_reader_next(r, &ev, NULL) == 1)
		CHECK_EQ(ev.stack.id, 1);
	CHECK_EQ(recording_reader_module_count(r), 1); /* only what was referred to travels */
	m = recording_reader_module(r, 1);
	CHECK_STR(m->path, "/usr/bin/x");
	CHECK_EQ(m->seg_cnt, 2);
	CHECK_EQ(m->segs[1].vaddr, 0x409000);
	CHECK(!memcmp(m->build_id, "abcdefghijklmnopqrs", 20));
	CHECK(!recording_reader_module(r, 0) && !recording_reader_module(r, 2));
	recording_reader_close(r);
	unlink(PATH);
}

static bool is_first(void *ctx, uint32_t id)
{
	return id == 1;
}

/* Each of these in a chunk of its own, as a sample of this module. */
static void add_sample(struct recording_writer *w, uint32_t module, uint64_t ts)
{
	struct frame f = { .module = module, .off = 0x1010 };
	struct event ev = { .kind = EVENT_SAMPLE, .ts = ts, .stack = { .frames = &f, .cnt = 1 } };

	CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
}

TEST(modules_that_are_forgotten_leave_their_ids_to_others)
{
	struct module m = { .kind = MODULE_ELF, .path = "/usr/bin/other", .build_id = "o", .build_id_sz = 1 };
	struct recording_writer *w = writer(&options);
	static const char *const want[] = { "/usr/bin/x", NULL, "/usr/bin/other", NULL };
	uint32_t cnt, second, third;
	struct recording_reader *r;
	struct event ev, bad = { .kind = EVENT_SAMPLE, .ts = 9 };
	struct frame f;
	int n = 0;

	add_modules(w);
	cnt = recording_writer_module_count(w);
	CHECK(cnt >= 3);
	add_sample(w, 1, 5);
	add_sample(w, 2, 6);
	recording_writer_forget_modules(w, is_first, NULL);
	CHECK_EQ(recording_writer_module_count(w), 2); /* the open chunk speaks of the second */
	f = (struct frame){ .module = 3 };
	bad.stack = (struct event_stack){ .frames = &f, .cnt = 1 };
	CHECK_EQ(recording_writer_add(w, &bad, NULL), -EINVAL);
	CHECK_EQ(recording_writer_flush(w, NULL), 0);
	recording_writer_forget_modules(w, is_first, NULL);
	CHECK_EQ(recording_writer_module_count(w), 1);
	second = (uint32_t)recording_writer_add_module(w, &m);
	CHECK(second > 1 && second <= cnt); /* in somebody's place */
	CHECK_EQ(recording_writer_add_module(w, &m), second);
	CHECK_EQ(recording_writer_add_module(w, &test_modules[0]), 1);
	add_sample(w, second, 7);
	third = (uint32_t)recording_writer_add_module(w, &test_modules[1]);
	add_sample(w, third, 8);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	r = reader();
	while (recording_reader_next(r, &ev, NULL) == 1) {
		const struct chunk_view *c = recording_reader_chunk(r);
		const char *path = recording_reader_module(r, c->frames[c->node_frame[ev.stack.id]].module)->path;

		CHECK_STR(path, want[n] ?: test_modules[1].path);
		n++;
	}
	CHECK_EQ(n, 4);
	CHECK_EQ(recording_reader_module_count(r), 3); /* the one that came back is the same to who reads */
	recording_reader_close(r);
	unlink(PATH);
}

TEST(a_full_chunk_comes_behind_the_task_events_before_it)
{
	struct recording_writer_options small = options;
	struct event ev = { .kind = EVENT_COMM, .ts = 50, .task = { 7, 7, 1, "new name" } };
	struct recording_writer *w;
	struct recording_reader *r;

	small.chunk_sz = 1000;
	w = writer(&small);
	CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
	ev = (struct event){ .kind = EVENT_SAMPLE, .task = { 7, 7, 1, "new name" } };
	for (ev.ts = 51; !recording_writer_stats(w)->chunks; ev.ts++)
		CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
	CHECK_EQ(recording_writer_stats(w)->chunks, 2);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	r = reader();
	CHECK_EQ(recording_reader_next(r, &ev, NULL), 1);
	CHECK_EQ(ev.kind, EVENT_COMM);
	CHECK_EQ(recording_reader_next(r, &ev, NULL), 1);
	CHECK_EQ(ev.kind, EVENT_SAMPLE);
	recording_reader_close(r);
	unlink(PATH);
}

TEST(a_tick_writes_what_is_old_and_what_is_urgent)
{
	struct recording_writer *w = writer(&options);
	struct event sample = { .kind = EVENT_SAMPLE, .ts = 1 },
		     oom = { .kind = EVENT_OOM, .ts = 2 };
	const uint64_t start = options.monotonic_ns;

	CHECK_EQ(recording_writer_tick(w, start + 100, NULL), 0);
	CHECK_EQ(recording_writer_add(w, &sample, NULL), 0);
	CHECK_EQ(recording_writer_add(w, &oom, NULL), 0);
	CHECK_EQ(recording_writer_tick(w, start + 101, NULL), 0);
	CHECK_EQ(recording_writer_stats(w)->written[EVENT_OOM], 1);
	CHECK_EQ(recording_writer_stats(w)->written[EVENT_SAMPLE], 0);
	CHECK_EQ(recording_writer_tick(w, start + 2000000099, NULL), 0);
	CHECK_EQ(recording_writer_stats(w)->written[EVENT_SAMPLE], 0);
	CHECK_EQ(recording_writer_tick(w, start + 2000000100, NULL), 0);
	CHECK_EQ(recording_writer_stats(w)->written[EVENT_SAMPLE], 1);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	unlink(PATH);
}

TEST(a_chunk_says_how_old_and_new_what_is_beside_it_was)
{
	struct recording_writer *w = writer(&options);
	struct event sample = { .kind = EVENT_SAMPLE, .ts = 1000000000 },
		     oom = { .kind = EVENT_OOM, .ts = 5000000000 };
	struct chunk_scan scan = { .in.fd = -1 };

	CHECK_EQ(recording_writer_add(w, &sample, NULL), 0);
	CHECK_EQ(recording_writer_add(w, &oom, NULL), 0);
	CHECK_EQ(recording_writer_tick(w, options.monotonic_ns, NULL),
		 0); /* the OOM, not yet the sample */
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	CHECK_EQ(input_open(&scan.in, PATH, -1, NULL), 0);
	CHECK_EQ(chunk_scan_next(&scan, NULL), 1);
	CHECK_EQ(scan.header.type, CHUNK_OOM);
	CHECK(scan.header.older_ms >= 4000 && scan.header.older_ms <= 4001);
	CHECK(scan.header.newer_ms <= 1);
	CHECK_EQ(chunk_scan_next(&scan, NULL), 1);
	CHECK(scan.header.newer_ms >= 4000 && scan.header.newer_ms <= 4001);
	CHECK(scan.header.older_ms <= 1);
	chunk_scan_deinit(&scan);
	unlink(PATH);
}

TEST(a_keyframe_is_written_when_it_ends)
{
	struct recording_writer *w = writer(&options);
	struct event task = { .kind = EVENT_TASK, .ts = 5, .task = { 1, 1, 1, "init" } },
		     sample = { .kind = EVENT_SAMPLE };
	struct recording_reader *r;

	CHECK_EQ(recording_writer_add_keyframe(w, &task, NULL), 0);
	CHECK_EQ(recording_writer_add_keyframe(w, &sample, NULL), -EINVAL);
	CHECK_EQ(recording_writer_tick(w, options.monotonic_ns + 10000000000ull, NULL), 0);
	CHECK_EQ(recording_writer_stats(w)->chunks, 0);
	CHECK_EQ(recording_writer_end_keyframe(w, NULL), 0);
	CHECK_EQ(recording_writer_stats(w)->chunks, 1);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	r = reader();
	CHECK_EQ(recording_reader_next(r, &task, NULL), 1);
	CHECK_EQ(recording_reader_chunk(r)->type, CHUNK_KEYFRAME);
	recording_reader_close(r);
	unlink(PATH);
}

TEST(events_the_format_cannot_hold_are_refused_and_harm_nothing)
{
	struct recording_writer *w = writer(&options);
	struct event ev = { .kind = EVENT_NONE };
	struct frame f = { .module = 99 };
	struct err err = { 0 };

	CHECK_EQ(recording_writer_add(w, &ev, &err), -EINVAL);
	CHECK_HAS(err.text, "kind 0");
	ev.kind = EVENT_KIND_CNT;
	CHECK_EQ(recording_writer_add(w, &ev, NULL), -EINVAL);
	ev = (struct event){ .kind = EVENT_SAMPLE, .stack = { .frames = &f, .cnt = 1 } };
	CHECK_EQ(recording_writer_add(w, &ev, NULL), -EINVAL); /* no module 99 */
	ev.stack.cnt = STACK_DEPTH_MAX + 1;
	CHECK_EQ(recording_writer_add(w, &ev, NULL), -EINVAL);
	ev = (struct event){ .kind = EVENT_MAPPING, .mapping = { .module = 1 } };
	CHECK_EQ(recording_writer_add(w, &ev, NULL), -EINVAL);
	ev = (struct event){ .kind = EVENT_SAMPLE, .ts = 77 };
	CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	check_all_read(&(struct random_event){ .ev = { .kind = EVENT_SAMPLE,
						       .ts = 77,
						       .task.comm = "",
						       .other.comm = "" } },
		       1);
	unlink(PATH);
}

TEST(a_summary_tells_of_header_end_and_chunks)
{
	struct recording_writer *w = writer(&options);
	struct recording_reader *r;
	const struct recording_summary *s;
	struct event ev = { .kind = EVENT_MARK, .ts = 2000 };

	ev.mark.text = "hello";
	CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
	ev = (struct event){ .kind = EVENT_END,
			     .ts = 3000,
			     .end = { .reason = END_SIGNAL, .detail = -15 } };
	CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	r = reader();
	CHECK_EQ(recording_reader_next(r, &ev, NULL), 1);
	CHECK_STR(ev.mark.text, "hello");
	CHECK_STR(ev.task.comm, "");
	CHECK_EQ(recording_reader_next(r, &ev, NULL), 1);
	CHECK_EQ(ev.end.detail, -15);
	CHECK_EQ(recording_reader_next(r, &ev, NULL), 0);
	s = recording_reader_summary(r);
	CHECK_EQ(s->chunks, 2);
	CHECK_EQ(s->chunks_by_type[CHUNK_MARK], 1);
	CHECK_EQ(s->first_ts, 2000);
	CHECK_EQ(s->last_ts, 3000);
	CHECK(s->has_end);
	CHECK_EQ(s->segments, 1);
	CHECK_EQ(s->arch, 62);
	CHECK_EQ(s->realtime_ns, options.realtime_ns);
	CHECK(!memcmp(s->uuid, options.uuid, 16));
	recording_reader_close(r);
	unlink(PATH);
}

TEST(an_existing_file_is_refused_without_force)
{
	struct recording_writer *w = writer(&options);
	struct recording_writer *second = NULL;
	struct err err = { 0 };
	struct stat st;

	CHECK_EQ(recording_writer_close(w, NULL), 0);
	CHECK_EQ(recording_writer_open(PATH, &options, &second, &err), -EEXIST);
	CHECK_HAS(err.text, "exists already");
	CHECK_HAS(err.hint, "-f");
	CHECK(!stat(PATH, &st) && (st.st_mode & 07777) == 0600);
	unlink(PATH);
}

TEST(an_empty_recording_reads_as_one_without_events)
{
	struct recording_writer *w = writer(&options);
	struct recording_reader *r;
	struct event ev;

	CHECK_EQ(recording_writer_close(w, NULL), 0);
	r = reader();
	CHECK_EQ(recording_reader_next(r, &ev, NULL), 0);
	CHECK(!recording_reader_summary(r)->has_end);
	recording_reader_close(r);
	unlink(PATH);
}

TEST(a_file_that_is_no_recording_is_refused)
{
	static const char text[] = "PERFILE2 this is something else, surely long enough to hold a "
				   "header and then some more text";
	struct recording_reader *r = NULL;
	struct err err = { 0 };

	CHECK_EQ(recording_reader_open_memory(text, sizeof(text), &r, &err), -EBADMSG);
	CHECK_HAS(err.text, "not a varve recording");
	CHECK_HAS(err.text, "of perf");
	CHECK_HAS(err.hint, "perf script");
	CHECK_EQ(recording_reader_open_memory("", 0, &r, &err), -EBADMSG);
	CHECK_EQ(recording_reader_open("/nonexistent/x", &r, &err), -ENOENT);
	CHECK_HAS(err.text, "open '/nonexistent/x': ENOENT");
}

static int rename_task(void *ctx, struct event *copy)
{
	if (!strcmp(copy->mark.text, "refused"))
		return -ENOMEM;
	copy->mark.text = ctx;
	return 0;
}

static int rename_module(void *ctx, struct module *copy)
{
	copy->path = ctx;
	return 0;
}

TEST(recording_writer_takes_what_its_editor_makes_of_it)
{
	struct recording_writer_options o = options;
	struct recording_writer *w;
	struct recording_reader *r;
	struct event ev = { .kind = EVENT_MARK, .ts = options.monotonic_ns + 1, .mark = { "secret" } };
	struct event mapping = { .kind = EVENT_MAPPING, .ts = ev.ts };
	int id;

	o.editor = (struct recording_editor){ .ctx = "other", .event = rename_task };
	w = writer(&o);
	CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
	CHECK_STR(ev.mark.text, "secret"); /* the caller's own */
	ev.mark.text = "refused";
	CHECK_EQ(recording_writer_add(w, &ev, NULL), -ENOMEM);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	r = reader();
	CHECK_EQ(recording_reader_next(r, &ev, NULL), 1);
	CHECK_STR(ev.mark.text, "other");
	CHECK_EQ(recording_reader_next(r, &ev, NULL), 0);
	recording_reader_close(r);

	o.editor = (struct recording_editor){ .ctx = "/other", .module = rename_module };
	w = writer(&o);
	id = recording_writer_add_module(w, &test_modules[0]);
	CHECK_EQ(id, 1);
	mapping.mapping.module = (uint32_t)id;
	mapping.mapping.end = 4096;
	CHECK_EQ(recording_writer_add(w, &mapping, NULL), 0);
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	r = reader();
	CHECK_EQ(recording_reader_next(r, &ev, NULL), 1);
	CHECK_STR(recording_reader_module(r, ev.mapping.module)->path, "/other");
	recording_reader_close(r);
	unlink(PATH);
}

TEST_MAIN()
