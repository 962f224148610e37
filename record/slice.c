// SPDX-License-Identifier: BSD-2-Clause
#include "record/slice.h"

#include <string.h>

#include "bpf/wire.h"

/* as in the kernel half */
#define FRAME_POINTER_MAX (1 << 20)
#define ASM_PUSHES 8
#define ASM_FUNCTION_MAX (64 << 10)

enum { BX = 3, BP = 6, SP = 7, PC = 16 };

/* A step's outcome: 0 to go on, else 1 + enum stack_end. */
#define ENDED(how) (1 + (how))

static bool read_u64(const struct slice *s, uint64_t addr, uint64_t *ret)
{
	uint64_t at = addr - s->base;

	if (addr < s->base || s->sz < sizeof(*ret) || at > s->sz - sizeof(*ret))
		return false;
	memcpy(ret, s->data + at, sizeof(*ret));
	return true;
}

static bool get_reg(const struct slice *s, unsigned int reg, uint64_t *ret)
{
	if (reg >= UNWIND_REGS)
		return false;
	if (reg != SP && !(reg == BP && !(s->flags & UNWIND_BP_LOST)) && !(reg == BX && !(s->flags & UNWIND_BX_LOST)) &&
	    !(s->flags & UNWIND_EXACT))
		return false;
	*ret = s->regs[reg];
	return true;
}

static int step_to(struct slice *s, uint64_t cfa, uint64_t pc, uint64_t bp)
{
	if (cfa < s->regs[SP] || (cfa == s->regs[SP] && !(s->flags & UNWIND_EXACT)))
		return ENDED(STACK_END_BAD_FRAME);
	if (!pc) /* as in the kernel half: only frame pointers end like that */
		return ENDED(!bp && s->flags & UNWIND_FRAME_POINTER ? STACK_END_COMPLETE : STACK_END_BAD_FRAME);
	s->regs[SP] = cfa;
	s->regs[BP] = bp;
	s->regs[PC] = pc;
	s->flags &= ~(UNWIND_EXACT | UNWIND_IN_SYSCALL);
	return 0;
}

/* The registers in a ucontext, in its order, by DWARF number: r8 … r15, rdi rsi rbp rbx rdx rax rcx rsp rip. */
static const uint8_t signal_regs[UNWIND_REGS] = { 8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16 };

static int step_signal(struct slice *s)
{
	uint64_t from = s->regs[SP] + 40, regs[UNWIND_REGS];

	for (unsigned int i = 0; i < UNWIND_REGS; i++)
		if (!read_u64(s, from + 8 * i, &regs[signal_regs[i]]))
			return ENDED(STACK_END_BAD_READ);
	memcpy(s->regs, regs, sizeof(regs));
	s->flags |= UNWIND_EXACT;
	s->flags &= ~(UNWIND_BP_LOST | UNWIND_BX_LOST | UNWIND_IN_SYSCALL);
	return 0;
}

static bool expr_get_reg(void *ctx, uint64_t reg, uint64_t *ret)
{
	return get_reg(ctx, reg < UNWIND_REGS ? reg : UNWIND_REGS, ret);
}

static bool expr_read(void *ctx, uint64_t addr, unsigned int sz, uint64_t *ret)
{
	const struct slice *s = ctx;
	uint64_t at = addr - s->base, v = 0;

	if (addr < s->base || s->sz < sz || at > s->sz - sz)
		return false;
	memcpy(&v, s->data + at, sz);
	*ret = v;
	return true;
}

/* The value of a rule's expression, over *first if that is not NULL. It sees this frame's registers and what of the stack is at hand. */
static int run_expr(struct slice *s, int32_t number, const uint64_t *first, uint64_t *ret)
{
	const struct dwarf_expr_frame frame = { s, expr_get_reg, expr_read };
	const struct expr *e = s->exprs && number > 0 ? expr_set_get(s->exprs, number) : NULL;
	enum dwarf_expr_result result;

	if (!e)
		return ENDED(STACK_END_EXPRESSION);
	result = dwarf_expr_run(e->bytes, e->sz, first, &frame, ret);
	s->expr_cnt[result]++;
	return result ? ENDED(STACK_END_EXPRESSION) : 0;
}

/* What is in the place that the expression gives, or what it gives itself. */
static int run_reg_expr(struct slice *s, int32_t number, bool is_value, uint64_t cfa, uint64_t *ret)
{
	uint64_t v;
	int end = run_expr(s, number, &cfa, &v);

	if (end)
		return end;
	if (!is_value)
		return read_u64(s, v, ret) ? 0 : ENDED(STACK_END_BAD_READ);
	*ret = v;
	return 0;
}

static int find_cfa(struct slice *s, const struct unwind_rule *r, uint64_t *cfa)
{
	switch (r->cfa) {
	case UNWIND_CFA_SP:
		*cfa = s->regs[SP] + r->cfa_off;
		return 0;
	case UNWIND_CFA_BP:
		if (!get_reg(s, BP, cfa))
			break;
		*cfa += r->cfa_off;
		return 0;
	case UNWIND_CFA_PLT:
		*cfa = s->regs[SP] + 8 + ((s->regs[PC] & 15) >= (uint64_t)r->cfa_add ? 8 : 0);
		return 0;
	case UNWIND_CFA_REG:
		if (!get_reg(s, r->cfa_reg, cfa))
			break;
		*cfa += r->cfa_off;
		return 0;
	case UNWIND_CFA_DEREF:
		if (!get_reg(s, r->cfa_reg, cfa))
			break;
		if (!read_u64(s, *cfa + r->cfa_off, cfa))
			return ENDED(STACK_END_BAD_READ);
		*cfa += r->cfa_add;
		return 0;
	case UNWIND_CFA_EXPRESSION:
		return run_expr(s, r->cfa_off, NULL, cfa);
	}
	return ENDED(STACK_END_EXPRESSION);
}

/* The caller's rbp into *bp. */
static int find_bp(struct slice *s, const struct unwind_rule *r, uint64_t cfa, uint64_t *bp)
{
	*bp = s->regs[BP];
	switch (r->bp) {
	case UNWIND_BP_SAME:
		return 0;
	case UNWIND_BP_CFA:
		s->flags &= ~UNWIND_BP_LOST;
		return read_u64(s, cfa + r->bp_off, bp) ? 0 : ENDED(STACK_END_BAD_READ);
	case UNWIND_BP_DEREF:
		if (s->flags & UNWIND_BP_LOST)
			return 0;
		return read_u64(s, s->regs[BP] + r->bp_off, bp) ? 0 : ENDED(STACK_END_BAD_READ);
	case UNWIND_BP_VALUE:
		s->flags &= ~UNWIND_BP_LOST;
		*bp = cfa + r->bp_off;
		return 0;
	case UNWIND_BP_REG:
		if (get_reg(s, r->bp_off, bp))
			return 0;
		break;
	case UNWIND_BP_EXPRESSION:
	case UNWIND_BP_VALUE_EXPRESSION:
		if (!run_reg_expr(s, r->bp_off, r->bp == UNWIND_BP_VALUE_EXPRESSION, cfa, bp)) {
			s->flags &= ~UNWIND_BP_LOST;
			return 0;
		}
	}
	s->flags |= UNWIND_BP_LOST;
	return 0;
}

static int find_ra(struct slice *s, const struct unwind_rule *r, uint64_t cfa, uint64_t *pc)
{
	switch (r->ra) {
	case UNWIND_RA_CFA:
		return read_u64(s, cfa + r->ra_off, pc) ? 0 : ENDED(STACK_END_BAD_READ);
	case UNWIND_RA_REG:
		return get_reg(s, r->ra_off, pc) ? 0 : ENDED(STACK_END_EXPRESSION);
	}
	return run_reg_expr(s, r->ra_off, r->ra == UNWIND_RA_VALUE_EXPRESSION, cfa, pc);
}

/* The caller's rbx, kept in the registers. */
static void find_bx(struct slice *s, const struct unwind_rule *r, uint64_t cfa)
{
	if (!r->bx_off)
		return;
	if (r->bx_off != UNWIND_BX_GONE && read_u64(s, cfa + r->bx_off, &s->regs[BX]))
		s->flags &= ~UNWIND_BX_LOST;
	else
		s->flags |= UNWIND_BX_LOST;
}

/*
 * Where Go changes stacks (unwind_go_call() of the kernel half, which see) the other stack is in no slice, and the row would take what
 * lies about on this one for a return address. Elsewhere nobody called. Returns 0 when the rule is right.
 */
static int go_end(const struct slice *s, const struct unwind_rule *r, void *ctx)
{
	static const uint8_t starts[][4] = { { 0x48, 0x8b, 0x7c, 0x24 }, { 0x48, 0x8b, 0x74, 0x24 }, { 0x48, 0x8b, 0x34, 0x24 },
					     { 0x64, 0x48, 0x8b, 0x04 } };
	uint8_t code[SLICE_CALL_SZ], *c = code + 1;

	if (r->cfa_reg != UNWIND_SP_GO || s->flags & UNWIND_EXACT || !s->read_code || !s->read_code(ctx, s->regs[PC] - 1, code))
		return 0;
	if ((code[0] == 0x90 && c[0] == 0xe8 && c[5] == 0x90) || !memcmp(c + (c[0] == 0x90), "\x58\xe9", 2) || !memcmp(c, "\xbf\x6f\0\0\0", 5))
		return ENDED(STACK_END_COMPLETE);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (!memcmp(c, starts[i], sizeof(starts[i])))
			return ENDED(STACK_END_NO_ROW);
	return 0;
}

static int step_rule(struct slice *s, const struct unwind_rule *r, void *ctx)
{
	uint64_t cfa, pc = 0, bp;
	int end;

	if (r->cfa == UNWIND_CFA_END)
		return ENDED(STACK_END_COMPLETE);
	if (r->cfa == UNWIND_CFA_SIGNAL)
		return step_signal(s);
	end = r->cfa == UNWIND_CFA_SP ? go_end(s, r, ctx) : 0;
	if (end)
		return end;
	end = find_cfa(s, r, &cfa);
	if (end)
		return end;
	end = find_ra(s, r, cfa, &pc);
	if (!end)
		end = find_bp(s, r, cfa, &bp); /* before rbx, which expressions may ask for, becomes the caller's */
	if (end)
		return end;
	find_bx(s, r, cfa);
	return step_to(s, cfa, pc, bp);
}

/*
 * The instructions that are still to run undo the frame: "add rsp", pops, and then "ret". As unwind_peek() of the kernel half, which
 * see. Sets *sp and *bp as of the ret.
 */
static bool peek_return(const struct slice *s, const uint8_t code[SLICE_CODE_SZ], uint64_t *sp, uint64_t *bp)
{
	uint32_t imm;

	*sp = s->regs[SP];
	*bp = s->regs[BP];
	for (unsigned int at = 0; at <= SLICE_CODE_SZ - 7;) {
		const uint8_t *c = code + at;

		if (c[0] == 0xc3 || c[0] == 0xc2 || (c[0] == 0xf3 && c[1] == 0xc3))
			return true;
		if (c[0] == 0x48 && c[1] == 0x83 && c[2] == 0xc4) {
			*sp += (int8_t)c[3];
			at += 4;
		} else if (c[0] == 0x48 && c[1] == 0x81 && c[2] == 0xc4) {
			memcpy(&imm, c + 3, sizeof(imm));
			*sp += imm;
			at += 7;
		} else if (c[0] >= 0x58 && c[0] <= 0x5f && c[0] != 0x5c) {
			if (c[0] == 0x5d && !read_u64(s, *sp, bp))
				return false;
			*sp += 8;
			at += 1;
		} else if (c[0] == 0x41 && c[1] >= 0x58 && c[1] <= 0x5f) {
			*sp += 8;
			at += 2;
		} else {
			return false;
		}
	}
	return false;
}

/* Whether a call lies before pc; *ret_target: where it leads to, 0 when that cannot be told. */
static bool follows_call(const struct slice *s, void *ctx, uint64_t pc, uint64_t *ret_target)
{
	uint8_t c[SLICE_CALL_SZ];
	int32_t rel;

	*ret_target = 0;
	if (!s->read_code || !s->read_code(ctx, pc - SLICE_CALL_SZ, c))
		return false;
	if (c[2] == 0xe8) {
		memcpy(&rel, c + 3, sizeof(rel));
		*ret_target = pc + (uint64_t)(int64_t)rel;
		return true;
	}
	for (int at = 0; at < SLICE_CALL_SZ - 1; at++) /* ff /2: 2, 3, 4, 6 or 7 bytes, five never */
		if (at != 2 && c[at] == 0xff && (c[at + 1] & 0x38) == 0x10)
			return true;
	return false;
}

/* A leaf in assembly that has no rows (clone3 behind its system call, _init's first instruction): see unwind_asm_leaf() of the kernel half. */
static int step_asm_leaf(struct slice *s, void *ctx)
{
	uint64_t pc, target, leaf_pc = s->regs[PC];

	for (unsigned int i = 0; i < ASM_PUSHES && s->flags & UNWIND_EXACT; i++) {
		if (!read_u64(s, s->regs[SP] + 8 * i, &pc))
			break;
		if (!follows_call(s, ctx, pc, &target) || (i && (!target || target > leaf_pc || leaf_pc - target >= ASM_FUNCTION_MAX)))
			continue;
		if (i)
			s->flags |= UNWIND_BP_LOST; /* it may be among what was pushed */
		return step_to(s, s->regs[SP] + 8 * i + 8, pc, s->regs[BP]);
	}
	return ENDED(STACK_END_NO_ROW);
}

static int step_frame_pointer(struct slice *s, void *ctx, bool is_leaf)
{
	uint64_t bp = s->regs[BP], caller_bp, pc, target;
	int end;

	s->flags |= UNWIND_FRAME_POINTER;
	if (s->flags & UNWIND_BP_LOST)
		return ENDED(STACK_END_NO_ROW);
	if (!bp && !is_leaf)
		return ENDED(STACK_END_COMPLETE);
	if (bp < s->regs[SP] || bp & 7 || bp - s->regs[SP] > FRAME_POINTER_MAX)
		return step_asm_leaf(s, ctx);
	if (!read_u64(s, bp, &caller_bp) || !read_u64(s, bp + 8, &pc))
		return ENDED(STACK_END_BAD_READ);
	/* a leaf that has no frame pointer leaves another's in rbp */
	if (s->flags & UNWIND_EXACT && s->read_code && !follows_call(s, ctx, pc, &target)) {
		end = step_asm_leaf(s, ctx);
		if (!end)
			return 0;
	}
	return step_to(s, bp + 16, pc, caller_bp);
}

static int step_bare(struct slice *s, const struct slice_place *place, void *ctx, bool is_leaf)
{
	uint64_t sp, bp, pc;

	s->flags |= UNWIND_BX_LOST;
	if (!place->has_code || !peek_return(s, place->code, &sp, &bp))
		return step_frame_pointer(s, ctx, is_leaf);
	return read_u64(s, sp, &pc) ? step_to(s, sp + 8, pc, bp) : ENDED(STACK_END_BAD_READ);
}

uint32_t slice_unwind(struct slice *s, bool skip_first, slice_find_fn find, void *ctx, uint64_t *addr, uint32_t max,
		      enum stack_end *ret_end)
{
	uint32_t cnt = 0;
	bool is_first = true;
	int end;

	do {
		bool is_exact = s->flags & UNWIND_EXACT;
		struct slice_place place = { .is_mapped = false };

		find(ctx, s->regs[PC], is_exact && !(s->flags & UNWIND_IN_SYSCALL), &place);
		if (!place.is_mapped) {
			end = ENDED(is_first ? STACK_END_NO_MAPPING : STACK_END_BAD_FRAME);
			break;
		}
		if (!is_first || !skip_first) {
			if (cnt == max) {
				end = ENDED(STACK_END_TRUNCATED);
				break;
			}
			addr[cnt++] = s->regs[PC] | (is_exact ? WIRE_ADDR_EXACT : 0);
		}
		end = place.is_outermost ? ENDED(STACK_END_COMPLETE) :
		      place.rule && place.rule->cfa != UNWIND_CFA_NONE ?
					   step_rule(s, place.rule, ctx) :
					   step_bare(s, &place, ctx, is_first && skip_first);
		is_first = false;
	} while (!end);
	*ret_end = end - 1;
	return cnt;
}
