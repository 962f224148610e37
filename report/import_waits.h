/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waits summed up over the whole recording, so that questions without --time need not read each of
 * them: the tables wait_waker, wait_stack and wait_length.
 */
#ifndef VARVE_IMPORT_WAITS_H
#define VARVE_IMPORT_WAITS_H

#include "formats/idmap.h"
#include "report/import.h"
#include "report/table.h"

enum waits_by {
	WAITS_BY_WAKER = 0,
	WAITS_BY_STACK = 1,
	WAITS_BY_LENGTH = 2,
	WAITS_BY_CNT = 3
};

struct waits_row {
	uint32_t utid;
	uint32_t id; /* the waker's utid, the stack, or the length's octave in us; 0 none */
	uint8_t state;
	bool flag; /* by waker: an interrupt woke it; by stack: somebody or an interrupt did */
	uint32_t cnt, io_cnt;
	uint64_t ns, blocked_ns, max_ns;
};

struct waits_sums {
	TABLE(struct waits_row) rows;
	struct idmap map;
};

/* All zero is empty. */
struct import_waits {
	struct waits_sums by[WAITS_BY_CNT];
};

/* 0 or -ENOMEM. */
int import_waits_add(struct import_waits *w, const struct import_offcpu *o);

int import_waits_write(const struct import_waits *w, struct db *db, struct err *err);
void import_waits_deinit(struct import_waits *w);

#endif
