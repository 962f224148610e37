// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_rows.h"

#include <errno.h>
#include <string.h>

#include "formats/cleanup.h"

int import_rows_init(struct import_rows *r, struct db *db, struct err *err)
{
	int rc;

	memset(r, 0, sizeof(*r));
	r->db = r->runq.db = db;
	rc = db_insert_open(db, "sample", &r->samples, err);
	return rc ?: db_insert_open(db, "offcpu", &r->offcpus, err);
}

static int oom(struct err *err)
{
	return err_set(err, -ENOMEM, "import: out of memory");
}

int import_rows_sample(struct import_rows *r, const struct import_sample *s, struct err *err)
{
	struct db_insert *in = r->samples;

	if (import_sums_sample(&r->sums, s))
		return oom(err);
	db_insert_int(in, s->ts);
	db_insert_int(in, s->cpu);
	db_insert_int(in, s->utid);
	db_insert_id(in, s->stack);
	db_insert_int(in, (int64_t)s->weight_ns);
	return db_insert_row(in, err);
}

int import_rows_have_slices(struct import_rows *r, struct err *err)
{
	if (r->has_slices)
		return 0;
	r->has_slices = true;
	return import_runq_drop(&r->runq, err);
}

static int sum_offcpu(struct import_rows *r, const struct import_offcpu *o, struct err *err)
{
	struct runq_wait runq = {
		.ts = o->ts + (int64_t)(o->dur_ns - o->runq_ns),
		.ns = o->runq_ns,
		.utid = o->utid,
		.cpu = o->cpu_in,
	};

	if (import_sums_offcpu(&r->sums, o))
		return oom(err);
	if (r->has_slices || o->runq_ns == UNKNOWN_U64)
		return 0;
	return import_runq_add(&r->runq, &runq, err);
}

int import_rows_offcpu(struct import_rows *r, const struct import_offcpu *o, struct err *err)
{
	struct db_insert *in = r->offcpus;
	char state[2] = { o->state, 0 };
	int rc = sum_offcpu(r, o, err);

	if (rc)
		return rc;
	db_insert_int(in, o->ts);
	db_insert_int(in, o->utid);
	db_insert_int(in, (int64_t)o->dur_ns);
	db_insert_u64(in, o->runq_ns);
	db_insert_text_n(in, state, 1);
	db_insert_id(in, o->stack);
	db_insert_id(in, o->waker_utid);
	db_insert_id(in, o->waker_stack);
	db_insert_int(in, o->cpu_out);
	db_insert_int(in, o->cpu_in);
	db_insert_int(in, o->iowait);
	db_insert_int(in, o->waker_irq);
	return db_insert_row(in, err);
}

/* ---- the end ------------------------------------------------------------ */

/* Sum up the rows of one table anew. */
static int read_rows(struct import_rows *r, const char *sql,
		     int (*row)(struct import_rows *, const struct db_stmt *, struct err *),
		     struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	int rc = db_query(r->db, sql, &st, err);

	while (!rc && (rc = db_step(st, err)) == 1)
		rc = row(r, st, err);
	return rc;
}

static int read_sample(struct import_rows *r, const struct db_stmt *st, struct err *err)
{
	struct import_sample s = {
		.cpu = (uint32_t)db_column_int(st, 0),
		.utid = (uint32_t)db_column_int(st, 1),
		.stack = (uint32_t)db_column_int(st, 2),
		.weight_ns = (uint64_t)db_column_int(st, 3),
	};

	return import_sums_sample(&r->sums, &s) ? oom(err) : 0;
}

static int read_offcpu(struct import_rows *r, const struct db_stmt *st, struct err *err)
{
	struct import_offcpu o = {
		.ts = db_column_int(st, 0),
		.utid = (uint32_t)db_column_int(st, 1),
		.dur_ns = (uint64_t)db_column_int(st, 2),
		.runq_ns = UNKNOWN_U64,
		.state = *db_column_text(st, 4, NULL),
		.stack = (uint32_t)db_column_int(st, 5),
		.waker_utid = (uint32_t)db_column_int(st, 6),
		.cpu_in = (uint32_t)db_column_int(st, 7),
		.iowait = db_column_int(st, 8),
		.waker_irq = db_column_int(st, 9),
	};

	if (!db_column_is_null(st, 3))
		o.runq_ns = (uint64_t)db_column_int(st, 3);
	return sum_offcpu(r, &o, err);
}

static int sum_anew(struct import_rows *r, struct err *err)
{
	int rc = import_runq_drop(&r->runq, err);

	if (rc)
		return rc;
	import_sums_deinit(&r->sums);
	rc = read_rows(r, "SELECT cpu,utid,stack_id,weight_ns FROM sample", read_sample, err);
	return rc ?:
		       read_rows(
			       r,
			       "SELECT ts,utid,dur_ns,runq_ns,state,stack_id,waker_utid,cpu_in,iowait,waker_irq FROM offcpu",
			       read_offcpu, err);
}

static int close_inserts(struct import_rows *r, struct err *err)
{
	uint64_t samples = 0, offcpus = 0;
	int rc = db_insert_close(take_ptr(r->samples), &samples, err);

	rc = db_insert_close(take_ptr(r->offcpus), &offcpus, rc ? NULL : err) ?: rc;
	r->duplicates = samples + offcpus;
	return rc;
}

int import_rows_finish(struct import_rows *r, struct err *err)
{
	int rc = close_inserts(r, err);

	/* which of them were dropped nobody says, and the longest of some may be gone */
	return rc ?: r->duplicates ? sum_anew(r, err) : 0;
}

void import_rows_deinit(struct import_rows *r)
{
	(void)close_inserts(r, NULL); /* still open only after an error, which has been told */
	import_sums_deinit(&r->sums);
	import_runq_deinit(&r->runq);
	memset(r, 0, sizeof(*r));
}
