// SPDX-License-Identifier: BSD-2-Clause
/* Stacks finished outside the kernel: each rule on a hand-made stack. */
#include <string.h>

#include "record/slice.h"

#include "bpf/wire.h"
#include "tests/test.h"

#define BASE 0x7000
#define EXACT WIRE_ADDR_EXACT
enum { BP = 6, SP = 7, PC = 16 };

/* Code: [0x1000, 0x1010) first rule, [0x1010, 0x1020) second, …; 0x9000 … mapped without rows. */
static struct unwind_rule rules[16];
static unsigned int rule_cnt;

static void find(void *ctx, uint64_t pc, bool is_exact, struct slice_place *ret)
{
	uint64_t at = pc - !is_exact;

	ret->is_mapped = true;
	if (at >= 0x1000 && at < 0x1000 + 16 * rule_cnt)
		ret->rule = &rules[(at - 0x1000) / 16];
	else if (at < 0x9000 || at >= 0xa000)
		ret->is_mapped = false;
	if (ctx) {
		memcpy(ret->code, ctx, SLICE_CODE_SZ);
		ret->has_code = true;
	}
}

static uint64_t stack[64], addr[16];

static struct slice start(uint64_t pc)
{
	struct slice s = { .flags = UNWIND_EXACT, .data = (uint8_t *)stack, .base = BASE, .sz = sizeof(stack) };

	memset(stack, 0, sizeof(stack));
	s.regs[SP] = BASE;
	s.regs[PC] = pc;
	return s;
}

TEST(offsets_of_rsp_and_rbp_lead_to_the_outermost_frame)
{
	enum stack_end end;
	struct slice s = start(0x1004);

	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_SP, .cfa_off = 24, .bp = UNWIND_BP_CFA, .bp_off = -16, .ra_off = -8 };
	rules[1] = (struct unwind_rule){ .cfa = UNWIND_CFA_BP, .cfa_off = 16, .bp = UNWIND_BP_CFA, .bp_off = -16, .ra_off = -8 };
	rules[2] = (struct unwind_rule){ .cfa = UNWIND_CFA_END };
	rule_cnt = 3;
	stack[1] = BASE + 80;	/* saved rbp */
	stack[2] = 0x1020;	/* a return address behind the last instruction of the second function */
	stack[10] = 0;
	stack[11] = 0x1024;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 3);
	CHECK_EQ(end, STACK_END_COMPLETE);
	CHECK(addr[0] == (0x1004 | EXACT));
	CHECK_EQ(addr[1], 0x1020);
	CHECK_EQ(addr[2], 0x1024);
}

TEST(a_frame_that_was_an_address_already_is_not_repeated)
{
	enum stack_end end;
	struct slice s = start(0x1004);

	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_SP, .cfa_off = 8, .ra_off = -8 };
	rules[1] = (struct unwind_rule){ .cfa = UNWIND_CFA_END };
	rule_cnt = 2;
	stack[0] = 0x1014;
	CHECK_EQ(slice_unwind(&s, true, find, NULL, addr, 16, &end), 1);
	CHECK_EQ(addr[0], 0x1014);
}

TEST(the_frame_below_a_signal_is_looked_up_at_its_very_pc)
{
	enum stack_end end;
	struct slice s = start(0x1004);

	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_SIGNAL };
	rules[1] = (struct unwind_rule){ .cfa = UNWIND_CFA_REG, .cfa_reg = 10, .cfa_off = 8, .ra_off = -8 };
	rules[2] = (struct unwind_rule){ .cfa = UNWIND_CFA_END };
	rule_cnt = 3;
	stack[5 + 2] = BASE + 400;  /* r10 */
	stack[5 + 15] = BASE + 390; /* rsp */
	stack[5 + 16] = 0x1010;	    /* rip: the function's first byte */
	stack[50] = 0x1024;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 3);
	CHECK(addr[1] == (0x1010 | EXACT));
	CHECK_EQ(addr[2], 0x1024);
	CHECK_EQ(end, STACK_END_COMPLETE);
}

TEST(scratch_registers_are_known_in_the_leaf_only)
{
	enum stack_end end;
	struct slice s = start(0x1004);

	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_SP, .cfa_off = 8, .ra_off = -8 };
	rules[1] = (struct unwind_rule){ .cfa = UNWIND_CFA_REG, .cfa_reg = 10, .cfa_off = 8, .ra_off = -8 };
	rule_cnt = 2;
	stack[0] = 0x1014;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 2);
	CHECK_EQ(end, STACK_END_EXPRESSION);
}

TEST(rbx_is_followed_to_the_frame_that_counts_from_it)
{
	enum stack_end end;
	struct slice s = start(0x1004);

	/* the lazy binder: a callee saved rbx, its caller's CFA is rbx + 16 */
	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_SP, .cfa_off = 24, .ra_off = -8, .bx_off = -16 };
	rules[1] = (struct unwind_rule){ .cfa = UNWIND_CFA_REG, .cfa_reg = 3, .cfa_off = 16, .ra_off = -8 };
	rules[2] = (struct unwind_rule){ .cfa = UNWIND_CFA_END };
	rule_cnt = 3;
	stack[1] = BASE + 160;
	stack[2] = 0x1014;
	stack[21] = 0x1024;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 3);
	CHECK_EQ(addr[2], 0x1024);
	CHECK_EQ(end, STACK_END_COMPLETE);
	rules[0].bx_off = UNWIND_BX_GONE;
	s = start(0x1004);
	stack[2] = 0x1014;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 2);
	CHECK_EQ(end, STACK_END_EXPRESSION);
}

/* Expressions 1 …: *(rsp + rbx); rsp + 40 + cfa - cfa; rbx + 4; a loop; beyond the slice; r12, which is not known. */
static struct expr exprs[] = {
	{ 6, { 0x77, 0, 0x73, 0, 0x22, 0x06 } }, { 6, { 0x12, 0x1c, 0x77, 40, 0x22, 0x96 } }, { 2, { 0x73, 4 } },
	{ 3, { 0x2f, 0xfd, 0xff } },		 { 5, { 0x77, 0x80, 0x80, 4, 0x06 } },	      { 2, { 0x7c, 0 } },
};
static const struct expr_set expr_set = { .exprs = exprs, .cnt = 6 };

TEST(expressions_see_the_frame_and_the_stack_and_go_on)
{
	struct slice s = start(0x1004);
	enum stack_end end;

	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_EXPRESSION, .cfa_off = 1, .ra_off = -8, .bp = UNWIND_BP_EXPRESSION, .bp_off = 2,
					 .bx_off = -16 };
	rules[1] = (struct unwind_rule){ .cfa = UNWIND_CFA_EXPRESSION, .cfa_off = 1, .ra = UNWIND_RA_VALUE_EXPRESSION, .ra_off = 3 };
	rules[2] = (struct unwind_rule){ .cfa = UNWIND_CFA_END };
	rule_cnt = 3;
	s.exprs = &expr_set;
	s.regs[3] = 64;
	stack[5] = 0x4242; /* rbp, at rsp + 40 */
	stack[8] = BASE + 160; /* CFA, at rsp + 64 */
	stack[18] = 0x1020;    /* rbx of the caller */
	stack[19] = 0x1014;
	stack[20] = 0;
	stack[(160 + 0x1020) / 8 % 64] = 0;
	CHECK_EQ(slice_unwind(&s, true, find, NULL, addr, 16, &end), 1);
	CHECK_EQ(addr[0], 0x1014);
	CHECK_EQ(s.regs[BP], 0x4242);
	CHECK_EQ(end, STACK_END_EXPRESSION); /* the caller's rbx leads out of the slice */
	CHECK_EQ(s.expr_cnt[DWARF_EXPR_OK], 2);
	CHECK_EQ(s.expr_cnt[DWARF_EXPR_MEMORY], 1);
	s = start(0x1014);
	s.exprs = &expr_set;
	s.regs[3] = 0x1020;
	rules[1].cfa = UNWIND_CFA_SP;
	rules[1].cfa_off = 8;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 2);
	CHECK_EQ(addr[1], 0x1024);
	CHECK_EQ(end, STACK_END_COMPLETE);
}

TEST(expressions_that_fail_end_the_stack_and_are_counted_by_reason)
{
	static const enum dwarf_expr_result want[] = { [4] = DWARF_EXPR_ENDLESS, [5] = DWARF_EXPR_MEMORY, [6] = DWARF_EXPR_REGISTER };
	enum stack_end end;

	rule_cnt = 1;
	for (int i = 4; i <= 6; i++) {
		struct slice s = start(0x1004);

		s.exprs = &expr_set;
		s.flags = 0;
		rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_EXPRESSION, .cfa_off = i, .ra_off = -8 };
		CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 1);
		CHECK_EQ(end, STACK_END_EXPRESSION);
		CHECK_EQ(s.expr_cnt[want[i]], 1);
		/* rbp alone is just lost: the stack may not need it */
		s = start(0x1004);
		s.exprs = &expr_set;
		s.flags = 0;
		stack[8] = BASE + 160;
		s.regs[3] = 64;
		stack[19] = 0x1014;
		rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_EXPRESSION, .cfa_off = 1, .ra_off = -8, .bp = UNWIND_BP_EXPRESSION,
						 .bp_off = i };
		rules[1] = (struct unwind_rule){ .cfa = UNWIND_CFA_END };
		rule_cnt = 2;
		CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 2);
		CHECK_EQ(end, STACK_END_COMPLETE);
		CHECK(s.flags & UNWIND_BP_LOST);
		rule_cnt = 1;
	}
}

TEST(an_expression_of_a_number_nobody_has_ends_the_stack)
{
	struct slice s = start(0x1004);
	enum stack_end end;

	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_EXPRESSION, .cfa_off = 7, .ra_off = -8 };
	rule_cnt = 1;
	s.exprs = &expr_set;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 1);
	CHECK_EQ(end, STACK_END_EXPRESSION);
	s = start(0x1004); /* none at all */
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 1);
	CHECK_EQ(end, STACK_END_EXPRESSION);
}

TEST(code_without_rows_goes_by_frame_pointers_that_make_sense)
{
	enum stack_end end;
	struct slice s = start(0x9004);

	rule_cnt = 0;
	s.regs[BP] = BASE + 16;
	stack[2] = BASE + 64;
	stack[3] = 0x9100;
	stack[8] = 0;
	stack[9] = 0x9200;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 3);
	CHECK_EQ(end, STACK_END_COMPLETE);
	s = start(0x9004);
	s.regs[BP] = BASE - 64; /* below the stack pointer */
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 1);
	CHECK_EQ(end, STACK_END_NO_ROW);
	s = start(0x9004);
	s.regs[BP] = BASE + 16;
	stack[2] = BASE + 64;
	stack[3] = 0x123; /* not code */
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 1);
	CHECK_EQ(end, STACK_END_BAD_FRAME);
}

TEST(code_that_undoes_its_frame_tells_where_the_return_address_is)
{
	static const uint8_t add_pops[SLICE_CODE_SZ] = { 0x48, 0x83, 0xc4, 8, 0x41, 0x5c, 0x5d, 0xc3 };
	static const uint8_t other[SLICE_CODE_SZ] = { 0x48, 0x83, 0xc4, 8, 0x90, 0xc3 };
	enum stack_end end;
	struct slice s = start(0x9004);

	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_END };
	rule_cnt = 1;
	stack[2] = 0x5555; /* rbp */
	stack[3] = 0x1004;
	CHECK_EQ(slice_unwind(&s, false, find, (void *)add_pops, addr, 16, &end), 2);
	CHECK_EQ(addr[1], 0x1004);
	CHECK_EQ(s.regs[BP], 0x5555);
	CHECK_EQ(end, STACK_END_COMPLETE);
	s = start(0x9004);
	CHECK_EQ(slice_unwind(&s, false, find, (void *)other, addr, 16, &end), 1);
	CHECK_EQ(end, STACK_END_COMPLETE); /* no frame pointer: 0 marks the outermost frame */
}

/* Before 0x1015 "call 0x9000", before 0x1025 "call *8(%rsp)"; no other code can be had. */
static bool read_call(void *ctx, uint64_t at, uint8_t *ret)
{
	static const uint8_t direct[] = { 0, 0, 0xe8, 0xeb, 0x7f, 0, 0 }, indirect[] = { 0, 0, 0, 0xff, 0x54, 0x24, 8 };

	if (at + SLICE_CALL_SZ != 0x1015 && at + SLICE_CALL_SZ != 0x1025)
		return false;
	memcpy(ret, at + SLICE_CALL_SZ == 0x1015 ? direct : indirect, SLICE_CALL_SZ);
	return true;
}

TEST(a_leaf_without_rows_returns_to_where_a_call_lies)
{
	enum stack_end end;
	struct slice s = start(0x9019);

	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_END };
	rules[1] = rules[2] = rules[0];
	rule_cnt = 3;
	s.regs[BP] = 1; /* a number, no frame */
	stack[0] = 0x1025;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 1);
	CHECK_EQ(end, STACK_END_NO_ROW); /* nobody reads code here */
	s = start(0x9019);
	s.read_code = read_call;
	s.regs[BP] = 1;
	stack[0] = 0x1025;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 2);
	CHECK_EQ(end, STACK_END_COMPLETE);
	CHECK_EQ(addr[1], 0x1025);
	CHECK(!(s.flags & UNWIND_BP_LOST));
	/* above two pushes, only by a call that leads to right before the pc */
	s = start(0x9019);
	s.read_code = read_call;
	stack[1] = 0x1025;
	stack[2] = 0x1015;
	CHECK_EQ(slice_unwind(&s, true, find, NULL, addr, 16, &end), 1);
	CHECK_EQ(addr[0], 0x1015);
	CHECK(s.flags & UNWIND_BP_LOST);
	/* of a caller not all registers are known: the words at rsp say nothing */
	s = start(0x9019);
	s.read_code = read_call;
	s.flags = 0;
	s.regs[BP] = 1;
	stack[0] = 0x1025;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 1);
	CHECK_EQ(end, STACK_END_NO_ROW);
}

/*
 * Go's assembly: at 0x1014 "mov 48(%rsp),%rdi", which asmcgocall goes on with when C comes back; at 0x1016 the call of goexit, behind a
 * nop. Elsewhere other code.
 */
static bool read_go(void *ctx, uint64_t at, uint8_t *ret)
{
	static const uint8_t back[] = { 0xd0, 0x48, 0x8b, 0x7c, 0x24, 0x30, 0x48 }, exit[] = { 0x90, 0xe8, 0, 0, 0, 0, 0x90 };

	memset(ret, 0xcc, SLICE_CALL_SZ);
	if (at == 0x1013 || at == 0x1015)
		memcpy(ret, at == 0x1013 ? back : exit, SLICE_CALL_SZ);
	return true;
}

TEST(the_stack_that_go_left_is_in_no_slice)
{
	enum stack_end end;
	struct slice s = start(0x1004);

	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_SP, .cfa_off = 16, .ra_off = -8 };
	rules[1] = (struct unwind_rule){ .cfa = UNWIND_CFA_SP, .cfa_reg = UNWIND_SP_GO, .cfa_off = 8, .ra_off = -8 };
	rules[2] = (struct unwind_rule){ .cfa = UNWIND_CFA_END };
	rule_cnt = 3;
	stack[1] = 0x1014;
	stack[2] = 0x1024; /* left over from an earlier call */
	s.read_code = read_go;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 2);
	CHECK_EQ(end, STACK_END_NO_ROW);
	s = start(0x1004);
	stack[1] = 0x1016; /* no function returns from that */
	stack[2] = 0x1024;
	s.read_code = read_go;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 2);
	CHECK_EQ(end, STACK_END_COMPLETE);
	s = start(0x1004);
	stack[1] = 0x1017; /* other code */
	stack[2] = 0x1024;
	s.read_code = read_go;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 3);
	CHECK_EQ(end, STACK_END_COMPLETE);
}

TEST(a_leaf_that_has_no_frame_pointer_leaves_anothers_in_rbp)
{
	enum stack_end end;
	struct slice s = start(0x9019);

	s.read_code = read_call;
	s.regs[BP] = BASE + 64;
	stack[0] = 0x1015; /* whom it returns to */
	stack[8] = 0;
	stack[9] = 0x9200; /* no call there */
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 2);
	CHECK_EQ(addr[1], 0x1015);
}

TEST(memory_past_the_slice_and_loops_end_the_stack)
{
	enum stack_end end;
	struct slice s = start(0x1004);

	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_SP, .cfa_off = sizeof(stack) + 8, .ra_off = -8 };
	rule_cnt = 1;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 1);
	CHECK_EQ(end, STACK_END_BAD_READ);
	s = start(0x1004);
	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_SP, .cfa_off = 0, .ra_off = 0 }; /* does not move */
	stack[0] = 0x1004;
	/* a leaf may have nothing on the stack, its caller has its return address there */
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 2);
	CHECK_EQ(end, STACK_END_BAD_FRAME);
	s = start(0x1004);
	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_SP, .cfa_off = 8, .ra_off = -8 };
	for (int i = 0; i < 64; i++)
		stack[i] = 0x1004;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 16);
	CHECK_EQ(end, STACK_END_TRUNCATED);
}

TEST(a_return_address_of_0_that_a_row_leads_to_is_no_root)
{
	enum stack_end end;
	struct slice s = start(0x1004);

	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_SP, .cfa_off = 64, .ra_off = -8 };
	rule_cnt = 1;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 1);
	CHECK_EQ(end, STACK_END_BAD_FRAME);
	s = start(0x9004);
	s.regs[BP] = BASE + 32; /* code with frame pointers: both words are 0 there */
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 1);
	CHECK_EQ(end, STACK_END_COMPLETE);
}

TEST(an_unknown_mapping_ends_it_at_once)
{
	enum stack_end end;
	struct slice s = start(0x123);

	CHECK_EQ(slice_unwind(&s, true, find, NULL, addr, 16, &end), 0);
	CHECK_EQ(end, STACK_END_NO_MAPPING);
}

/* __restore_rt ends with its system call: the row behind it is another function's. */
TEST(a_leaf_in_a_system_call_has_the_row_before_its_pc)
{
	enum stack_end end;
	struct slice s = start(0x1010);

	s.flags |= UNWIND_IN_SYSCALL;
	rules[0] = (struct unwind_rule){ .cfa = UNWIND_CFA_SP, .cfa_off = 24, .ra_off = -8 };
	rules[1] = (struct unwind_rule){ .cfa = UNWIND_CFA_SP, .cfa_off = 8, .ra_off = -8 };
	rules[2] = (struct unwind_rule){ .cfa = UNWIND_CFA_END };
	rule_cnt = 3;
	stack[0] = 0x3333;
	stack[2] = 0x1024;
	CHECK_EQ(slice_unwind(&s, false, find, NULL, addr, 16, &end), 2);
	CHECK_EQ(end, STACK_END_COMPLETE);
	CHECK(addr[0] == (0x1010 | EXACT));
	CHECK_EQ(addr[1], 0x1024);
}

TEST_MAIN()
