// SPDX-License-Identifier: BSD-2-Clause
#include "record/dwarf_expr.h"

#include "record/dwarf_cursor.h"

enum {
	DW_OP_ADDR = 0x03, DW_OP_DEREF = 0x06, DW_OP_CONST1U = 0x08, DW_OP_CONST1S = 0x09, DW_OP_CONST2U = 0x0a, DW_OP_CONST2S = 0x0b,
	DW_OP_CONST4U = 0x0c, DW_OP_CONST4S = 0x0d, DW_OP_CONST8U = 0x0e, DW_OP_CONST8S = 0x0f, DW_OP_CONSTU = 0x10, DW_OP_CONSTS = 0x11,
	DW_OP_DUP = 0x12, DW_OP_DROP = 0x13, DW_OP_OVER = 0x14, DW_OP_PICK = 0x15, DW_OP_SWAP = 0x16, DW_OP_ROT = 0x17, DW_OP_ABS = 0x19,
	DW_OP_AND = 0x1a, DW_OP_DIV = 0x1b, DW_OP_MINUS = 0x1c, DW_OP_MOD = 0x1d, DW_OP_MUL = 0x1e, DW_OP_NEG = 0x1f, DW_OP_NOT = 0x20,
	DW_OP_OR = 0x21, DW_OP_PLUS = 0x22, DW_OP_PLUS_UCONST = 0x23, DW_OP_SHL = 0x24, DW_OP_SHR = 0x25, DW_OP_SHRA = 0x26,
	DW_OP_XOR = 0x27, DW_OP_BRA = 0x28, DW_OP_EQ = 0x29, DW_OP_GE = 0x2a, DW_OP_GT = 0x2b, DW_OP_LE = 0x2c, DW_OP_LT = 0x2d,
	DW_OP_NE = 0x2e, DW_OP_SKIP = 0x2f, DW_OP_LIT0 = 0x30, DW_OP_LIT31 = 0x4f, DW_OP_BREG0 = 0x70, DW_OP_BREG31 = 0x8f,
	DW_OP_BREGX = 0x92, DW_OP_DEREF_SIZE = 0x94, DW_OP_NOP = 0x96,
};

struct machine {
	struct dwarf_cursor c;
	const uint8_t *start;
	const struct dwarf_expr_frame *frame;
	uint64_t stack[DWARF_EXPR_DEPTH];
	unsigned int cnt;
	enum dwarf_expr_result result; /* the first thing that went wrong */
};

static void fail(struct machine *m, enum dwarf_expr_result result)
{
	if (!m->result)
		m->result = result;
}

static void push(struct machine *m, uint64_t v)
{
	if (m->cnt == DWARF_EXPR_DEPTH)
		fail(m, DWARF_EXPR_DEEP);
	else
		m->stack[m->cnt++] = v;
}

static uint64_t pop(struct machine *m)
{
	if (m->cnt)
		return m->stack[--m->cnt];
	fail(m, DWARF_EXPR_BAD);
	return 0;
}

/* The entry that many below the top. */
static uint64_t peek(struct machine *m, unsigned int below)
{
	if (below < m->cnt)
		return m->stack[m->cnt - 1 - below];
	fail(m, DWARF_EXPR_BAD);
	return 0;
}

static void push_reg(struct machine *m, uint64_t reg, int64_t off)
{
	uint64_t v;

	if (m->c.bad)
		return;
	if (m->frame->get_reg(m->frame->ctx, reg, &v))
		push(m, v + (uint64_t)off);
	else
		fail(m, DWARF_EXPR_REGISTER);
}

static void deref(struct machine *m, unsigned int sz)
{
	uint64_t v;

	if (!sz || sz > sizeof(v))
		fail(m, DWARF_EXPR_BAD);
	else if (m->frame->read(m->frame->ctx, pop(m), sz, &v))
		push(m, v);
	else
		fail(m, DWARF_EXPR_MEMORY);
}

/* A branch: to somewhere in the expression, its end included. */
static void jump(struct machine *m, bool is_taken)
{
	int64_t by = (int16_t)dwarf_le(&m->c, 2);

	if (m->c.bad || !is_taken)
		return;
	if (by < m->start - m->c.p || by > m->c.end - m->c.p)
		fail(m, DWARF_EXPR_BAD);
	else
		m->c.p += by;
}

static uint64_t divide(struct machine *m, uint64_t a, uint64_t b, bool is_signed)
{
	if (!b) {
		fail(m, DWARF_EXPR_BAD);
		return 0;
	}
	if (!is_signed)
		return a % b;
	return b == UINT64_MAX ? 0 - a : (uint64_t)((int64_t)a / (int64_t)b); /* the least number by -1 is itself */
}

static uint64_t shift(uint64_t a, uint64_t by, uint8_t op)
{
	bool is_negative = op == DW_OP_SHRA && a >> 63;

	if (by > 63)
		return is_negative ? UINT64_MAX : 0;
	if (op == DW_OP_SHL)
		return a << by;
	return is_negative ? ~(~a >> by) : a >> by;
}

/* Operations on the two topmost entries. Returns whether op is one. */
static bool run_binary(struct machine *m, uint8_t op)
{
	uint64_t b = peek(m, 0), a = peek(m, 1), v;
	int64_t sa = (int64_t)a, sb = (int64_t)b;

	switch (op) {
	case DW_OP_AND: v = a & b; break;
	case DW_OP_DIV: v = divide(m, a, b, true); break;
	case DW_OP_MINUS: v = a - b; break;
	case DW_OP_MOD: v = divide(m, a, b, false); break;
	case DW_OP_MUL: v = a * b; break;
	case DW_OP_OR: v = a | b; break;
	case DW_OP_PLUS: v = a + b; break;
	case DW_OP_SHL:
	case DW_OP_SHR:
	case DW_OP_SHRA: v = shift(a, b, op); break;
	case DW_OP_XOR: v = a ^ b; break;
	case DW_OP_EQ: v = a == b; break;
	case DW_OP_GE: v = sa >= sb; break;
	case DW_OP_GT: v = sa > sb; break;
	case DW_OP_LE: v = sa <= sb; break;
	case DW_OP_LT: v = sa < sb; break;
	case DW_OP_NE: v = a != b; break;
	default: return false;
	}
	(void)pop(m);
	(void)pop(m);
	push(m, v);
	return true;
}

/* Operations that move entries about, or change the top one. Returns whether op is one. */
static bool run_stack(struct machine *m, uint8_t op)
{
	uint64_t a, b, c;

	switch (op) {
	case DW_OP_DUP: push(m, peek(m, 0)); return true;
	case DW_OP_DROP: (void)pop(m); return true;
	case DW_OP_OVER: push(m, peek(m, 1)); return true;
	case DW_OP_PICK: push(m, peek(m, dwarf_u8(&m->c))); return true;
	case DW_OP_ABS: a = pop(m); push(m, a >> 63 ? 0 - a : a); return true;
	case DW_OP_NEG: push(m, 0 - pop(m)); return true;
	case DW_OP_NOT: push(m, ~pop(m)); return true;
	case DW_OP_PLUS_UCONST: push(m, pop(m) + dwarf_uleb(&m->c)); return true;
	case DW_OP_SWAP:
		a = pop(m);
		b = pop(m);
		push(m, a);
		push(m, b);
		return true;
	case DW_OP_ROT: /* the top one becomes the third */
		a = pop(m);
		b = pop(m);
		c = pop(m);
		push(m, a);
		push(m, c);
		push(m, b);
		return true;
	}
	return false;
}

/* Operations that bring something new. Returns whether op is one. */
static bool run_push(struct machine *m, uint8_t op)
{
	struct dwarf_cursor *c = &m->c;
	uint64_t reg;

	switch (op) {
	case DW_OP_LIT0 ... DW_OP_LIT31: push(m, op - DW_OP_LIT0); return true;
	case DW_OP_CONST1U: push(m, dwarf_u8(c)); return true;
	case DW_OP_CONST1S: push(m, (int64_t)(int8_t)dwarf_u8(c)); return true;
	case DW_OP_CONST2U: push(m, dwarf_le(c, 2)); return true;
	case DW_OP_CONST2S: push(m, (int64_t)(int16_t)dwarf_le(c, 2)); return true;
	case DW_OP_CONST4U: push(m, dwarf_le(c, 4)); return true;
	case DW_OP_CONST4S: push(m, (int64_t)(int32_t)dwarf_le(c, 4)); return true;
	case DW_OP_ADDR:
	case DW_OP_CONST8U:
	case DW_OP_CONST8S: push(m, dwarf_le(c, 8)); return true;
	case DW_OP_CONSTU: push(m, dwarf_uleb(c)); return true;
	case DW_OP_CONSTS: push(m, (uint64_t)dwarf_sleb(c)); return true;
	case DW_OP_BREG0 ... DW_OP_BREG31: push_reg(m, op - DW_OP_BREG0, dwarf_sleb(c)); return true;
	case DW_OP_BREGX:
		reg = dwarf_uleb(c);
		push_reg(m, reg, dwarf_sleb(c));
		return true;
	case DW_OP_DEREF: deref(m, 8); return true;
	case DW_OP_DEREF_SIZE: deref(m, dwarf_u8(c)); return true;
	}
	return false;
}

static void run_op(struct machine *m, uint8_t op)
{
	switch (op) {
	case DW_OP_NOP:
		return;
	case DW_OP_SKIP:
		jump(m, true);
		return;
	case DW_OP_BRA:
		jump(m, pop(m) != 0);
		return;
	}
	if (!run_push(m, op) && !run_stack(m, op) && !run_binary(m, op))
		fail(m, DWARF_EXPR_BAD);
}

enum dwarf_expr_result dwarf_expr_run(const uint8_t *p, size_t sz, const uint64_t *first, const struct dwarf_expr_frame *frame,
				      uint64_t *ret)
{
	struct machine m;
	uint64_t v;

	/* not "= {}", which would clear a stack that nobody has written to */
	m.c = (struct dwarf_cursor){ .p = p, .end = p + sz };
	m.start = p;
	m.frame = frame;
	m.cnt = 0;
	m.result = DWARF_EXPR_OK;
	if (first)
		push(&m, *first);
	for (unsigned int steps = 0; dwarf_left(&m.c); steps++) {
		if (steps == DWARF_EXPR_STEPS)
			return DWARF_EXPR_ENDLESS;
		run_op(&m, dwarf_u8(&m.c));
		if (m.c.bad)
			fail(&m, DWARF_EXPR_BAD);
		if (m.result)
			return m.result;
	}
	v = pop(&m);
	if (!m.result)
		*ret = v;
	return m.result;
}
