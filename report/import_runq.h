/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waits for a CPU, summed up over the whole recording: by thread in steps of an eighth of an octave
 * (the table thread_runq), second by second (runq_second), and the longest ones (runq_longest).
 */
#ifndef VARVE_IMPORT_RUNQ_H
#define VARVE_IMPORT_RUNQ_H

#include "formats/idmap.h"
#include "report/db.h"
#include "report/table.h"

#define RUNQ_LONGEST 100

/* One wait: a row of the view runq_latency. */
struct runq_wait {
	int64_t ts; /* runnable from */
	uint64_t ns;
	uint32_t utid, cpu;
};

struct runq_row {
	uint32_t utid, slot, count;
	uint64_t sum_ns, max_ns;
};

struct runq_second {
	int64_t sec;
	uint64_t count, sum_ns, max_ns;
};

/* All zero is empty. */
struct import_runq {
	TABLE(struct runq_row) rows;
	struct idmap map;
	TABLE(struct runq_second) seconds;
	struct idmap second_map;
	uint32_t last_second; /* its row: the next wait mostly is of the same one */
	struct runq_wait longest[RUNQ_LONGEST]; /* the longest first; the earlier of two equals */
	uint32_t longest_cnt;
};

/* Steps are numbered from 0; the first eight are 1 ns wide. 1, 2, 4, … us begin one. ns up to 2^62.
 */
uint32_t runq_slot(uint64_t ns);
uint64_t runq_slot_from(uint32_t slot);

/* 0 or -ENOMEM. */
int import_runq_add(struct import_runq *r, const struct runq_wait *w);

int import_runq_write(const struct import_runq *r, struct db *db, struct err *err);
void import_runq_deinit(struct import_runq *r);

#endif
