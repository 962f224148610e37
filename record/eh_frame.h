/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of one module: for every place of its code, how to step to the caller's frame. Compiled from .eh_frame (and
 * .debug_frame where that knows more), keyed by file offset, so that a mapping's start and pgoff lead straight to them.
 */
#ifndef VARVE_EH_FRAME_H
#define VARVE_EH_FRAME_H

#include "record/unwind_cfi.h"
#include "record/unwind_elf.h"

/* Valid from file offset off up to the next row's. rule 0: no information from here on. */
struct unwind_row {
	uint32_t off;
	uint32_t rule; /* index into rules */
};

struct unwind_rows {
	struct unwind_row *rows; /* owned; off strictly increases; neighbours differ in rule */
	size_t row_cnt;
	struct unwind_rule *rules; /* owned; rules[0] is UNWIND_CFA_NONE; at most 65,535 */
	size_t rule_cnt;
	struct expr_set exprs; /* the expressions that rules name by number */
	uint32_t fde_cnt;     /* read */
	uint32_t bad_fde_cnt; /* left out: malformed, or outside the executable segments below 4 GiB */
	bool is_cut;	      /* the section ended in the middle of a record, or cost more than it may */
};

/*
 * Compile the image's call frame information. No information at all is fine (row_cnt 0).
 * Returns 0 with *ret to be given to unwind_rows_deinit(), or -EBADMSG, -ENOMEM, or the error of reading.
 */
int eh_frame_compile(const struct unwind_input *in, struct unwind_rows *ret, struct err *err);
void unwind_rows_deinit(struct unwind_rows *r);

/* The rule at a file offset; rules[0] where there is none. */
const struct unwind_rule *unwind_rows_find(const struct unwind_rows *r, uint64_t off);

#endif
