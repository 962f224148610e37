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

int import_runq_add(struct import_runq *r, uint32_t utid, uint64_t ns)
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

int import_runq_write(const struct import_runq *r, struct db *db, struct err *err)
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

void import_runq_deinit(struct import_runq *r)
{
	table_deinit(&r->rows);
	idmap_deinit(&r->map);
}
