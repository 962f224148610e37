/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What events sum up to over the whole recording, for each thread and something else: the CPU it
 * was on (the table thread_cpu), or the stack it was in (sample_stack).
 */
#ifndef VARVE_IMPORT_PAIRS_H
#define VARVE_IMPORT_PAIRS_H

#include "formats/idmap.h"
#include "report/db.h"
#include "report/table.h"

struct pairs_row {
	uint32_t utid, other;
	uint64_t ns, cnt;
};

/* All zero is empty. */
struct import_pairs {
	TABLE(struct pairs_row) rows;
	struct idmap map;
};

/* 0 or -ENOMEM. */
int import_pairs_add(struct import_pairs *p, uint32_t utid, uint32_t other, uint64_t ns);

/*
 * Rows (kind, utid, other, ns, n), or without the first if kind is NULL, in that order. Nothing may
 * be added any more.
 */
int import_pairs_write(struct import_pairs *p, const char *table, const char *kind, struct db *db,
		       struct err *err);
void import_pairs_deinit(struct import_pairs *p);

#endif
