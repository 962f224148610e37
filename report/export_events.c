// SPDX-License-Identifier: BSD-2-Clause
#include "report/export_events.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "formats/cleanup.h"

/* The columns export_event_read() takes, in one order for the three tables. */
static const char *select_of(enum filter_event kind)
{
	switch (kind) {
	case FILTER_ON_CPU:
		return "SELECT ts,weight_ns,utid,stack_id,cpu FROM sample";
	case FILTER_OOM:
		return "SELECT ts,0,utid,stack_id,NULL FROM (SELECT ts, id, stack_id, coalesce(trigger_utid,(SELECT utid FROM thread "
		       "WHERE upid=victim_upid AND is_main)) AS utid FROM oom)";
	default:
		return "SELECT ts,dur_ns,utid,stack_id,cpu_out,runq_ns,state,waker_utid,waker_stack_id,cpu_in,waker_irq,iowait "
		       "FROM offcpu";
	}
}

static const char *order_of(enum filter_event kind)
{
	switch (kind) {
	case FILTER_ON_CPU:
		return "ts,cpu,utid";
	case FILTER_OOM:
		return "ts,id";
	default:
		return "ts,utid";
	}
}

int export_events_open(struct export_events *ret, struct db *db, enum filter_event kind,
		       const struct filter *f, const struct tasks *t, const struct stacks *s,
		       struct err *err)
{
	int64_t duration = db_query_int(db, "SELECT max(start_ts+duration_ns) FROM recording",
					INT64_MAX),
		from, to;
	_cleanup_free_ char *sql = NULL;
	struct db_stmt *st;
	int rc, len;

	filter_time(f, duration, &from, &to);
	if (f->where)
		len = asprintf(
			&sql,
			"%s JOIN thread_v USING(utid) WHERE ts>=:from AND ts<:to AND (%s\n) ORDER BY %s",
			select_of(kind), f->where, order_of(kind));
	else
		len = asprintf(&sql, "%s WHERE ts>=:from AND ts<:to ORDER BY %s", select_of(kind),
			       order_of(kind));
	if (len < 0)
		return err_code(err, -ENOMEM, "read events");
	rc = f->where ? db_query_user(db, sql, &st, err) : db_query(db, sql, &st, err);
	if (rc) {
		if (f->where)
			err_prefix(err, "--where");
		return rc;
	}
	db_bind_int(st, ":from", from);
	db_bind_int(st, ":to", to);
	*ret = (struct export_events){
		.st = st, .filter = f, .tasks = t, .stacks = s, .kind = kind
	};
	return 0;
}

static uint32_t id_at(const struct db_stmt *st, int col, uint32_t max)
{
	int64_t id = db_column_int(st, col);

	return id > 0 && id <= max ? (uint32_t)id : 0;
}

static uint32_t stack_at(const struct export_events *e, int col)
{
	uint32_t id = id_at(e->st, col, e->stacks->nodes.cnt);

	return id && e->stacks->nodes.row[id].frame ? id : 0;
}

static uint64_t ns_at(const struct db_stmt *st, int col)
{
	int64_t ns = db_column_int(st, col);

	return ns > 0 ? (uint64_t)ns : 0;
}

static void read_wait(const struct export_events *e, struct export_event *ev)
{
	const char *state = db_column_text(e->st, 6, NULL);

	ev->runq_ns = ns_at(e->st, 5);
	ev->has_runq = !db_column_is_null(e->st, 5);
	if (ev->runq_ns > ev->dur_ns)
		ev->runq_ns = ev->dur_ns;
	ev->state = state && *state ? *state : 'S';
	ev->waker_utid = id_at(e->st, 7, e->tasks->threads.cnt);
	ev->waker_stack = stack_at(e, 8);
	ev->cpu_in = db_column_is_null(e->st, 9) ? UINT32_MAX : (uint32_t)db_column_int(e->st, 9);
	ev->waker_irq = db_column_int(e->st, 10);
	ev->iowait = db_column_int(e->st, 11);
}

static bool is_taken(const struct export_events *e, const struct export_event *ev)
{
	if (!filter_takes_thread(e->filter, e->tasks, ev->utid))
		return false;
	if (e->kind == FILTER_OOM)
		return true;
	return filter_takes_cpu(e->filter, e->kind == FILTER_RUN_QUEUE ? ev->cpu_in : ev->cpu) &&
	       (!ev->state || filter_takes_state(e->filter, ev->state));
}

int export_events_next(struct export_events *e, struct export_event *ret, struct err *err)
{
	int rc;

	while ((rc = db_step(e->st, err)) > 0) {
		*ret = (struct export_event){
			.ts = db_column_int(e->st, 0),
			.dur_ns = ns_at(e->st, 1),
			.utid = id_at(e->st, 2, e->tasks->threads.cnt),
			.stack = stack_at(e, 3),
			.cpu = (uint32_t)db_column_int(e->st, 4),
			.cpu_in = UINT32_MAX,
		};
		if (e->kind != FILTER_ON_CPU && e->kind != FILTER_OOM)
			read_wait(e, ret);
		if (is_taken(e, ret))
			return 1;
	}
	return rc;
}

void export_events_close(struct export_events *e)
{
	db_stmt_close(e->st);
	e->st = NULL;
}
