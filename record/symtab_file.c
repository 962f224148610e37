// SPDX-License-Identifier: BSD-2-Clause
#include "record/symtab_file.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/elf_symbol.h"

#define CHUNK_SYMS 4096 /* entries read at a time */

bool symtab_file_has_symtab(const struct elf_file *f)
{
	for (uint32_t i = 0; i < f->section_cnt; i++)
		if (f->sections[i].type == SHT_SYMTAB)
			return true;
	return false;
}

/* ---- symbols ------------------------------------------------------------------------------------------------- */

size_t symtab_file_symbol_sz(const struct elf_file *f)
{
	return f->is_64 ? 24 : 16;
}

void symtab_file_symbol(const struct elf_file *f, const uint8_t *p, struct raw_symbol *ret)
{
	ret->name = get_le32(p);
	if (f->is_64) {
		ret->info = p[4];
		ret->shndx = get_le16(p + 6);
		ret->value = get_le64(p + 8);
		ret->size = get_le64(p + 16);
	} else {
		ret->value = get_le32(p + 4);
		ret->size = get_le32(p + 8);
		ret->info = p[12];
		ret->shndx = get_le16(p + 14);
	}
}

static int visit_symbol(const struct elf_file *f, const struct elf_section *strs, const uint8_t *p,
			enum symbol_source source, struct walk *w)
{
	struct raw_symbol raw;
	struct candidate c;

	symtab_file_symbol(f, p, &raw);
	/* a stripped file does not say where a symbol without size ends */
	if (!elf_symbol_is_code(raw.info, raw.shndx) || (source == SYMBOL_DYNSYM && !raw.size) || !w->wants(w->ctx, raw.value, raw.size))
		return 0;
	if (!elf_file_string(f, strs, raw.name, w->name))
		return 0;
	if (!elf_symbol_is_function_name(w->name))
		return 0;
	c = (struct candidate){ .vaddr = raw.value, .size = raw.size, .name = w->name,
				.rank = elf_symbol_rank(raw.info, raw.size, w->name),
				.source = source };
	return w->visit(w->ctx, &c);
}

static int walk_table(const struct elf_file *f, const struct elf_section *t, enum symbol_source source,
		      struct walk *w)
{
	const struct elf_section *strs = elf_file_section(f, t->link, SHT_STRTAB);
	size_t entsz = symtab_file_symbol_sz(f);
	_cleanup_free_ uint8_t *buf = malloc(CHUNK_SYMS * entsz);
	uint64_t at = entsz; /* the first entry is no symbol */
	int r = 0;

	if (!buf)
		return -ENOMEM;
	if (!strs || t->offset > INT64_MAX || t->size > INT64_MAX)
		return 0;
	while (!r && at < t->size) {
		size_t want = CHUNK_SYMS * entsz;
		ssize_t n;

		if (want > t->size - at)
			want = (size_t)(t->size - at);
		n = elf_source_read(f->src, buf, want, t->offset + at);
		if (n < (ssize_t)entsz)
			break; /* the file ends before its table does */
		for (size_t i = 0; !r && i + entsz <= (size_t)n; i += entsz)
			r = visit_symbol(f, strs, buf + i, source, w);
		at += (uint64_t)n / entsz * entsz;
	}
	return r;
}

int symtab_file_walk(const struct elf_file *f, enum symbol_source source, struct walk *w)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < f->section_cnt; i++)
		if (f->sections[i].type == SHT_SYMTAB)
			r = walk_table(f, &f->sections[i], source, w);
		else if (f->sections[i].type == SHT_DYNSYM && source == SYMBOL_SYMTAB)
			r = walk_table(f, &f->sections[i], SYMBOL_DYNSYM, w);
	return r;
}
