/* SPDX-License-Identifier: BSD-2-Clause */
/* Samples and waits → rows, and each function's self and total. */
#ifndef VARVE_IMPORT_ROWS_H
#define VARVE_IMPORT_ROWS_H

#include "report/import.h"
#include "report/import_pairs.h"
#include "report/import_runq.h"
#include "report/import_waits.h"
#include "report/table.h"

struct import_sum {
	uint64_t ns, cnt;
};

struct import_sums {
	TABLE(struct import_sum) of; /* by stack, row 0 for none; or by thread */
};

struct import_rows {
	struct db_insert *samples, *offcpus;
	struct import_sums on_cpu, off_cpu;		  /* by stack */
	struct import_sums thread_on_cpu, thread_off_cpu; /* by thread */
	struct import_runq runq; /* of the waits, while there are no slices, which know every one */
	bool has_slices;
	struct import_waits waits;
	struct import_pairs cpus, thread_stacks; /* CPU time by samples */
};

int import_rows_init(struct import_rows *r, struct db *db, struct err *err);
int import_rows_sample(struct import_rows *r, const struct import_sample *s, struct err *err);
int import_rows_offcpu(struct import_rows *r, const struct import_offcpu *o, struct err *err);

/* Slices have been met: the waits for a CPU are counted in them. */
int import_rows_have_slices(struct import_rows *r, struct err *err);

/* function_total, stack_total, thread_total: once the stacks have names. */
int import_rows_write_totals(struct import_rows *r, const struct stacks *st, struct db *db,
			     struct err *err);

int import_rows_deinit(struct import_rows *r, uint64_t *ret_duplicates, struct err *err);

#endif
