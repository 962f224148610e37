// SPDX-License-Identifier: BSD-2-Clause
#include "record/elf_links.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "record/elf_note.h"

#define CHUNK_SZ 65536
#define SECTION_MAX 4096

/* The bytes of a small section, with a NUL behind them. Returns how many, 0 for none. */
static size_t read_section(const struct elf_file *f, const char *want, char buf[SECTION_MAX + 1])
{
	char name[ELF_NAME_MAX];

	for (uint32_t i = 0; i < f->section_cnt; i++) {
		const struct elf_section *s = &f->sections[i];
		ssize_t n;

		elf_file_section_name(f, s, name);
		if (s->type != SHT_PROGBITS || strcmp(name, want))
			continue;
		n = elf_source_read(f->src, buf, s->size < SECTION_MAX ? (size_t)s->size : SECTION_MAX, s->offset);
		n = n < 0 ? 0 : n;
		buf[n] = '\0';
		return (size_t)n;
	}
	return 0;
}

/* Skeletons leave their addresses in a section of its own, as few other units do. */
static bool may_have_skeletons(const struct elf_file *f)
{
	for (uint32_t i = 0; i < f->section_cnt; i++)
		if (elf_file_is_named(f, &f->sections[i], ".debug_addr") || elf_file_is_named(f, &f->sections[i], ".zdebug_addr"))
			return f->sections[i].type != SHT_NOBITS;
	return false;
}

void elf_links_read(const struct elf_file *f, struct elf_links *ret)
{
	char buf[SECTION_MAX + 1];
	size_t sz = read_section(f, ".gnu_debuglink", buf), len = sz ? strlen(buf) : 0, at = (len + 1 + 3) & ~(size_t)3;

	memset(ret, 0, sizeof(*ret));
	ret->has_split_units = may_have_skeletons(f);
	if (len && len < sizeof(ret->link) && at + 4 <= sz && !strchr(buf, '/')) {
		memcpy(ret->link, buf, len + 1);
		ret->link_crc = get_le32((const uint8_t *)buf + at);
	}
	sz = read_section(f, ".gnu_debugaltlink", buf);
	len = sz ? strlen(buf) : 0;
	if (len && len < sizeof(ret->alt) && len + 1 < sz && sz - len - 1 <= BUILD_ID_MAX) {
		memcpy(ret->alt, buf, len + 1);
		ret->alt_id_sz = (uint8_t)(sz - len - 1);
		memcpy(ret->alt_id, buf + len + 1, ret->alt_id_sz);
	}
}

static bool has_crc(const struct elf_source *src, uint64_t size, uint32_t want)
{
	_cleanup_free_ uint8_t *buf = malloc(CHUNK_SZ);
	uLong crc = crc32(0, NULL, 0);

	for (uint64_t at = 0; buf && at < size;) {
		ssize_t n = elf_source_read(src, buf, CHUNK_SZ, at);

		if (n <= 0)
			return false;
		crc = crc32(crc, buf, (uInt)n);
		at += (uint64_t)n;
	}
	return buf && (uint32_t)crc == want;
}

bool elf_links_is_meant(const struct elf_source *src, uint64_t size, const uint8_t *id, uint8_t id_sz, const uint32_t *crc)
{
	struct elf_ident ident;
	int r = src->fd >= 0 ? elf_ident_read(src->fd, &ident, NULL) : elf_ident_parse(src->data, src->len, &ident, NULL);

	if (r)
		return false;
	if (ident.build_id_sz)
		return ident.build_id_sz == id_sz && !memcmp(ident.build_id, id, id_sz);
	return crc && has_crc(src, size, *crc);
}

char *elf_links_candidate(const char *path, const char *link, unsigned n)
{
	static const char *const formats[] = { "%.*s/%s", "%.*s/.debug/%s", "/usr/lib/debug%.*s/%s" };
	const char *slash = strrchr(path, '/');
	char *text;

	if (n >= ARRAY_SIZE(formats) || *path != '/' || !*link)
		return NULL;
	return asprintf(&text, formats[n], (int)(slash - path), path, link) < 0 ? NULL : text;
}
