// SPDX-License-Identifier: BSD-2-Clause
/* .eh_frame built by hand: what each construct becomes, and what becomes of broken ones. */
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include "record/eh_frame.h"
#include "tests/test.h"

#define TEXT_OFF 0x1000 /* of the file; at vaddr TEXT_VADDR */
#define TEXT_VADDR 0x401000
#define TEXT_SZ 0x3000
#define FRAME_OFF 0x4000 /* .eh_frame, at vaddr FRAME_VADDR */
#define FRAME_VADDR 0x604000

struct image {
	uint8_t *data;
	size_t sz, cap;
};

static struct image img;

static void put(const void *p, size_t n)
{
	if (img.sz + n > img.cap) {
		img.cap = (img.sz + n) * 2;
		img.data = realloc(img.data, img.cap);
	}
	memcpy(img.data + img.sz, p, n);
	img.sz += n;
}

static void put32(uint32_t v)
{
	put(&v, 4);
}

/* Header, two segments, room up to FRAME_OFF. */
static void begin(void)
{
	Elf64_Ehdr eh = { .e_ident = "\177ELF\2\1\1", .e_type = ET_DYN, .e_machine = EM_X86_64, .e_phoff = sizeof(eh),
			  .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 3, .e_shentsize = sizeof(Elf64_Shdr) };
	Elf64_Phdr ph[3] = {
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = TEXT_OFF, .p_vaddr = TEXT_VADDR, .p_filesz = TEXT_SZ },
		{ .p_type = PT_LOAD, .p_flags = PF_R, .p_offset = FRAME_OFF - 16, .p_vaddr = FRAME_VADDR - 16, .p_filesz = 1 << 30 },
		{ .p_type = PT_GNU_EH_FRAME, .p_offset = FRAME_OFF - 16, .p_vaddr = FRAME_VADDR - 16, .p_filesz = 16 },
	};
	static const uint8_t zeros[FRAME_OFF];
	/* version 1; pc-relative 4-byte pointer to .eh_frame, 12 bytes on; the table itself left out */
	const uint8_t hdr[16] = { 1, 0x1b, 0xff, 0xff, 12, 0, 0, 0 };

	img.sz = 0;
	put(&eh, sizeof(eh));
	put(ph, sizeof(ph));
	put(zeros, FRAME_OFF - 16 - img.sz);
	put(hdr, sizeof(hdr));
}

/* A record with its length and id; its position in the section is returned. */
static uint32_t record(uint32_t id, const uint8_t *body, size_t sz)
{
	uint32_t pos = img.sz - FRAME_OFF;

	put32(4 + sz);
	put32(id);
	put(body, sz);
	return pos;
}

#define ZR 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b /* version, augmentation, code 1, data -8, ra 16, data: sdata4 pcrel */
#define CFA_RSP8_RA 0x0c, 7, 8, 0x90, 1		   /* def_cfa rsp+8; ra at cfa-8 */

static uint32_t cie(void)
{
	const uint8_t b[] = { ZR, CFA_RSP8_RA, 0, 0 };

	return record(0, b, sizeof(b));
}

/* An FDE over [off, off + sz) of the file. */
static void fde(uint32_t cie_pos, uint32_t off, uint32_t sz, const uint8_t *insns, size_t n)
{
	uint32_t pos = img.sz - FRAME_OFF;

	put32(4 + 4 + 4 + 1 + n);
	put32(pos + 4 - cie_pos);
	put32(TEXT_VADDR + (off - TEXT_OFF) - (FRAME_VADDR + pos + 8));
	put32(sz);
	put("", 1); /* no augmentation data */
	put(insns, n);
}

#define FDE(cie, off, sz, ...)                                                                     \
	do {                                                                                       \
		const uint8_t _i[] = { __VA_ARGS__ };                                              \
		fde(cie, off, sz, _i, sizeof(_i));                                                 \
	} while (0)

static struct unwind_rows compile(void)
{
	struct unwind_input in = { .fd = -1, .mem = img.data, .sz = img.sz };
	struct unwind_rows rows = { .rows = NULL };
	Elf64_Phdr *ph = (void *)(img.data + sizeof(Elf64_Ehdr));

	ph[1].p_filesz = img.sz - FRAME_OFF + 16;
	CHECK_EQ(eh_frame_compile(&in, &rows, NULL), 0);
	return rows;
}

#define RULE(r, off) (*unwind_rows_find(&(r), off))

TEST(a_frame_pointer_function_becomes_its_four_rows)
{
	uint32_t c;
	struct unwind_rows r;

	begin();
	c = cie();
	/* push rbp; mov rsp,rbp; …; leave */
	FDE(c, 0x1100, 0x40, 0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x42 | 0x30, 0x0c, 7, 8, 0xc6);
	r = compile();
	CHECK_EQ(r.fde_cnt, 1);
	CHECK_EQ(r.bad_fde_cnt, 0);
	CHECK_EQ(r.row_cnt, 5);
	CHECK_EQ(RULE(r, 0x10ff).cfa, UNWIND_CFA_NONE);
	CHECK_EQ(RULE(r, 0x1100).cfa, UNWIND_CFA_SP);
	CHECK_EQ(RULE(r, 0x1100).cfa_off, 8);
	CHECK_EQ(RULE(r, 0x1100).bp, UNWIND_BP_SAME);
	CHECK_EQ(RULE(r, 0x1101).cfa_off, 16);
	CHECK_EQ(RULE(r, 0x1101).bp, UNWIND_BP_CFA);
	CHECK_EQ(RULE(r, 0x1101).bp_off, -16);
	CHECK_EQ(RULE(r, 0x1104).cfa, UNWIND_CFA_BP);
	CHECK_EQ(RULE(r, 0x1135).cfa, UNWIND_CFA_BP);
	CHECK_EQ(RULE(r, 0x1136).cfa, UNWIND_CFA_SP);
	CHECK_EQ(RULE(r, 0x1136).bp, UNWIND_BP_SAME);
	CHECK_EQ(RULE(r, 0x113f).cfa, UNWIND_CFA_SP);
	CHECK_EQ(RULE(r, 0x1140).cfa, UNWIND_CFA_NONE);
	unwind_rows_deinit(&r);
}

TEST(both_plt_thresholds_are_known_and_others_not_confused)
{
	struct unwind_rows r;
	uint32_t c;

	begin();
	c = cie();
	FDE(c, 0x1100, 0x40, 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22);
	FDE(c, 0x1140, 0x40, 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3a, 0x2a, 0x33, 0x24, 0x22);
	FDE(c, 0x1180, 0x40, 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3a, 0x2a, 0x34, 0x24, 0x22); /* shifts by 4 */
	r = compile();
	CHECK_EQ(RULE(r, 0x1100).cfa, UNWIND_CFA_PLT);
	CHECK_EQ(RULE(r, 0x1100).cfa_add, 11);
	CHECK_EQ(RULE(r, 0x1140).cfa_add, 10);
	CHECK_EQ(RULE(r, 0x1180).cfa, UNWIND_CFA_EXPRESSION);
	unwind_rows_deinit(&r);
}

TEST(realigned_frames_become_a_dereference)
{
	struct unwind_rows r;
	uint32_t c;

	begin();
	c = cie();
	FDE(c, 0x1100, 0x10, 0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0); /* CFA *(rbp-8); rbp at rbp+0 */
	FDE(c, 0x1110, 0x10, 0x0f, 6, 0x77, 0x98, 1, 0x06, 0x23, 8);	       /* *(rsp+152)+8 */
	FDE(c, 0x1120, 0x10, 0x0f, 4, 0x77, 0x98, 1, 0x1c);		       /* … minus: unknown */
	r = compile();
	CHECK_EQ(RULE(r, 0x1100).cfa, UNWIND_CFA_DEREF);
	CHECK_EQ(RULE(r, 0x1100).cfa_reg, DWARF_RBP);
	CHECK_EQ(RULE(r, 0x1100).cfa_off, -8);
	CHECK_EQ(RULE(r, 0x1100).bp, UNWIND_BP_DEREF);
	CHECK_EQ(RULE(r, 0x1110).cfa_reg, DWARF_RSP);
	CHECK_EQ(RULE(r, 0x1110).cfa_off, 152);
	CHECK_EQ(RULE(r, 0x1110).cfa_add, 8);
	CHECK_EQ(RULE(r, 0x1120).cfa, UNWIND_CFA_EXPRESSION);
	unwind_rows_deinit(&r);
}

/* Whether the rule's expression of that number is these bytes. */
static bool is_expr(const struct unwind_rows *r, int number, const uint8_t *bytes, size_t sz)
{
	const struct expr *e = expr_set_get(&r->exprs, number);

	return e && e->sz == sz && !memcmp(e->bytes, bytes, sz);
}
#define IS_EXPR(r, number, ...)                                                                    \
	is_expr(&(r), number, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

TEST(expressions_of_no_known_form_are_kept_for_the_other_half)
{
	struct unwind_rows r;
	struct unwind_rule rule;
	uint32_t c;

	begin();
	c = cie();
	FDE(c, 0x1100, 0x10, 0x0f, 4, 0x77, 0x98, 1, 0x1c);	     /* CFA: breg7 152, minus */
	FDE(c, 0x1110, 0x10, 0x10, 6, 3, 0x77, 0, 0x06);	     /* rbp at *(rsp) */
	FDE(c, 0x1120, 0x10, 0x16, 16, 2, 0x73, 4);		     /* ra is rbx + 4 */
	FDE(c, 0x1130, 0x10, 0x10, 6, 3, 0x77, 0xa0, 1);	     /* libgcrypt's: rbp at rsp + 160 */
	FDE(c, 0x1140, 0x10, 0x0f, 4, 0x77, 0x98, 1, 0x1c, 0x86, 2); /* the first again, rbp at CFA - 16 */
	FDE(c, 0x1150, 0x10, 0x16, 3, 2, 0x77, 0);		     /* rbx by expression: it is just lost */
	FDE(c, 0x1160, 0x10, 0x0f, 0);				     /* no bytes at all */
	FDE(c, 0x1170, 0x10, 0x0f, 3, 0x76, 0x78, 0x06, 0x16, 6, 2, 0x77, 8); /* CFA *(rbp-8), rbp is rsp + 8 */
	r = compile();
	rule = RULE(r, 0x1100);
	CHECK_EQ(rule.cfa, UNWIND_CFA_EXPRESSION);
	CHECK(IS_EXPR(r, rule.cfa_off, 0x77, 0x98, 1, 0x1c));
	CHECK_EQ(rule.ra, UNWIND_RA_CFA);
	CHECK_EQ(rule.ra_off, -8);
	rule = RULE(r, 0x1110);
	CHECK_EQ(rule.cfa, UNWIND_CFA_EXPRESSION);
	CHECK(IS_EXPR(r, rule.cfa_off, 0x77, 8)); /* made of what it is */
	CHECK_EQ(rule.bp, UNWIND_BP_EXPRESSION);
	CHECK(IS_EXPR(r, rule.bp_off, 0x77, 0, 0x06));
	rule = RULE(r, 0x1120);
	CHECK_EQ(rule.ra, UNWIND_RA_VALUE_EXPRESSION);
	CHECK(IS_EXPR(r, rule.ra_off, 0x73, 4));
	rule = RULE(r, 0x1130);
	CHECK_EQ(rule.bp, UNWIND_BP_EXPRESSION);
	CHECK(IS_EXPR(r, rule.bp_off, 0x77, 0xa0, 1));
	rule = RULE(r, 0x1140);
	CHECK_EQ(rule.cfa_off, RULE(r, 0x1100).cfa_off); /* same bytes, same number */
	CHECK_EQ(rule.bp, UNWIND_BP_CFA);
	CHECK_EQ(rule.bp_off, -16);
	CHECK_EQ(RULE(r, 0x1150).cfa, UNWIND_CFA_SP);
	CHECK_EQ(RULE(r, 0x1150).bx_off, UNWIND_BX_GONE);
	CHECK_EQ(RULE(r, 0x1160).cfa, UNWIND_CFA_EXPRESSION);
	CHECK_EQ(RULE(r, 0x1160).cfa_off, 0);
	rule = RULE(r, 0x1170);
	CHECK(IS_EXPR(r, rule.cfa_off, 0x76, 0x78, 0x06, 0x11, 0, 0x22));
	CHECK_EQ(rule.bp, UNWIND_BP_VALUE_EXPRESSION);
	unwind_rows_deinit(&r);
}

TEST(more_expressions_than_are_kept_leave_the_rest_unknown)
{
	uint8_t is_long[2 + EXPR_SZ_MAX + 2] = { 0x0f, 0x81, 0x01 };
	uint32_t c, known = 0;
	struct unwind_rows r;

	begin();
	c = cie();
	fde(c, 0x1ff0, 0x10, is_long, 3 + EXPR_SZ_MAX + 1); /* 129 bytes */
	for (uint32_t i = 0; i < EXPR_SET_MAX + 10; i++)
		FDE(c, 0x2000 + i, 1, 0x0f, 5, 0x77, 0x80 | (i & 127), 0x80 | (i >> 7), 1, 0x1f);
	r = compile();
	CHECK_EQ(RULE(r, 0x1ff0).cfa, UNWIND_CFA_EXPRESSION);
	CHECK_EQ(RULE(r, 0x1ff0).cfa_off, 0);
	for (uint32_t i = 0; i < EXPR_SET_MAX + 10; i++) {
		CHECK_EQ(RULE(r, 0x2000 + i).cfa, UNWIND_CFA_EXPRESSION);
		known += RULE(r, 0x2000 + i).cfa_off != 0;
	}
	CHECK_EQ(known, EXPR_SET_MAX);
	unwind_rows_deinit(&r);
}

TEST(signal_frames_ends_and_register_rules_are_told_apart)
{
	const uint8_t zrs[] = { 1, 'z', 'R', 'S', 0, 1, 0x78, 16, 1, 0x1b, CFA_RSP8_RA };
	struct unwind_rows r;
	uint32_t c, s;

	begin();
	c = cie();
	s = record(0, zrs, sizeof(zrs));
	FDE(s, 0x1100, 0x10, 0);
	FDE(c, 0x1110, 0x10, 0x07, 16);		 /* ra undefined */
	FDE(c, 0x1120, 0x10, 0x09, 16, 5);	 /* ra in rdi */
	FDE(c, 0x1130, 0x10, 0x0c, 10, 16);	 /* CFA r10+16 */
	FDE(c, 0x1140, 0x10, 0x07, 6);		 /* rbp lost */
	FDE(c, 0x1150, 0x10, 0x0c, 17, 16);	 /* CFA in a register that is none */
	r = compile();
	CHECK_EQ(RULE(r, 0x1100).cfa, UNWIND_CFA_SIGNAL);
	CHECK_EQ(RULE(r, 0x1110).cfa, UNWIND_CFA_END);
	CHECK_EQ(RULE(r, 0x1120).ra, UNWIND_RA_REG);
	CHECK_EQ(RULE(r, 0x1120).ra_off, 5);
	CHECK_EQ(RULE(r, 0x1130).cfa, UNWIND_CFA_REG);
	CHECK_EQ(RULE(r, 0x1130).cfa_reg, 10);
	CHECK_EQ(RULE(r, 0x1140).bp, UNWIND_BP_UNKNOWN);
	CHECK_EQ(RULE(r, 0x1150).cfa, UNWIND_CFA_EXPRESSION);
	unwind_rows_deinit(&r);
}

TEST(a_return_address_nobody_placed_is_no_proper_end)
{
	const uint8_t b[] = { ZR, 0x0c, 7, 8 };
	struct unwind_rows r;
	uint32_t c;

	begin();
	c = record(0, b, sizeof(b));
	FDE(c, 0x1100, 0x10, 0);
	r = compile();
	CHECK_EQ(RULE(r, 0x1100).cfa, UNWIND_CFA_EXPRESSION);
	unwind_rows_deinit(&r);
}

TEST(states_are_remembered_and_too_many_of_them_refused)
{
	uint8_t deep[64] = { 0 };
	struct unwind_rows r;
	uint32_t c;

	begin();
	c = cie();
	FDE(c, 0x1100, 0x10, 0x0a, 0x41, 0x0e, 32, 0x41, 0x0b);
	FDE(c, 0x1110, 0x10, 0x0b);	    /* restores what was never remembered */
	memset(deep, 0x0a, sizeof(deep));
	fde(c, 0x1120, 0x10, deep, sizeof(deep));
	FDE(c, 0x1130, 0x10, 0x0f, 2, 0x77, 8, 0x0e, 16, 0x0f, 3, 0x77, 8, 0x06, 0x0e, 24); /* an offset of an expression */
	r = compile();
	CHECK_EQ(RULE(r, 0x1101).cfa_off, 32);
	CHECK_EQ(RULE(r, 0x1102).cfa_off, 8);
	CHECK_EQ(r.bad_fde_cnt, 3);
	CHECK_EQ(RULE(r, 0x1110).cfa, UNWIND_CFA_NONE);
	CHECK_EQ(RULE(r, 0x1130).cfa, UNWIND_CFA_NONE);
	unwind_rows_deinit(&r);
}

TEST(overlapping_fdes_are_cut_and_the_first_of_twins_kept)
{
	struct unwind_rows r;
	uint32_t c;

	begin();
	c = cie();
	FDE(c, 0x1180, 0x40, 0x0e, 48);
	FDE(c, 0x1100, 0x100, 0x0e, 16); /* reaches over the first */
	FDE(c, 0x1100, 0x20, 0x0e, 32);	 /* again */
	r = compile();
	CHECK_EQ(RULE(r, 0x1100).cfa_off, 16);
	CHECK_EQ(RULE(r, 0x117f).cfa_off, 16);
	CHECK_EQ(RULE(r, 0x1180).cfa_off, 48);
	CHECK_EQ(RULE(r, 0x11bf).cfa_off, 48);
	CHECK_EQ(RULE(r, 0x11c0).cfa, UNWIND_CFA_NONE);
	for (size_t i = 1; i < r.row_cnt; i++)
		CHECK(r.rows[i - 1].off < r.rows[i].off && r.rows[i - 1].rule != r.rows[i].rule);
	unwind_rows_deinit(&r);
}

TEST(code_outside_the_executable_segment_gets_no_rows)
{
	struct unwind_rows r;
	uint32_t c;

	begin();
	c = cie();
	FDE(c, 0x0800, 0x10, 0);			       /* before it */
	FDE(c, TEXT_OFF + TEXT_SZ - 8, 0x100, 0x0e, 24); /* over its end: cut */
	FDE(c, TEXT_OFF + TEXT_SZ, 0x10, 0);	       /* past it */
	FDE(c, 0x1100, 0, 0);			       /* empty */
	r = compile();
	CHECK_EQ(r.fde_cnt, 4);
	CHECK_EQ(r.bad_fde_cnt, 3);
	CHECK_EQ(r.row_cnt, 2);
	CHECK_EQ(r.rows[1].off, TEXT_OFF + TEXT_SZ);
	unwind_rows_deinit(&r);
}

TEST(an_fde_whose_cie_is_itself_or_nonsense_is_left_out)
{
	struct unwind_rows r;
	uint32_t c, self;

	begin();
	c = cie();
	self = img.sz - FRAME_OFF;
	FDE(self, 0x1100, 0x10, 0);
	FDE(c + 1, 0x1110, 0x10, 0);
	FDE(0x40000000, 0x1120, 0x10, 0);
	FDE(c, 0x1130, 0x10, 0);
	r = compile();
	CHECK_EQ(r.bad_fde_cnt, 3);
	CHECK_EQ(RULE(r, 0x1130).cfa, UNWIND_CFA_SP);
	unwind_rows_deinit(&r);
}

TEST(every_truncation_is_survived_and_keeps_what_came_before)
{
	size_t full, last = 0;
	uint32_t c;

	begin();
	c = cie();
	for (int i = 0; i < 20; i++)
		FDE(c, 0x1100 + i * 0x20, 0x20, 0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x72, 0x0c, 7, 8, 0xc6);
	full = img.sz;
	for (size_t sz = FRAME_OFF; sz <= full; sz++) {
		uint8_t *copy = malloc(sz); /* so that the sanitizer sees a read past the end */
		struct unwind_input in = { .fd = -1, .mem = copy, .sz = sz };
		struct unwind_rows r = { .rows = NULL };

		memcpy(copy, img.data, sz);
		((Elf64_Phdr *)(copy + sizeof(Elf64_Ehdr)))[1].p_filesz = sz - FRAME_OFF + 16;
		CHECK_EQ(eh_frame_compile(&in, &r, NULL), 0);
		CHECK(r.fde_cnt >= last);
		last = r.fde_cnt;
		unwind_rows_deinit(&r);
		free(copy);
	}
	CHECK_EQ(last, 20);
}

TEST(a_hundred_thousand_tiny_fdes_are_quick)
{
	double start = test_cpu_seconds();
	struct unwind_rows r;
	uint32_t c;

	begin();
	c = cie();
	for (int i = 0; i < 100000; i++)
		FDE(c, 0x1100 + (i * 7919) % 0x2000, 1, 0x0e, 16);
	r = compile();
	CHECK_EQ(r.fde_cnt, 100000);
	CHECK(r.row_cnt <= 0x2001);
	CHECK(test_cpu_seconds() - start < 2);
	unwind_rows_deinit(&r);
}

TEST(work_is_bounded_by_the_size_of_the_section)
{
	static uint8_t body[256 * 780 - 8]; /* nops; the record's size is a multiple of what CIEs are cached by */
	static const uint8_t head[] = { ZR, CFA_RSP8_RA };
	double start = test_cpu_seconds();
	struct unwind_rows r;
	uint32_t a, b;

	begin();
	memcpy(body, head, sizeof(head));
	a = record(0, body, sizeof(body));
	b = record(0, body, sizeof(body));
	/* Two CIEs that throw each other out of the cache: 4,000,000,000 instructions for a file of 900 KB. */
	for (int i = 0; i < 20000; i++)
		FDE(i % 2 ? a : b, 0x1100, 0x10, 0);
	r = compile();
	CHECK(r.is_cut);
	CHECK(test_cpu_seconds() - start < 5);
	unwind_rows_deinit(&r);
}

TEST(what_is_no_elf_file_says_so)
{
	static const char text[100] = "#!/bin/sh\n";
	struct unwind_input in = { .fd = -1, .mem = text, .sz = sizeof(text) };
	struct unwind_rows r;
	struct err err = { 0 };

	CHECK_EQ(eh_frame_compile(&in, &r, &err), -EBADMSG);
	CHECK_HAS(err.text, "not an x86-64 ELF file");
	in.sz = 20;
	CHECK_EQ(eh_frame_compile(&in, &r, &err), -EBADMSG);
	CHECK_HAS(err.text, "ELF header");
}

TEST(no_call_frame_information_is_no_error)
{
	struct unwind_rows r;

	begin();
	((Elf64_Phdr *)(img.data + sizeof(Elf64_Ehdr)))[2].p_type = PT_NULL;
	r = compile();
	CHECK_EQ(r.row_cnt, 0);
	CHECK_EQ(r.rules[0].cfa, UNWIND_CFA_NONE);
	unwind_rows_deinit(&r);
}

TEST_MAIN()
