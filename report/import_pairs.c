// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_pairs.h"

#include <errno.h>
#include <stdlib.h>

int import_pairs_add(struct import_pairs *p, uint32_t utid, uint32_t other, uint64_t ns)
{
	uint32_t hash = hash_mix(utid, other), pos, id;

	for (id = idmap_first(&p->map, hash, &pos); id; id = idmap_next(&p->map, hash, &pos))
		if (p->rows.row[id].utid == utid && p->rows.row[id].other == other)
			break;
	if (!id) {
		id = table_add(&p->rows);
		if (!id || idmap_add(&p->map, hash, id))
			return -ENOMEM;
		p->rows.row[id] = (struct pairs_row){ .utid = utid, .other = other };
	}
	p->rows.row[id].ns += ns;
	p->rows.row[id].cnt++;
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct pairs_row *x = a, *y = b;

	if (x->utid != y->utid)
		return x->utid < y->utid ? -1 : 1;
	return x->other < y->other ? -1 : x->other > y->other;
}

int import_pairs_write(struct import_pairs *p, const char *table, const char *kind, struct db *db,
		       struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, table, &in, err);

	if (rc)
		return rc;
	idmap_deinit(&p->map); /* ids move: the key's order is the one SQLite is fastest in */
	if (p->rows.cnt)
		qsort(p->rows.row + 1, p->rows.cnt, sizeof(*p->rows.row), compare_rows);
	for (uint32_t id = 1; id <= p->rows.cnt && !rc; id++) {
		const struct pairs_row *row = &p->rows.row[id];

		if (kind)
			db_insert_text(in, kind);
		db_insert_int(in, row->utid);
		db_insert_int(in, row->other);
		db_insert_int(in, (int64_t)row->ns);
		db_insert_int(in, (int64_t)row->cnt);
		rc = db_insert_row(in, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

void import_pairs_deinit(struct import_pairs *p)
{
	table_deinit(&p->rows);
	idmap_deinit(&p->map);
}
