// SPDX-License-Identifier: BSD-2-Clause
#include "formats/tasktab.h"

#include <errno.h>
#include <stdlib.h>

#include "formats/bytes.h"

int64_t tasktab_add(struct tasktab *t, const struct tasktab_row *row)
{
	uint32_t hash, id, pos;
	int err;

	if (!row->pid && !row->tid && !row->start_ts && !row->comm)
		return 0;
	hash = hash_mix((uint64_t)row->pid << 32 | row->tid, row->start_ts + row->comm);
	for (id = idmap_first(&t->ids, hash, &pos); id; id = idmap_next(&t->ids, hash, &pos)) {
		const struct tasktab_row *have = &t->rows[id - 1];

		if (have->tid == row->tid && have->pid == row->pid && have->comm == row->comm &&
		    have->start_ts == row->start_ts)
			return id;
	}
	err = array_grow(&t->rows, &t->cap, t->cnt, sizeof(*t->rows));
	if (!err)
		err = idmap_add(&t->ids, hash, t->cnt + 1);
	if (err)
		return err;
	t->rows[t->cnt] = *row;
	return ++t->cnt;
}

void tasktab_clear(struct tasktab *t)
{
	t->cnt = 0;
	idmap_clear(&t->ids);
}

void tasktab_deinit(struct tasktab *t)
{
	free(t->rows);
	idmap_deinit(&t->ids);
	*t = (struct tasktab){ 0 };
}
