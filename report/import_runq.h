/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waits for a CPU, summed up by second and thread in steps of an eighth of an octave (the table
 * runq_second), and the longest ones (runq_longest). However long a recording is, a bounded number
 * of sums is in memory: when they are many they go into the table, and the next sums of the same
 * second, thread and step are another row, with the next number of its part.
 *
 * This is what the first design's table runq_hist was for: the kernel side sums up no latencies, so that table has no producer, and does not exist.
 */
#ifndef VARVE_IMPORT_RUNQ_H
#define VARVE_IMPORT_RUNQ_H

#include "formats/idmap.h"
#include "report/db.h"
#include "report/table.h"

#define RUNQ_LONGEST 100
#define RUNQ_ROWS_MAX 65536 /* in memory: 4 MiB with their map */

/* One wait: a row of the view runq_latency. */
struct runq_wait {
	int64_t ts; /* runnable from */
	uint64_t ns;
	uint32_t utid, cpu;
};

struct runq_row {
	int64_t sec;
	uint32_t utid, slot, count;
	uint64_t sum_ns, max_ns;
};

/* All zero is empty; db is the caller's to set. */
struct import_runq {
	struct db *db;
	struct db_insert *in; /* once some were written */
	TABLE(struct runq_row) rows;
	struct idmap map;
	uint32_t part;	  /* of the rows in memory */
	uint32_t row_max; /* 0: RUNQ_ROWS_MAX */
	struct runq_wait longest[RUNQ_LONGEST]; /* the longest first; the earlier of two equals */
	uint32_t longest_cnt;
};

/* Steps are numbered from 0; the first eight are 1 ns wide. 1, 2, 4, … us begin one. ns up to 2^62.
 */
uint32_t runq_slot(uint64_t ns);
uint64_t runq_slot_from(uint32_t slot);

int import_runq_add(struct import_runq *r, const struct runq_wait *w, struct err *err);

/* The rest of both tables. */
int import_runq_write(struct import_runq *r, struct err *err);

/* These waits are not the ones to be counted: take back what is in the tables already. It is empty
 * then. */
int import_runq_drop(struct import_runq *r, struct err *err);
void import_runq_deinit(struct import_runq *r);

#endif
