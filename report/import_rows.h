/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Samples and waits → rows, and what they sum up to. While they come, each is taken as it is; what
 * the database drops, as a row of its key is there already, is in no sum in the end.
 */
#ifndef VARVE_IMPORT_ROWS_H
#define VARVE_IMPORT_ROWS_H

#include "report/import.h"
#include "report/import_runq.h"
#include "report/import_sums.h"

struct import_rows {
	struct db *db; /* the caller's */
	struct db_insert *samples, *offcpus;
	struct import_sums sums;
	struct import_runq runq; /* of the waits, while there are no slices, which know every one */
	bool has_slices;
	uint64_t duplicates; /* rows dropped; known once they are finished */
};

int import_rows_init(struct import_rows *r, struct db *db, struct err *err);
int import_rows_sample(struct import_rows *r, const struct import_sample *s, struct err *err);
int import_rows_offcpu(struct import_rows *r, const struct import_offcpu *o, struct err *err);

/* Slices have been met: the waits for a CPU are counted in them. */
int import_rows_have_slices(struct import_rows *r, struct err *err);

/* All are in: the rows are complete, and the sums those of the rows. */
int import_rows_finish(struct import_rows *r, struct err *err);

void import_rows_deinit(struct import_rows *r);

#endif
