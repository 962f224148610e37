// SPDX-License-Identifier: BSD-2-Clause
/* LAYER: record */
/*
 * Any bytes as a DWARF expression, run for a frame in a small slice: it ends, sees nothing but the frame, and fails for a reason or
 * gives the same answer again.
 */
#include <assert.h>
#include <string.h>

#include "record/slice.h"

#include "bpf/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct asked {
	uint64_t cnt; /* of memory and registers */
};

static bool get_reg(void *ctx, uint64_t reg, uint64_t *ret)
{
	((struct asked *)ctx)->cnt++;
	*ret = 0x1000 * reg;
	return reg < UNWIND_REGS;
}

static bool read_memory(void *ctx, uint64_t addr, unsigned int sz, uint64_t *ret)
{
	((struct asked *)ctx)->cnt++;
	assert(sz >= 1 && sz <= 8);
	*ret = addr ^ 0x55;
	return addr % 3;
}

static void run_alone(const uint8_t *data, size_t size)
{
	struct asked f = { 0 };
	const struct dwarf_expr_frame frame = { &f, get_reg, read_memory };
	uint64_t first = 0x7000, v = 1, again = 2;
	enum dwarf_expr_result r = dwarf_expr_run(data, size, &first, &frame, &v);

	assert(r < DWARF_EXPR_RESULTS && f.cnt <= DWARF_EXPR_STEPS);
	assert(r == DWARF_EXPR_OK || v == 1);
	assert(dwarf_expr_run(data, size, &first, &frame, &again) == r);
	assert(r ? again == 2 : again == v);
}

static struct unwind_rule rule;

/* One function of 16 bytes at 0x1000. */
static void find(void *ctx, uint64_t pc, bool is_exact, struct slice_place *ret)
{
	ret->is_mapped = pc - !is_exact >= 0x1000 && pc - !is_exact < 0x1010;
	ret->rule = &rule;
}

/* As CFA, rbp and return address of each frame of a stack: memory of exactly the slice's size, so that a read outside is seen. */
static void run_in_slice(const uint8_t *data, size_t size)
{
	struct expr exprs[2] = { { .sz = size }, { .sz = 2, .bytes = { 0x77, 16 } } };
	const struct expr_set set = { .exprs = exprs, .cnt = 2 };
	uint64_t addr[64];

	memcpy(exprs[0].bytes, data, size);
	for (unsigned int how = 0; how < 8; how++) {
		uint64_t stack[32];
		struct slice s = { .flags = how & 1 ? UNWIND_EXACT : 0, .data = (uint8_t *)stack, .base = 0x7000, .sz = sizeof(stack),
				   .exprs = &set };
		enum stack_end end = 99;
		uint32_t cnt;

		rule = (struct unwind_rule){ .cfa = UNWIND_CFA_EXPRESSION, .cfa_off = how & 2 ? 1 : 2, .bp = UNWIND_BP_EXPRESSION, .bp_off = 1,
					     .ra = how & 4 ? UNWIND_RA_VALUE_EXPRESSION : UNWIND_RA_CFA, .ra_off = how & 4 ? 1 : -8 };
		for (int i = 0; i < 32; i++)
			stack[i] = i % 3 ? 0x1008 : 0x7000 + 8 * i;
		s.regs[7] = 0x7000;
		s.regs[16] = 0x1004;
		cnt = slice_unwind(&s, false, find, NULL, addr, 64, &end);
		assert(cnt >= 1 && cnt <= 64 && end <= STACK_END_MEMORY_GONE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	run_alone(data, size);
	if (size && size <= EXPR_SZ_MAX)
		run_in_slice(data, size);
	return 0;
}
