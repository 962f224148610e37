// SPDX-License-Identifier: BSD-2-Clause
/* Rows of call frame information as rules: what hand-made .eh_frame cannot show. */
#include "record/unwind_cfi.h"
#include "tests/test.h"

static struct cfi_row row_of(uint8_t reg, int32_t off)
{
	return (struct cfi_row){ .cfa = { .kind = CFI_REGISTER, .reg = reg, .off = off }, .ra = { .kind = CFI_OFFSET, .off = -8 } };
}

static struct unwind_rule rule_of(const struct cfi_row *row, bool is_go)
{
	struct cfi_cie cie = { .is_go = is_go };
	struct expr_set exprs = { .cnt = 0 };
	struct unwind_rule r = { .cfa = 99 };

	(void)cfi_rule(row, &cie, &exprs, &r);
	expr_set_deinit(&exprs);
	return r;
}

TEST(go_functions_with_a_frame_have_rbp_under_their_return_address)
{
	struct cfi_row bare = row_of(DWARF_RSP, 8), frame = row_of(DWARF_RSP, 56), other = row_of(DWARF_RBP, 16);

	CHECK_EQ(rule_of(&bare, true).bp, UNWIND_BP_SAME);
	CHECK_EQ(rule_of(&frame, true).bp, UNWIND_BP_CFA);
	CHECK_EQ(rule_of(&frame, true).bp_off, -16);
	CHECK_EQ(rule_of(&frame, false).bp, UNWIND_BP_SAME);
	CHECK_EQ(rule_of(&other, true).bp, UNWIND_BP_SAME);
	frame.bp = (struct cfi_value){ .kind = CFI_OFFSET, .off = -24 }; /* said is said */
	CHECK_EQ(rule_of(&frame, true).bp_off, -24);
}

TEST(go_assembly_that_may_change_stacks_is_marked)
{
	struct cfi_row bare = row_of(DWARF_RSP, 8), pushed = row_of(DWARF_RSP, 16), frame = row_of(DWARF_RSP, 24);

	CHECK_EQ(rule_of(&bare, true).cfa_reg, UNWIND_SP_GO);
	CHECK_EQ(rule_of(&pushed, true).cfa_reg, UNWIND_SP_GO);
	CHECK_EQ(rule_of(&frame, true).cfa_reg, 0);
	CHECK_EQ(rule_of(&bare, false).cfa_reg, 0);
}

TEST_MAIN()
