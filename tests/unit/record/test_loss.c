// SPDX-License-Identifier: BSD-2-Clause
#include "record/loss.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/test.h"

struct rig {
	char path[64];
	struct recording_writer *writer;
	struct recording_reader *reader;
	struct wire_counters kernel;
	struct events_stats events;
	uint64_t iterated[EVENT_KIND_CNT], missed[EVENT_KIND_CNT];
	struct loss_sources src;
	struct event ev;
};

static struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));
	const struct recording_writer_options wo = { .monotonic_ns = 1, .arch = 62, .force = true };

	snprintf(r->path, sizeof(r->path), "/tmp/varve-test-loss.%d", getpid());
	CHECK_EQ(recording_writer_open(r->path, &wo, &r->writer, NULL), 0);
	r->src = (struct loss_sources){ .kernel = &r->kernel,
					.events = &r->events,
					.writer = recording_writer_stats(r->writer),
					.iterated = r->iterated,
					.missed = r->missed,
					.want_task = true };
	return r;
}

static void rig_read(struct rig *r)
{
	CHECK_EQ(recording_writer_close(r->writer, NULL), 0);
	CHECK_EQ(recording_reader_open(r->path, &r->reader, NULL), 0);
}

static const struct event *next(struct rig *r, enum event_kind kind)
{
	while (recording_reader_next(r->reader, &r->ev, NULL) == 1)
		if (r->ev.kind == kind)
			return &r->ev;
	return NULL;
}

static void rig_free(struct rig *r)
{
	recording_reader_close(r->reader);
	unlink(r->path);
	free(r);
}

TEST(each_loss_is_told_once_with_its_time_range)
{
	struct rig *r = rig_new();
	struct loss l = { .last_ts = 1000 };
	const struct event *ev;

	CHECK_EQ(loss_tick(&l, &r->src, r->writer, 2000, NULL), 0); /* nothing yet */
	r->kernel.n[WIRE_STREAM_SAMPLE][WIRE_RING_FULL] = 5;
	CHECK_EQ(loss_tick(&l, &r->src, r->writer, 3000, NULL), 0);
	r->kernel.n[WIRE_STREAM_SAMPLE][WIRE_RING_FULL] = 7;
	r->events.dropped[EVENT_EXEC] = 1;
	CHECK_EQ(loss_tick(&l, &r->src, r->writer, 4500, NULL), 0);
	CHECK_EQ(loss_tick(&l, &r->src, r->writer, 5000, NULL), 0);
	rig_read(r);
	ev = next(r, EVENT_LOSS);
	CHECK(ev);
	CHECK_EQ(ev->ts, 2000);
	CHECK_EQ(ev->loss.dur_ns, 1000);
	CHECK_EQ(ev->loss.stream, EVENT_SAMPLE);
	CHECK_EQ(ev->loss.reason, LOSS_RING_FULL);
	CHECK_EQ(ev->loss.cnt, 5);
	ev = next(r, EVENT_LOSS);
	CHECK(ev);
	CHECK_EQ(ev->ts, 3000);
	CHECK_EQ(ev->loss.dur_ns, 1500);
	CHECK_EQ(ev->loss.cnt, 2);
	ev = next(r, EVENT_LOSS);
	CHECK(ev);
	CHECK_EQ(ev->loss.stream, EVENT_EXEC);
	CHECK_EQ(ev->loss.reason, LOSS_USER_DROPPED);
	CHECK_EQ(ev->loss.cnt, 1);
	CHECK(!next(r, EVENT_LOSS));
	rig_free(r);
}

TEST(runs_the_kernel_left_out_are_lost_events)
{
	struct rig *r = rig_new();
	struct loss l = { .last_ts = 1000 };
	struct loss_sum sum;
	const struct event *ev;

	r->missed[EVENT_SAMPLE] = 4;
	CHECK_EQ(loss_tick(&l, &r->src, r->writer, 2000, NULL), 0);
	CHECK_EQ(loss_tick(&l, &r->src, r->writer, 3000, NULL), 0);
	loss_sum(&r->src, &sum);
	CHECK_EQ(sum.missed, 4);
	CHECK_EQ(sum.lost, 4);
	rig_read(r);
	ev = next(r, EVENT_LOSS);
	CHECK(ev);
	CHECK_EQ(ev->loss.stream, EVENT_SAMPLE);
	CHECK_EQ(ev->loss.reason, LOSS_SCRATCH_BUSY);
	CHECK_EQ(ev->loss.cnt, 4);
	CHECK(!next(r, EVENT_LOSS));
	rig_free(r);
}

TEST(a_lost_half_of_a_wait_is_a_stack_error_of_waits_not_a_lost_wait)
{
	struct rig *r = rig_new();
	struct loss l = { .last_ts = 1000 };
	struct loss_sum sum;
	int losses = 0, totals = 0;

	r->kernel.n[WIRE_STREAM_USER_STACK][WIRE_RING_FULL] = 3;
	r->events.stack_errors[EVENT_OFFCPU] = 3; /* those waits */
	r->kernel.n[WIRE_STREAM_WAKER][WIRE_RING_FULL] = 2;
	r->kernel.n[WIRE_STREAM_WAIT][WIRE_STACK_ERROR] = 1;
	CHECK_EQ(loss_tick(&l, &r->src, r->writer, 2000, NULL), 0);
	CHECK_EQ(loss_tick(&l, &r->src, r->writer, 3000, NULL), 0);
	CHECK_EQ(loss_totals(&l, &r->src, r->writer, 4000, true, NULL), 0);
	loss_sum(&r->src, &sum);
	CHECK_EQ(sum.lost, 0);
	CHECK_EQ(sum.stack_error, 6);
	rig_read(r);
	while (recording_reader_next(r->reader, &r->ev, NULL) == 1) {
		if (r->ev.kind == EVENT_LOSS) {
			losses++;
			CHECK_EQ(r->ev.loss.stream, EVENT_OFFCPU);
			CHECK_EQ(r->ev.loss.reason, LOSS_STACK_ERROR);
			CHECK_EQ(r->ev.loss.cnt, 6);
		} else if (r->ev.kind == EVENT_STREAM_TOTAL && r->ev.total.stream == EVENT_OFFCPU) {
			totals++;
			CHECK_EQ(r->ev.total.stack_error, 6);
		}
	}
	CHECK_EQ(losses, 1);
	CHECK_EQ(totals, 1);
	rig_free(r);
}

TEST(totals_balance_seen_is_written_and_each_kind_of_loss)
{
	struct rig *r = rig_new();
	const struct event sample = { .kind = EVENT_SAMPLE, .ts = 10, .sample.weight_ns = 1 };
	const struct event account = { .kind = EVENT_ACCOUNT, .ts = 11, .task = { 1, 1, 1, "x" } };
	struct loss l = { 0 };
	struct loss_sum sum;
	const struct event *ev;
	int found = 0;

	for (int i = 0; i < 20; i++)
		CHECK_EQ(recording_writer_add(r->writer, &sample, NULL), 0);
	CHECK_EQ(recording_writer_add(r->writer, &account, NULL), 0);
	CHECK_EQ(recording_writer_flush(r->writer, NULL), 0);
	r->kernel.n[WIRE_STREAM_SAMPLE][WIRE_SEEN] = 27;
	r->kernel.n[WIRE_STREAM_SAMPLE][WIRE_RING_FULL] = 4;
	r->events.dropped[EVENT_SAMPLE] = 3;
	r->iterated[EVENT_ACCOUNT] = 1;
	CHECK_EQ(loss_totals(&l, &r->src, r->writer, 99, true, NULL), 0);
	loss_sum(&r->src, &sum);
	CHECK_EQ(sum.lost, 7);
	CHECK_EQ(sum.ring_full, 4);
	CHECK_EQ(sum.user_dropped, 3);
	rig_read(r);
	while ((ev = next(r, EVENT_STREAM_TOTAL))) {
		CHECK_EQ(ev->total.seen, ev->total.written + ev->total.ring_full + ev->total.map_full + ev->total.user_dropped);
		if (ev->total.stream == EVENT_SAMPLE)
			found += ev->total.seen == 27 && ev->total.written == 20;
		if (ev->total.stream == EVENT_ACCOUNT)
			found += ev->total.seen == 1 && ev->total.written == 1;
	}
	CHECK_EQ(found, 2);
	rig_free(r);
}

TEST(totals_of_segments_add_up_to_what_the_kernel_saw)
{
	const struct event sample = { .kind = EVENT_SAMPLE, .ts = 10, .sample.weight_ns = 1 };
	struct rig *r = rig_new();
	struct loss l = { 0 };
	const struct event *ev;
	uint64_t seen[2], written[2], lost[2];
	int n = 0;

	for (int part = 0; part < 2; part++) {
		for (int i = 0; i < 20 - part; i++)
			CHECK_EQ(recording_writer_add(r->writer, &sample, NULL), 0);
		CHECK_EQ(recording_writer_flush(r->writer, NULL), 0);
		r->kernel.n[WIRE_STREAM_SAMPLE][WIRE_SEEN] = part ? 44 : 30; /* of the first part, some are still in the ring */
		r->kernel.n[WIRE_STREAM_SAMPLE][WIRE_RING_FULL] = part ? 5 : 2;
		CHECK_EQ(loss_totals(&l, &r->src, r->writer, 99, part, NULL), 0);
	}
	rig_read(r);
	while ((ev = next(r, EVENT_STREAM_TOTAL))) {
		if (ev->total.stream != EVENT_SAMPLE)
			continue;
		CHECK(n < 2);
		seen[n] = ev->total.seen;
		written[n] = ev->total.written;
		lost[n++] = ev->total.ring_full;
	}
	CHECK_EQ(n, 2);
	CHECK_EQ(seen[0], 22);
	CHECK_EQ(seen[1], 22);
	CHECK_EQ(written[0], 20);
	CHECK_EQ(written[1], 19);
	CHECK_EQ(lost[0], 2);
	CHECK_EQ(lost[1], 3);
	rig_free(r);
}

TEST(task_streams_have_no_totals_when_they_were_not_asked_for)
{
	struct rig *r = rig_new();
	struct loss l = { 0 };
	const struct event *ev;

	r->src.want_task = false;
	r->kernel.n[WIRE_STREAM_FORK][WIRE_SEEN] = 5; /* followed, not written */
	CHECK_EQ(loss_totals(&l, &r->src, r->writer, 99, true, NULL), 0);
	rig_read(r);
	while ((ev = next(r, EVENT_STREAM_TOTAL)))
		CHECK(ev->total.stream != EVENT_FORK && ev->total.stream != EVENT_EXIT);
	rig_free(r);
}

TEST_MAIN()
