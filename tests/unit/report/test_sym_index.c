// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_index.h"

#include <elf.h>
#include <errno.h>

#include "formats/elf_symbol.h"
#include "report/sym_builder.h"
#include "tests/test.h"
#include "tests/unit/report/made_index.h"

#define BASE 0x400000

static struct sym_builder b;

static void begin(void)
{
	struct sym_range *r;

	CHECK(sym_builder_init(&b));
	r = sym_vec_push(&b.code);
	CHECK(r);
	*r = (struct sym_range){BASE, BASE + 0x10000};
}

static struct sym_index finish(size_t *ret_sz)
{
	struct sym_index x;

	CHECK_EQ(made_index(&b, &x), 0);
	sym_builder_deinit(&b);
	if (ret_sz)
		*ret_sz = x.h->total_sz;
	return x;
}

static uint32_t add_func(const char *name, const char *file, uint32_t line)
{
	struct sym_func *f = sym_vec_push(&b.funcs);

	CHECK(f);
	*f = (struct sym_func){sym_builder_string(&b, name, NULL), sym_builder_file(&b, file, NULL),
			       line};
	return (uint32_t)(b.funcs.cnt - 1);
}

static uint32_t add_scope(uint32_t parent, uint32_t func, const char *call_file, uint32_t call_line)
{
	struct sym_scope s = {parent, func, sym_builder_file(&b, call_file, NULL), call_line};

	return sym_builder_add_scope(&b, &s);
}

static void add_symbol(uint64_t addr, uint64_t size, uint8_t info, const char *name)
{
	struct sym_candidate c = {.addr = BASE + addr, .size = size, .source = SYMBOL_SYMTAB, .info = info};

	c.name = sym_builder_string(&b, name, NULL);
	c.rank = elf_symbol_rank(info, size != 0, name);
	CHECK(sym_builder_add_symbol(&b, &c));
}

#define GLOBAL_FUNC ELF64_ST_INFO(STB_GLOBAL, STT_FUNC)
#define WEAK_FUNC ELF64_ST_INFO(STB_WEAK, STT_FUNC)
#define LOCAL_FUNC ELF64_ST_INFO(STB_LOCAL, STT_FUNC)
#define LOCAL_NOTYPE ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE)
#define IFUNC ELF64_ST_INFO(STB_GLOBAL, STT_GNU_IFUNC)

/* main [0, 0x100) with mid inlined in two ranges and leaf inside mid. */
static void add_chain(void)
{
	uint32_t f_main = add_func("main", "/src/main.c", 10),
		 f_mid = add_func("mid", "/src/mid.h", 20);
	uint32_t f_leaf = add_func("leaf", "/src/leaf.h", 30);
	uint32_t outer = add_scope(0, f_main, NULL, 0),
		 mid = add_scope(outer, f_mid, "/src/main.c", 12);
	uint32_t leaf = add_scope(mid, f_leaf, "/src/mid.h", 22);

	CHECK(sym_builder_add_span(&b, outer, 0, BASE, BASE + 0x100));
	CHECK(sym_builder_add_span(&b, mid, 1, BASE + 0x10, BASE + 0x20));
	CHECK(sym_builder_add_span(&b, mid, 1, BASE + 0x80, BASE + 0x90));
	CHECK(sym_builder_add_span(&b, leaf, 2, BASE + 0x84, BASE + 0x88));
	CHECK(sym_builder_begin_sequence(&b));
	CHECK(sym_builder_add_line(&b, BASE, sym_builder_file(&b, "/src/main.c", NULL), 11));
	CHECK(sym_builder_add_line(&b, BASE + 0x84, sym_builder_file(&b, "/src/leaf.h", NULL), 31));
	CHECK(sym_builder_add_line(&b, BASE + 0x88, sym_builder_file(&b, "/src/main.c", NULL), 13));
	sym_builder_end_sequence(&b, BASE + 0x100);
}

TEST(sym_index_gives_the_whole_inline_chain_with_call_lines)
{
	struct sym_hit h[SYM_CHAIN_MAX];
	struct sym_index x;

	begin();
	add_chain();
	x = finish(NULL);
	CHECK_EQ(sym_index_lookup(&x, BASE + 0x85, h), 3);
	CHECK_STR(h[0].name, "leaf");
	CHECK_STR(h[0].file, "/src/leaf.h");
	CHECK_EQ(h[0].line, 31);
	CHECK(h[0].is_inlined);
	CHECK_STR(h[1].name, "mid");
	CHECK_STR(h[1].file, "/src/mid.h");
	CHECK_EQ(h[1].line, 22);
	CHECK_EQ(h[1].decl_line, 20);
	CHECK_STR(h[2].name, "main");
	CHECK_EQ(h[2].line, 12);
	CHECK(!h[2].is_inlined);
	CHECK_EQ(sym_index_lookup(&x, BASE + 0x50, h), 1);
	CHECK_EQ(h[0].line, 11);
	CHECK_EQ(sym_index_lookup(&x, BASE + 0x100, h), 0);
	CHECK_EQ(sym_index_lookup(&x, BASE - 1, h), 0);
	CHECK_EQ(sym_index_lookup(&x, 0, h), 0);
	CHECK_EQ(sym_index_lookup(&x, UINT64_MAX, h), 0);
	sym_index_deinit(&x);
}

TEST(sym_index_takes_a_function_of_several_units_from_the_first)
{
	struct sym_hit h[SYM_CHAIN_MAX];
	uint32_t outer, inner;
	struct sym_index x;

	begin();
	add_chain();
	/* the same COMDAT function as another unit compiled it: that code the linker dropped */
	outer = add_scope(0, add_func("main", "/src/main.c", 10), NULL, 0);
	inner = add_scope(outer, add_func("other", "/src/other.h", 40), "/src/main.c", 14);
	CHECK(sym_builder_add_span(&b, outer, 0, BASE, BASE + 0x100));
	CHECK(sym_builder_add_span(&b, inner, 1, BASE + 0x40, BASE + 0x60));
	x = finish(NULL);
	CHECK_EQ(sym_index_lookup(&x, BASE + 0x50, h), 1);
	CHECK_STR(h[0].name, "main");
	CHECK_EQ(sym_index_lookup(&x, BASE + 0x85, h), 3);
	sym_index_deinit(&x);
}

TEST(sym_index_cuts_a_chain_too_deep_at_its_inner_end)
{
	struct sym_hit h[SYM_CHAIN_MAX];
	uint32_t scope, f;
	struct sym_index x;

	begin();
	scope = add_scope(0, add_func("root", NULL, 0), NULL, 0);
	CHECK(sym_builder_add_span(&b, scope, 0, BASE, BASE + 0x100));
	f = add_func("again", NULL, 0);
	for (unsigned i = 1; i < 2 * SYM_CHAIN_MAX; i++) {
		scope = add_scope(scope, f, NULL, i);
		CHECK(sym_builder_add_span(&b, scope, i, BASE, BASE + 0x100));
	}
	x = finish(NULL);
	CHECK_EQ(sym_index_lookup(&x, BASE, h), SYM_CHAIN_MAX);
	CHECK_STR(h[SYM_CHAIN_MAX - 1].name, "root");
	CHECK_EQ(h[SYM_CHAIN_MAX - 1].line, 1);
	sym_index_deinit(&x);
}

static void check_name(struct sym_index *x, uint64_t addr, const char *want)
{
	struct sym_hit h[SYM_CHAIN_MAX];
	size_t n = sym_index_lookup(x, BASE + addr, h);

	if (!want) {
		CHECK_EQ(n, 0);
	} else {
		CHECK_EQ(n, 1);
		CHECK_STR(h[0].name, want);
	}
}

TEST(sym_index_alias_choice_is_the_documented_one)
{
	struct sym_index x;

	begin();
	add_symbol(0x0, 0x10, WEAK_FUNC, "write"); /* GLOBAL before WEAK */
	add_symbol(0x0, 0x10, GLOBAL_FUNC, "__write");
	add_symbol(0x0, 0x10, LOCAL_FUNC, "a_local");
	add_symbol(0x10, 0x10, GLOBAL_FUNC, "__b"); /* fewer underscores */
	add_symbol(0x10, 0x10, GLOBAL_FUNC, "_b");
	add_symbol(0x20, 0x10, GLOBAL_FUNC, "c@@V1"); /* no version */
	add_symbol(0x20, 0x10, GLOBAL_FUNC, "cc");
	add_symbol(0x30, 0, GLOBAL_FUNC, "a_label"); /* sized */
	add_symbol(0x30, 0x10, LOCAL_FUNC, "sized");
	add_symbol(0x40, 0x10, IFUNC, "a_resolver"); /* FUNC before IFUNC */
	add_symbol(0x40, 0x10, LOCAL_FUNC, "target");
	add_symbol(0x50, 0x10, GLOBAL_FUNC, "zeta"); /* then by bytes */
	add_symbol(0x50, 0x10, GLOBAL_FUNC, "eta");
	x = finish(NULL);
	check_name(&x, 0x0, "__write");
	check_name(&x, 0x1f, "_b");
	check_name(&x, 0x20, "cc");
	check_name(&x, 0x30, "sized");
	check_name(&x, 0x40, "target");
	check_name(&x, 0x50, "eta");
	check_name(&x, 0x60, NULL);
	sym_index_deinit(&x);
}

/* As sym_elf_symtab.c adds those of .dynsym: by a name that nobody has looked at. */
static void add_dynamic(uint64_t addr, uint64_t size, uint8_t info, const char *name)
{
	struct sym_candidate c = {
		.addr = BASE + addr, .size = size, .source = SYMBOL_DYNSYM, .info = info, .text = name};

	CHECK(sym_builder_add_symbol(&b, &c));
}

TEST(sym_index_takes_a_dynamic_symbol_for_the_one_of_symtab_that_is_like_it)
{
	struct sym_index x;

	begin();
	add_dynamic(0x0, 0x10, GLOBAL_FUNC, "one"); /* the debug file's .symtab is read after the image's .dynsym */
	add_symbol(0x0, 0x10, GLOBAL_FUNC, "one");
	add_symbol(0x10, 0x10, GLOBAL_FUNC, "old@@V1"); /* its plain name is the better one */
	add_dynamic(0x10, 0x10, GLOBAL_FUNC, "old");
	add_symbol(0x20, 0x10, GLOBAL_FUNC, "_kept"); /* its alias was stripped */
	add_dynamic(0x20, 0x10, GLOBAL_FUNC, "_kept");
	add_dynamic(0x20, 0x10, GLOBAL_FUNC, "alias");
	add_symbol(0x30, 0x10, LOCAL_FUNC, "local"); /* bound otherwise: another one */
	add_dynamic(0x30, 0x10, GLOBAL_FUNC, "exported");
	add_dynamic(0x40, 0x10, GLOBAL_FUNC, "alone");
	add_dynamic(0x50, 0x10, GLOBAL_FUNC, "$x"); /* names no function */
	add_symbol(0x60, 0x10, GLOBAL_FUNC, "shorter"); /* sized otherwise */
	add_dynamic(0x60, 0x20, GLOBAL_FUNC, "longer");
	x = finish(NULL);
	check_name(&x, 0x8, "one");
	check_name(&x, 0x18, "old");
	check_name(&x, 0x28, "alias");
	check_name(&x, 0x38, "exported");
	check_name(&x, 0x48, "alone");
	check_name(&x, 0x58, NULL);
	check_name(&x, 0x78, "longer");
	sym_index_deinit(&x);
}

TEST(sym_index_finds_the_same_in_any_order)
{
	struct sym_hit h[SYM_CHAIN_MAX];
	struct sym_index x, fresh;
	char name[16];

	begin();
	add_chain();
	for (unsigned i = 1; i < 200; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		add_symbol(i * 0x100, i % 3 ? 0x100 : 0x80, GLOBAL_FUNC, name);
	}
	x = finish(NULL);
	fresh = x;
	for (unsigned i = 0, at = 1; i < 3000; i++) {
		const char *want;
		size_t n;

		at = i % 3 ? (at + i % 7 * 0x90) % 0xd000 : (at * 1103515245 + 12345) >> 8 & 0xffff;
		fresh.segment_at = fresh.symbol_at = fresh.line_at = 0;
		n = sym_index_lookup(&fresh, BASE + at, h);
		want = n ? h[n - 1].name : NULL;
		CHECK_EQ(sym_index_lookup(&x, BASE + at, h), n);
		CHECK(!n || h[n - 1].name == want);
	}
	sym_index_deinit(&x);
}

TEST(sym_index_unsized_symbols_reach_to_the_next_and_never_over_sized_ones)
{
	struct sym_index x;

	begin();
	add_symbol(0x0, 0x20, GLOBAL_FUNC, "sized");
	add_symbol(0x8, 0, LOCAL_NOTYPE, "label_inside");
	add_symbol(0x40, 0, LOCAL_NOTYPE, "asm_one");
	add_symbol(0x60, 0, LOCAL_NOTYPE, "asm_two");
	add_symbol(0x80, 0x10, GLOBAL_FUNC, "after");
	x = finish(NULL);
	check_name(&x, 0x10, "sized");
	check_name(&x, 0x30, NULL);
	check_name(&x, 0x5f, "asm_one");
	check_name(&x, 0x7f, "asm_two");
	check_name(&x, 0x8f, "after");
	check_name(&x, 0x90, NULL);
	sym_index_deinit(&x);
}

TEST(sym_index_prefers_the_linkers_name_for_the_real_function)
{
	struct sym_hit h[SYM_CHAIN_MAX];
	struct sym_index x;

	begin();
	add_chain();
	add_symbol(0x0, 0x100, LOCAL_FUNC, "main.constprop.0");
	x = finish(NULL);
	CHECK_EQ(sym_index_lookup(&x, BASE + 0x85, h), 3);
	CHECK_STR(h[0].name, "leaf");
	CHECK_STR(h[2].name, "main.constprop.0");
	sym_index_deinit(&x);
}

TEST(sym_index_ignores_what_a_linker_dropped)
{
	uint32_t f, scope;
	struct sym_index x;
	struct sym_hit h[SYM_CHAIN_MAX];

	begin();
	add_chain();
	f = add_func("dropped", NULL, 0);
	scope = add_scope(0, f, NULL, 0);
	CHECK(sym_builder_add_span(&b, scope, 0, 0, BASE + 0x100)); /* a tombstone: starts at 0 */
	CHECK(sym_builder_begin_sequence(&b));
	CHECK(sym_builder_add_line(&b, 0, sym_builder_file(&b, "/src/dropped.c", NULL), 1));
	sym_builder_end_sequence(&b, BASE + 0x100);
	x = finish(NULL);
	CHECK_EQ(sym_index_lookup(&x, BASE, h), 1);
	CHECK_STR(h[0].name, "main");
	CHECK_STR(h[0].file, "/src/main.c");
	sym_index_deinit(&x);
}

TEST(sym_index_survives_any_damage)
{
	struct sym_hit h[SYM_CHAIN_MAX];
	struct sym_index x, y;
	size_t sz;
	unsigned seed = 1;

	begin();
	add_chain();
	add_symbol(0x200, 0x10, GLOBAL_FUNC, "other");
	x = finish(&sz);
	for (size_t len = 0; len < sz; len++) {
		void *copy = malloc(len + 1);

		CHECK(copy);
		memcpy(copy, x.data, len);
		CHECK_EQ(sym_index_parse(&y, copy, len, NULL), -EBADMSG);
		free(copy);
	}
	for (int round = 0; round < 20000; round++) {
		unsigned char *copy = malloc(sz);

		CHECK(copy);
		memcpy(copy, x.data, sz);
		for (int i = 0; i < 3; i++) {
			seed = seed * 1103515245 + 12345;
			copy[16 + (seed >> 8) % (sz - 16)] = (unsigned char)(seed >> 3);
		}
		if (sym_index_parse(&y, copy, sz, NULL)) {
			free(copy);
			continue;
		}
		for (uint64_t a = BASE - 4; a < BASE + 0x240; a += 7)
			for (size_t n = sym_index_lookup(&y, a, h); n-- > 0;)
				CHECK(!h[n].name || strlen(h[n].name) < sz);
		sym_index_deinit(&y);
	}
	sym_index_deinit(&x);
}

TEST(sym_index_refuses_another_version)
{
	struct sym_index_header *h;
	struct sym_index x, y;
	struct err err;
	char want[64];
	size_t sz;

	begin();
	x = finish(&sz);
	h = x.data;
	h->version++;
	CHECK_EQ(sym_index_parse(&y, x.data, sz, &err), -EPROTONOSUPPORT);
	snprintf(want, sizeof(want), "version %d, want %d", SYM_INDEX_VERSION + 1, SYM_INDEX_VERSION);
	CHECK_HAS(err.text, want);
	sym_index_deinit(&x);
}

TEST_MAIN()
