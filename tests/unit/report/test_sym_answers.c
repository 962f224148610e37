// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_answers.h"

#include <elf.h>
#include <stdio.h>

#include "report/sym_builder.h"
#include "tests/scratch.h"
#include "tests/unit/report/made_index.h"

#define BASE 0x1000 /* of the addresses; offsets are these less BASE */
#define FUNC_CNT 200
#define FUNC_SZ 0x10
#define KEPT "0102030405.answers"

static struct module m = {.kind = MODULE_ELF, .build_id = {1, 2, 3, 4, 5}, .build_id_sz = 5};

/* An index of functions raw0 … in every other FUNC_SZ bytes. */
static struct sym_index make(void)
{
	struct sym_builder b;
	struct sym_range *r;
	struct sym_index x;
	char name[32];

	CHECK(sym_builder_init(&b));
	r = sym_vec_push(&b.code);
	CHECK(r);
	*r = (struct sym_range){BASE, BASE + 0x10000};
	for (unsigned i = 0; i < FUNC_CNT; i++) {
		struct sym_candidate c = {.addr = BASE + 2 * i * FUNC_SZ, .size = FUNC_SZ, .source = SYMBOL_SYMTAB,
					  .info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC)};

		snprintf(name, sizeof(name), "raw%u", i);
		c.name = sym_builder_string(&b, name, NULL);
		CHECK(sym_builder_add_symbol(&b, &c));
	}
	CHECK_EQ(made_index(&b, &x), 0);
	sym_builder_deinit(&b);
	return x;
}

/* A report that asks for every third byte from…to. Returns how many places had to be looked up. */
static size_t report(const char *key, uint64_t from, uint64_t to)
{
	static uint64_t offs[8192], vaddrs[8192];
	static char shown[FUNC_CNT][32];
	struct sym_index x = make();
	struct sym_answers a;
	uint64_t *unknown;
	size_t n = 0, cnt;

	for (uint64_t off = from; off < to; off += 3)
		offs[n++] = off;
	for (int i = 0; i < FUNC_CNT; i++)
		snprintf(shown[i], sizeof(shown[i]), "shown %d", i);
	sym_answers_open(&a, scratch_dir, &m);
	if (a.key && strcmp(a.key, key))
		sym_answers_forget(&a);
	CHECK_EQ(sym_answers_unknown(&a, offs, n, &unknown, &cnt), 0);
	for (size_t i = 0; i < cnt; i++)
		vaddrs[i] = unknown[i] + BASE;
	CHECK_EQ(sym_answers_add(&a, &x, key, unknown, vaddrs, cnt), 0);
	for (size_t i = 0; i < n; i++) {
		size_t at = i * 7 % n;
		struct sym_answer *y = sym_answers_find(&a, offs[at]);
		unsigned func = (unsigned)(offs[at] / FUNC_SZ / 2);
		char raw[32];

		CHECK(y);
		snprintf(raw, sizeof(raw), "raw%u", func);
		if (offs[at] / FUNC_SZ % 2 || offs[at] >= 2 * FUNC_CNT * FUNC_SZ) {
			CHECK(!y->symbol.name);
			continue;
		}
		CHECK_STR(y->symbol.name, raw);
		CHECK(y->symbol.is_function);
		CHECK(!y->display || !strcmp(y->display, func % 3 ? shown[func] : raw));
		if (!y->display)
			y->display = func % 3 ? shown[func] : y->symbol.name;
	}
	CHECK(!sym_answers_find(&a, from + 1));
	sym_answers_store(&a);
	sym_answers_deinit(&a);
	free(unknown);
	return cnt;
}

TEST(sym_answers_are_those_of_earlier_reports)
{
	scratch_begin("answers");
	CHECK_EQ(report("k", 0, 3000), 1000);
	CHECK_EQ(report("k", 0, 3000), 0);
	CHECK_EQ(report("k", 300, 600), 0);
	CHECK_EQ(report("k", 300, 3300), 100); /* not worth writing the file again */
	CHECK_EQ(report("k", 300, 3300), 100);
	CHECK_EQ(report("k", 0, 6900), 1300);
	CHECK_EQ(report("k", 0, 6900), 0);
	CHECK_EQ(unlink(scratch_path(KEPT)), 0);
	CHECK_EQ(report("k", 3000, 3600), 200);
	CHECK_EQ(report("k", 0, 6000), 1800); /* around what is there */
	CHECK_EQ(report("k", 0, 6000), 0);
	scratch_end();
}

TEST(sym_answers_of_other_files_are_not_used)
{
	scratch_begin("answers");
	CHECK_EQ(report("k", 0, 3000), 1000);
	CHECK_EQ(report("other", 0, 3000), 1000);
	CHECK_EQ(report("other", 0, 3000), 0);
	CHECK_EQ(report("k", 0, 3000), 1000);
	scratch_end();
}

/* Or a made up recording could have other recordings of the same program get its names. */
TEST(sym_answers_by_other_segments_are_not_used)
{
	static const struct module_segment segments[] = {{0, BASE, 0x10000}, {0, BASE + 0x20, 0x10000}};

	scratch_begin("answers");
	CHECK_EQ(report("k", 0, 3000), 1000);
	m.segs = segments;
	m.seg_cnt = 1;
	CHECK_EQ(report("k", 0, 3000), 1000);
	CHECK_EQ(report("k", 0, 3000), 0);
	m.segs = segments + 1;
	CHECK_EQ(report("k", 0, 3000), 1000);
	m.seg_cnt = 0;
	CHECK_EQ(report("k", 0, 3000), 1000);
	scratch_end();
}

TEST(sym_answers_without_a_cache_or_a_build_id_are_not_kept)
{
	static const struct module nameless = {.kind = MODULE_ELF};
	struct sym_answers a;

	scratch_begin("answers");
	CHECK_EQ(report("k", 0, 3000), 1000);
	sym_answers_open(&a, NULL, &m);
	CHECK(!a.path && !a.places.cnt);
	sym_answers_deinit(&a);
	sym_answers_open(&a, scratch_dir, &nameless);
	CHECK(!a.path && !a.places.cnt);
	CHECK(!sym_answers_find(&a, 0));
	sym_answers_deinit(&a);
	scratch_end();
}

TEST(sym_answers_refuse_every_truncation_and_every_flipped_byte)
{
	static char bytes[65536];
	struct sym_answers a;
	long sz;
	FILE *f;

	scratch_begin("answers");
	CHECK_EQ(report("k", 0, 300), 100);
	f = fopen(scratch_path(KEPT), "rb");
	CHECK(f);
	sz = (long)fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	CHECK(sz > 1000 && sz < (long)sizeof(bytes));
	for (long i = 0; i < 2 * sz; i++) {
		f = fopen(scratch_path(KEPT), "wb");
		CHECK(f);
		if (i >= sz)
			bytes[i - sz] ^= 0x10;
		CHECK_EQ(fwrite(bytes, 1, (size_t)(i < sz ? i : sz), f), i < sz ? i : sz);
		fclose(f);
		sym_answers_open(&a, scratch_dir, &m);
		CHECK(!a.data && !a.places.cnt && !a.key);
		sym_answers_deinit(&a);
		if (i >= sz)
			bytes[i - sz] ^= 0x10;
	}
	CHECK_EQ(report("k", 0, 300), 100);
	CHECK_EQ(report("k", 0, 300), 0);
	scratch_end();
}

TEST_MAIN()
