/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DWARF expressions (DWARF 5, 2.5) as call frame information has them: a small stack machine over a frame's registers and memory. The
 * bytes come from a stranger's file: no loop of theirs outlasts DWARF_EXPR_STEPS, and they see only what the two functions give them.
 */
#ifndef VARVE_DWARF_EXPR_H
#define VARVE_DWARF_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DWARF_EXPR_STEPS 512
#define DWARF_EXPR_DEPTH 64

enum dwarf_expr_result {
	DWARF_EXPR_OK = 0,
	DWARF_EXPR_BAD = 1,	 /* cut off, an operation that frames cannot have, too little on the stack, a division by zero */
	DWARF_EXPR_ENDLESS = 2,	 /* more than DWARF_EXPR_STEPS */
	DWARF_EXPR_DEEP = 3,	 /* more than DWARF_EXPR_DEPTH */
	DWARF_EXPR_MEMORY = 4,	 /* asked for memory that is not at hand */
	DWARF_EXPR_REGISTER = 5, /* asked for a register that is not known */
	DWARF_EXPR_RESULTS = 6,
};

/* What the expression may ask for; both return false for what is not to be had, and then leave *ret alone. */
struct dwarf_expr_frame {
	void *ctx;
	bool (*get_reg)(void *ctx, uint64_t reg, uint64_t *ret);		    /* by DWARF number */
	bool (*read)(void *ctx, uint64_t addr, unsigned int sz, uint64_t *ret); /* sz: 1 to 8 bytes, little-endian */
};

/* Run the sz bytes at p; what is on top at the end into *ret. first: what is on the stack at the start, NULL for nothing. */
enum dwarf_expr_result dwarf_expr_run(const uint8_t *p, size_t sz, const uint64_t *first, const struct dwarf_expr_frame *frame,
				      uint64_t *ret);

#endif
