/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks of one chunk, each (pid, tid, start, comm) once, numbered from 1; 0 is all zero. */
#ifndef VARVE_TASKTAB_H
#define VARVE_TASKTAB_H

#include "formats/idmap.h"
#include "formats/event.h"

struct tasktab_row {
	uint32_t pid, tid;
	uint64_t start_ts;
	uint32_t comm; /* id in the chunk's strtab */
};

/* All zero is an empty table. Owns everything. */
struct tasktab {
	struct tasktab_row *rows; /* rows[id - 1] */
	uint32_t cnt, cap;
	struct idmap ids;
};

/* The id of the row, added when new. -ENOMEM. */
int64_t tasktab_add(struct tasktab *t, const struct tasktab_row *row);

void tasktab_clear(struct tasktab *t);
void tasktab_deinit(struct tasktab *t);

#endif
