// SPDX-License-Identifier: BSD-2-Clause
/* Section contents, decompressed: libelf 0.188 knows neither zstd nor a limit. */
#include <errno.h>
#include <gelf.h>
#include <libdeflate.h>
#include <zstd.h>

#include "formats/cleanup.h"
#include "report/sym_elf.h"

/* More than any debug section of a real program; the worker's memory limit comes first. */
#define SECTION_MAX (4ULL << 30)

#define HUGE_PAGE (2UL << 20)

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

/* libdeflate takes 0.4 of zlib's time, and most debug packages are compressed this way. */
static bool inflate_zlib(void *to, size_t to_sz, const void *from, size_t from_sz)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	bool ok = d && libdeflate_zlib_decompress(d, from, from_sz, to, to_sz, NULL) ==
			       LIBDEFLATE_SUCCESS;

	libdeflate_free_decompressor(d);
	return ok;
}

static bool inflate_bytes(uint32_t type, void *to, size_t to_sz, const void *from, size_t from_sz)
{
	if (type == ELFCOMPRESS_ZLIB)
		return inflate_zlib(to, to_sz, from, from_sz);
	return type == ELFCOMPRESS_ZSTD && ZSTD_decompress(to, to_sz, from, from_sz) == to_sz;
}

/* The file keeps what it decompressed, for as long as it is open. */
static struct sym_bytes decompress(struct sym_elf *e, uint32_t type, uint64_t sz, const void *from,
				   size_t from_sz)
{
	_cleanup_free_ uint8_t *to = NULL;
	void **slot;

	/* zlib reaches 1032:1 and zstd more, but no debug section comes near */
	if (!sz || sz > SECTION_MAX || sz / 2048 > from_sz)
		return (struct sym_bytes){0};
	to = malloc(sz);
	if (to && sz >= 2 * HUGE_PAGE) /* half of the time of filling it is faults for its pages otherwise */
		(void)madvise((void *)(((uintptr_t)to + HUGE_PAGE - 1) & -HUGE_PAGE), (sz - HUGE_PAGE) & -HUGE_PAGE, MADV_HUGEPAGE);
	if (!to || !inflate_bytes(type, to, sz, from, from_sz))
		return (struct sym_bytes){0};
	slot = sym_vec_push(&e->owned);
	if (!slot)
		return (struct sym_bytes){0};
	*slot = to;
	if (sym_elf_is_mapped(e, (struct sym_bytes){from, from_sz}))
		sym_bytes_give_back((struct sym_bytes){from, from_sz});
	return (struct sym_bytes){take_ptr(to), sz};
}

static struct sym_bytes section_bytes(struct sym_elf *e, Elf_Scn *scn, const GElf_Shdr *sh,
				      bool is_zdebug)
{
	Elf_Data *data = elf_rawdata(scn, NULL);
	GElf_Chdr ch;

	if (!data || !data->d_buf || sh->sh_type == SHT_NOBITS)
		return (struct sym_bytes){0};
	if (sh->sh_flags & SHF_COMPRESSED) {
		size_t skip = gelf_getclass((Elf *)e->elf) == ELFCLASS64 ? sizeof(Elf64_Chdr)
									 : sizeof(Elf32_Chdr);

		if (data->d_size < skip || !gelf_getchdr(scn, &ch))
			return (struct sym_bytes){0};
		return decompress(e, ch.ch_type, ch.ch_size, (char *)data->d_buf + skip,
				  data->d_size - skip);
	}
	if (is_zdebug) { /* the older form: "ZLIB", size in big-endian, stream */
		uint64_t sz = 0;

		if (data->d_size < 12 || memcmp(data->d_buf, "ZLIB", 4))
			return (struct sym_bytes){0};
		for (int i = 4; i < 12; i++)
			sz = sz << 8 | ((uint8_t *)data->d_buf)[i];
		return decompress(e, ELFCOMPRESS_ZLIB, sz, (char *)data->d_buf + 12,
				  data->d_size - 12);
	}
	return (struct sym_bytes){data->d_buf, data->d_size};
}

struct sym_bytes sym_elf_section(struct sym_elf *e, const char *name)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx((Elf *)e->elf, &names))
		return (struct sym_bytes){0};
	while ((scn = elf_nextscn((Elf *)e->elf, scn))) {
		const char *n;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) || !(n = elf_strptr((Elf *)e->elf, names, sh.sh_name)))
			continue;
		if (!strcmp(n, name))
			return section_bytes(e, scn, &sh, false);
		if (!strncmp(n, ".zdebug", 7) && !strcmp(n + 2, name + 1))
			return section_bytes(e, scn, &sh, true);
	}
	return (struct sym_bytes){0};
}

struct sym_bytes sym_elf_section_at(struct sym_elf *e, size_t i)
{
	Elf_Scn *scn = elf_getscn((Elf *)e->elf, i);
	GElf_Shdr sh;

	return scn && gelf_getshdr(scn, &sh) ? section_bytes(e, scn, &sh, false) : (struct sym_bytes){0};
}

char *sym_elf_debuglink(struct sym_elf *e, uint32_t *ret_crc)
{
	struct sym_bytes b = sym_elf_section(e, ".gnu_debuglink");
	struct sym_cursor c = sym_cursor_at(b, 0);
	const char *name = c.failed ? NULL : sym_cursor_string(&c);
	size_t at;

	if (!name)
		return NULL;
	at = ((size_t)(c.p - b.p) + 3) & ~3UL;
	if (at > b.sz || b.sz - at < 4)
		return NULL;
	*ret_crc = get_le32(b.p + at);
	return strdup(name);
}

uint32_t sym_elf_crc32(const struct sym_elf *e)
{
	size_t sz = 0;
	const char *bytes = elf_rawfile((Elf *)e->elf, &sz);

	return bytes ? libdeflate_crc32(0, bytes, sz) : 0;
}
