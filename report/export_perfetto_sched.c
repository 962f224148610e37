// SPDX-License-Identifier: BSD-2-Clause
/*
 * From slices (a thread on a CPU from ts to ts + dur) back to the kernel's own events: a
 * sched_switch where each begins and ends, a sched_waking where its thread became runnable. Between
 * slices a CPU runs its idle task.
 */
#include "report/export_perfetto.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "formats/cleanup.h"
#include "report/table.h"

enum {
	BUNDLE_CPU = 1, BUNDLE_EVENT = 2,
	FTRACE_TIME = 1, FTRACE_PID = 2, FTRACE_SWITCH = 4, FTRACE_WAKING = 20,
	SWITCH_PREV_COMM = 1, SWITCH_PREV_PID = 2, SWITCH_PREV_PRIO = 3, SWITCH_PREV_STATE = 4,
	SWITCH_NEXT_COMM = 5,
	SWITCH_NEXT_PID = 6, SWITCH_NEXT_PRIO = 7,
	WAKING_COMM = 1, WAKING_PID = 2, WAKING_PRIO = 3, WAKING_SUCCESS = 4, WAKING_CPU = 5,
};

#define PRIO_DEFAULT 120
#define CPU_MAX 65536 /* a number beyond it is damage */

/* What a CPU ran last, and until when. utid 0: the idle task. */
struct turn {
	int64_t end;
	uint32_t utid;
	uint32_t prio;
	char state; /* it left in; 0: it was still running */
};

struct sched {
	struct perfetto *o;
	struct db_stmt *st;
	TABLE(struct turn) cpus; /* cpu + 1 */
	char *last_state;	 /* [threads]: in which its last slice ended; 0 none yet */
};

/* The kernel's numbers (include/linux/sched.h) for its letters. */
static uint64_t state_number(char state)
{
	switch (state) {
	case 'S':
		return 1;
	case 'D':
		return 2;
	case 'T':
		return 4;
	case 't':
		return 8;
	case 'X':
		return 16;
	case 'Z':
		return 32;
	case 'P':
		return 64;
	case 'I':
		return 128;
	}
	return 0; /* R: runnable */
}

static void put_task(struct perfetto *o, uint32_t utid, uint32_t comm_field, uint32_t pid_field,
		     uint32_t prio_field, uint32_t prio)
{
	perfetto_text(o, comm_field, utid ? export_thread_name(o->in->tasks, utid) : "swapper");
	protobuf_uint(&o->p, pid_field, perfetto_tid(o, utid));
	protobuf_uint(&o->p, prio_field, prio);
}

static void put_switch(struct sched *s, uint32_t cpu, int64_t ts, const struct turn *prev,
		       const struct turn *next)
{
	struct perfetto *o = s->o;
	int64_t at = o->in->t0_mono_ns + ts;
	size_t bundle, event, mark;

	perfetto_begin(o, ts);
	bundle = protobuf_begin(&o->p, PACKET_FTRACE);
	protobuf_uint(&o->p, BUNDLE_CPU, cpu);
	event = protobuf_begin(&o->p, BUNDLE_EVENT);
	protobuf_uint(&o->p, FTRACE_TIME, at > 0 ? (uint64_t)at : 0);
	protobuf_uint(&o->p, FTRACE_PID, perfetto_tid(o, prev->utid));
	mark = protobuf_begin(&o->p, FTRACE_SWITCH);
	put_task(o, prev->utid, SWITCH_PREV_COMM, SWITCH_PREV_PID, SWITCH_PREV_PRIO, prev->prio);
	protobuf_uint(&o->p, SWITCH_PREV_STATE, prev->utid ? state_number(prev->state) : 0);
	put_task(o, next->utid, SWITCH_NEXT_COMM, SWITCH_NEXT_PID, SWITCH_NEXT_PRIO, next->prio);
	protobuf_end(&o->p, mark);
	protobuf_end(&o->p, event);
	protobuf_end(&o->p, bundle);
	perfetto_end(o);
}

static void put_waking(struct sched *s, uint32_t cpu, int64_t ts, uint32_t waker_utid,
		       const struct turn *who)
{
	struct perfetto *o = s->o;
	int64_t at = o->in->t0_mono_ns + ts;
	size_t bundle, event, mark;

	perfetto_begin(o, ts);
	bundle = protobuf_begin(&o->p, PACKET_FTRACE);
	protobuf_uint(&o->p, BUNDLE_CPU, cpu);
	event = protobuf_begin(&o->p, BUNDLE_EVENT);
	protobuf_uint(&o->p, FTRACE_TIME, at > 0 ? (uint64_t)at : 0);
	protobuf_uint(&o->p, FTRACE_PID, perfetto_tid(o, waker_utid));
	mark = protobuf_begin(&o->p, FTRACE_WAKING);
	put_task(o, who->utid, WAKING_COMM, WAKING_PID, WAKING_PRIO, who->prio);
	protobuf_uint(&o->p, WAKING_SUCCESS, 1);
	protobuf_uint(&o->p, WAKING_CPU, cpu);
	protobuf_end(&o->p, mark);
	protobuf_end(&o->p, event);
	protobuf_end(&o->p, bundle);
	perfetto_end(o);
}

static int put_slice(struct sched *s)
{
	static const struct turn idle = { .prio = PRIO_DEFAULT };
	int64_t ts = db_column_int(s->st, 0), cpu = db_column_int(s->st, 1),
		utid = db_column_int(s->st, 3);
	int64_t runq = db_column_int(s->st, 6), waker = db_column_int(s->st, 7);
	const char *state = db_column_text(s->st, 4, NULL);
	struct turn next = { .end = ts + db_column_int(s->st, 2),
			     .state = state ? *state : 0,
			     .prio = db_column_is_null(s->st, 5)
					     ? PRIO_DEFAULT
					     : (uint32_t)db_column_int(s->st, 5) };
	struct turn *last;
	uint32_t threads = s->o->in->tasks->threads.cnt;

	if (cpu < 0 || cpu >= CPU_MAX || utid <= 0 || utid > threads)
		return 0;
	if (!table_reserve(&s->cpus, (uint32_t)cpu + 1))
		return -ENOMEM;
	if (s->cpus.cnt < cpu + 1)
		s->cpus.cnt = (uint32_t)cpu + 1;
	next.utid = (uint32_t)utid;
	last = &s->cpus.row[cpu + 1];
	/*
	 * preempted threads stay runnable; others were woken, by someone known, or unknown (an
	 * interrupt) when they had blocked
	 */
	if (!db_column_is_null(s->st, 6) &&
	    (waker > 0 || (s->last_state[utid] && s->last_state[utid] != 'R')))
		put_waking(s, (uint32_t)cpu, ts - runq,
			   waker > 0 && waker <= threads ? (uint32_t)waker : 0, &next);
	if (last->utid && last->end < ts) {
		put_switch(s, (uint32_t)cpu, last->end, last, &idle);
		last->utid = 0;
	}
	put_switch(s, (uint32_t)cpu, ts, last->utid ? last : &idle, &next);
	s->last_state[utid] = next.state ?: 'R';
	*last = next;
	return 0;
}

static int put_slices(struct sched *s, int64_t from, int64_t to, struct err *err)
{
	static const struct turn idle = { .prio = PRIO_DEFAULT };
	int rc = db_query(
		s->o->in->db,
		"SELECT ts,cpu,dur_ns,utid,end_state,prio,runq_ns,waker_utid FROM sched_slice "
		"WHERE ts>=:from AND ts<:to ORDER BY ts,cpu,dur_ns,utid", /* one that was over at once was the earlier */
		&s->st, err);

	if (rc)
		return rc;
	db_bind_int(s->st, ":from", from);
	db_bind_int(s->st, ":to", to);
	while ((rc = db_step(s->st, err)) > 0)
		if (put_slice(s))
			return -ENOMEM;
	for (uint32_t i = 1; i <= s->cpus.cnt && !rc; i++)
		if (s->cpus.row[i].utid && s->cpus.row[i].state)
			put_switch(s, i - 1, s->cpus.row[i].end, &s->cpus.row[i], &idle);
	return rc;
}

int perfetto_put_sched(struct perfetto *o, struct err *err)
{
	struct sched s = { .o = o, .last_state = calloc(o->in->tasks->threads.cnt + 1ul, 1) };
	int64_t from, to;
	int rc;

	if (!s.last_state)
		return -ENOMEM;
	filter_time(o->in->filter, o->in->duration_ns, &from, &to);
	rc = put_slices(&s, from, to, err);
	db_stmt_close(s.st);
	table_deinit(&s.cpus);
	free(s.last_state);
	return rc;
}
