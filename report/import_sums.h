/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What samples and waits sum up to over the whole recording, so that questions without --time need
 * not read each of them: the tables function_total, stack_total, thread_total, sample_stack,
 * thread_cpu (of samples), wait_waker, wait_stack and wait_length.
 */
#ifndef VARVE_IMPORT_SUMS_H
#define VARVE_IMPORT_SUMS_H

#include "report/import.h"
#include "report/import_pairs.h"
#include "report/import_waits.h"
#include "report/table.h"

struct import_sum {
	uint64_t ns, cnt;
};

/* By id, row 0 (no stack) included. */
struct import_sum_table {
	TABLE(struct import_sum) of;
};

/* All zero is empty. */
struct import_sums {
	struct import_sum_table on_cpu, off_cpu;	       /* by stack */
	struct import_sum_table thread_on_cpu, thread_off_cpu; /* by thread */
	struct import_pairs cpus, thread_stacks;	       /* CPU time by samples */
	struct import_waits waits;
};

/* 0 or -ENOMEM. */
int import_sums_sample(struct import_sums *s, const struct import_sample *sample);
int import_sums_offcpu(struct import_sums *s, const struct import_offcpu *wait);

/* All of the tables, once the stacks have names. Nothing may be added any more. */
int import_sums_write(struct import_sums *s, const struct stacks *st, struct db *db,
		      struct err *err);

/* Empty again. */
void import_sums_deinit(struct import_sums *s);

#endif
