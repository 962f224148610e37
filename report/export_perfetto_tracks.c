// SPDX-License-Identifier: BSD-2-Clause
/* Waits, OOM kills and counters: tracks of our own beside what the kernel's events give. */
#include "report/export_perfetto.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/escape.h"
#include "report/export_events.h"

enum {
	TRACK_UUID = 1, TRACK_NAME = 2, TRACK_PROCESS = 3, TRACK_THREAD = 4, TRACK_PARENT = 5,
	TRACK_COUNTER = 8,
	TRACK_PROCESS_PID = 1, TRACK_PROCESS_NAME = 6, TRACK_THREAD_PID = 1, TRACK_THREAD_TID = 2,
	TRACK_THREAD_NAME = 5,
	EVENT_ANNOTATION = 4, EVENT_TYPE = 9, EVENT_TRACK = 11, EVENT_NAME = 23, EVENT_DOUBLE = 44,
	TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3, TYPE_COUNTER = 4,
	ANNOTATION_UINT = 3, ANNOTATION_STRING = 6, ANNOTATION_NAME = 10,
	ANNOTATION_STRING_IID = 17,
	INTERNED_ANNOTATION_STRING = 29, STRING_IID = 1, STRING_TEXT = 2,
};

/* Track ids: a kind in the upper half, the row in the lower. */
enum { UUID_THREAD = 1, UUID_WAITS = 2, UUID_OOM = 3, UUID_COUNTER = 4 };
#define UUID(kind, row) ((uint64_t)(kind) << 32 | (row))

#define STACK_TEXT_MAX 128 /* frames of a wait's stack in its annotation */

static void put_track(struct perfetto *o, uint64_t uuid, uint64_t parent, const char *name)
{
	size_t mark;

	perfetto_begin(o, 0);
	mark = protobuf_begin(&o->p, PACKET_TRACK);
	protobuf_uint(&o->p, TRACK_UUID, uuid);
	if (parent)
		protobuf_uint(&o->p, TRACK_PARENT, parent);
	perfetto_text(o, TRACK_NAME, name);
	protobuf_end(&o->p, mark);
	perfetto_end(o);
}

/* A thread's own track, and one below it for its waits. */
static void put_thread_tracks(struct perfetto *o, uint32_t utid)
{
	size_t mark, thread;

	if (o->has_track[utid])
		return;
	o->has_track[utid] = true;
	perfetto_begin(o, 0);
	mark = protobuf_begin(&o->p, PACKET_TRACK);
	protobuf_uint(&o->p, TRACK_UUID, UUID(UUID_THREAD, utid));
	thread = protobuf_begin(&o->p, TRACK_THREAD);
	protobuf_uint(&o->p, TRACK_THREAD_PID, perfetto_pid(o, utid));
	protobuf_uint(&o->p, TRACK_THREAD_TID, perfetto_tid(o, utid));
	perfetto_text(o, TRACK_THREAD_NAME, export_thread_name(o->in->tasks, utid));
	protobuf_end(&o->p, thread);
	protobuf_end(&o->p, mark);
	perfetto_end(o);
	put_track(o, UUID(UUID_WAITS, utid), UUID(UUID_THREAD, utid), "off-CPU");
}

static size_t begin_event(struct perfetto *o, int type, uint64_t track)
{
	size_t mark = protobuf_begin(&o->p, PACKET_TRACK_EVENT);

	protobuf_uint(&o->p, EVENT_TYPE, (uint64_t)type);
	protobuf_uint(&o->p, EVENT_TRACK, track);
	return mark;
}

static void put_note(struct perfetto *o, const char *name, const char *text)
{
	size_t mark;

	if (!text)
		return;
	mark = protobuf_begin(&o->p, EVENT_ANNOTATION);
	protobuf_string(&o->p, ANNOTATION_NAME, name);
	perfetto_text(o, ANNOTATION_STRING, text);
	protobuf_end(&o->p, mark);
}

static void put_note_number(struct perfetto *o, const char *name, uint64_t v)
{
	size_t mark = protobuf_begin(&o->p, EVENT_ANNOTATION);

	protobuf_string(&o->p, ANNOTATION_NAME, name);
	protobuf_uint(&o->p, ANNOTATION_UINT, v);
	protobuf_end(&o->p, mark);
}

/*
 * The stack as one text, leaf first, interned: waits repeat their stacks. *interned: the open
 * message, begun when needed.
 */
static void intern_stack_text(struct perfetto *o, uint32_t stack, size_t *interned)
{
	const struct stacks *s = o->in->stacks;
	uint32_t nodes[STACK_TEXT_MAX];
	uint32_t cnt = export_stack_nodes(s, stack, nodes, STACK_TEXT_MAX);
	char *text = NULL;
	size_t text_sz, mark;
	FILE *f;

	if (!stack || stack > s->nodes.cnt || o->stack_text_iid[stack])
		return;
	o->stack_text_iid[stack] = 1;
	f = open_memstream(&text, &text_sz);
	if (!f) {
		o->p.failed = true;
		return;
	}
	for (uint32_t i = 0; i < cnt; i++) {
		const char *name =
			s->functions.row[s->frames.row[s->nodes.row[nodes[i]].frame].function].name;

		if (i)
			fputs(" < ", f);
		escape_text(f, name, strlen(name));
	}
	if (fclose(f))
		o->p.failed = true;
	if (!*interned)
		*interned = protobuf_begin(&o->p, PACKET_INTERNED);
	mark = protobuf_begin(&o->p, INTERNED_ANNOTATION_STRING);
	protobuf_uint(&o->p, STRING_IID, stack);
	protobuf_bytes(&o->p, STRING_TEXT, text ?: "", text ? text_sz : 0);
	protobuf_end(&o->p, mark);
	free(text);
}

/* A packet holds one message of interned data: of two, readers keep the last. */
static void intern_stack_texts(struct perfetto *o, uint32_t stack, uint32_t waker_stack)
{
	size_t interned = 0;

	intern_stack_text(o, stack, &interned);
	intern_stack_text(o, waker_stack, &interned);
	if (interned)
		protobuf_end(&o->p, interned);
}

static void put_note_stack(struct perfetto *o, const char *name, uint32_t stack)
{
	size_t mark;

	if (!stack)
		return;
	mark = protobuf_begin(&o->p, EVENT_ANNOTATION);
	protobuf_string(&o->p, ANNOTATION_NAME, name);
	protobuf_uint(&o->p, ANNOTATION_STRING_IID, stack);
	protobuf_end(&o->p, mark);
}

static const char *state_name(char state)
{
	switch (state) {
	case 'S':
		return "Sleeping";
	case 'D':
		return "Uninterruptible";
	case 'R':
		return "Preempted";
	case 'I':
		return "Idle";
	case 'T':
		return "Stopped";
	}
	return "Waiting";
}

static void put_end(struct perfetto *o, int64_t ts, uint32_t utid)
{
	perfetto_begin(o, ts);
	protobuf_end(&o->p, begin_event(o, TYPE_END, UUID(UUID_WAITS, utid)));
	perfetto_end(o);
}

/* A wait as a slice, its runnable end as a slice within. */
static void put_wait(struct perfetto *o, const struct export_event *ev)
{
	int64_t end = ev->ts + (int64_t)ev->dur_ns;
	size_t mark;

	put_thread_tracks(o, ev->utid);
	perfetto_begin(o, ev->ts);
	intern_stack_texts(o, ev->stack, ev->waker_stack);
	mark = begin_event(o, TYPE_BEGIN, UUID(UUID_WAITS, ev->utid));
	protobuf_string(&o->p, EVENT_NAME, state_name(ev->state));
	put_note_stack(o, "stack", ev->stack);
	if (ev->waker_irq)
		put_note(o, "waker", "[interrupt]");
	else if (ev->waker_utid)
		put_note(o, "waker", export_thread_name(o->in->tasks, ev->waker_utid));
	if (ev->waker_utid && !ev->waker_irq)
		put_note_number(o, "waker_tid", perfetto_tid(o, ev->waker_utid));
	put_note_stack(o, "waker_stack", ev->waker_stack);
	protobuf_end(&o->p, mark);
	perfetto_end(o);
	if (ev->runq_ns) {
		perfetto_begin(o, end - (int64_t)ev->runq_ns);
		mark = begin_event(o, TYPE_BEGIN, UUID(UUID_WAITS, ev->utid));
		protobuf_string(&o->p, EVENT_NAME, "Runnable");
		protobuf_end(&o->p, mark);
		perfetto_end(o);
		put_end(o, end, ev->utid);
	}
	put_end(o, end, ev->utid);
}

int perfetto_put_waits(struct perfetto *o, struct err *err)
{
	struct export_events events;
	struct export_event ev;
	int rc = export_events_open(&events, o->in->db, FILTER_OFF_CPU, o->in->filter, o->in->tasks,
				    o->in->stacks, err);

	if (rc)
		return rc;
	while ((rc = export_events_next(&events, &ev, err)) > 0)
		if (ev.utid)
			put_wait(o, &ev);
	export_events_close(&events);
	return rc;
}

int perfetto_put_ooms(struct perfetto *o, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	int rc = db_query(
		o->in->db,
		"SELECT o.ts,o.victim_comm,o.victim_pid,o.scope,g.path,o.limit_bytes,o.anon_rss_kb,o.stack_id FROM oom o "
		"LEFT JOIN cgroup g ON g.id=o.cgroup_id ORDER BY o.ts,o.id",
		&st, err);
	bool has_track = false;

	while (!rc && (rc = db_step(st, err)) > 0) {
		int64_t id = db_column_int(st, 7);
		uint32_t stack = id > 0 && id <= o->in->stacks->nodes.cnt ? (uint32_t)id : 0;
		size_t mark;

		if (!has_track)
			put_track(o, UUID(UUID_OOM, 1), 0, "OOM kills");
		has_track = true;
		perfetto_begin(o, db_column_int(st, 0));
		intern_stack_texts(o, stack, 0);
		mark = begin_event(o, TYPE_INSTANT, UUID(UUID_OOM, 1));
		protobuf_string(&o->p, EVENT_NAME, "OOM kill");
		put_note(o, "victim", db_column_text(st, 1, NULL));
		put_note_number(o, "victim_pid", (uint64_t)db_column_int(st, 2));
		put_note(o, "scope", db_column_text(st, 3, NULL));
		put_note(o, "cgroup", db_column_text(st, 4, NULL));
		if (!db_column_is_null(st, 5))
			put_note_number(o, "limit_bytes", (uint64_t)db_column_int(st, 5));
		if (!db_column_is_null(st, 6))
			put_note_number(o, "anon_rss_kb", (uint64_t)db_column_int(st, 6));
		put_note_stack(o, "stack", stack);
		protobuf_end(&o->p, mark);
		perfetto_end(o);
		rc = 0;
	}
	return rc;
}

/* Counters of the host (those of processes and cgroups are many, and SQL has them). */
int perfetto_put_counters(struct perfetto *o, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	_cleanup_free_ char *last = NULL;
	uint32_t track = 0;
	int rc =
		db_query(o->in->db,
			 "SELECT name,ts,value FROM counter WHERE scope='host' ORDER BY name,ts,id",
			 &st, err);

	while (!rc && (rc = db_step(st, err)) > 0) {
		const char *name = db_column_text(st, 0, NULL) ?: "";
		double value = db_column_real(st, 2);
		uint64_t bits;
		size_t mark;

		if (!last || strcmp(last, name)) {
			free(last);
			last = strdup(name);
			if (!last)
				return -ENOMEM;
			perfetto_begin(o, 0);
			mark = protobuf_begin(&o->p, PACKET_TRACK);
			protobuf_uint(&o->p, TRACK_UUID, UUID(UUID_COUNTER, ++track));
			perfetto_text(o, TRACK_NAME, name);
			protobuf_bytes(&o->p, TRACK_COUNTER, NULL, 0);
			protobuf_end(&o->p, mark);
			perfetto_end(o);
		}
		memcpy(&bits, &value, sizeof(bits));
		perfetto_begin(o, db_column_int(st, 1));
		mark = begin_event(o, TYPE_COUNTER, UUID(UUID_COUNTER, track));
		protobuf_fixed64(&o->p, EVENT_DOUBLE, bits);
		protobuf_end(&o->p, mark);
		perfetto_end(o);
		rc = 0;
	}
	return rc;
}
