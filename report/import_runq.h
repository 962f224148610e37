/* SPDX-License-Identifier: BSD-2-Clause */
/* How long each thread waited for a CPU, in steps of an eighth of an octave: the table thread_runq.
 */
#ifndef VARVE_IMPORT_RUNQ_H
#define VARVE_IMPORT_RUNQ_H

#include "formats/idmap.h"
#include "report/db.h"
#include "report/table.h"

struct runq_row {
	uint32_t utid, slot, count;
	uint64_t sum_ns, max_ns;
};

/* All zero is empty. */
struct import_runq {
	TABLE(struct runq_row) rows;
	struct idmap map;
};

/* Steps are numbered from 0; the first eight are 1 ns wide. 1, 2, 4, … us begin one. ns up to 2^62.
 */
uint32_t runq_slot(uint64_t ns);
uint64_t runq_slot_from(uint32_t slot);

/* 0 or -ENOMEM. */
int import_runq_add(struct import_runq *r, uint32_t utid, uint64_t ns);

int import_runq_write(const struct import_runq *r, struct db *db, struct err *err);
void import_runq_deinit(struct import_runq *r);

#endif
