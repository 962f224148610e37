// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_cpus.h"

#include <errno.h>

int import_cpus_add(struct import_cpus *c, uint32_t utid, uint32_t cpu, uint64_t ns)
{
	uint32_t hash = hash_mix(utid, cpu), pos, id;

	for (id = idmap_first(&c->map, hash, &pos); id; id = idmap_next(&c->map, hash, &pos))
		if (c->rows.row[id].utid == utid && c->rows.row[id].cpu == cpu)
			break;
	if (!id) {
		id = table_add(&c->rows);
		if (!id || idmap_add(&c->map, hash, id))
			return -ENOMEM;
		c->rows.row[id] = (struct cpus_row){ .utid = utid, .cpu = cpu };
	}
	c->rows.row[id].ns += ns;
	c->rows.row[id].cnt++;
	return 0;
}

int import_cpus_write(const struct import_cpus *c, const char *kind, struct db *db,
		      struct err *err)
{
	struct db_insert *in;
	int rc = db_insert_open(db, "thread_cpu", &in, err);

	if (rc)
		return rc;
	for (uint32_t id = 1; id <= c->rows.cnt && !rc; id++) {
		const struct cpus_row *row = &c->rows.row[id];

		db_insert_text(in, kind);
		db_insert_int(in, row->utid);
		db_insert_int(in, row->cpu);
		db_insert_int(in, (int64_t)row->ns);
		db_insert_int(in, (int64_t)row->cnt);
		rc = db_insert_row(in, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

void import_cpus_deinit(struct import_cpus *c)
{
	table_deinit(&c->rows);
	idmap_deinit(&c->map);
}
