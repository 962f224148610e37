// SPDX-License-Identifier: BSD-2-Clause
/*
 * Function names of a Go program from its own table (.gopclntab), which no strip removes. Layouts of Go 1.16 to 1.27, 64-bit.
 * Everything is streamed; what does not fit together gives no names.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "record/symtab_file.h"

#define HEADER_SZ 72
#define CHUNK_SZ 65536
#define FUNC_MAX (4 << 20)
#define MODULEDATA_TEXT 22 /* words into runtime.moduledata: the start of text, since 1.18 */
#define RELA_SZ 24

enum go_layout { GO_1_16, GO_1_18 }; /* absolute pcs, or 32-bit offsets from the start of text */

struct go_table {
	const struct elf_section *s;
	uint64_t at;	/* in the section */
	uint64_t vaddr; /* of the table */
	uint64_t size;	/* to the section's end */
	enum go_layout layout;
	uint64_t func_cnt, text;
	uint64_t names, funcs; /* offsets from the table's start */
};

/* ---- finding it ---------------------------------------------------------------------------------------------- */

static bool parse_header(const uint8_t *p, struct go_table *t)
{
	uint32_t magic = get_le32(p);
	const uint8_t *parts;

	if (magic == 0xfffffffa)
		t->layout = GO_1_16;
	else if (magic == 0xfffffff0 || magic == 0xfffffff1)
		t->layout = GO_1_18;
	else
		return false;
	if (p[4] || p[5] || (p[6] != 1 && p[6] != 2 && p[6] != 4) || p[7] != 8)
		return false;
	t->func_cnt = get_le64(p + 8);
	parts = p + 24; /* behind the number of files */
	if (t->layout == GO_1_18) {
		t->text = get_le64(parts);
		parts += 8;
	}
	t->names = get_le64(parts);
	t->funcs = get_le64(parts + 32); /* behind units, files and pc values */
	return t->func_cnt && t->func_cnt <= FUNC_MAX && t->names < t->size && t->funcs < t->size &&
	       t->func_cnt < (t->size - t->funcs) / 8;
}

static bool table_at(const struct elf_file *f, const struct elf_section *s, uint64_t at, const uint8_t *p,
		     struct go_table *ret)
{
	struct go_table t = { .s = s, .at = at, .vaddr = s->addr + at, .size = s->size - at };

	if (!parse_header(p, &t))
		return false;
	*ret = t;
	return true;
}

/* External linkers fold the table into .data.rel.ro: there its magic, on an 8-byte boundary, tells. */
static bool search_section(const struct elf_file *f, const struct elf_section *s, struct go_table *ret)
{
	_cleanup_free_ uint8_t *buf = malloc(CHUNK_SZ + HEADER_SZ);

	for (uint64_t at = 0; buf && at + HEADER_SZ <= s->size; at += CHUNK_SZ) {
		uint64_t left = s->size - at;
		size_t want = left < CHUNK_SZ + HEADER_SZ ? (size_t)left : CHUNK_SZ + HEADER_SZ;

		if (!elf_file_read(f, buf, want, s->offset + at))
			return false;
		for (size_t i = 0; i + HEADER_SZ <= want && i < CHUNK_SZ; i += 8)
			if (table_at(f, s, at + i, buf + i, ret))
				return true;
	}
	return false;
}

static bool find_table(const struct elf_file *f, struct go_table *ret)
{
	const struct elf_section *folded = NULL;
	bool is_go = false;
	uint8_t h[HEADER_SZ];

	for (uint32_t i = 0; i < f->section_cnt; i++) {
		const struct elf_section *s = &f->sections[i];

		if (!(s->flags & SHF_ALLOC) || s->type != SHT_PROGBITS || s->offset > INT64_MAX || s->size > INT64_MAX)
			continue;
		if (elf_file_is_named(f, s, ".gopclntab") || elf_file_is_named(f, s, ".data.rel.ro.gopclntab"))
			return s->size >= HEADER_SZ && elf_file_read(f, h, HEADER_SZ, s->offset) &&
			       table_at(f, s, 0, h, ret);
		is_go |= elf_file_is_named(f, s, ".go.buildinfo");
		if (elf_file_is_named(f, s, ".data.rel.ro"))
			folded = s;
	}
	return is_go && folded && search_section(f, folded, ret);
}

/* ---- where text starts: in the header; from 1.26 on in moduledata; in a position-independent file in a relocation ------- */

typedef bool (*word_fn)(void *ctx, uint64_t vaddr, uint64_t value);

/* Every RELATIVE relocation: the word at vaddr will be value. Ends when fn says true. */
static bool each_relative(const struct elf_file *f, word_fn fn, void *ctx)
{
	uint32_t relative = f->machine == EM_X86_64 ? (uint32_t)R_X86_64_RELATIVE : (uint32_t)R_AARCH64_RELATIVE;
	_cleanup_free_ uint8_t *buf = malloc(CHUNK_SZ / RELA_SZ * RELA_SZ);

	for (uint32_t i = 0; buf && i < f->section_cnt; i++) {
		const struct elf_section *s = &f->sections[i];

		if (s->type != SHT_RELA || !(s->flags & SHF_ALLOC) || s->offset > INT64_MAX || s->size > INT64_MAX)
			continue;
		for (uint64_t at = 0; at + RELA_SZ <= s->size;) {
			uint64_t left = (s->size - at) / RELA_SZ * RELA_SZ, want = CHUNK_SZ / RELA_SZ * RELA_SZ;

			want = want < left ? want : left;
			if (!elf_file_read(f, buf, (size_t)want, s->offset + at))
				break;
			for (size_t k = 0; k < want; k += RELA_SZ)
				if ((uint32_t)get_le64(buf + k + 8) == relative &&
				    fn(ctx, get_le64(buf + k), get_le64(buf + k + 16)))
					return true;
			at += want;
		}
	}
	return false;
}

/* Every aligned word of the file's data. */
static bool each_word(const struct elf_file *f, word_fn fn, void *ctx)
{
	_cleanup_free_ uint8_t *buf = malloc(CHUNK_SZ);

	for (uint32_t i = 0; buf && i < f->section_cnt; i++) {
		const struct elf_section *s = &f->sections[i];

		if (s->type != SHT_PROGBITS || !(s->flags & SHF_ALLOC) || (s->flags & SHF_EXECINSTR) ||
		    s->offset > INT64_MAX || s->size > INT64_MAX || (s->addr & 7))
			continue;
		if (!(s->flags & SHF_WRITE) && !elf_file_is_named(f, s, ".go.module"))
			continue;
		for (uint64_t at = 0; at + 8 <= s->size; at += CHUNK_SZ) {
			uint64_t left = s->size - at;
			size_t want = left < CHUNK_SZ ? (size_t)left : CHUNK_SZ;

			if (!elf_file_read(f, buf, want, s->offset + at))
				break;
			for (size_t k = 0; k + 8 <= want; k += 8)
				if (fn(ctx, s->addr + at + k, get_le64(buf + k)))
					return true;
		}
	}
	return false;
}

/* The word a walk is to find, by its address; or moduledata, by its first two words, the table and its names. */
struct word_search {
	uint64_t table, names; /* values */
	uint64_t vaddr, value; /* of the word; vaddr 0: moduledata is looked for */
	uint64_t first_at;     /* where the table's address stood */
};

static bool is_word(void *ctx, uint64_t vaddr, uint64_t value)
{
	struct word_search *w = ctx;

	if (vaddr == w->vaddr)
		w->value = value;
	return vaddr == w->vaddr;
}

static bool is_moduledata(void *ctx, uint64_t vaddr, uint64_t value)
{
	struct word_search *w = ctx;

	if (value == w->table)
		w->first_at = vaddr;
	return w->first_at && vaddr == w->first_at + 8 && value == w->names;
}

static bool word_at(const struct elf_file *f, uint64_t vaddr, uint64_t *ret)
{
	struct word_search w = { .vaddr = vaddr };

	if (!each_relative(f, is_word, &w) && !each_word(f, is_word, &w))
		return false;
	*ret = w.value;
	return w.value;
}

static bool find_text(const struct elf_file *f, struct go_table *t)
{
	struct word_search w = { .table = t->vaddr, .names = t->vaddr + t->names };

	if (t->layout == GO_1_16)
		return true;
	if (each_relative(f, is_moduledata, &w) || each_word(f, is_moduledata, &w))
		if (word_at(f, w.first_at + MODULEDATA_TEXT * 8, &t->text))
			return true;
	return t->text || word_at(f, t->vaddr + 24, &t->text);
}

/* ---- functions ----------------------------------------------------------------------------------------------- */

static bool read_table(const struct elf_file *f, const struct go_table *t, void *buf, size_t len, uint64_t off)
{
	return off <= t->size && len <= t->size - off && elf_file_read(f, buf, len, t->s->offset + t->at + off);
}

/* The name of the function whose record lies at off behind the function table's start. */
static bool read_func_name(const struct elf_file *f, const struct go_table *t, uint64_t off, char *name)
{
	struct elf_section names = { .offset = t->s->offset + t->at + t->names, .size = t->size - t->names };
	uint8_t raw[4];

	/* behind its entry: a pc, or an offset */
	if (!read_table(f, t, raw, sizeof(raw), t->funcs + off + (t->layout == GO_1_16 ? 8 : 4)))
		return false;
	return elf_file_string(f, &names, get_le32(raw), name);
}

static uint64_t entry_at(const struct go_table *t, const uint8_t *p)
{
	return t->layout == GO_1_16 ? get_le64(p) : t->text + get_le32(p);
}

static int take_func(const struct elf_file *f, const struct go_table *t, const uint8_t *p, uint32_t field, struct walk *w)
{
	uint64_t entry = entry_at(t, p), end = entry_at(t, p + 2 * field);
	uint64_t off = field == 8 ? get_le64(p + 8) : get_le32(p + 4);
	struct candidate c = { .vaddr = entry, .size = end - entry, .source = SYMBOL_GOPCLNTAB, .name = w->name };

	if (end <= entry || off > t->size || !w->wants(w->ctx, c.vaddr, c.size) ||
	    !read_func_name(f, t, off, w->name))
		return 0;
	return w->visit(w->ctx, &c);
}

int symtab_go_walk(const struct elf_file *f, struct walk *w)
{
	_cleanup_free_ uint8_t *buf = malloc(CHUNK_SZ);
	struct go_table t;
	uint32_t field;
	int r = 0;

	if (!buf)
		return -ENOMEM;
	if (!f->is_64 || !find_table(f, &t) || !find_text(f, &t))
		return 0;
	field = t.layout == GO_1_16 ? 8 : 4;
	for (uint64_t i = 0; !r && i < t.func_cnt;) {
		uint64_t left = t.func_cnt - i, n = CHUNK_SZ / (2 * field) - 1;

		n = n < left ? n : left;
		/* and the entry behind them, the last one's end */
		if (!read_table(f, &t, buf, (size_t)n * 2 * field + field, t.funcs + i * 2 * field))
			break;
		for (uint64_t k = 0; !r && k < n; k++)
			r = take_func(f, &t, buf + k * 2 * field, field, w);
		i += n;
	}
	return r;
}
