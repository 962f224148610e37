// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_runq.h"

#include <errno.h>

#define STEPS 8 /* to an octave */

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

static int add_step(struct import_runq *r, uint32_t utid, uint64_t ns)
{
	uint32_t slot = runq_slot(ns), hash = hash_mix(utid, slot), pos, id;
	struct runq_row *row;

	for (id = idmap_first(&r->map, hash, &pos); id; id = idmap_next(&r->map, hash, &pos))
		if (r->rows.row[id].utid == utid && r->rows.row[id].slot == slot)
			break;
	if (!id) {
		id = table_add(&r->rows);
		if (!id || idmap_add(&r->map, hash, id))
			return -ENOMEM;
		r->rows.row[id] = (struct runq_row){ .utid = utid, .slot = slot };
	}
	row = &r->rows.row[id];
	row->count++;
	row->sum_ns += ns;
	if (ns > row->max_ns)
		row->max_ns = ns;
	return 0;
}

/* The row of a second, 0: out of memory. */
static uint32_t second_row(struct import_runq *r, int64_t sec)
{
	uint32_t hash = hash_mix((uint64_t)sec, 8), pos, id;

	if (r->last_second && r->seconds.row[r->last_second].sec == sec)
		return r->last_second;
	for (id = idmap_first(&r->second_map, hash, &pos); id;
	     id = idmap_next(&r->second_map, hash, &pos))
		if (r->seconds.row[id].sec == sec)
			return r->last_second = id;
	id = table_add(&r->seconds);
	if (!id || idmap_add(&r->second_map, hash, id))
		return 0;
	r->seconds.row[id] = (struct runq_second){ .sec = sec };
	return r->last_second = id;
}

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

int import_runq_add(struct import_runq *r, const struct runq_wait *w)
{
	uint32_t second = second_row(r, w->ts / 1000000000);
	struct runq_second *s;

	if (!second || add_step(r, w->utid, w->ns))
		return -ENOMEM;
	s = &r->seconds.row[second];
	s->count++;
	s->sum_ns += w->ns;
	if (w->ns > s->max_ns)
		s->max_ns = w->ns;
	note_longest(r, w);
	return 0;
}

static int write_steps(const struct import_runq *r, struct db *db, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, "thread_runq", &in, err);

	if (rc)
		return rc;
	for (uint32_t id = 1; id <= r->rows.cnt && !rc; id++) {
		const struct runq_row *row = &r->rows.row[id];

		db_insert_int(in, row->utid);
		db_insert_int(in, (int64_t)runq_slot_from(row->slot));
		db_insert_int(in, (int64_t)runq_slot_from(row->slot + 1));
		db_insert_int(in, row->count);
		db_insert_int(in, (int64_t)row->sum_ns);
		db_insert_int(in, (int64_t)row->max_ns);
		rc = db_insert_row(in, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

static int write_seconds(const struct import_runq *r, struct db *db, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, "runq_second", &in, err);

	if (rc)
		return rc;
	for (uint32_t id = 1; id <= r->seconds.cnt && !rc; id++) {
		const struct runq_second *s = &r->seconds.row[id];

		db_insert_int(in, s->sec);
		db_insert_int(in, (int64_t)s->count);
		db_insert_int(in, (int64_t)s->sum_ns);
		db_insert_int(in, (int64_t)s->max_ns);
		rc = db_insert_row(in, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

static int write_longest(const struct import_runq *r, struct db *db, struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, "runq_longest", &in, err);

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

int import_runq_write(const struct import_runq *r, struct db *db, struct err *err)
{
	int rc = write_steps(r, db, err);

	rc = rc ?: write_seconds(r, db, err);
	return rc ?: write_longest(r, db, err);
}

void import_runq_deinit(struct import_runq *r)
{
	table_deinit(&r->rows);
	idmap_deinit(&r->map);
	table_deinit(&r->seconds);
	idmap_deinit(&r->second_map);
}
