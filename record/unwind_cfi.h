/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Call frame information programs (DWARF 5, 6.4) of x86-64, reduced to what stepping up a stack needs: the CFA, rbp, rbx and
 * the return address.
 */
#ifndef VARVE_UNWIND_CFI_H
#define VARVE_UNWIND_CFI_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/unwind_wire.h"
#include "record/dwarf_cursor.h"
#include "record/expr_set.h"

enum { DWARF_RAX = 0, DWARF_RBX = 3, DWARF_RBP = 6, DWARF_RSP = 7, DWARF_RIP = 16 };

enum cfi_kind {
	CFI_UNSET = 0,	    /* nothing said: rbp is the caller's, a return address is a broken CIE */
	CFI_UNDEFINED = 1,
	CFI_SAME = 2,
	CFI_OFFSET = 3,	    /* at CFA + off */
	CFI_VAL_OFFSET = 4, /* is CFA + off */
	CFI_REGISTER = 5,   /* in register reg; of a CFA: reg + off */
	CFI_DEREF = 6,	    /* at *(reg + off) + add (CFA), or at reg + off */
	CFI_PLT = 7,	    /* a CFA: lazy PLT entry, add is the threshold */
	CFI_EXPRESSION = 8, /* anything else: of a CFA the expression that gives it, of a register the one that gives its place … */
	CFI_VAL_EXPRESSION = 9, /* … or its value. off: where in the section its length and bytes are; 0: no expression, but not known */
};

struct cfi_value {
	uint8_t kind; /* enum cfi_kind */
	uint8_t reg;  /* DWARF number; 255 one we do not know of */
	int32_t off, add;
};

struct cfi_row {
	struct cfi_value cfa, bp, bx, ra;
};

/* What a CIE says, read once. */
struct cfi_cie {
	uint64_t code_align;
	int64_t data_align;
	uint8_t fde_enc; /* DW_EH_PE_* of its FDEs' addresses */
	bool has_aug_data, is_signal;
	bool is_go; /* of Go's compiler */
	const uint8_t *section; /* not owned: what the places of expressions count from */
	struct cfi_row initial;
};

/*
 * Called with each row: valid for addresses from loc up to the next row's. loc never decreases. Nonzero stops the program.
 */
typedef int (*cfi_row_fn)(void *ctx, uint64_t loc, const struct cfi_row *row);

/*
 * Run the instructions in c, starting at address loc with row cie->initial (NULL cie->initial semantics do not exist: for the
 * CIE's own instructions use cfi_run_initial()). *budget is decreased by the instructions executed; fn may be NULL.
 * Returns 0, what fn returned, -EBADMSG (a malformed or contradictory program), or -E2BIG (the budget is spent).
 */
int cfi_run(const struct cfi_cie *cie, struct dwarf_cursor *c, uint64_t loc, uint64_t *budget, cfi_row_fn fn, void *ctx);

/* Run a CIE's own instructions into cie->initial. */
int cfi_run_initial(struct cfi_cie *cie, struct dwarf_cursor *c, uint64_t *budget);

/*
 * The row as the unwinders want it, expressions being added to *exprs. Same row, same bytes. An expression that finds no room leaves what
 * it says unknown. Returns 0 or -ENOMEM.
 */
int cfi_rule(const struct cfi_row *row, const struct cfi_cie *cie, struct expr_set *exprs, struct unwind_rule *ret);

#endif
