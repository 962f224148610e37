/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In which order the rows of a section go to disk: by time, and, where there are enough of them,
 * one CPU after the other. What happens on one CPU follows from what happened there before (who is
 * switched out was switched in), so that these rows predict one another, while CPUs mixed by time
 * do not.
 */
#ifndef VARVE_ROW_ORDER_H
#define VARVE_ROW_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#define ORDER_CPU_MAX 1024 /* rows of machines with more are not parted */

/* All zero is an empty one. Owns both arrays, which keep their memory. */
struct row_order {
	uint32_t *rows; /* rows[i]: which row comes i-th */
	uint32_t cap;
	uint32_t *run_ends; /* sections to make of them: where each ends */
	uint32_t run_cnt, run_cap;
	bool is_identity; /* one run, and the rows stay as they are */
};

/*
 * Order n rows. cpu NULL: by time only. Rows of equal time (and CPU) keep their order.
 * Returns 0 or -ENOMEM.
 */
int row_order_make(struct row_order *o, const uint64_t *ts, const uint64_t *cpu, uint32_t n);

void row_order_deinit(struct row_order *o);

#endif
