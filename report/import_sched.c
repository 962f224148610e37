// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_sched.h"

#include <errno.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/import_tasks.h"

#define CPU_MAX 65536 /* beyond any kernel's; what a hostile file claims above it is ignored */

int import_sched_init(struct import_sched *s, struct db *db, struct err *err)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->first_ts = INT64_MAX;
	s->db = s->runq.db = db;
	rc = db_insert_open(db, "sched_slice", &s->slices, err);
	return rc ?: db_insert_open(db, "migration", &s->migrations, err);
}

void import_sched_begin(struct import_sched *s)
{
	s->cpus.cnt = 0;
	if (s->cpus.row)
		memset(s->cpus.row, 0, s->cpus.cap * sizeof(*s->cpus.row));
	s->first_ts = INT64_MAX;
	s->last_ts = INT64_MIN;
	s->idle_utid = 0;
	s->first_utid = s->threads.cnt + 1;
}

static int oom(struct err *err)
{
	return err_set(err, -ENOMEM, "import: out of memory");
}

static void seen(struct import_sched *s, int64_t ts)
{
	if (ts < s->first_ts)
		s->first_ts = ts;
	if (ts > s->last_ts)
		s->last_ts = ts;
}

static struct sched_thread *thread(struct import_sched *s, uint32_t utid)
{
	if (!table_reserve(&s->threads, utid))
		return NULL;
	if (utid > s->threads.cnt)
		s->threads.cnt = utid;
	return &s->threads.row[utid];
}

/* The thread was in state `was` until ts, and is in `next` from there. If we thought otherwise, the
 * time is lost. */
static void change(struct sched_thread *th, int64_t ts, enum sched_state was, enum sched_state next)
{
	uint64_t ns = ts > th->since_ts ? (uint64_t)(ts - th->since_ts) : 0;

	if (th->state == SCHED_UNSEEN)
		th->first_ts = ts;
	else if (th->state == SCHED_BLOCKED && (was == SCHED_BLOCKED || was == SCHED_RUNNABLE))
		th->blocked_ns += ns; /* the wakeup may be missing: then all of the wait counts as
					 blocked, as in offcpu */
	else if (th->state != was)
		th->lost_ns += ns;
	else if (was == SCHED_RUNNING)
		th->running_ns += ns;
	else if (was == SCHED_RUNNABLE)
		th->runq_ns += ns;
	th->state = (uint8_t)next;
	th->since_ts = ts;
}

static int add_sums(struct import_sched *s, const struct sched_cpu *c, uint32_t cpu, int64_t dur_ns,
		    struct err *err)
{
	struct runq_wait w = {
		.ts = c->since_ts - c->runq_ns, .ns = (uint64_t)c->runq_ns, .utid = c->utid, .cpu = cpu
	};

	if (import_pairs_add(&s->on_cpus, c->utid, cpu, (uint64_t)dur_ns))
		return oom(err);
	return c->runq_ns >= 0 ? import_runq_add(&s->runq, &w, err) : 0;
}

static int slice(struct import_sched *s, const struct sched_cpu *c, uint32_t cpu, int64_t ts,
		 char end_state, struct err *err)
{
	struct db_insert *in = s->slices;
	char state[2] = { end_state, 0 };
	int rc;

	if (c->utid == s->idle_utid)
		return 0;
	s->has_slices = true;
	rc = add_sums(s, c, cpu, ts - c->since_ts, err);
	if (rc)
		return rc;
	db_insert_int(in, c->since_ts);
	db_insert_int(in, cpu);
	db_insert_int(in, ts - c->since_ts);
	db_insert_int(in, c->utid);
	db_insert_text(in, end_state ? state : NULL);
	if (c->prio != UINT32_MAX)
		db_insert_int(in, c->prio);
	else
		db_insert_null(in);
	if (c->runq_ns >= 0)
		db_insert_int(in, c->runq_ns);
	else
		db_insert_null(in);
	db_insert_id(in, c->waker);
	return db_insert_row(in, err);
}

/* The CPU's turn that ends at ts. A mismatch means that a switch was lost: since when prev ran is
 * unknown. */
static int end_turn(struct import_sched *s, struct sched_cpu *c, const struct event *ev, int64_t ts,
		    uint32_t prev, struct err *err)
{
	struct sched_thread *th = &s->threads.row[prev];
	char state = ev->sw.prev_state >= 0x20 && ev->sw.prev_state < 0x7f ?
			     (char)ev->sw.prev_state :
			     '?';
	enum sched_state next = state == 'R'		     ? SCHED_RUNNABLE :
				state == 'X' || state == 'Z' ? SCHED_GONE :
							       SCHED_BLOCKED;
	int rc = 0;

	if (!c->utid && th->state == SCHED_UNSEEN && s->first_ts < ts) {
		/* the CPU's first switch: prev was running when switches began to be recorded */
		*c = (struct sched_cpu){ .since_ts = s->first_ts, .utid = prev, .runq_ns = -1 };
		change(th, s->first_ts, SCHED_UNSEEN, SCHED_RUNNING);
	}
	if (c->utid == prev && ts >= c->since_ts) {
		c->prio = ev->sw.prev_prio;
		rc = slice(s, c, ev->cpu, ts, state, err);
	}
	change(th, ts, SCHED_RUNNING, next);
	th->waker = 0;
	return rc;
}

int import_sched_switch(struct import_sched *s, const struct event *ev, int64_t ts, uint32_t prev,
			uint32_t next, struct err *err)
{
	struct sched_thread *th;
	struct sched_cpu *c;
	int rc;

	if (ev->cpu >= CPU_MAX)
		return 0;
	seen(s, ts);
	if (!table_reserve(&s->cpus, ev->cpu + 1) || !thread(s, prev) || !thread(s, next))
		return oom(err);
	if (ev->cpu + 1 > s->cpus.cnt)
		s->cpus.cnt = ev->cpu + 1;
	/* a switch is recorded for the sake of one of the two, and that is not the idle task */
	if (ev->task.tid == 0) {
		s->idle_utid = prev;
		s->threads.row[next].is_target = true;
	} else if (ev->other.tid == 0) {
		s->idle_utid = next;
		s->threads.row[prev].is_target = true;
	}
	c = &s->cpus.row[ev->cpu + 1];
	rc = end_turn(s, c, ev, ts, prev, err);
	th = &s->threads.row[next];
	*c = (struct sched_cpu){
		.since_ts = ts, .utid = next, .runq_ns = -1, .prio = ev->sw.next_prio
	};
	if (th->state == SCHED_RUNNABLE && ts >= th->since_ts) {
		c->runq_ns = ts - th->since_ts;
		c->waker = th->waker;
	}
	change(th, ts, SCHED_RUNNABLE, SCHED_RUNNING);
	return rc;
}

/* A thread that is running or runnable already is not woken by it: it was on its way to sleep, and
 * stays. */
int import_sched_wakeup(struct import_sched *s, const struct event *ev, int64_t ts, uint32_t utid,
			uint32_t waker, struct err *err)
{
	struct sched_thread *th = thread(s, utid);

	if (!th)
		return oom(err);
	seen(s, ts);
	th->is_target = true;
	if (th->state == SCHED_RUNNING || th->state == SCHED_RUNNABLE)
		return 0;
	if (th->state == SCHED_UNSEEN && !ev->wakeup.is_new && s->first_ts < ts)
		change(th, s->first_ts, SCHED_UNSEEN,
		       SCHED_BLOCKED); /* it slept when switches began to be recorded */
	change(th, ts, SCHED_BLOCKED, SCHED_RUNNABLE);
	th->waker = waker;
	return 0;
}

int import_sched_migrate(struct import_sched *s, const struct event *ev, int64_t ts, uint32_t utid,
			 struct err *err)
{
	struct sched_thread *th = thread(s, utid);

	if (!th)
		return oom(err);
	th->is_target = true;
	seen(s, ts);
	db_insert_int(s->migrations, ts);
	db_insert_int(s->migrations, utid);
	db_insert_int(s->migrations, ev->migrate.from_cpu);
	db_insert_int(s->migrations, ev->migrate.to_cpu);
	return db_insert_row(s->migrations, err);
}

static uint64_t sane(uint64_t ns)
{
	return ns > (uint64_t)IMPORT_NS_MAX ? (uint64_t)IMPORT_NS_MAX : ns;
}

/* The sums only grow: the last word is the one with the largest ts, wherever in the file it stands.
 */
int import_sched_account(struct import_sched *s, const struct event *ev, int64_t ts,
			 int64_t first_ts, uint32_t utid, struct err *err)
{
	uint32_t had = s->accounts.cap;
	struct sched_account *a;

	if (!table_reserve(&s->accounts, utid))
		return oom(err);
	for (uint32_t i = had; i < s->accounts.cap; i++)
		s->accounts.row[i].last_ts = INT64_MIN;
	if (utid > s->accounts.cnt)
		s->accounts.cnt = utid;
	a = &s->accounts.row[utid];
	if (ts < a->last_ts)
		return 0;
	*a = (struct sched_account){
		.first_ts = first_ts,
		.last_ts = ts,
		.running_ns = sane(ev->account.running_ns),
		.runq_ns = sane(ev->account.runq_ns),
		.blocked_ns = sane(ev->account.blocked_ns),
		.short_ns = sane(ev->account.short_ns),
		.short_cnt = ev->account.short_cnt,
	};
	return 0;
}

static bool has_account(const struct import_sched *s, uint32_t utid)
{
	return utid <= s->accounts.cnt && s->accounts.row[utid].last_ts != INT64_MIN;
}

static void forget_bystanders(struct import_sched *s)
{
	for (uint32_t utid = s->first_utid; utid <= s->threads.cnt; utid++) {
		struct sched_thread *th = &s->threads.row[utid];

		if (th->is_target || has_account(s, utid))
			continue;
		th->state = SCHED_UNSEEN;
		s->has_bystanders = true;
	}
}

int import_sched_end(struct import_sched *s, bool has_target, struct err *err)
{
	int rc = 0;

	for (uint32_t i = 1; i <= s->cpus.cnt && !rc; i++) {
		struct sched_cpu *c = &s->cpus.row[i];

		if (c->utid && s->last_ts > c->since_ts)
			rc = slice(s, c, i - 1, s->last_ts, 0, err);
	}
	/* the idle task is on all CPUs at once: its sums mean nothing */
	if (s->idle_utid && s->idle_utid <= s->threads.cnt)
		s->threads.row[s->idle_utid].state = SCHED_UNSEEN;
	for (uint32_t utid = 1; utid <= s->threads.cnt && !rc; utid++) {
		struct sched_thread *th = &s->threads.row[utid];

		if (th->state != SCHED_UNSEEN && th->state != SCHED_GONE)
			change(th, s->last_ts, (enum sched_state)th->state, SCHED_GONE);
	}
	if (has_target)
		forget_bystanders(s);
	return rc;
}

static int account_row(struct db_insert *in, uint32_t utid, const struct sched_account *a,
		       struct err *err)
{
	int64_t wall = a->last_ts - a->first_ts;

	db_insert_int(in, utid);
	db_insert_int(in, a->first_ts);
	db_insert_int(in, wall);
	db_insert_int(in, (int64_t)a->running_ns);
	db_insert_int(in, (int64_t)a->runq_ns);
	db_insert_int(in, (int64_t)a->blocked_ns);
	db_insert_int(in, (int64_t)a->short_ns);
	db_insert_int(in, (int64_t)a->short_cnt);
	db_insert_int(in, wall - (int64_t)(a->running_ns + a->runq_ns + a->blocked_ns));
	db_insert_text(in, "account");
	return db_insert_row(in, err);
}

static int switch_row(struct db_insert *in, uint32_t utid, const struct sched_thread *th,
		      struct err *err)
{
	db_insert_int(in, utid);
	db_insert_int(in, th->first_ts);
	db_insert_int(in, (int64_t)(th->running_ns + th->runq_ns + th->blocked_ns + th->lost_ns));
	db_insert_int(in, (int64_t)th->running_ns);
	db_insert_int(in, (int64_t)th->runq_ns);
	db_insert_int(in, (int64_t)th->blocked_ns);
	db_insert_int(in, 0);
	db_insert_int(in, 0);
	db_insert_int(in, (int64_t)th->lost_ns);
	db_insert_text(in, "switch");
	return db_insert_row(in, err);
}

int import_sched_write(struct import_sched *s, struct db *db, struct err *err)
{
	uint32_t max = s->accounts.cnt > s->threads.cnt ? s->accounts.cnt : s->threads.cnt;
	struct db_insert *in;
	int rc = db_insert_open(db, "thread_account", &in, err);

	if (rc)
		return rc;
	for (uint32_t utid = 1; utid <= max && !rc; utid++) {
		if (has_account(s, utid))
			rc = account_row(in, utid, &s->accounts.row[utid], err);
		else if (utid <= s->threads.cnt && s->threads.row[utid].state != SCHED_UNSEEN)
			rc = switch_row(in, utid, &s->threads.row[utid], err);
	}
	rc = db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
	return rc ?: import_pairs_write(&s->on_cpus, "thread_cpu", "slice", db, err);
}

/* ---- the end ------------------------------------------------------------ */

/* The sums of the slices that are in the table. */
static int sum_anew(struct import_sched *s, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	int rc = import_runq_drop(&s->runq, err);

	import_pairs_deinit(&s->on_cpus);
	rc = rc ?: db_query(s->db, "SELECT ts,cpu,dur_ns,utid,runq_ns FROM sched_slice", &st, err);
	while (!rc && (rc = db_step(st, err)) == 1) {
		struct sched_cpu c = {
			.since_ts = db_column_int(st, 0),
			.utid = (uint32_t)db_column_int(st, 3),
			.runq_ns = db_column_is_null(st, 4) ? -1 : db_column_int(st, 4),
		};

		rc = add_sums(s, &c, (uint32_t)db_column_int(st, 1), db_column_int(st, 2), err);
	}
	return rc;
}

static int close_inserts(struct import_sched *s, uint64_t *ret_slices, struct err *err)
{
	uint64_t migrations = 0;
	int rc = db_insert_close(take_ptr(s->slices), ret_slices, err);

	rc = db_insert_close(take_ptr(s->migrations), &migrations, rc ? NULL : err) ?: rc;
	s->duplicates = *ret_slices + migrations;
	return rc;
}

int import_sched_finish(struct import_sched *s, struct err *err)
{
	uint64_t slices = 0;
	int rc = close_inserts(s, &slices, err);

	return rc ?: slices ? sum_anew(s, err) : 0;
}

void import_sched_deinit(struct import_sched *s)
{
	uint64_t slices = 0;

	(void)close_inserts(s, &slices, NULL); /* still open only after an error, which has been told */
	table_deinit(&s->threads);
	table_deinit(&s->accounts);
	table_deinit(&s->cpus);
	import_runq_deinit(&s->runq);
	import_pairs_deinit(&s->on_cpus);
	memset(s, 0, sizeof(*s));
}

int import_sched_drop_bystanders(struct db *db, struct err *err)
{
	/* whoever has slices and is not a bystander has sums */
	return db_exec(
		db,
		"DELETE FROM sched_slice WHERE utid NOT IN (SELECT utid FROM thread_account);"
		"DELETE FROM thread_cpu WHERE kind='slice' AND utid NOT IN (SELECT utid FROM thread_account);"
		"DELETE FROM runq_second WHERE utid NOT IN (SELECT utid FROM thread_account);"
		"DELETE FROM runq_longest;"
		"INSERT INTO runq_longest SELECT row_number() OVER (ORDER BY runq_ns DESC,ts-runq_ns),ts-runq_ns,runq_ns,utid,cpu FROM sched_slice WHERE runq_ns IS NOT NULL ORDER BY 1 LIMIT 100",
		err);
}
