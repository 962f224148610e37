// SPDX-License-Identifier: BSD-2-Clause
/* DWARF expressions: each operation, and the bounds of those that mean harm. */
#include <string.h>

#include "record/dwarf_expr.h"
#include "tests/test.h"

#define MEMORY 0x1000 /* eight bytes of memory there: 1 2 3 … 8 */

/* Register 7 is 0x1000, register 3 minus 8, register 40 is 5; no other is known. */
static bool get_reg(void *ctx, uint64_t reg, uint64_t *ret)
{
	if (reg != 7 && reg != 3 && reg != 40)
		return false;
	*ret = reg == 7 ? MEMORY : reg == 3 ? (uint64_t)-8 : 5;
	return true;
}

static bool read_memory(void *ctx, uint64_t addr, unsigned int sz, uint64_t *ret)
{
	static const uint8_t bytes[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	uint64_t v = 0;

	if (addr < MEMORY || sz > sizeof(bytes) || addr - MEMORY > sizeof(bytes) - sz)
		return false;
	memcpy(&v, bytes + (addr - MEMORY), sz);
	*ret = v;
	return true;
}

static const struct dwarf_expr_frame frame = { NULL, get_reg, read_memory };

/* What the bytes give; a failure is one above all results. */
static uint64_t run(const uint8_t *p, size_t sz, const uint64_t *first, enum dwarf_expr_result *ret_result)
{
	uint64_t v = 0xbadbadbad;

	*ret_result = dwarf_expr_run(p, sz, first, &frame, &v);
	return v;
}

#define GIVES(want, ...)                                                                           \
	do {                                                                                       \
		const uint8_t _expr[] = { __VA_ARGS__ };                                              \
		enum dwarf_expr_result _result;                                                         \
		CHECK_EQ((int64_t)run(_expr, sizeof(_expr), NULL, &_result), (int64_t)(want));                \
		CHECK_EQ(_result, DWARF_EXPR_OK);                                                       \
		for (size_t _sz = 1; _sz < sizeof(_expr); _sz++) /* cut off anywhere: some answer, no harm */ \
			(void)run(_expr, _sz, NULL, &_result);                                              \
	} while (0)

#define FAILS(how, ...)                                                                            \
	do {                                                                                       \
		const uint8_t _expr[] = { __VA_ARGS__ };                                              \
		enum dwarf_expr_result _result;                                                         \
		CHECK_EQ(run(_expr, sizeof(_expr), NULL, &_result), 0xbadbadbad);                             \
		CHECK_EQ(_result, how);                                                                 \
	} while (0)

TEST(constants_of_all_sizes_and_signs)
{
	GIVES(0, 0x30);
	GIVES(31, 0x4f);
	GIVES(255, 0x08, 0xff);
	GIVES(-1, 0x09, 0xff);
	GIVES(0xff01, 0x0a, 0x01, 0xff);
	GIVES(-255, 0x0b, 0x01, 0xff);
	GIVES(0xfffffffe, 0x0c, 0xfe, 0xff, 0xff, 0xff);
	GIVES(-2, 0x0d, 0xfe, 0xff, 0xff, 0xff);
	GIVES(0x0807060504030201, 0x0e, 1, 2, 3, 4, 5, 6, 7, 8);
	GIVES(-1, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
	GIVES(0x1000, 0x03, 0, 0x10, 0, 0, 0, 0, 0, 0);
	GIVES(300, 0x10, 0xac, 2);
	GIVES(-300, 0x11, 0xd4, 0x7d);
}

TEST(registers_and_memory)
{
	GIVES(MEMORY + 8, 0x77, 8);
	GIVES(MEMORY - 1, 0x77, 0x7f);
	GIVES(3, 0x92, 40, 0x7e);
	GIVES(0x0807060504030201, 0x77, 0, 0x06);
	GIVES(0x04030201, 0x77, 0, 0x94, 4);
	GIVES(8, 0x77, 7, 0x94, 1);
	/* libcrypto's: *(rsp + 8 + r * 8) + 8, r being -1 here */
	GIVES(0x0807060504030209, 0x77, 8, 0x73, 7, 0x38, 0x1e, 0x22, 0x06, 0x23, 8);
}

TEST(arithmetic_is_of_64_bits_and_signed_where_dwarf_says_so)
{
	GIVES(5, 0x37, 0x32, 0x1c);	   /* 7 - 2 */
	GIVES(-3, 0x09, 0xf9, 0x32, 0x1b); /* -7 / 2 */
	GIVES(1, 0x37, 0x33, 0x1d);	   /* 7 mod 3 */
	GIVES(21, 0x37, 0x33, 0x1e);
	GIVES(-7, 0x37, 0x1f);
	GIVES(-8, 0x37, 0x20);
	GIVES(7, 0x09, 0xf9, 0x19);
	GIVES(2, 0x36, 0x33, 0x1a);
	GIVES(7, 0x36, 0x33, 0x21);
	GIVES(5, 0x36, 0x33, 0x27);
	GIVES(56, 0x37, 0x33, 0x24);
	GIVES(0, 0x37, 0x08, 64, 0x24);
	GIVES(-1, 0x09, 0xfe, 0x31, 0x26);		       /* -2 >> 1 */
	GIVES(0x7fffffffffffffff, 0x09, 0xfe, 0x31, 0x25);
	GIVES(-1, 0x09, 0xfe, 0x08, 200, 0x26);
	GIVES(INT64_MIN, 0x31, 0x08, 63, 0x24, 0x09, 0xff, 0x1b); /* the one quotient that does not fit */
	GIVES(1, 0x09, 0xff, 0x30, 0x2d);			 /* -1 < 0 */
	GIVES(0, 0x09, 0xff, 0x30, 0x2a);
	GIVES(1, 0x31, 0x30, 0x2b);
	GIVES(1, 0x30, 0x30, 0x2c);
	GIVES(1, 0x30, 0x30, 0x29);
	GIVES(0, 0x30, 0x30, 0x2e);
}

TEST(entries_are_moved_about)
{
	uint64_t first = 77;
	enum dwarf_expr_result r;

	GIVES(4, 0x32, 0x12, 0x22);		    /* 2 dup + */
	GIVES(2, 0x32, 0x33, 0x13);		    /* drop */
	GIVES(2, 0x32, 0x33, 0x14);		    /* over */
	GIVES(1, 0x31, 0x32, 0x33, 0x15, 2);	    /* pick */
	GIVES(1, 0x32, 0x33, 0x16, 0x1c);	    /* swap: 3 - 2 */
	GIVES(2, 0x31, 0x32, 0x33, 0x17);	    /* rot: 3 1 2 */
	GIVES(1, 0x31, 0x32, 0x33, 0x17, 0x13);
	GIVES(3, 0x31, 0x32, 0x33, 0x17, 0x13, 0x13);
	GIVES(9, 0x39, 0x96);
	CHECK_EQ(run((const uint8_t[]){ 0x23, 3 }, 2, &first, &r), 80);
	CHECK_EQ(r, DWARF_EXPR_OK);
}

TEST(branches_go_both_ways)
{
	GIVES(2, 0x32, 0x2f, 1, 0, 0x33);			/* skip over lit3 */
	GIVES(3, 0x32, 0x30, 0x28, 1, 0, 0x33);		/* not taken */
	GIVES(2, 0x32, 0x31, 0x28, 1, 0, 0x33);		/* taken, to the end */
	/* 5; while (--x); */
	GIVES(0, 0x35, 0x31, 0x1c, 0x12, 0x28, 0xfa, 0xff);
}

TEST(what_means_harm_is_told_by_reason)
{
	uint8_t deep[DWARF_EXPR_DEPTH + 1];
	enum dwarf_expr_result r;

	FAILS(DWARF_EXPR_BAD, 0x22);			      /* nothing to add */
	FAILS(DWARF_EXPR_BAD, 0x31, 0x22);
	FAILS(DWARF_EXPR_BAD, 0x31, 0x13);		      /* nothing left */
	FAILS(DWARF_EXPR_BAD, 0x31, 0x15, 1);
	FAILS(DWARF_EXPR_BAD, 0x31, 0x32, 0x17);
	FAILS(DWARF_EXPR_BAD, 0x31, 0x30, 0x1b);	      /* by zero */
	FAILS(DWARF_EXPR_BAD, 0x31, 0x30, 0x1d);
	FAILS(DWARF_EXPR_BAD, 0x50);			      /* reg0: no place in memory */
	FAILS(DWARF_EXPR_BAD, 0x9c);			      /* the CFA, which is being asked for */
	FAILS(DWARF_EXPR_BAD, 0x31, 0x08);		      /* cut off */
	FAILS(DWARF_EXPR_BAD, 0x77, 0, 0x94, 9);
	FAILS(DWARF_EXPR_BAD, 0x77, 0, 0x94, 0);
	FAILS(DWARF_EXPR_BAD, 0x31, 0x2f, 1, 0);	      /* past the end */
	FAILS(DWARF_EXPR_BAD, 0x31, 0x2f, 0xfb, 0xff);	      /* before the start */
	FAILS(DWARF_EXPR_ENDLESS, 0x2f, 0xfd, 0xff);	      /* to itself */
	FAILS(DWARF_EXPR_ENDLESS, 0x31, 0x12, 0x28, 0xfc, 0xff); /* branches on 1 for ever */
	FAILS(DWARF_EXPR_DEEP, 0x31, 0x12, 0x2f, 0xfc, 0xff); /* pushes for ever */
	FAILS(DWARF_EXPR_MEMORY, 0x77, 1, 0x06);
	FAILS(DWARF_EXPR_MEMORY, 0x77, 0x7f, 0x06);
	FAILS(DWARF_EXPR_MEMORY, 0x09, 0xff, 0x06);
	FAILS(DWARF_EXPR_REGISTER, 0x70, 0);
	FAILS(DWARF_EXPR_REGISTER, 0x92, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0);
	memset(deep, 0x31, sizeof(deep));
	CHECK_EQ(run(deep, sizeof(deep) - 1, NULL, &r), 1);
	CHECK_EQ(run(deep, sizeof(deep), NULL, &r), 0xbadbadbad);
	CHECK_EQ(r, DWARF_EXPR_DEEP);
	(void)run((const uint8_t *)"", 0, NULL, &r);
	CHECK_EQ(r, DWARF_EXPR_BAD); /* no bytes, no answer */
}

TEST_MAIN()
