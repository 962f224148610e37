// SPDX-License-Identifier: BSD-2-Clause
#include "record/loss.h"

#include <string.h>

#include "formats/cleanup.h"

static const enum event_kind kind_of[WIRE_STREAM_CNT] = {
	[WIRE_STREAM_SAMPLE] = EVENT_SAMPLE,
	[WIRE_STREAM_WAIT] = EVENT_OFFCPU,
	[WIRE_STREAM_USER_STACK] = EVENT_NONE, /* a part of a wait: lost, the wait goes without */
	[WIRE_STREAM_WAKER] = EVENT_NONE,
	[WIRE_STREAM_SCHED_SWITCH] = EVENT_SWITCH,
	[WIRE_STREAM_SCHED_WAKEUP] = EVENT_WAKEUP,
	[WIRE_STREAM_SCHED_MIGRATE] = EVENT_MIGRATE,
	[WIRE_STREAM_FORK] = EVENT_FORK,
	[WIRE_STREAM_EXEC] = EVENT_EXEC,
	[WIRE_STREAM_COMM] = EVENT_COMM,
	[WIRE_STREAM_EXIT] = EVENT_EXIT,
	[WIRE_STREAM_ACCOUNT] = EVENT_ACCOUNT,
	[WIRE_STREAM_OOM] = EVENT_OOM,
};

static int add_loss(struct recording_writer *w, enum event_kind stream, enum loss_reason reason, uint64_t cnt,
		    uint64_t from_ts, uint64_t now_ts, struct err *err)
{
	const struct event ev = {
		.kind = EVENT_LOSS,
		.ts = from_ts,
		.loss = { .stream = stream, .reason = reason, .cnt = cnt, .dur_ns = now_ts - from_ts },
	};

	return cnt ? recording_writer_add(w, &ev, err) : 0;
}

/* What a lost part of a wait means to the wait. */
static enum event_kind loss_kind(enum wire_stream stream)
{
	return kind_of[stream] ? kind_of[stream] : EVENT_OFFCPU;
}

/*
 * Events that are there without (a half of) their stack, in all: the one truth of LOSS rows and totals. A user stack that was lost on its
 * way shows in its wait, which events.c counts; a waker's does not.
 */
static uint64_t stack_errors(const struct loss_sources *s, enum event_kind kind)
{
	uint64_t n = s->events->stack_errors[kind];

	for (int i = 0; i < WIRE_STREAM_CNT; i++)
		if (loss_kind(i) == kind)
			n += s->kernel->n[i][WIRE_STACK_ERROR];
	if (kind == EVENT_OFFCPU)
		n += s->kernel->n[WIRE_STREAM_WAKER][WIRE_RING_FULL] + s->kernel->n[WIRE_STREAM_WAKER][WIRE_MAP_FULL];
	return n;
}

static uint64_t dropped(const struct loss_sources *s, enum event_kind kind)
{
	return s->events->dropped[kind] + s->writer->dropped[kind];
}

int loss_tick(struct loss *l, const struct loss_sources *s, struct recording_writer *w, uint64_t now_ts,
	      struct err *err)
{
	int code = 0;

	for (int i = 0; i < WIRE_STREAM_CNT; i++)
		for (int what = WIRE_RING_FULL; what <= WIRE_MAP_FULL && kind_of[i]; what++) {
			uint64_t cnt = s->kernel->n[i][what] - l->last.n[i][what];

			code = code ?: add_loss(w, kind_of[i], what == WIRE_MAP_FULL ? LOSS_MAP_FULL : LOSS_RING_FULL, cnt,
						l->last_ts, now_ts, err);
		}
	for (int kind = 1; kind < EVENT_KIND_CNT; kind++) {
		uint64_t cnt = dropped(s, kind) - l->last_dropped[kind];

		code = code ?: add_loss(w, kind, LOSS_USER_DROPPED, cnt, l->last_ts, now_ts, err);
		l->last_dropped[kind] += cnt;
		cnt = s->missed[kind] - l->last_missed[kind];
		code = code ?: add_loss(w, kind, LOSS_SCRATCH_BUSY, cnt, l->last_ts, now_ts, err);
		l->last_missed[kind] += cnt;
		cnt = stack_errors(s, kind) - l->last_stack_errors[kind];
		code = code ?: add_loss(w, kind, LOSS_STACK_ERROR, cnt, l->last_ts, now_ts, err);
		l->last_stack_errors[kind] += cnt;
	}
	l->last = *s->kernel;
	l->last_ts = now_ts;
	return code;
}

/* A stream of its own in the file? */
static bool has_total(const struct loss_sources *s, enum wire_stream i)
{
	bool is_task = i >= WIRE_STREAM_FORK && i <= WIRE_STREAM_EXIT;

	return kind_of[i] && (s->want_task || !is_task);
}

static void fill_total(struct event *ev, const struct loss_sources *s, enum wire_stream i)
{
	const __u64 *n = s->kernel->n[i];
	enum event_kind kind = kind_of[i];

	ev->total.stream = kind;
	ev->total.seen = n[WIRE_SEEN] + n[WIRE_MAP_FULL] + s->iterated[kind];
	ev->total.written = s->writer->written[kind];
	ev->total.ring_full = n[WIRE_RING_FULL];
	ev->total.map_full = n[WIRE_MAP_FULL];
	ev->total.user_dropped = dropped(s, kind);
	ev->total.stack_error = stack_errors(s, kind);
}

/* Of all that *ev says, what the segments before did not. */
static void take_difference(struct loss_told *told, struct event *ev)
{
	const struct loss_told sum = { ev->total.seen,	   ev->total.written,	  ev->total.ring_full,
				       ev->total.map_full, ev->total.stack_error, ev->total.user_dropped };

	ev->total.seen -= told->seen;
	ev->total.written -= told->written;
	ev->total.ring_full -= told->ring_full;
	ev->total.map_full -= told->map_full;
	ev->total.stack_error -= told->stack_error;
	ev->total.user_dropped -= told->user_dropped;
	*told = sum;
}

int loss_totals(struct loss *l, const struct loss_sources *s, struct recording_writer *w, uint64_t now_ts, bool is_last, struct err *err)
{
	int code = 0;

	for (int i = 0; i < WIRE_STREAM_CNT && !code; i++) {
		struct event ev = { .kind = EVENT_STREAM_TOTAL, .ts = now_ts };

		if (!has_total(s, i))
			continue;
		fill_total(&ev, s, i);
		if (!is_last)
			ev.total.seen = ev.total.written + ev.total.ring_full + ev.total.map_full + ev.total.user_dropped;
		take_difference(&l->told[i], &ev);
		code = recording_writer_add(w, &ev, err);
	}
	return code;
}

void loss_sum(const struct loss_sources *s, struct loss_sum *ret)
{
	*ret = (struct loss_sum){ 0 };
	for (int i = 0; i < WIRE_STREAM_CNT; i++) {
		struct event ev;

		if (!has_total(s, i))
			continue;
		fill_total(&ev, s, i);
		ret->ring_full += ev.total.ring_full;
		ret->map_full += ev.total.map_full;
		ret->user_dropped += ev.total.user_dropped;
		ret->stack_error += ev.total.stack_error;
	}
	for (int kind = 1; kind < EVENT_KIND_CNT; kind++)
		ret->missed += s->missed[kind];
	ret->lost = ret->ring_full + ret->map_full + ret->user_dropped + ret->missed;
}
