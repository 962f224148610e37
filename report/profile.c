// SPDX-License-Identifier: BSD-2-Clause
#include "report/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/progress.h"

void profile_init(struct profile *p)
{
	memset(p, 0, sizeof(*p));
}

void profile_deinit(struct profile *p)
{
	if (p->import) {
		import_destroy(p->import);
	} else {
		stacks_deinit(p->stacks);
		tasks_deinit(p->tasks);
		free(p->stacks);
		free(p->tasks);
	}
	table_deinit(&p->entries);
	idmap_deinit(&p->map);
	memset(p, 0, sizeof(*p));
}

static bool same_key(const struct profile_entry *a, const struct profile_entry *b)
{
	return a->utid == b->utid && a->stack == b->stack && a->waker_utid == b->waker_utid &&
	       a->waker_stack == b->waker_stack && a->waker_irq == b->waker_irq;
}

int profile_add(struct profile *p, const struct profile_entry *e)
{
	uint32_t hash = hash_mix((uint64_t)e->utid << 32 | e->stack,
				 (uint64_t)e->waker_utid << 32 | e->waker_stack),
		 pos, id;

	p->cnt += e->cnt;
	p->ns += e->ns;
	for (id = idmap_first(&p->map, hash, &pos); id; id = idmap_next(&p->map, hash, &pos)) {
		if (same_key(&p->entries.row[id], e)) {
			p->entries.row[id].cnt += e->cnt;
			p->entries.row[id].ns += e->ns;
			return 0;
		}
	}
	id = table_add(&p->entries);
	if (!id || idmap_add(&p->map, hash, id))
		return -ENOMEM;
	p->entries.row[id] = *e;
	return 0;
}

int profile_add_sample(struct profile *p, const struct filter *f, int64_t from, int64_t to,
		       const struct import_sample *s)
{
	struct profile_entry e = {
		.utid = s->utid, .stack = s->stack, .cnt = 1, .ns = s->weight_ns
	};

	if (f->event != FILTER_ON_CPU || s->ts < from || s->ts >= to ||
	    !filter_takes_cpu(f, s->cpu))
		return 0;
	return profile_add(p, &e);
}

int profile_add_offcpu(struct profile *p, const struct filter *f, int64_t from, int64_t to,
		       const struct import_offcpu *o)
{
	struct profile_entry e = { .utid = o->utid, .stack = o->stack, .cnt = 1, .ns = o->dur_ns };
	bool knows_waker = o->waker_utid || o->waker_irq;

	if (o->ts < from || o->ts >= to || !filter_takes_state(f, o->state) ||
	    !filter_takes_cpu(f, f->event == FILTER_RUN_QUEUE ? o->cpu_in : o->cpu_out))
		return 0;
	switch (f->event) {
	case FILTER_OFF_CPU:
		break;
	case FILTER_RUN_QUEUE:
		if (o->runq_ns == UNKNOWN_U64)
			return 0;
		e.ns = o->runq_ns;
		break;
	case FILTER_WAKEUP:
		if (!knows_waker)
			return 0;
		e.ns = o->dur_ns - (o->runq_ns == UNKNOWN_U64 ? 0 : o->runq_ns);
		e.stack = 0; /* what counts is where the waker was */
		break;
	default:
		return 0;
	}
	if (f->event == FILTER_WAKEUP || f->offwake) {
		e.waker_utid = o->waker_utid;
		e.waker_stack = o->waker_stack;
		e.waker_irq = o->waker_irq;
	}
	return profile_add(p, &e);
}

/* Threads are known for certain only when all of a recording was read, so they are judged last,
 * whichever way the events came. */
static void drop_threads(struct profile *p, const struct filter *f)
{
	uint32_t kept = 0;

	p->cnt = p->ns = 0;
	for (uint32_t i = 1; i <= p->entries.cnt; i++) {
		const struct profile_entry e = p->entries.row[i];

		if (!filter_takes_thread(f, p->tasks, e.utid))
			continue;
		p->entries.row[++kept] = e;
		p->cnt += e.cnt;
		p->ns += e.ns;
	}
	p->entries.cnt = kept;
	idmap_deinit(&p->map); /* its ids are void, and nothing is added any more */
}

/* ---- from a database ---------------------------------------------------- */

static int next_row(struct profile *p, const struct filter *f, int64_t from, int64_t to,
		    struct db_stmt *st)
{
	if (f->event == FILTER_ON_CPU) {
		struct import_sample s = {
			.ts = db_column_int(st, 0),
			.utid = (uint32_t)db_column_int(st, 1),
			.stack = (uint32_t)db_column_int(st, 2),
			.cpu = (uint32_t)db_column_int(st, 3),
			.weight_ns = (uint64_t)db_column_int(st, 4),
		};

		return profile_add_sample(p, f, from, to, &s);
	}
	if (f->event == FILTER_OOM) {
		struct profile_entry e = { .utid = (uint32_t)db_column_int(st, 1),
					   .stack = (uint32_t)db_column_int(st, 2),
					   .cnt = 1 };
		int64_t ts = db_column_int(st, 0);

		return ts >= from && ts < to ? profile_add(p, &e) : 0;
	}
	struct import_offcpu o = {
		.ts = db_column_int(st, 0),
		.utid = (uint32_t)db_column_int(st, 1),
		.stack = (uint32_t)db_column_int(st, 2),
		.cpu_out = (uint32_t)db_column_int(st, 3),
		.cpu_in = (uint32_t)db_column_int(st, 4),
		.dur_ns = (uint64_t)db_column_int(st, 5),
		.runq_ns = db_column_is_null(st, 6) ? UNKNOWN_U64 : (uint64_t)db_column_int(st, 6),
		.state = (db_column_text(st, 7, NULL) ?: "?")[0],
		.waker_utid = (uint32_t)db_column_int(st, 8),
		.waker_stack = (uint32_t)db_column_int(st, 9),
		.waker_irq = db_column_int(st, 10),
	};
	return profile_add_offcpu(p, f, from, to, &o);
}

static char *rows_sql(const struct filter *f)
{
	const char *columns, *table, *who = "utid";
	char *sql;
	int n;

	if (f->event == FILTER_ON_CPU) {
		table = "sample";
		columns = "ts,utid,stack_id,cpu,weight_ns";
	} else if (f->event == FILTER_OOM) {
		table = "(SELECT ts, trigger_utid AS utid, stack_id FROM oom)";
		columns = "ts,utid,stack_id";
	} else {
		table = "offcpu";
		columns =
			"ts,utid,stack_id,cpu_out,cpu_in,dur_ns,runq_ns,state,waker_utid,waker_stack_id,waker_irq";
	}
	if (f->where)
		n = asprintf(
			&sql,
			"SELECT %s FROM %s JOIN thread_v USING(%s) WHERE ts>=:from AND ts<:to AND (%s\n)",
			columns, table, who, f->where);
	else
		n = asprintf(&sql, "SELECT %s FROM %s WHERE ts>=:from AND ts<:to", columns, table);
	return n < 0 ? NULL : sql;
}

/* Ids of a damaged or hand-made database may lead nowhere. */
static int check_entries(const struct profile *p, struct err *err)
{
	for (uint32_t i = 1; i <= p->entries.cnt; i++) {
		const struct profile_entry *e = &p->entries.row[i];

		if (e->stack > p->stacks->nodes.cnt || e->waker_stack > p->stacks->nodes.cnt ||
		    e->utid > p->tasks->threads.cnt || e->waker_utid > p->tasks->threads.cnt ||
		    (e->stack && !p->stacks->nodes.row[e->stack].frame) ||
		    (e->waker_stack && !p->stacks->nodes.row[e->waker_stack].frame))
			return err_set(
				err, -EBADMSG,
				"database: an event refers to a stack or thread that is not there");
	}
	return 0;
}

static int read_rows(struct profile *p, struct db *db, const struct filter *f, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	_cleanup_free_ char *sql = rows_sql(f);
	int64_t from, to;
	int rc;

	if (!sql)
		return err_set(err, -ENOMEM, "out of memory");
	filter_time(f, p->duration_ns, &from, &to);
	rc = f->where ? db_query_user(db, sql, &st, err) : db_query(db, sql, &st, err);
	if (rc) {
		if (f->where)
			err_prefix(err, "--where");
		return rc;
	}
	db_bind_int(st, ":from", from);
	db_bind_int(st, ":to", to);
	while ((rc = db_step(st, err)) == 1) {
		rc = next_row(p, f, from, to, st);
		if (rc)
			return err_set(err, rc, "out of memory");
	}
	return rc;
}

/* The import's sums by thread, state and stack tell as much as the events. (A database somebody made
 * by hand may have none.) */
static bool is_summed(struct db *db, const struct filter *f)
{
	if (f->has_from || f->has_to || f->cpu_cnt || f->where)
		return false;
	if (f->event == FILTER_ON_CPU)
		return db_query_int(db, "SELECT EXISTS(SELECT 1 FROM sample_stack)", 0);
	return f->event == FILTER_OFF_CPU && !f->offwake &&
	       db_query_int(db, "SELECT EXISTS(SELECT 1 FROM wait_stack)", 0);
}

static int read_sums(struct profile *p, struct db *db, const struct filter *f, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	int rc = db_query(db,
			  f->event == FILTER_ON_CPU ?
				  "SELECT utid,stack_id,n,ns FROM sample_stack" :
				  "SELECT utid,stack_id,n,ns,state FROM wait_stack",
			  &st, err);

	while (!rc && (rc = db_step(st, err)) == 1) {
		struct profile_entry e = {
			.utid = (uint32_t)db_column_int(st, 0),
			.stack = (uint32_t)db_column_int(st, 1),
			.cnt = (uint64_t)db_column_int(st, 2),
			.ns = (uint64_t)db_column_int(st, 3),
		};

		rc = 0;
		if (f->event == FILTER_OFF_CPU &&
		    !filter_takes_state(f, (db_column_text(st, 4, NULL) ?: "?")[0]))
			continue;
		if (profile_add(p, &e))
			rc = err_set(err, -ENOMEM, "out of memory");
	}
	return rc;
}

int profile_read(struct profile *p, struct db *db, const struct filter *f, struct err *err)
{
	int rc;

	p->stacks = calloc(1, sizeof(*p->stacks));
	p->tasks = calloc(1, sizeof(*p->tasks));
	if (!p->stacks || !p->tasks)
		return err_set(err, -ENOMEM, "out of memory");
	p->duration_ns = db_query_int(db, "SELECT max(start_ts+duration_ns) FROM recording", 0);
	rc = stacks_read(p->stacks, db, err);
	rc = rc ?: tasks_read(p->tasks, db, err);
	rc = rc ?: is_summed(db, f) ? read_sums(p, db, f, err) : read_rows(p, db, f, err);
	rc = rc ?: check_entries(p, err);
	if (!rc)
		drop_threads(p, f);
	return rc;
}

/* ---- from recordings ---------------------------------------------------- */

struct stream {
	struct profile *p;
	const struct filter *f;
	int64_t from, to;
};

static int stream_oom_err(int rc, struct err *err)
{
	return rc ? err_set(err, rc, "out of memory") : 0;
}

static int stream_sample(void *ctx, const struct import_sample *s, struct err *err)
{
	struct stream *st = ctx;

	return stream_oom_err(profile_add_sample(st->p, st->f, st->from, st->to, s), err);
}

static int stream_offcpu(void *ctx, const struct import_offcpu *o, struct err *err)
{
	struct stream *st = ctx;

	return stream_oom_err(profile_add_offcpu(st->p, st->f, st->from, st->to, o), err);
}

static int stream_oom(void *ctx, int64_t ts, uint32_t utid, uint32_t cpu, uint32_t stack,
		      struct err *err)
{
	struct stream *st = ctx;
	struct profile_entry e = { .utid = utid, .stack = stack, .cnt = 1 };

	if (st->f->event != FILTER_OOM || ts < st->from || ts >= st->to)
		return 0;
	return stream_oom_err(profile_add(st->p, &e), err);
}

static void say(const struct symbolizer_options *o, const char *what, const char *path)
{
	if (o->progress)
		progress_begin(o->progress, what, path);
}

int profile_import(struct profile *p, const char *const *paths, size_t path_cnt,
		   const struct symbolizer_options *symbols, const struct filter *f,
		   struct import_damage *ret_damage, struct err *err)
{
	struct stream st = { .p = p, .f = f };
	const struct import_sink sink = {
		.ctx = &st,
		.sample = stream_sample,
		.offcpu = stream_offcpu,
		.oom = stream_oom,
	};
	const struct import_options o = { .symbols = *symbols, .sink = &sink };
	int rc = import_create(&o, &p->import, err);

	filter_time(f, 0, &st.from, &st.to); /* streamable: the duration does not matter */
	for (size_t i = 0; i < path_cnt && !rc; i++) {
		say(symbols, "reading", paths[i]);
		rc = import_read(p->import, paths[i], err);
	}
	if (!rc)
		say(symbols, "finding the names for", paths[0]);
	rc = rc ?: import_finish(p->import, err);
	if (rc)
		return rc;
	p->stacks = import_result_stacks(p->import);
	p->tasks = import_result_tasks(p->import);
	p->duration_ns = import_duration_ns(p->import);
	import_damage(p->import, ret_damage);
	drop_threads(p, f);
	return 0;
}
