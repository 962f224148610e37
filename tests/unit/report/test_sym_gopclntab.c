// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tables written here in each layout: main.main, and main.work with main.leaf inlined, in main.mid
 * inlined. Real programs of six Go versions are in tests/system/test_names.sh, as far as they are
 * installed.
 */
#include "report/sym_gopclntab.h"

#include "report/sym_index.h"
#include "tests/test.h"
#include "tests/unit/report/made_index.h"

#define TABLE_AT 0x500000
#define TEXT 0x401000
#define MODULEDATA_AT 0x600000
#define GOFUNC_AT 0x700000

struct memory {
	uint8_t table[4096], moduledata[512], gofunc[256];
	size_t table_sz;
	unsigned magic;
	bool big_header; /* has textStart */
	unsigned gofunc_word;
};

static struct memory m;

static bool read_memory(void *ctx, uint64_t addr, void *to, size_t sz)
{
	const struct {
		uint64_t at;
		const uint8_t *p;
		size_t sz;
	} parts[] = {{TABLE_AT, m.table, sizeof(m.table)},
		     {MODULEDATA_AT, m.moduledata, sizeof(m.moduledata)},
		     {GOFUNC_AT, m.gofunc, sizeof(m.gofunc)}};

	for (int i = 0; i < 3; i++)
		if (addr >= parts[i].at && addr - parts[i].at + sz <= parts[i].sz) {
			memcpy(to, parts[i].p + (addr - parts[i].at), sz);
			return true;
		}
	return false;
}

static bool read_word(void *ctx, uint64_t addr, uint64_t *ret)
{
	uint8_t w[8];

	if (!read_memory(ctx, addr, w, 8))
		return false;
	*ret = get_le64(w);
	return true;
}

static void put(size_t *at, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		m.table[(*at)++] = (uint8_t)(v >> (8 * i));
}

/* Runs of (value, bytes), as pctab has them. Returns their offset. */
static uint32_t put_values(size_t base, size_t *at, const int *runs, int cnt)
{
	uint32_t off = (uint32_t)(*at - base);
	int last = -1;

	for (int i = 0; i < cnt; i++) {
		*at += (size_t)(put_uvarint(m.table + *at,
					    zigzag((uint64_t)(int64_t)(runs[2 * i] - last))) -
				(m.table + *at));
		*at += (size_t)(put_uvarint(m.table + *at, (uint64_t)runs[2 * i + 1]) -
				(m.table + *at));
		last = runs[2 * i];
	}
	m.table[(*at)++] = 0;
	return off;
}

static uint32_t put_string(size_t base, size_t *at, const char *s)
{
	uint32_t off = (uint32_t)(*at - base);

	memcpy(m.table + *at, s, strlen(s) + 1);
	*at += strlen(s) + 1;
	return off;
}

static void put_func(size_t *at, unsigned magic, uint64_t entry, uint32_t name, uint32_t pcfile,
		     uint32_t pcln, uint32_t inl, uint32_t tree)
{
	bool old = magic == 0xfffffffa;

	put(at, old ? entry : entry - TEXT, old ? 8 : 4);
	put(at, name, 4);
	put(at, 0, 4); /* args */
	put(at, 0, 4); /* deferreturn */
	put(at, 0, 4); /* pcsp */
	put(at, pcfile, 4);
	put(at, pcln, 4);
	put(at, 3, 4); /* npcdata */
	put(at, 0, 4); /* unit */
	if (magic == 0xfffffff1)
		put(at, 7, 4); /* start line */
	put(at, 0, 3);
	put(at, 4, 1); /* nfuncdata */
	put(at, 0, 4);
	put(at, 0, 4);
	put(at, inl, 4);
	if (old)
		*at = (*at + 7) & ~7UL;
	for (int i = 0; i < 3; i++)
		put(at, old ? 0 : UINT32_MAX, old ? 8 : 4);
	put(at, old ? (tree == UINT32_MAX ? 0 : GOFUNC_AT + tree) : tree, old ? 8 : 4);
}

static void put_tree(unsigned magic, uint32_t mid, uint32_t leaf)
{
	uint32_t names[] = {mid, leaf}, parent_pcs[] = {0x10, 0x22};

	memset(m.gofunc, 0, sizeof(m.gofunc));
	for (int i = 0; i < 2; i++) {
		uint8_t *e = m.gofunc + 64 + i * (magic == 0xfffffff1 ? 16 : 20);

		put_le32(e + (magic == 0xfffffff1 ? 4 : 12), names[i]);
		put_le32(e + (magic == 0xfffffff1 ? 8 : 16), parent_pcs[i]);
		if (magic == 0xfffffff1)
			put_le32(e + 12, 20 + (uint32_t)i);
	}
}

/* gofunc_word: where moduledata keeps go:func.*; text_in_header: false as in Go 1.26. */
static void make(unsigned magic, unsigned gofunc_word, bool text_in_header)
{
	static const int files[] = {0, 0x100}, main_lines[] = {5, 0x80, 6, 0x80};
	static const int work_lines[] = {12, 0x20, 30, 8, 31, 8, 14, 0xd0};
	/* main.work: its own code, then mid (tree 0), then leaf within mid (tree 1), then its own
	 */
	static const int inl[] = {-1, 0x20, 0, 8, 1, 8, -1, 0xd0};
	bool old = magic == 0xfffffffa;
	size_t header = old ? 8 + 8 * 7 : 8 + 8 * 8, names = header, at = names, units, filetab,
	       pcs, funcs, ftab;
	uint32_t n_main, n_work, n_mid, n_leaf, file, p_file, p_main, p_work, p_inl;

	memset(&m, 0, sizeof(m));
	put_string(names, &at, "");
	n_main = put_string(names, &at, "main.main");
	n_work = put_string(names, &at, "main.work");
	n_mid = put_string(names, &at, "main.mid");
	n_leaf = put_string(names, &at, "main.leaf");
	units = at = (at + 7) & ~7UL;
	at += 4;
	filetab = at;
	put_string(filetab, &at, "");
	file = put_string(filetab, &at, "/src/main.go");
	put_le32(m.table + units, file);
	pcs = at;
	at++;
	p_file = put_values(pcs, &at, files, 1);
	p_main = put_values(pcs, &at, main_lines, 2);
	p_work = put_values(pcs, &at, work_lines, 4);
	p_inl = put_values(pcs, &at, inl, 4);
	funcs = at = (at + 15) & ~15UL;
	ftab = at;
	at += (size_t)(old ? 16 : 8) * 2 + (old ? 8 : 4);
	at = (at + 7) & ~7UL;
	for (int i = 0; i < 3; i++) {
		size_t e = ftab + (size_t)i * (old ? 16 : 8), f = at;

		put(&e, (uint64_t)i * 0x100 + (old ? TEXT : 0), old ? 8 : 4);
		if (i == 2)
			break;
		put(&e, f - funcs, old ? 8 : 4);
		if (i == 0)
			put_func(&at, magic, TEXT, n_main, p_file, p_main, 0, UINT32_MAX);
		else
			put_func(&at, magic, TEXT + 0x100, n_work, p_file, p_work, p_inl, 64);
		at = (at + 7) & ~7UL;
	}
	m.table_sz = at;
	at = 0;
	put(&at, magic, 4);
	put(&at, 0, 2);
	put(&at, 1, 1);
	put(&at, 8, 1);
	put(&at, 2, 8); /* functions */
	put(&at, 1, 8); /* files */
	if (!old)
		put(&at, text_in_header ? TEXT : 0, 8);
	put(&at, names, 8);
	put(&at, units, 8);
	put(&at, filetab, 8);
	put(&at, pcs, 8);
	put(&at, funcs, 8);
	put_tree(magic, n_mid, n_leaf);
	put_le64(m.moduledata, TABLE_AT);
	put_le64(m.moduledata + 8, TABLE_AT + names);
	put_le64(m.moduledata + 22 * 8, TEXT);
	for (unsigned w = 36; w < 56; w++) /* pointers that are not it */
		put_le64(m.moduledata + w * 8, TABLE_AT + 8);
	put_le64(m.moduledata + gofunc_word * 8, GOFUNC_AT);
}

static int add(struct sym_builder *b, size_t table_sz, uint64_t moduledata)
{
	struct sym_go_image img = {NULL, read_memory, read_word};
	struct sym_bytes tab = {m.table, table_sz};
	struct sym_range *r;

	CHECK(sym_builder_init(b));
	r = sym_vec_push(&b->code);
	CHECK(r);
	*r = (struct sym_range){TEXT, TEXT + 0x200};
	return sym_gopclntab_add(tab, TABLE_AT, &img, moduledata, b, false);
}

static void check_layout(unsigned magic, unsigned gofunc_word, bool text_in_header)
{
	struct sym_hit h[SYM_CHAIN_MAX];
	struct sym_builder b;
	struct sym_index x;

	make(magic, gofunc_word, text_in_header);
	CHECK_EQ(add(&b, m.table_sz, MODULEDATA_AT), 2);
	CHECK_EQ(made_index(&b, &x), 0);
	sym_builder_deinit(&b);
	CHECK_EQ(sym_index_lookup(&x, TEXT + 0x7f, h), 1);
	CHECK_STR(h[0].name, "main.main");
	CHECK_STR(h[0].file, "/src/main.go");
	CHECK_EQ(h[0].line, 5);
	CHECK_EQ(sym_index_lookup(&x, TEXT + 0x80, h), 1);
	CHECK_EQ(h[0].line, 6);
	CHECK_EQ(sym_index_lookup(&x, TEXT + 0x122, h), 2);
	CHECK_STR(h[0].name, "main.mid");
	CHECK_EQ(h[0].line, 30);
	CHECK_STR(h[1].name, "main.work");
	CHECK_EQ(h[1].line, 12);
	CHECK_EQ(sym_index_lookup(&x, TEXT + 0x12a, h), 3);
	CHECK_STR(h[0].name, "main.leaf");
	CHECK_EQ(h[0].line, 31);
	CHECK_STR(h[1].name, "main.mid");
	CHECK_EQ(h[1].line, 30);
	CHECK_STR(h[2].name, "main.work");
	CHECK_EQ(h[2].line, 12);
	CHECK_EQ(sym_index_lookup(&x, TEXT + 0x130, h), 1);
	CHECK_EQ(h[0].line, 14);
	CHECK_EQ(sym_index_lookup(&x, TEXT + 0x200, h), 0);
	sym_index_deinit(&x);
}

TEST(sym_gopclntab_go_1_16)
{
	check_layout(0xfffffffa, 38, true);
}

TEST(sym_gopclntab_go_1_18)
{
	check_layout(0xfffffff0, 38, true);
}

TEST(sym_gopclntab_go_1_20_wherever_moduledata_keeps_the_inline_trees)
{
	check_layout(0xfffffff1, 40, true);
	check_layout(0xfffffff1, 43, true);
}

TEST(sym_gopclntab_go_1_26_takes_the_text_start_from_moduledata)
{
	check_layout(0xfffffff1, 40, false);
}

TEST(sym_gopclntab_without_moduledata_has_names_but_no_inlines)
{
	struct sym_hit h[SYM_CHAIN_MAX];
	struct sym_builder b;
	struct sym_index x;

	make(0xfffffff1, 40, true);
	CHECK_EQ(add(&b, m.table_sz, 0), 2);
	CHECK_EQ(made_index(&b, &x), 0);
	sym_builder_deinit(&b);
	CHECK_EQ(sym_index_lookup(&x, TEXT + 0x12a, h), 1);
	CHECK_STR(h[0].name, "main.work");
	sym_index_deinit(&x);
}

TEST(sym_gopclntab_refuses_other_magics)
{
	make(0xfffffffb, 38, true); /* Go 1.2 to 1.15 */
	CHECK(!sym_gopclntab_is((struct sym_bytes){m.table, m.table_sz}));
	make(0xfffffff1, 38, true);
	CHECK(sym_gopclntab_is((struct sym_bytes){m.table, m.table_sz}));
	m.table[7] = 3;
	CHECK(!sym_gopclntab_is((struct sym_bytes){m.table, m.table_sz}));
}

TEST(sym_gopclntab_survives_truncation_and_damage)
{
	struct memory good;
	struct sym_builder b;
	unsigned seed = 3;

	make(0xfffffff1, 40, true);
	good = m;
	for (size_t len = 0; len <= good.table_sz; len++) {
		uint8_t *exact = malloc(len + 1); /* so that a sanitizer sees a read past the end */
		struct sym_go_image img = {NULL, read_memory, read_word};

		CHECK(exact && sym_builder_init(&b));
		memcpy(exact, good.table, len);
		CHECK(sym_gopclntab_add((struct sym_bytes){exact, len}, TABLE_AT, &img,
					MODULEDATA_AT, &b, false) >= 0);
		sym_builder_deinit(&b);
		free(exact);
	}
	for (int round = 0; round < 20000; round++) {
		m = good;
		for (int i = 0; i < 4; i++) {
			seed = seed * 1103515245 + 12345;
			m.table[(seed >> 8) % good.table_sz] = (uint8_t)(seed >> 3);
			seed = seed * 1103515245 + 12345;
			m.gofunc[(seed >> 8) % sizeof(m.gofunc)] = (uint8_t)(seed >> 3);
		}
		CHECK(add(&b, good.table_sz, MODULEDATA_AT) >= 0);
		sym_builder_deinit(&b);
	}
}

TEST_MAIN()
