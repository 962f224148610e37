// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_rows.h"

#include <errno.h>
#include <string.h>

#include "formats/cleanup.h"

int import_rows_init(struct import_rows *r, struct db *db, struct err *err)
{
	int rc;

	memset(r, 0, sizeof(*r));
	r->runq.db = db;
	rc = db_insert_open(db, "sample", &r->samples, err);
	return rc ?: db_insert_open(db, "offcpu", &r->offcpus, err);
}

static void insert_id(struct db_insert *in, uint32_t id)
{
	if (id)
		db_insert_int(in, id);
	else
		db_insert_null(in);
}

static bool add_sum(struct import_sums *sums, uint32_t id, uint64_t ns)
{
	if (!table_reserve(&sums->of, id))
		return false;
	sums->of.row[id].ns += ns;
	sums->of.row[id].cnt++;
	if (id > sums->of.cnt)
		sums->of.cnt = id;
	return true;
}

int import_rows_sample(struct import_rows *r, const struct import_sample *s, struct err *err)
{
	struct db_insert *in = r->samples;

	if (!add_sum(&r->on_cpu, s->stack, s->weight_ns) ||
	    !add_sum(&r->thread_on_cpu, s->utid, s->weight_ns) ||
	    import_pairs_add(&r->cpus, s->utid, s->cpu, s->weight_ns) ||
	    import_pairs_add(&r->thread_stacks, s->utid, s->stack, s->weight_ns))
		return err_set(err, -ENOMEM, "import: out of memory");
	db_insert_int(in, s->ts);
	db_insert_int(in, s->cpu);
	db_insert_int(in, s->utid);
	insert_id(in, s->stack);
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

	if (!add_sum(&r->off_cpu, o->stack, o->dur_ns) ||
	    !add_sum(&r->thread_off_cpu, o->utid, o->dur_ns) ||
	    import_waits_add(&r->waits, o))
		return err_set(err, -ENOMEM, "import: out of memory");
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
	if (o->runq_ns == UNKNOWN_U64)
		db_insert_null(in);
	else
		db_insert_int(in, (int64_t)o->runq_ns);
	db_insert_text_n(in, state, 1);
	insert_id(in, o->stack);
	insert_id(in, o->waker_utid);
	insert_id(in, o->waker_stack);
	db_insert_int(in, o->cpu_out);
	db_insert_int(in, o->cpu_in);
	db_insert_int(in, o->iowait);
	db_insert_int(in, o->waker_irq);
	return db_insert_row(in, err);
}

/* ---- totals ------------------------------------------------------------- */

struct totals {
	uint64_t self_ns, total_ns, self_n, total_n;
	uint32_t stack; /* the last one counted: a recursive function counts once */
};

static void sum_stack(const struct stacks *st, uint32_t stack, const struct import_sum *sum,
		      struct totals *by_function)
{
	struct totals *t = &by_function[st->frames.row[st->nodes.row[stack].frame].function];

	t->self_ns += sum->ns;
	t->self_n += sum->cnt;
	for (uint32_t n = stack; n; n = st->nodes.row[n].parent) {
		t = &by_function[st->frames.row[st->nodes.row[n].frame].function];
		if (t->stack == stack)
			continue;
		t->stack = stack;
		t->total_ns += sum->ns;
		t->total_n += sum->cnt;
	}
}

static int write_kind(const char *kind, const struct import_sums *sums, const struct stacks *st,
		      struct db_insert *in, struct err *err)
{
	_cleanup_free_ struct totals *by_function =
		calloc((size_t)st->functions.cnt + 1, sizeof(*by_function));
	int rc = 0;

	if (!by_function)
		return err_set(err, -ENOMEM, "import: out of memory");
	for (uint32_t id = 1; id <= sums->of.cnt; id++)
		if (sums->of.row[id].cnt)
			sum_stack(st, id, &sums->of.row[id], by_function);
	for (uint32_t f = 1; f <= st->functions.cnt && !rc; f++) {
		if (!by_function[f].total_n)
			continue;
		db_insert_text(in, kind);
		db_insert_int(in, f);
		db_insert_int(in, (int64_t)by_function[f].self_ns);
		db_insert_int(in, (int64_t)by_function[f].total_ns);
		db_insert_int(in, (int64_t)by_function[f].self_n);
		db_insert_int(in, (int64_t)by_function[f].total_n);
		rc = db_insert_row(in, err);
	}
	return rc;
}

/* (kind, id, ns, n) for each id that has any. */
static int write_sums(const char *kind, const struct import_sums *sums, struct db_insert *in,
		      struct err *err)
{
	int rc = 0;

	for (uint32_t id = 0; sums->of.row && id <= sums->of.cnt && !rc; id++) {
		if (!sums->of.row[id].cnt)
			continue;
		db_insert_text(in, kind);
		db_insert_int(in, id);
		db_insert_int(in, (int64_t)sums->of.row[id].ns);
		db_insert_int(in, (int64_t)sums->of.row[id].cnt);
		rc = db_insert_row(in, err);
	}
	return rc;
}

static int write_sum_table(struct db *db, const char *table, const struct import_sums *on,
			   const struct import_sums *off, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, table, &in, err);

	if (rc)
		return rc;
	rc = write_sums("on-cpu", on, in, err);
	rc = rc ?: write_sums("off-cpu", off, in, err);
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

int import_rows_write_totals(struct import_rows *r, const struct stacks *st, struct db *db,
			     struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, "function_total", &in, err);

	if (rc)
		return rc;
	rc = write_kind("on-cpu", &r->on_cpu, st, in, err);
	rc = rc ?: write_kind("off-cpu", &r->off_cpu, st, in, err);
	rc = db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
	rc = rc ?: write_sum_table(db, "stack_total", &r->on_cpu, &r->off_cpu, err);
	rc = rc ?: import_waits_write(&r->waits, db, err);
	rc = rc ?: import_pairs_write(&r->cpus, "thread_cpu", "sample", db, err);
	rc = rc ?: import_pairs_write(&r->thread_stacks, "sample_stack", NULL, db, err);
	return rc    ?:
		       write_sum_table(db, "thread_total", &r->thread_on_cpu, &r->thread_off_cpu,
				       err);
}

int import_rows_deinit(struct import_rows *r, uint64_t *ret_duplicates, struct err *err)
{
	uint64_t samples = 0, offcpus = 0;
	int rc = db_insert_close(r->samples, &samples, err);

	rc = db_insert_close(r->offcpus, &offcpus, rc ? NULL : err) ?: rc;
	if (ret_duplicates)
		*ret_duplicates = samples + offcpus;
	table_deinit(&r->on_cpu.of);
	table_deinit(&r->off_cpu.of);
	table_deinit(&r->thread_on_cpu.of);
	table_deinit(&r->thread_off_cpu.of);
	import_runq_deinit(&r->runq);
	import_waits_deinit(&r->waits);
	import_pairs_deinit(&r->cpus);
	import_pairs_deinit(&r->thread_stacks);
	memset(r, 0, sizeof(*r));
	return rc;
}
