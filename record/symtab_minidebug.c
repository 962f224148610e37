// SPDX-License-Identifier: BSD-2-Clause
/* .gnu_debugdata: an ELF file of a .symtab alone, compressed with xz. */
#include <elf.h>
#include <errno.h>
#include <lzma.h>
#include <string.h>

#include "formats/cleanup.h"
#include "record/symtab_file.h"

#define PACKED_MAX (64ULL << 20)
#define UNPACKED_MAX (256UL << 20)
#define LZMA_MEMORY (256UL << 20)

/* The section's bytes. NULL: there is none, or no memory for it. */
static uint8_t *read_packed(const struct elf_file *f, size_t *ret_sz)
{
	char name[ELF_NAME_MAX];

	for (uint32_t i = 0; i < f->section_cnt; i++) {
		const struct elf_section *s = &f->sections[i];
		_cleanup_free_ uint8_t *data = NULL;

		elf_file_section_name(f, s, name);
		if (s->type != SHT_PROGBITS || strcmp(name, ".gnu_debugdata") || !s->size || s->size > PACKED_MAX)
			continue;
		data = malloc(s->size);
		if (!data || !elf_file_read(f, data, s->size, s->offset))
			return NULL;
		*ret_sz = (size_t)s->size;
		return take_ptr(data);
	}
	return NULL;
}

/* Returns the size of *ret (malloc'ed), 0 when it is broken or too large. */
static size_t unpack(const uint8_t *in, size_t in_sz, uint8_t **ret)
{
	_cleanup_free_ uint8_t *out = NULL;

	for (size_t cap = in_sz * 8 + 65536; cap <= UNPACKED_MAX; cap *= 4) {
		uint64_t memory = LZMA_MEMORY;
		size_t in_at = 0, out_at = 0;
		lzma_ret rc;

		free(out);
		out = malloc(cap);
		if (!out)
			return 0;
		rc = lzma_stream_buffer_decode(&memory, 0, NULL, in, &in_at, in_sz, out, &out_at, cap);
		if (rc == LZMA_OK) {
			*ret = take_ptr(out);
			return out_at;
		}
		if (rc != LZMA_BUF_ERROR)
			return 0;
	}
	return 0;
}

int symtab_minidebug_walk(const struct elf_file *f, struct walk *w)
{
	size_t packed_sz = 0;
	_cleanup_free_ uint8_t *packed = read_packed(f, &packed_sz), *data = NULL;
	struct elf_source src = { .fd = -1 };
	struct elf_file inner;
	int r;

	if (!packed)
		return 0;
	src.len = unpack(packed, packed_sz, &data);
	src.data = data;
	if (!src.len)
		return 0;
	r = elf_file_open(&src, &inner);
	if (r)
		return r == -ENOEXEC ? 0 : r;
	r = symtab_file_walk(&inner, SYMBOL_MINIDEBUG, w);
	elf_file_close(&inner);
	return r;
}
