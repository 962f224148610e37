// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_sums.h"

#include <errno.h>
#include <string.h>

#include "formats/cleanup.h"

static bool add_sum(struct import_sum_table *sums, uint32_t id, uint64_t ns)
{
	if (!table_reserve(&sums->of, id))
		return false;
	sums->of.row[id].ns += ns;
	sums->of.row[id].cnt++;
	if (id > sums->of.cnt)
		sums->of.cnt = id;
	return true;
}

int import_sums_sample(struct import_sums *s, const struct import_sample *sample)
{
	uint64_t ns = sample->weight_ns;

	if (!add_sum(&s->on_cpu, sample->stack, ns) ||
	    !add_sum(&s->thread_on_cpu, sample->utid, ns))
		return -ENOMEM;
	return import_pairs_add(&s->cpus, sample->utid, sample->cpu, ns) ?:
		       import_pairs_add(&s->thread_stacks, sample->utid, sample->stack, ns);
}

int import_sums_offcpu(struct import_sums *s, const struct import_offcpu *wait)
{
	if (!add_sum(&s->off_cpu, wait->stack, wait->dur_ns) ||
	    !add_sum(&s->thread_off_cpu, wait->utid, wait->dur_ns))
		return -ENOMEM;
	return import_waits_add(&s->waits, wait);
}

/* ---- to the database ---------------------------------------------------- */

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

static int write_kind(const char *kind, const struct import_sum_table *sums, const struct stacks *st,
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
static int write_sums(const char *kind, const struct import_sum_table *sums, struct db_insert *in,
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

static int write_sum_table(struct db *db, const char *table, const struct import_sum_table *on,
			   const struct import_sum_table *off, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, table, &in, err);

	if (rc)
		return rc;
	rc = write_sums("on-cpu", on, in, err);
	rc = rc ?: write_sums("off-cpu", off, in, err);
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

static int write_function_totals(const struct import_sums *s, const struct stacks *st,
				 struct db *db, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, "function_total", &in, err);

	if (rc)
		return rc;
	rc = write_kind("on-cpu", &s->on_cpu, st, in, err);
	rc = rc ?: write_kind("off-cpu", &s->off_cpu, st, in, err);
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

int import_sums_write(struct import_sums *s, const struct stacks *st, struct db *db,
		      struct err *err)
{
	int rc = write_function_totals(s, st, db, err);

	rc = rc ?: write_sum_table(db, "stack_total", &s->on_cpu, &s->off_cpu, err);
	rc = rc ?: write_sum_table(db, "thread_total", &s->thread_on_cpu, &s->thread_off_cpu, err);
	rc = rc ?: import_waits_write(&s->waits, db, err);
	rc = rc ?: import_pairs_write(&s->cpus, "thread_cpu", "sample", db, err);
	return rc ?: import_pairs_write(&s->thread_stacks, "sample_stack", NULL, db, err);
}

void import_sums_deinit(struct import_sums *s)
{
	table_deinit(&s->on_cpu.of);
	table_deinit(&s->off_cpu.of);
	table_deinit(&s->thread_on_cpu.of);
	table_deinit(&s->thread_off_cpu.of);
	import_pairs_deinit(&s->cpus);
	import_pairs_deinit(&s->thread_stacks);
	import_waits_deinit(&s->waits);
	memset(s, 0, sizeof(*s));
}
