// SPDX-License-Identifier: BSD-2-Clause
#include "formats/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"

#define SECTION_MAX 65536
#define SHORT_NAME 256	/* most names end in one small read */

static void section_parse(const uint8_t *p, bool is_64, struct elf_section *ret)
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

bool elf_file_read(const struct elf_file *f, void *buf, size_t len, uint64_t off)
{
	return elf_source_read(f->src, buf, len, off) == (ssize_t)len;
}

/* Where the section headers are. */
struct headers {
	uint64_t off, cnt;
	uint32_t entsz;
};

static int read_header(struct elf_file *f, struct headers *ret)
{
	uint8_t h[64], first[64];
	struct elf_section s;

	if (!elf_file_read(f, h, 52, 0) || memcmp(h, ELFMAG, SELFMAG) || h[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	f->is_64 = h[EI_CLASS] == ELFCLASS64;
	if (f->is_64 && !elf_file_read(f, h, sizeof(h), 0))
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
	if (!elf_file_read(f, first, ret->entsz, ret->off)) /* more than fit: the first one says */
		return -ENOEXEC;
	section_parse(first, f->is_64, &s);
	if (!ret->cnt)
		ret->cnt = s.size;
	if (f->names == SHN_XINDEX)
		f->names = s.link;
	return 0;
}

int elf_file_open(const struct elf_source *src, struct elf_file *ret)
{
	struct elf_file f = { .src = src };
	_cleanup_free_ uint8_t *raw = NULL;
	struct headers h;
	int r = read_header(&f, &h);

	if (r || !h.cnt || h.cnt > SECTION_MAX)
		return -ENOEXEC;
	raw = malloc((size_t)h.cnt * h.entsz);
	if (!raw)
		return -ENOMEM;
	if (!elf_file_read(&f, raw, (size_t)h.cnt * h.entsz, h.off))
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

void elf_file_close(struct elf_file *f)
{
	free(f->sections);
	f->sections = NULL;
}

const struct elf_section *elf_file_section(const struct elf_file *f, uint32_t i, uint32_t type)
{
	return i < f->section_cnt && f->sections[i].type == type ? &f->sections[i] : NULL;
}

bool elf_file_string(const struct elf_file *f, const struct elf_section *strs, uint64_t off, char *buf)
{
	size_t want = ELF_NAME_MAX - 1;
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

void elf_file_section_name(const struct elf_file *f, const struct elf_section *s, char *buf)
{
	const struct elf_section *strs = elf_file_section(f, f->names, SHT_STRTAB);

	if (!strs || !elf_file_string(f, strs, s->name, buf))
		buf[0] = '\0';
}

bool elf_file_is_named(const struct elf_file *f, const struct elf_section *s, const char *prefix)
{
	char name[ELF_NAME_MAX];

	elf_file_section_name(f, s, name);
	return !strncmp(name, prefix, strlen(prefix));
}
