/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second half of the unwinder: goes on from the frame where the BPF one stopped, by the same rules, over the stack memory that came
 * with it.
 */
#ifndef VARVE_SLICE_H
#define VARVE_SLICE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/unwind_wire.h"
#include "formats/event.h"
#include "record/dwarf_expr.h"
#include "record/expr_set.h"

/* A frame and the stack above it. */
struct slice {
	uint64_t regs[UNWIND_REGS]; /* DWARF numbers */
	uint32_t flags;		    /* enum unwind_flags */
	const uint8_t *data;	    /* stack memory from base on, borrowed */
	uint64_t base;
	uint32_t sz;
	/* Copies SLICE_CALL_SZ bytes of the process's code from addr on, ctx being slice_unwind()'s; false: cannot be had. NULL: never. */
	bool (*read_code)(void *ctx, uint64_t addr, uint8_t *ret);
	const struct expr_set *exprs; /* that rules name, borrowed; NULL: none */
	uint32_t expr_cnt[DWARF_EXPR_RESULTS]; /* added to: expressions that were run, by what came of it */
};

#define SLICE_CODE_SZ 16
#define SLICE_CALL_SZ 7 /* the longest call instruction */

/* What is at a pc. */
struct slice_place {
	bool is_mapped;			/* executable memory of the process */
	bool is_outermost;		/* nobody called this */
	const struct unwind_rule *rule; /* NULL: none; must stay valid until the next question */
	uint8_t code[SLICE_CODE_SZ];	/* without a rule: the instructions at the pc the frame goes on at */
	bool has_code;
};

/* Looks up a frame that goes on at pc; is_exact: the rule is wanted for pc itself, else for the byte before it. */
typedef void (*slice_find_fn)(void *ctx, uint64_t pc, bool is_exact, struct slice_place *ret);

/*
 * Append the addresses of the frame at hand (unless skip_first) and of its callers to addr, at most max. An exact pc is marked with
 * WIRE_ADDR_EXACT. Changes *s. Returns their number and how the stack ended.
 */
uint32_t slice_unwind(struct slice *s, bool skip_first, slice_find_fn find, void *ctx, uint64_t *addr, uint32_t max,
		      enum stack_end *ret_end);

#endif
