// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_waits.h"

#include <errno.h>

static bool same_key(const struct waits_row *a, const struct waits_row *b)
{
	return a->utid == b->utid && a->id == b->id && a->state == b->state && a->flag == b->flag;
}

static int add(struct waits_sums *s, const struct waits_row *x)
{
	uint32_t hash = hash_mix((uint64_t)x->utid << 32 | x->id, x->state << 1 | x->flag), pos, id;
	struct waits_row *row;

	for (id = idmap_first(&s->map, hash, &pos); id; id = idmap_next(&s->map, hash, &pos))
		if (same_key(&s->rows.row[id], x))
			break;
	if (!id) {
		id = table_add(&s->rows);
		if (!id || idmap_add(&s->map, hash, id))
			return -ENOMEM;
		s->rows.row[id] = *x;
		return 0;
	}
	row = &s->rows.row[id];
	row->cnt++;
	row->io_cnt += x->io_cnt;
	row->ns += x->ns;
	row->blocked_ns += x->blocked_ns;
	if (x->max_ns > row->max_ns)
		row->max_ns = x->max_ns;
	return 0;
}

/* As wait-histogram in questions.sql has it: below 2 us is 0. */
static uint32_t octave(uint64_t ns)
{
	return ns < 2000 ? 0 : 63 - (uint32_t)__builtin_clzll(ns / 1000);
}

int import_waits_add(struct import_waits *w, const struct import_offcpu *o)
{
	struct waits_row x = {
		.utid = o->utid,
		.state = (uint8_t)o->state,
		.cnt = 1,
		.io_cnt = o->iowait,
		.ns = o->dur_ns,
		.blocked_ns = o->runq_ns == UNKNOWN_U64 ? o->dur_ns : o->dur_ns - o->runq_ns,
		.max_ns = o->dur_ns,
	};
	int rc;

	x.id = o->waker_utid;
	x.flag = o->waker_irq;
	rc = add(&w->by[WAITS_BY_WAKER], &x);
	x.id = o->stack;
	x.flag = o->waker_utid || o->waker_irq;
	rc = rc ?: add(&w->by[WAITS_BY_STACK], &x);
	x.id = octave(o->dur_ns);
	x.flag = false;
	return rc ?: add(&w->by[WAITS_BY_LENGTH], &x);
}

static void fill_row(struct db_insert *in, enum waits_by by, const struct waits_row *r)
{
	char state[2] = { (char)r->state, 0 };

	db_insert_int(in, r->utid);
	db_insert_text(in, state);
	if (by == WAITS_BY_LENGTH) {
		db_insert_int(in, 1ll << r->id);
		db_insert_int(in, 2ll << r->id);
		db_insert_int(in, r->cnt);
		return;
	}
	db_insert_int(in, r->id);
	db_insert_int(in, r->flag);
	db_insert_int(in, r->cnt);
	db_insert_int(in, (int64_t)r->ns);
	db_insert_int(in, (int64_t)r->blocked_ns);
	db_insert_int(in, (int64_t)r->max_ns);
	if (by == WAITS_BY_STACK)
		db_insert_int(in, r->io_cnt);
}

int import_waits_write(const struct import_waits *w, struct db *db, struct err *err)
{
	static const char *const tables[WAITS_BY_CNT] = { "wait_waker", "wait_stack",
							  "wait_length" };
	int rc = 0;

	for (int by = 0; by < WAITS_BY_CNT && !rc; by++) {
		const struct waits_sums *s = &w->by[by];
		struct db_insert *in;

		rc = db_insert_open(db, tables[by], &in, err);
		if (rc)
			break;
		for (uint32_t id = 1; id <= s->rows.cnt && !rc; id++) {
			fill_row(in, (enum waits_by)by, &s->rows.row[id]);
			rc = db_insert_row(in, err);
		}
		rc = db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
	}
	return rc;
}

void import_waits_deinit(struct import_waits *w)
{
	for (int by = 0; by < WAITS_BY_CNT; by++) {
		table_deinit(&w->by[by].rows);
		idmap_deinit(&w->by[by].map);
	}
}
