// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_runq.h"

#include <errno.h>
#include <stdlib.h>

#define STEPS 8 /* to an octave */
#define NS 1000000000ll

/* Stretched so that 1, 2, 4, … us, where histograms have their edges, are powers of two. */
static uint64_t stretch(uint64_t ns)
{
	return ns + ns / 1000 * 24 + ns % 1000 * 24 / 1000;
}

uint32_t runq_slot(uint64_t ns)
{
	uint64_t v = stretch(ns);
	unsigned log2;

	if (v < STEPS)
		return (uint32_t)v;
	log2 = 63 - (unsigned)__builtin_clzll(v);
	return (log2 - 2) * STEPS + (uint32_t)(v >> (log2 - 3) & (STEPS - 1));
}

uint64_t runq_slot_from(uint32_t slot)
{
	uint64_t v = slot < STEPS ? slot : (uint64_t)(STEPS + slot % STEPS) << (slot / STEPS - 1);
	uint64_t ns = v / 1024 * 1000 + v % 1024 * 1000 / 1024;

	while (stretch(ns) < v)
		ns++;
	return ns;
}

/* ---- sums --------------------------------------------------------------- */

static int64_t second_of(int64_t ts)
{
	return ts / NS - (ts % NS < 0);
}

static int compare_rows(const void *a, const void *b)
{
	const struct runq_row *x = a, *y = b;

	if (x->sec != y->sec)
		return x->sec < y->sec ? -1 : 1;
	if (x->utid != y->utid)
		return x->utid < y->utid ? -1 : 1;
	return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static int put_row(const struct import_runq *r, const struct runq_row *row, struct err *err)
{
	db_insert_int(r->in, row->sec);
	db_insert_int(r->in, row->utid);
	db_insert_int(r->in, (int64_t)runq_slot_from(row->slot));
	db_insert_int(r->in, r->part);
	db_insert_int(r->in, (int64_t)runq_slot_from(row->slot + 1));
	db_insert_int(r->in, row->count);
	db_insert_int(r->in, (int64_t)row->sum_ns);
	db_insert_int(r->in, (int64_t)row->max_ns);
	return db_insert_row(r->in, err);
}

/* All of them into the table, in the order of its key: SQLite then appends. */
static int flush(struct import_runq *r, struct err *err)
{
	int rc = r->in ? 0 : db_insert_open(r->db, "runq_second", &r->in, err);

	if (r->rows.cnt)
		qsort(r->rows.row + 1, r->rows.cnt, sizeof(*r->rows.row), compare_rows);
	for (uint32_t id = 1; id <= r->rows.cnt && !rc; id++)
		rc = put_row(r, &r->rows.row[id], err);
	r->rows.cnt = 0;
	idmap_clear(&r->map);
	r->part++;
	return rc;
}

/* The row of a sum, made on first sight; NULL: out of memory. */
static struct runq_row *find_row(struct import_runq *r, int64_t sec, uint32_t utid, uint32_t slot)
{
	uint32_t hash = hash_mix((uint64_t)sec << 32 | utid, slot), pos, id;

	for (id = idmap_first(&r->map, hash, &pos); id; id = idmap_next(&r->map, hash, &pos)) {
		struct runq_row *row = &r->rows.row[id];

		if (row->utid == utid && row->slot == slot && row->sec == sec)
			return row;
	}
	id = table_add(&r->rows);
	if (!id || idmap_add(&r->map, hash, id))
		return NULL;
	r->rows.row[id] = (struct runq_row){ .sec = sec, .utid = utid, .slot = slot };
	return &r->rows.row[id];
}

static int add_sum(struct import_runq *r, const struct runq_wait *w, struct err *err)
{
	struct runq_row *row = find_row(r, second_of(w->ts), w->utid, runq_slot(w->ns));

	if (!row)
		return err_set(err, -ENOMEM, "import: out of memory");
	row->count++;
	row->sum_ns += w->ns;
	if (w->ns > row->max_ns)
		row->max_ns = w->ns;
	return r->rows.cnt < (r->row_max ?: RUNQ_ROWS_MAX) ? 0 : flush(r, err);
}

/* ---- the longest -------------------------------------------------------- */

static bool is_longer(const struct runq_wait *a, const struct runq_wait *b)
{
	return a->ns != b->ns ? a->ns > b->ns : a->ts < b->ts;
}

static void note_longest(struct import_runq *r, const struct runq_wait *w)
{
	uint32_t at = r->longest_cnt;

	if (at == RUNQ_LONGEST && !is_longer(w, &r->longest[at - 1]))
		return;
	if (at < RUNQ_LONGEST)
		r->longest_cnt++;
	else
		at--;
	for (; at && is_longer(w, &r->longest[at - 1]); at--)
		r->longest[at] = r->longest[at - 1];
	r->longest[at] = *w;
}

int import_runq_add(struct import_runq *r, const struct runq_wait *w, struct err *err)
{
	note_longest(r, w);
	return add_sum(r, w, err);
}

static int write_longest(const struct import_runq *r, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(r->db, "runq_longest", &in, err);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < r->longest_cnt && !rc; i++) {
		const struct runq_wait *w = &r->longest[i];

		db_insert_int(in, i + 1);
		db_insert_int(in, w->ts);
		db_insert_int(in, (int64_t)w->ns);
		db_insert_int(in, w->utid);
		db_insert_int(in, w->cpu);
		rc = db_insert_row(in, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

static int close_rows(struct import_runq *r, struct err *err)
{
	struct db_insert *in = r->in;

	r->in = NULL;
	return db_insert_close(in, NULL, err);
}

int import_runq_write(struct import_runq *r, struct err *err)
{
	int rc = flush(r, err);

	rc = close_rows(r, rc ? NULL : err) ?: rc;
	return rc ?: write_longest(r, err);
}

int import_runq_drop(struct import_runq *r, struct err *err)
{
	int rc;

	r->rows.cnt = r->longest_cnt = 0;
	idmap_clear(&r->map);
	if (!r->in)
		return 0;
	rc = close_rows(r, err);
	return rc ?: db_exec(r->db, "DELETE FROM runq_second", err);
}

void import_runq_deinit(struct import_runq *r)
{
	(void)close_rows(r, NULL); /* still open only after an error, which has been told */
	table_deinit(&r->rows);
	idmap_deinit(&r->map);
}
