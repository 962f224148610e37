// SPDX-License-Identifier: BSD-2-Clause
#include "record/symtab_file.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"

#define SECTION_MAX 65536
#define CHUNK_SYMS 4096 /* entries read at a time */
#define SHORT_NAME 256	/* most names end in one small read */

static void section_parse(const uint8_t *p, bool is_64, struct section *ret)
{
	ret->name = get_le32(p);
	ret->type = get_le32(p + 4);
	if (is_64) {
		ret->flags = get_le64(p + 8);
		ret->addr = get_le64(p + 16);
		ret->offset = get_le64(p + 24);
		ret->size = get_le64(p + 32);
		ret->link = get_le32(p + 40);
		ret->entsize = get_le64(p + 56);
	} else {
		ret->flags = get_le32(p + 8);
		ret->addr = get_le32(p + 12);
		ret->offset = get_le32(p + 16);
		ret->size = get_le32(p + 20);
		ret->link = get_le32(p + 24);
		ret->entsize = get_le32(p + 36);
	}
}

bool symtab_file_read(const struct symtab_file *f, void *buf, size_t len, uint64_t off)
{
	return elf_source_read(f->src, buf, len, off) == (ssize_t)len;
}

/* Where the section headers are. */
struct headers {
	uint64_t off, cnt;
	uint32_t entsz;
};

static int read_header(struct symtab_file *f, struct headers *ret)
{
	uint8_t h[64], first[64];
	struct section s;

	if (!symtab_file_read(f, h, 52, 0) || memcmp(h, ELFMAG, SELFMAG) || h[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	f->is_64 = h[EI_CLASS] == ELFCLASS64;
	if (f->is_64 && !symtab_file_read(f, h, sizeof(h), 0))
		return -ENOEXEC;
	f->machine = get_le16(h + 18);
	ret->entsz = f->is_64 ? 64 : 40;
	ret->off = f->is_64 ? get_le64(h + 40) : get_le32(h + 32);
	ret->cnt = get_le16(h + (f->is_64 ? 60 : 48));
	f->names = get_le16(h + (f->is_64 ? 62 : 50));
	if (!ret->off || get_le16(h + (f->is_64 ? 58 : 46)) != ret->entsz)
		return -ENOEXEC;
	if (ret->cnt && f->names != SHN_XINDEX)
		return 0;
	if (!symtab_file_read(f, first, ret->entsz, ret->off)) /* more than fit: the first one says */
		return -ENOEXEC;
	section_parse(first, f->is_64, &s);
	if (!ret->cnt)
		ret->cnt = s.size;
	if (f->names == SHN_XINDEX)
		f->names = s.link;
	return 0;
}

int symtab_file_open(const struct elf_source *src, struct symtab_file *ret)
{
	struct symtab_file f = { .src = src };
	_cleanup_free_ uint8_t *raw = NULL;
	struct headers h;
	int r = read_header(&f, &h);

	if (r || !h.cnt || h.cnt > SECTION_MAX)
		return -ENOEXEC;
	raw = malloc((size_t)h.cnt * h.entsz);
	if (!raw)
		return -ENOMEM;
	if (!symtab_file_read(&f, raw, (size_t)h.cnt * h.entsz, h.off))
		return -ENOEXEC;
	f.sections = calloc((size_t)h.cnt, sizeof(*f.sections));
	if (!f.sections)
		return -ENOMEM;
	f.section_cnt = (uint32_t)h.cnt;
	for (uint32_t i = 0; i < f.section_cnt; i++)
		section_parse(raw + (size_t)i * h.entsz, f.is_64, &f.sections[i]);
	*ret = f;
	return 0;
}

void symtab_file_close(struct symtab_file *f)
{
	free(f->sections);
	f->sections = NULL;
}

const struct section *symtab_file_section(const struct symtab_file *f, uint32_t i, uint32_t type)
{
	return i < f->section_cnt && f->sections[i].type == type ? &f->sections[i] : NULL;
}

bool symtab_file_string(const struct symtab_file *f, const struct section *strs, uint64_t off, char *buf)
{
	size_t want = SYMTAB_NAME_MAX - 1;
	uint64_t at;
	ssize_t n;

	if (off >= strs->size || __builtin_add_overflow(strs->offset, off, &at))
		return false;
	if (want > strs->size - off)
		want = (size_t)(strs->size - off);
	n = elf_source_read(f->src, buf, want < SHORT_NAME ? want : SHORT_NAME, at);
	if (n == SHORT_NAME && want > SHORT_NAME && !memchr(buf, '\0', SHORT_NAME))
		n = elf_source_read(f->src, buf, want, at);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	return *buf;
}

bool symtab_file_has_symtab(const struct symtab_file *f)
{
	for (uint32_t i = 0; i < f->section_cnt; i++)
		if (f->sections[i].type == SHT_SYMTAB)
			return true;
	return false;
}

bool symtab_file_is_named(const struct symtab_file *f, const struct section *s, const char *prefix)
{
	const struct section *strs = symtab_file_section(f, f->names, SHT_STRTAB);
	char name[SYMTAB_NAME_MAX];

	return strs && symtab_file_string(f, strs, s->name, name) && !strncmp(name, prefix, strlen(prefix));
}

/* ---- symbols ------------------------------------------------------------------------------------------------- */

static uint8_t rank_of(uint8_t info, bool is_sized, const char *name)
{
	unsigned type = ELF64_ST_TYPE(info), bind = ELF64_ST_BIND(info);
	unsigned lines = (unsigned)strspn(name, "_");
	unsigned rank = is_sized ? 0 : 1;

	rank = rank * 3 + (type == STT_FUNC ? 0 : type == STT_GNU_IFUNC ? 1 : 2);
	rank = rank * 3 + (bind == STB_GLOBAL || bind == STB_GNU_UNIQUE ? 0 : bind == STB_WEAK ? 1 : 2);
	rank = rank * 4 + (lines < 3 ? lines : 3);
	return (uint8_t)(rank * 2 + (strchr(name, '@') ? 1 : 0));
}

size_t symtab_file_symbol_sz(const struct symtab_file *f)
{
	return f->is_64 ? 24 : 16;
}

void symtab_file_symbol(const struct symtab_file *f, const uint8_t *p, struct raw_symbol *ret)
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

static bool names_code(const struct raw_symbol *s, bool is_dynsym)
{
	unsigned type = ELF64_ST_TYPE(s->info);

	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
		return false;
	if (s->shndx == SHN_UNDEF || s->shndx == SHN_ABS || s->shndx == SHN_COMMON)
		return false;
	return s->size || !is_dynsym; /* a stripped file does not say where a symbol without size ends */
}

static int visit_symbol(const struct symtab_file *f, const struct section *strs, const uint8_t *p,
			bool is_dynsym, struct walk *w)
{
	struct raw_symbol raw;
	struct candidate c;

	symtab_file_symbol(f, p, &raw);
	if (!names_code(&raw, is_dynsym) || !w->wants(w->ctx, raw.value, raw.size))
		return 0;
	if (!symtab_file_string(f, strs, raw.name, w->name))
		return 0;
	if (*w->name == '$' || !strncmp(w->name, ".L", 2))
		return 0; /* marks a place, not a function */
	c = (struct candidate){ .vaddr = raw.value, .size = raw.size, .name = w->name,
				.rank = rank_of(raw.info, raw.size, w->name),
				.source = is_dynsym ? SYMBOL_DYNSYM : SYMBOL_SYMTAB };
	return w->visit(w->ctx, &c);
}

static int walk_table(const struct symtab_file *f, const struct section *t, struct walk *w)
{
	const struct section *strs = symtab_file_section(f, t->link, SHT_STRTAB);
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
			r = visit_symbol(f, strs, buf + i, t->type == SHT_DYNSYM, w);
		at += (uint64_t)n / entsz * entsz;
	}
	return r;
}

int symtab_file_walk(const struct symtab_file *f, struct walk *w)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < f->section_cnt; i++)
		if (f->sections[i].type == SHT_SYMTAB || f->sections[i].type == SHT_DYNSYM)
			r = walk_table(f, &f->sections[i], w);
	return r;
}
