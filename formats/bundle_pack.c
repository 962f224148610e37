// SPDX-License-Identifier: BSD-2-Clause
/*
 * What of an ELF file naming needs, and how it is packed. The rest is zeros in its place, which cost next to nothing when compressed:
 * every offset in the file stays true, so that a reader needs no other way to read it, and nothing has to be rewritten.
 */
#include "formats/bundle.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <zstd.h>

#include "formats/bundle_wire.h"
#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/elf_file.h"

#define CHUNK_SZ (128u << 10)
#define LEVEL 3
#define HEADER_SZ 64
#define PHDR_BYTES_MAX 65536
#define WHOLE_MAX (64ULL << 20) /* an ELF file without section headers is kept whole below this */

struct range {
	uint64_t off, end;
};

struct ranges {
	struct range *v; /* owned; sorted and disjoint once normalized */
	uint32_t cnt, cap;
	uint64_t size; /* of the file */
};

static int keep(struct ranges *r, uint64_t off, uint64_t len)
{
	if (off >= r->size || !len)
		return 0;
	if (len > r->size - off)
		len = r->size - off;
	if (array_grow(&r->v, &r->cap, r->cnt, sizeof(*r->v)))
		return -ENOMEM;
	r->v[r->cnt++] = (struct range){ off, off + len };
	return 0;
}

/* ---- which sections ------------------------------------------------------------------------------------------ */

/* DWARF sections the report reads (report/sym_dwarf.h), without ".debug_" or ".zdebug_" before and ".dwo" behind. */
static const char *const dwarf_parts[] = {
	"info", "abbrev", "str", "line", "line_str", "ranges", "rnglists", "addr", "str_offsets", "cu_index",
};

static bool is_dwarf(const char *name)
{
	size_t skip = !strncmp(name, ".debug_", 7) ? 7 : !strncmp(name, ".zdebug_", 8) ? 8 : 0;

	for (size_t i = 0; skip && i < ARRAY_SIZE(dwarf_parts); i++) {
		size_t len = strlen(dwarf_parts[i]);

		if (!strncmp(name + skip, dwarf_parts[i], len) && (!name[skip + len] || !strcmp(name + skip + len, ".dwo")))
			return true;
	}
	return false;
}

static bool is_go(const char *name)
{
	return !strncmp(name, ".go.", 4) || strstr(name, "gopclntab");
}

/* wants_data: of a Go program, whose tables are all over its data. */
static bool is_needed(const struct elf_section *s, const char *name, bool wants_data)
{
	static const char *const others[] = { ".gnu_debugdata", ".gnu_debuglink", ".gnu_debugaltlink", ".eh_frame", ".eh_frame_hdr" };

	if (s->type == SHT_NOBITS)
		return false;
	if (s->type == SHT_SYMTAB || s->type == SHT_STRTAB || s->type == SHT_DYNSYM || s->type == SHT_NOTE ||
	    s->type == SHT_SYMTAB_SHNDX || s->type == SHT_RELA || is_dwarf(name))
		return true;
	if (s->flags & SHF_EXECINSTR) /* slots are decoded */
		return !strncmp(name, ".plt", 4);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!strcmp(name, others[i]))
			return true;
	return is_go(name) || (wants_data && (s->flags & SHF_ALLOC) && s->type == SHT_PROGBITS);
}

static int keep_sections(const struct elf_file *f, struct ranges *r)
{
	char name[ELF_NAME_MAX];
	bool has_go = false;
	int ret = 0;

	for (uint32_t i = 0; i < f->section_cnt && !has_go; i++) {
		elf_file_section_name(f, &f->sections[i], name);
		has_go = is_go(name);
	}
	for (uint32_t i = 0; i < f->section_cnt && !ret; i++) {
		elf_file_section_name(f, &f->sections[i], name);
		if (is_needed(&f->sections[i], name, has_go))
			ret = keep(r, f->sections[i].offset, f->sections[i].size);
	}
	return ret;
}

/* ELF header, program headers with the notes among them, section headers. */
static int keep_headers(const struct elf_source *src, struct ranges *r)
{
	uint8_t h[HEADER_SZ] = {}, ph[56];
	bool is_64;
	uint64_t off, step;
	uint32_t cnt;
	int ret;

	if (elf_source_read(src, h, sizeof(h), 0) < 52)
		return 0;
	is_64 = h[EI_CLASS] == ELFCLASS64;
	step = is_64 ? 56 : 32;
	off = is_64 ? get_le64(h + 32) : get_le32(h + 28);
	cnt = get_le16(h + (is_64 ? 56 : 44));
	ret = keep(r, 0, HEADER_SZ) ?: keep(r, off, cnt * step < PHDR_BYTES_MAX ? cnt * step : PHDR_BYTES_MAX);
	for (uint32_t i = 0; i < cnt && !ret && i * step < PHDR_BYTES_MAX; i++) {
		if (elf_source_read(src, ph, step, off + i * step) != (ssize_t)step)
			break;
		if (get_le32(ph) == PT_NOTE)
			ret = is_64 ? keep(r, get_le64(ph + 8), get_le64(ph + 32)) : keep(r, get_le32(ph + 4), get_le32(ph + 16));
	}
	return ret;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

static void normalize(struct ranges *r)
{
	uint32_t n = 0;

	if (r->cnt)
		qsort(r->v, r->cnt, sizeof(*r->v), compare_ranges);
	for (uint32_t i = 0; i < r->cnt; i++) {
		if (n && r->v[i].off <= r->v[n - 1].end) {
			if (r->v[i].end > r->v[n - 1].end)
				r->v[n - 1].end = r->v[i].end;
		} else {
			r->v[n++] = r->v[i];
		}
	}
	r->cnt = n;
}

static int find_ranges(const struct elf_source *src, bool is_elf, struct ranges *r)
{
	struct elf_file f;
	uint64_t table;
	uint8_t h[HEADER_SZ] = {};
	int ret = is_elf ? elf_file_open(src, &f) : -ENOEXEC;

	if (ret == -ENOEXEC)
		return is_elf && r->size > WHOLE_MAX ? keep_headers(src, r) : keep(r, 0, r->size);
	if (ret)
		return ret;
	(void)elf_source_read(src, h, sizeof(h), 0); /* which elf_file_open() could */
	table = f.is_64 ? get_le64(h + 40) : get_le32(h + 32);
	ret = keep_headers(src, r) ?: keep(r, table, (uint64_t)f.section_cnt * (f.is_64 ? 64 : 40)) ?: keep_sections(&f, r);
	elf_file_close(&f);
	return ret;
}

/* ---- compressing --------------------------------------------------------------------------------------------- */

struct packer {
	const struct elf_source *src;
	ZSTD_CCtx *z;
	uint8_t *in, *out; /* CHUNK_SZ each */
	bundle_sink sink;
	void *ctx;
};

static int compress(struct packer *p, size_t len, ZSTD_EndDirective end)
{
	ZSTD_inBuffer in = { p->in, len, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { p->out, CHUNK_SZ, 0 };
		int ret;

		left = ZSTD_compressStream2(p->z, &out, &in, end);
		if (ZSTD_isError(left))
			return -ENOMEM;
		ret = out.pos ? p->sink(p->ctx, out.dst, out.pos) : 0;
		if (ret)
			return ret;
	} while (in.pos < in.size || (end == ZSTD_e_end && left));
	return 0;
}

static int pack_zeros(struct packer *p, uint64_t len)
{
	int ret = 0;

	memset(p->in, 0, CHUNK_SZ);
	for (; len && !ret; len -= len < CHUNK_SZ ? len : CHUNK_SZ)
		ret = compress(p, len < CHUNK_SZ ? (size_t)len : CHUNK_SZ, ZSTD_e_continue);
	return ret;
}

static int pack_bytes(struct packer *p, uint64_t off, uint64_t end)
{
	int ret = 0;

	while (off < end && !ret) {
		size_t want = end - off < CHUNK_SZ ? (size_t)(end - off) : CHUNK_SZ;
		ssize_t n = elf_source_read(p->src, p->in, want, off);

		n = n < 0 ? 0 : n;
		memset(p->in + n, 0, want - (size_t)n);
		ret = compress(p, want, ZSTD_e_continue);
		off += want;
	}
	return ret;
}

static int pack_all(struct packer *p, const struct ranges *r)
{
	uint64_t at = 0;
	int ret = 0;

	for (uint32_t i = 0; i < r->cnt && !ret; i++) {
		ret = pack_zeros(p, r->v[i].off - at) ?: pack_bytes(p, r->v[i].off, r->v[i].end);
		at = r->v[i].end;
	}
	ret = ret ?: pack_zeros(p, r->size - at);
	return ret ?: compress(p, 0, ZSTD_e_end);
}

static int put_head(uint64_t size, const char *path, bundle_sink sink, void *ctx)
{
	size_t len = strnlen(path, BUNDLE_PATH_MAX - 1);
	uint8_t head[BUNDLE_SKIP_HEAD_SZ];

	put_le32(head, BUNDLE_SKIP_MAGIC);
	put_le32(head + 4, (uint32_t)(8 + len));
	put_le64(head + 8, size);
	return sink(ctx, head, sizeof(head)) ?: sink(ctx, path, len);
}

int bundle_pack(const struct elf_source *src, uint64_t size, bool is_elf, const char *path, bundle_sink sink, void *ctx)
{
	struct packer p = { .src = src, .sink = sink, .ctx = ctx };
	struct ranges r = { .size = size };
	int ret;

	if (size > BUNDLE_RAW_MAX)
		return -EFBIG;
	ret = find_ranges(src, is_elf, &r);
	normalize(&r);
	p.z = ZSTD_createCCtx();
	p.in = malloc(CHUNK_SZ);
	p.out = malloc(CHUNK_SZ);
	if (!ret && (!p.z || !p.in || !p.out))
		ret = -ENOMEM;
	if (!ret && (ZSTD_isError(ZSTD_CCtx_setParameter(p.z, ZSTD_c_compressionLevel, LEVEL)) ||
		     ZSTD_isError(ZSTD_CCtx_setParameter(p.z, ZSTD_c_checksumFlag, 1)) ||
		     ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(p.z, size))))
		ret = -ENOMEM;
	ret = ret ?: put_head(size, path, sink, ctx) ?: pack_all(&p, &r);
	ZSTD_freeCCtx(p.z);
	free(p.in);
	free(p.out);
	free(r.v);
	return ret;
}
