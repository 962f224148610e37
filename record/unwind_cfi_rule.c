// SPDX-License-Identifier: BSD-2-Clause
/* From a row of call frame information to the rule that the unwinders follow. */
#include "record/unwind_cfi.h"

#include <string.h>

enum { DW_OP_DEREF = 0x06, DW_OP_CONSTS = 0x11, DW_OP_PLUS = 0x22, DW_OP_BREG0 = 0x70 };

static bool set_rule_cfa(struct unwind_rule *r, const struct cfi_value *cfa)
{
	switch (cfa->kind) {
	case CFI_REGISTER:
		r->cfa = cfa->reg == DWARF_RSP ? UNWIND_CFA_SP : cfa->reg == DWARF_RBP ? UNWIND_CFA_BP : UNWIND_CFA_REG;
		r->cfa_reg = r->cfa == UNWIND_CFA_REG ? cfa->reg : 0;
		r->cfa_off = cfa->off;
		return cfa->reg < DWARF_RIP;
	case CFI_PLT:
		r->cfa = UNWIND_CFA_PLT;
		r->cfa_add = cfa->add;
		return true;
	case CFI_DEREF:
		r->cfa = UNWIND_CFA_DEREF;
		r->cfa_reg = cfa->reg;
		r->cfa_off = cfa->off;
		r->cfa_add = cfa->add;
		return cfa->reg < DWARF_RIP;
	default:
		return false;
	}
}

static void set_rule_bp(struct unwind_rule *r, const struct cfi_value *bp)
{
	switch (bp->kind) {
	case CFI_UNSET:
	case CFI_SAME:
		r->bp = UNWIND_BP_SAME;
		return;
	case CFI_OFFSET:
		r->bp = UNWIND_BP_CFA;
		break;
	case CFI_VAL_OFFSET:
		r->bp = UNWIND_BP_VALUE;
		break;
	case CFI_DEREF:
		r->bp = bp->reg == DWARF_RBP ? UNWIND_BP_DEREF : UNWIND_BP_UNKNOWN;
		break;
	case CFI_REGISTER:
		r->bp = bp->reg < DWARF_RIP ? UNWIND_BP_REG : UNWIND_BP_UNKNOWN;
		r->bp_off = bp->reg;
		return;
	default:
		r->bp = UNWIND_BP_UNKNOWN;
	}
	if (bp->off != (int16_t)bp->off) /* saved 32 KiB away from its frame: by nobody */
		r->bp = UNWIND_BP_UNKNOWN;
	r->bp_off = r->bp == UNWIND_BP_UNKNOWN ? 0 : bp->off;
}

static int16_t rule_bx(const struct cfi_value *bx)
{
	if (bx->kind == CFI_UNSET || bx->kind == CFI_SAME)
		return 0;
	return bx->kind == CFI_OFFSET && bx->off == (int16_t)bx->off && !(bx->off & 7) ? bx->off : UNWIND_BX_GONE;
}

static bool set_rule_ra(struct unwind_rule *r, const struct cfi_value *ra)
{
	if (ra->kind == CFI_OFFSET && ra->off == (int16_t)ra->off) {
		r->ra = UNWIND_RA_CFA;
		r->ra_off = ra->off;
		return true;
	}
	if (ra->kind == CFI_REGISTER && ra->reg < DWARF_RIP) {
		r->ra = UNWIND_RA_REG;
		r->ra_off = ra->reg;
		return true;
	}
	return false;
}

/* ---- rows with expressions ------------------------------------------------------------------------------------------- */

static size_t put_sleb(uint8_t *to, int64_t v)
{
	size_t n = 0;

	for (;; v >>= 7) {
		to[n] = v & 0x7f;
		if (v >= -64 && v < 64)
			return n + 1;
		to[n++] |= 0x80;
	}
}

/* "reg + off", or "*(reg + off) + add", as the expression it would have been. Returns its size. */
static size_t make_expression(const struct cfi_value *v, bool is_deref, uint8_t *to)
{
	size_t n = 0;

	to[n++] = DW_OP_BREG0 + v->reg;
	n += put_sleb(to + n, v->off);
	if (!is_deref)
		return n;
	to[n++] = DW_OP_DEREF;
	to[n++] = DW_OP_CONSTS;
	n += put_sleb(to + n, v->add);
	to[n++] = DW_OP_PLUS;
	return n;
}

/* The number of what gives the CFA, or a register's place or value; 0 when there is none. */
static int add_expression(const struct cfi_value *v, bool is_cfa, const struct cfi_cie *cie, struct expr_set *exprs, uint16_t *ret)
{
	struct dwarf_cursor c = { .p = cie->section + v->off, .end = cie->section + v->off + 10 };
	uint8_t made[32];
	uint64_t sz;

	*ret = 0;
	if (v->kind == CFI_EXPRESSION || v->kind == CFI_VAL_EXPRESSION) {
		if (!v->off)
			return 0;
		sz = dwarf_uleb(&c); /* it was read before: length and bytes are there */
		return expr_set_add(exprs, c.p, sz, ret);
	}
	if (v->reg >= DWARF_RIP || !(v->kind == CFI_DEREF || (is_cfa && v->kind == CFI_REGISTER)))
		return 0;
	return expr_set_add(exprs, made, make_expression(v, is_cfa && v->kind == CFI_DEREF, made), ret);
}

static bool is_expression(const struct cfi_value *v)
{
	return v->kind == CFI_EXPRESSION || v->kind == CFI_VAL_EXPRESSION;
}

/* Whether the row as a whole needs what only the half outside the kernel has. */
static bool is_general(const struct cfi_row *row)
{
	return is_expression(&row->cfa) || is_expression(&row->bp) || is_expression(&row->ra) || row->ra.kind == CFI_DEREF ||
	       (row->bp.kind == CFI_DEREF && row->bp.reg != DWARF_RBP);
}

/*
 * In such a row the CFA always is an expression, be it one made of what it is, so that the kernel half need know one thing only: here it
 * ends. Sets *ret_done when everything found its number; what did not is for the caller to do without.
 */
static int set_general_rule(const struct cfi_row *row, const struct cfi_cie *cie, struct expr_set *exprs, struct unwind_rule *r,
			    bool *ret_done)
{
	uint16_t cfa, bp = 0, ra = 0;
	bool has_ra;
	int err;

	*ret_done = false;
	err = add_expression(&row->cfa, true, cie, exprs, &cfa);
	if (!err)
		err = add_expression(&row->bp, false, cie, exprs, &bp);
	if (!err)
		err = add_expression(&row->ra, false, cie, exprs, &ra);
	if (err)
		return err;
	r->cfa = UNWIND_CFA_EXPRESSION;
	r->cfa_off = cfa;
	r->bx_off = rule_bx(&row->bx);
	has_ra = ra || set_rule_ra(r, &row->ra);
	if (ra) {
		r->ra = row->ra.kind == CFI_VAL_EXPRESSION ? UNWIND_RA_VALUE_EXPRESSION : UNWIND_RA_EXPRESSION;
		r->ra_off = ra;
	}
	if (bp) {
		r->bp = row->bp.kind == CFI_VAL_EXPRESSION ? UNWIND_BP_VALUE_EXPRESSION : UNWIND_BP_EXPRESSION;
		r->bp_off = bp;
	} else {
		set_rule_bp(r, &row->bp);
	}
	*ret_done = cfa && has_ra;
	return 0;
}

/*
 * Each Go function that has a frame keeps rbp under its return address, and nothing says so. Seldom wrong, in assembly that saves other
 * registers first, where "the same" is wrong, too.
 */
static void set_go_rule(struct unwind_rule *r, const struct cfi_row *row)
{
	if (row->bp.kind == CFI_UNSET && r->cfa_off >= 16) {
		r->bp = UNWIND_BP_CFA;
		r->bp_off = -16;
	}
	if (r->cfa_off <= 16)
		r->cfa_reg = UNWIND_SP_GO;
}

int cfi_rule(const struct cfi_row *row, const struct cfi_cie *cie, struct expr_set *exprs, struct unwind_rule *ret)
{
	struct unwind_rule *r = ret;
	bool is_done;
	int err;

	memset(r, 0, sizeof(*r));
	if (cie->is_signal) {
		r->cfa = UNWIND_CFA_SIGNAL;
		return 0;
	}
	if (row->ra.kind == CFI_UNDEFINED) {
		r->cfa = UNWIND_CFA_END;
		return 0;
	}
	if (is_general(row)) {
		err = set_general_rule(row, cie, exprs, r, &is_done);
		if (err || is_done)
			return err;
		memset(r, 0, sizeof(*r));
	}
	if (set_rule_cfa(r, &row->cfa) && set_rule_ra(r, &row->ra)) {
		set_rule_bp(r, &row->bp);
		r->bx_off = rule_bx(&row->bx);
		if (cie->is_go && r->cfa == UNWIND_CFA_SP)
			set_go_rule(r, row);
		return 0;
	}
	memset(r, 0, sizeof(*r));
	r->cfa = UNWIND_CFA_EXPRESSION;
	return 0;
}
