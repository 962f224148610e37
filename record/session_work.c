// SPDX-License-Identifier: BSD-2-Clause
#include "record/session_private.h"

#include "formats/cleanup.h"
#include "formats/recording.h"
#include "record/cgroups.h"
#include "record/modules.h"
#include "record/session_meta.h"
#include "record/tasks.h"

#define ACCOUNT_NS (10 * SECOND)
#define CLOCK_NS (10 * SECOND)
#define NAMES_NS (5 * SECOND)
#define KEYFRAME_NS (60 * SECOND)

/* ---- taking what the kernel has for us --------------------------------------------------------------------------------- */

struct drain_ctx {
	struct session *s;
	struct err *err;
	int code;
};

/* An error of one record does not leave the others in the ring: the first one is kept. */
static int take_record(void *ctx, const void *data, size_t sz)
{
	struct drain_ctx *d = ctx;
	int code = events_add(d->s->events, data, sz, d->code ? NULL : d->err);

	d->code = d->code ?: code;
	return 0;
}

/*
 * Everything that was in the rings when we looked: first where they end, then the side-band, which by then holds the mappings those
 * records need, then the rings up to there; tasks before what speaks of them.
 */
int session_drain(struct session *s, struct err *err)
{
	static const enum programs_ring order[RING_CNT] = { RING_TASK, RING_MAIN, RING_SCHED, RING_OOM };
	struct drain_ctx d = { .s = s, .err = err };
	uint64_t upto[RING_CNT];
	int code;

	for (int i = 0; i < RING_CNT; i++)
		upto[i] = ring_producer(&s->rings[i]);
	code = sideband_drain(s->sideband, err);
	d.code = code < 0 ? code : 0;
	if (s->unwinder)
		unwinder_flush(s->unwinder, session_now());
	for (int i = 0; i < RING_CNT; i++) {
		code = ring_consume(&s->rings[order[i]], upto[order[i]], take_record, &d, d.code ? NULL : err);
		d.code = d.code ?: code < 0 ? code : 0;
	}
	if (s->unwinder) /* what the rings said was unmapped */
		unwinder_flush(s->unwinder, session_now());
	code = events_flush(s->events, session_now(), d.code ? NULL : err);
	return d.code ?: code;
}

static int take_iterated(void *ctx, const void *data, size_t sz)
{
	struct drain_ctx *d = ctx;
	uint16_t kind = ((const struct wire_head *)data)->kind;

	d->s->iterated[kind == WIRE_ACCOUNT ? EVENT_ACCOUNT : EVENT_OFFCPU]++;
	return take_record(ctx, data, sz);
}

int session_read_accounts(struct session *s, enum wire_iter_mode mode, struct err *err)
{
	struct drain_ctx d = { .s = s, .err = err };
	int code = 0;

	if (s->o->events & (EVENTS_OFF_CPU | EVENTS_SCHED))
		code = programs_iterate(s->programs, mode, take_iterated, &d, err);
	return d.code ?: code < 0 ? code : 0;
}

/* ---- what is due ------------------------------------------------------------------------------------------------------ */

struct loss_sources session_loss_sources(struct session *s)
{
	return (struct loss_sources){
		.kernel = &s->counters,
		.events = events_stats(s->events),
		.writer = recording_writer_stats(s->writer),
		.iterated = s->iterated,
		.missed = s->missed,
		.want_task = s->o->events & EVENTS_TASK,
	};
}

static void cpu_changed(void *ctx, int cpu, bool online)
{
	struct session *s = ctx;
	struct event ev = {
		.kind = EVENT_LOSS,
		.cpu = (uint32_t)cpu,
		.ts = session_now(),
		.loss = { .stream = EVENT_SAMPLE, .reason = LOSS_CPU_OFFLINE },
	};

	if (online)
		return;
	(void)recording_writer_add(s->writer, &ev, NULL); /* a note; the file's trouble is noticed by the next event */
}

int session_note_losses(struct session *s, uint64_t now_ts, struct err *err)
{
	int code = programs_read_counters(s->programs, &s->counters, err);
	struct loss_sources src = session_loss_sources(s);

	programs_read_missed(s->programs, s->missed);
	return code ?: loss_tick(&s->loss, &src, s->writer, now_ts, err);
}

int session_note_unwinder(struct session *s, uint64_t now_ts, struct err *err)
{
	uint64_t counts[UNWIND_COUNTS];

	if (!s->unwinder || programs_read_unwind_counts(s->programs, counts))
		return 0;
	return unwinder_write_counters(s->unwinder, counts, s->writer, now_ts, err);
}

static int note_health(struct session *s, uint64_t now_ts, struct err *err)
{
	struct symbols_stats symbols;
	struct tasks_stats tasks;

	tasks_get_stats(s->tasks, &tasks);
	symbols_get_stats(s->symbols, &symbols);
	const struct health_extra extra[] = {
		{ "varve.threads", (int64_t)tasks.threads },
		{ "varve.processes", (int64_t)tasks.processes },
		{ "varve.modules", modules_count(s->modules) },
		{ "varve.files_held", modules_files_held(s->modules) },
		{ "varve.modules_of_writer", recording_writer_module_count(s->writer) },
		{ "varve.frames_to_name", (int64_t)symbols.frames },
		{ "varve.cgroups", cgroups_count(s->cgroups) },
		{ "varve.wakeups", (int64_t)s->wakeups },
		{ "varve.ring_fill_pct", ring_fill_pct(&s->rings[RING_MAIN]) },
		{ "varve.sched_ring_fill_pct", ring_fill_pct(&s->rings[RING_SCHED]) },
	};
	int code = health_tick(&s->health, now_ts, extra, ARRAY_SIZE(extra), err);

	return code < 0 ? code : session_note_unwinder(s, now_ts, err);
}

int session_keyframe(struct session *s, uint64_t now_ts, struct err *err)
{
	int code = census_keyframe(s->census, now_ts, err);

	events_forget_threads(s->events);
	s->keyframe_ts = now_ts;
	return code < 0 ? code : recording_writer_end_keyframe(s->writer, err);
}

int session_describe(struct session *s, uint64_t now_ts, struct err *err)
{
	s->clock_ts = now_ts;
	return session_meta_write(s->writer, &s->facts, now_ts, err) ?: session_clock_write(s->writer, &s->clock_offset_ns, err) ?: session_keyframe(s, now_ts, err);
}

int session_every_second(struct session *s, uint64_t now_ts, struct err *err)
{
	int code = session_note_losses(s, now_ts, err);

	if (s->sampler) /* a CPU that cannot be sampled is no reason to stop */
		(void)sampler_check_cpus(s->sampler, cpu_changed, s, NULL);
	sideband_check_cpus(s->sideband);
	code = code ?: note_health(s, now_ts, err);
	tasks_prune(s->tasks, now_ts);
	session_forget(s, now_ts, false);
	if (!code && sideband_take_lost(s->sideband))
		code = census_scan(s->census, now_ts, err);
	if (!code && now_ts - s->account_ts >= ACCOUNT_NS) {
		s->account_ts = now_ts;
		code = session_read_accounts(s, WIRE_ITER_ACCOUNT, err);
	}
	if (!code && (now_ts - s->clock_ts >= CLOCK_NS || session_clock_jumped(s->clock_offset_ns))) {
		s->clock_ts = now_ts;
		code = session_clock_write(s->writer, &s->clock_offset_ns, err);
	}
	if (!code && !s->o->flight_bytes && now_ts - s->names_ts >= NAMES_NS) { /* what is in memory is gone in a crash anyway */
		s->names_ts = now_ts;
		code = session_write_kernel_names(s, err);
	}
	if (!code && now_ts - s->keyframe_ts >= KEYFRAME_NS)
		code = session_keyframe(s, now_ts, err);
	s->second_ts = now_ts;
	return code < 0 ? code : 0;
}
