// SPDX-License-Identifier: BSD-2-Clause
#include "record/unwind_cfi.h"

#include <errno.h>
#include <string.h>

#define REMEMBER_MAX 16 /* nested DW_CFA_remember_state; compilers use one or two */

enum {
	DW_CFA_ADVANCE_LOC = 0x40, DW_CFA_OFFSET = 0x80, DW_CFA_RESTORE = 0xc0, /* high two bits */
	DW_CFA_NOP = 0x00, DW_CFA_SET_LOC = 0x01, DW_CFA_ADVANCE_LOC1 = 0x02, DW_CFA_ADVANCE_LOC2 = 0x03,
	DW_CFA_ADVANCE_LOC4 = 0x04, DW_CFA_OFFSET_EXTENDED = 0x05, DW_CFA_RESTORE_EXTENDED = 0x06, DW_CFA_UNDEFINED = 0x07,
	DW_CFA_SAME_VALUE = 0x08, DW_CFA_REGISTER = 0x09, DW_CFA_REMEMBER_STATE = 0x0a, DW_CFA_RESTORE_STATE = 0x0b,
	DW_CFA_DEF_CFA = 0x0c, DW_CFA_DEF_CFA_REGISTER = 0x0d, DW_CFA_DEF_CFA_OFFSET = 0x0e, DW_CFA_DEF_CFA_EXPRESSION = 0x0f,
	DW_CFA_EXPRESSION = 0x10, DW_CFA_OFFSET_EXTENDED_SF = 0x11, DW_CFA_DEF_CFA_SF = 0x12, DW_CFA_DEF_CFA_OFFSET_SF = 0x13,
	DW_CFA_VAL_OFFSET = 0x14, DW_CFA_VAL_OFFSET_SF = 0x15, DW_CFA_VAL_EXPRESSION = 0x16, DW_CFA_GNU_ARGS_SIZE = 0x2e,
	DW_CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
};

enum {
	DW_OP_DEREF = 0x06, DW_OP_CONST1U = 0x08, DW_OP_AND = 0x1a, DW_OP_PLUS = 0x22, DW_OP_PLUS_UCONST = 0x23,
	DW_OP_SHL = 0x24, DW_OP_GE = 0x2a, DW_OP_LIT0 = 0x30, DW_OP_BREG0 = 0x70,
};

struct cfi_machine {
	const struct cfi_cie *cie;
	struct dwarf_cursor *c;
	struct cfi_row row;
	struct cfi_row remembered[REMEMBER_MAX];
	unsigned int remembered_cnt;
	uint64_t loc;
	bool bad;
};

static uint8_t reg_number(uint64_t reg)
{
	return reg <= DWARF_RIP ? reg : 255;
}

/* Offsets outside 32 bits belong to no frame; the row then says "unknown" rather than something cut off. */
static struct cfi_value value(enum cfi_kind kind, uint64_t reg, int64_t off, int64_t add)
{
	if (off != (int32_t)off || add != (int16_t)add)
		return (struct cfi_value){ .kind = CFI_EXPRESSION };
	return (struct cfi_value){ .kind = kind, .reg = reg_number(reg), .off = off, .add = add };
}

/* "rsp + 8 + ((rip & 15) >= N) << 3": the linkers' row over a lazy PLT, N being 10 or 11. */
static bool match_plt(struct dwarf_cursor c, struct cfi_value *ret)
{
	static const uint8_t before[] = { DW_OP_BREG0 + DWARF_RSP, 8, DW_OP_BREG0 + DWARF_RIP, 0, DW_OP_LIT0 + 15, DW_OP_AND };
	static const uint8_t after[] = { DW_OP_GE, DW_OP_LIT0 + 3, DW_OP_SHL, DW_OP_PLUS };
	const uint8_t *p = dwarf_take(&c, sizeof(before) + 1 + sizeof(after));

	if (!p || dwarf_left(&c) || memcmp(p, before, sizeof(before)) || memcmp(p + sizeof(before) + 1, after, sizeof(after)))
		return false;
	if (p[sizeof(before)] < DW_OP_LIT0 || p[sizeof(before)] > DW_OP_LIT0 + 15)
		return false;
	*ret = value(CFI_PLT, DWARF_RSP, 0, p[sizeof(before)] - DW_OP_LIT0);
	return true;
}

/*
 * "reg + off", with "deref" after it, with "+ add" after that. is_cfa: the expression gives the CFA itself, else the place
 * where a register was saved.
 */
static struct cfi_value expression(struct dwarf_cursor c, bool is_cfa)
{
	struct cfi_value v;
	uint8_t op;
	int64_t off, add = 0;

	if (is_cfa && match_plt(c, &v))
		return v;
	op = dwarf_u8(&c);
	off = dwarf_sleb(&c);
	if (c.bad || op < DW_OP_BREG0 || op > DW_OP_BREG0 + 15)
		return value(CFI_EXPRESSION, 0, 0, 0);
	if (!dwarf_left(&c))
		return value(is_cfa ? CFI_REGISTER : CFI_DEREF, op - DW_OP_BREG0, off, 0);
	if (!is_cfa || dwarf_u8(&c) != DW_OP_DEREF)
		return value(CFI_EXPRESSION, 0, 0, 0);
	if (dwarf_left(&c)) {
		if (dwarf_u8(&c) != DW_OP_PLUS_UCONST)
			return value(CFI_EXPRESSION, 0, 0, 0);
		add = dwarf_uleb(&c);
	}
	if (c.bad || dwarf_left(&c))
		return value(CFI_EXPRESSION, 0, 0, 0);
	return value(CFI_DEREF, op - DW_OP_BREG0, off, add);
}

/* kind: what it is when it has none of the forms above. */
static struct cfi_value read_expression(struct cfi_machine *m, enum cfi_kind kind, bool is_cfa)
{
	const uint8_t *at = m->c->p;
	uint64_t sz = dwarf_uleb(m->c);
	const uint8_t *p = dwarf_take(m->c, sz);
	struct dwarf_cursor c = { .p = p, .end = p + (p ? sz : 0) };
	struct cfi_value v = { .kind = CFI_EXPRESSION };

	if (p && kind == CFI_EXPRESSION)
		v = expression(c, is_cfa);
	if (p && v.kind == CFI_EXPRESSION)
		v = value(kind, 0, at - m->cie->section, 0);
	return v;
}

static void set_reg(struct cfi_machine *m, uint64_t reg, struct cfi_value v)
{
	if (reg == DWARF_RBP)
		m->row.bp = v;
	else if (reg == DWARF_RBX)
		m->row.bx = v;
	else if (reg == DWARF_RIP)
		m->row.ra = v;
}

static void restore_reg(struct cfi_machine *m, uint64_t reg)
{
	if (reg == DWARF_RBP)
		m->row.bp = m->cie->initial.bp;
	else if (reg == DWARF_RBX)
		m->row.bx = m->cie->initial.bx;
	else if (reg == DWARF_RIP)
		m->row.ra = m->cie->initial.ra;
}

/* def_cfa_register and def_cfa_offset change one half of a register rule; on anything else they contradict themselves. */
static void set_cfa_half(struct cfi_machine *m, bool is_reg, uint64_t reg, int64_t off)
{
	const struct cfi_value *cfa = &m->row.cfa;

	if (cfa->kind != CFI_REGISTER) {
		m->bad = true;
		return;
	}
	m->row.cfa = is_reg ? value(CFI_REGISTER, reg, cfa->off, 0) : value(CFI_REGISTER, cfa->reg, off, 0);
}

static int64_t scaled(struct cfi_machine *m, int64_t factored)
{
	int64_t v;

	if (__builtin_mul_overflow(factored, m->cie->data_align, &v)) {
		m->bad = true;
		return 0;
	}
	return v;
}

static int advance(struct cfi_machine *m, uint64_t delta, cfi_row_fn fn, void *ctx)
{
	uint64_t step;
	int err = 0;

	if (m->c->bad || __builtin_mul_overflow(delta, m->cie->code_align, &step) || step > UINT64_MAX - m->loc)
		return -EBADMSG;
	if (step && fn)
		err = fn(ctx, m->loc, &m->row);
	m->loc += step;
	return err;
}

static void remember(struct cfi_machine *m)
{
	if (m->remembered_cnt == REMEMBER_MAX)
		m->bad = true;
	else
		m->remembered[m->remembered_cnt++] = m->row;
}

static void restore(struct cfi_machine *m)
{
	if (!m->remembered_cnt)
		m->bad = true;
	else
		m->row = m->remembered[--m->remembered_cnt];
}

/* Operands of an instruction are read here one by one, in order: C leaves the order inside a call open. */
static void run_reg_op(struct cfi_machine *m, uint8_t op)
{
	uint64_t reg = dwarf_uleb(m->c), arg;

	switch (op) {
	case DW_CFA_OFFSET_EXTENDED:
		set_reg(m, reg, value(CFI_OFFSET, 0, scaled(m, dwarf_uleb(m->c)), 0));
		break;
	case DW_CFA_OFFSET_EXTENDED_SF:
		set_reg(m, reg, value(CFI_OFFSET, 0, scaled(m, dwarf_sleb(m->c)), 0));
		break;
	case DW_CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
		arg = dwarf_uleb(m->c);
		set_reg(m, reg, value(CFI_OFFSET, 0, scaled(m, (int64_t)(0 - arg)), 0));
		break;
	case DW_CFA_VAL_OFFSET:
		set_reg(m, reg, value(CFI_VAL_OFFSET, 0, scaled(m, dwarf_uleb(m->c)), 0));
		break;
	case DW_CFA_VAL_OFFSET_SF:
		set_reg(m, reg, value(CFI_VAL_OFFSET, 0, scaled(m, dwarf_sleb(m->c)), 0));
		break;
	case DW_CFA_REGISTER:
		set_reg(m, reg, value(CFI_REGISTER, dwarf_uleb(m->c), 0, 0));
		break;
	case DW_CFA_EXPRESSION:
		set_reg(m, reg, read_expression(m, CFI_EXPRESSION, false));
		break;
	case DW_CFA_VAL_EXPRESSION:
		set_reg(m, reg, read_expression(m, CFI_VAL_EXPRESSION, false));
		break;
	case DW_CFA_UNDEFINED:
		set_reg(m, reg, value(CFI_UNDEFINED, 0, 0, 0));
		break;
	case DW_CFA_SAME_VALUE:
		set_reg(m, reg, value(CFI_SAME, 0, 0, 0));
		break;
	case DW_CFA_RESTORE_EXTENDED:
		restore_reg(m, reg);
		break;
	default:
		m->bad = true;
	}
}

static void run_cfa_op(struct cfi_machine *m, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case DW_CFA_DEF_CFA:
		reg = dwarf_uleb(m->c);
		m->row.cfa = value(CFI_REGISTER, reg, dwarf_uleb(m->c), 0);
		break;
	case DW_CFA_DEF_CFA_SF:
		reg = dwarf_uleb(m->c);
		m->row.cfa = value(CFI_REGISTER, reg, scaled(m, dwarf_sleb(m->c)), 0);
		break;
	case DW_CFA_DEF_CFA_REGISTER:
		set_cfa_half(m, true, dwarf_uleb(m->c), 0);
		break;
	case DW_CFA_DEF_CFA_OFFSET:
		set_cfa_half(m, false, 0, dwarf_uleb(m->c));
		break;
	case DW_CFA_DEF_CFA_OFFSET_SF:
		set_cfa_half(m, false, 0, scaled(m, dwarf_sleb(m->c)));
		break;
	case DW_CFA_DEF_CFA_EXPRESSION:
		m->row.cfa = read_expression(m, CFI_EXPRESSION, true);
		break;
	}
}

static int run_op(struct cfi_machine *m, uint8_t op, cfi_row_fn fn, void *ctx)
{
	uint64_t loc;

	switch (op & 0xc0) {
	case DW_CFA_ADVANCE_LOC:
		return advance(m, op & 0x3f, fn, ctx);
	case DW_CFA_OFFSET:
		set_reg(m, op & 0x3f, value(CFI_OFFSET, 0, scaled(m, dwarf_uleb(m->c)), 0));
		return 0;
	case DW_CFA_RESTORE:
		restore_reg(m, op & 0x3f);
		return 0;
	}
	switch (op) {
	case DW_CFA_NOP:
		return 0;
	case DW_CFA_ADVANCE_LOC1:
		return advance(m, dwarf_u8(m->c), fn, ctx);
	case DW_CFA_ADVANCE_LOC2:
		return advance(m, dwarf_le(m->c, 2), fn, ctx);
	case DW_CFA_ADVANCE_LOC4:
		return advance(m, dwarf_le(m->c, 4), fn, ctx);
	case DW_CFA_SET_LOC: /* absolute: an encoding no x86-64 toolchain writes into .eh_frame */
		loc = dwarf_le(m->c, 8);
		if (m->c->bad || loc < m->loc || m->cie->code_align != 1)
			return -EBADMSG;
		return advance(m, loc - m->loc, fn, ctx);
	case DW_CFA_REMEMBER_STATE:
		remember(m);
		return 0;
	case DW_CFA_RESTORE_STATE:
		restore(m);
		return 0;
	case DW_CFA_DEF_CFA ... DW_CFA_DEF_CFA_EXPRESSION:
	case DW_CFA_DEF_CFA_SF:
	case DW_CFA_DEF_CFA_OFFSET_SF:
		run_cfa_op(m, op);
		return 0;
	case DW_CFA_GNU_ARGS_SIZE:
		(void)dwarf_uleb(m->c); /* outgoing arguments: the CFA already counts them */
		return 0;
	default:
		run_reg_op(m, op);
		return 0;
	}
}

static int run(struct cfi_machine *m, uint64_t *budget, cfi_row_fn fn, void *ctx)
{
	int err;

	while (dwarf_left(m->c)) {
		if (!*budget)
			return -E2BIG;
		--*budget;
		err = run_op(m, dwarf_u8(m->c), fn, ctx);
		if (err)
			return err;
		if (m->bad || m->c->bad)
			return -EBADMSG;
	}
	return fn ? fn(ctx, m->loc, &m->row) : 0;
}

int cfi_run(const struct cfi_cie *cie, struct dwarf_cursor *c, uint64_t loc, uint64_t *budget, cfi_row_fn fn, void *ctx)
{
	struct cfi_machine m;

	/* Not "= {}": the remembered rows are a kilobyte to clear, for every one of a module's 100,000 FDEs. */
	m.cie = cie;
	m.c = c;
	m.row = cie->initial;
	m.remembered_cnt = 0;
	m.loc = loc;
	m.bad = false;
	return run(&m, budget, fn, ctx);
}

int cfi_run_initial(struct cfi_cie *cie, struct dwarf_cursor *c, uint64_t *budget)
{
	struct cfi_machine m = { .cie = cie, .c = c };
	int err;

	memset(&cie->initial, 0, sizeof(cie->initial));
	err = run(&m, budget, NULL, NULL);
	if (!err)
		cie->initial = m.row;
	return err;
}
