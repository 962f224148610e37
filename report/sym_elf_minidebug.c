// SPDX-License-Identifier: BSD-2-Clause
/* .gnu_debugdata: an xz-compressed ELF that holds only a .symtab, as Fedora ships it. */
#include <errno.h>
#include <gelf.h>
#include <lzma.h>

#include "formats/cleanup.h"
#include "report/sym_elf.h"

#define UNPACKED_MAX (256UL << 20)

/* Unpack into *ret (malloc'ed). Returns its size, 0 when broken. */
static size_t unpack(struct sym_bytes in, uint8_t **ret)
{
	_cleanup_free_ uint8_t *out = NULL;
	size_t cap = in.sz * 8 + 65536;

	for (; cap <= UNPACKED_MAX; cap *= 4) {
		uint64_t memory = 256UL << 20;
		size_t in_at = 0, out_at = 0;
		uint8_t *p = realloc(out, cap);
		lzma_ret rc;

		if (!p)
			return 0;
		out = p;
		rc = lzma_stream_buffer_decode(&memory, 0, NULL, in.p, &in_at, in.sz, out, &out_at,
					       cap);
		if (rc == LZMA_OK) {
			*ret = take_ptr(out);
			return out_at;
		}
		if (rc != LZMA_BUF_ERROR)
			return 0;
	}
	return 0;
}

int sym_elf_note_minidebug(struct sym_elf *e, struct sym_elf_tables *tables)
{
	struct sym_bytes packed = sym_elf_section(e, ".gnu_debugdata");
	struct sym_elf inner = {.fd = -1};
	uint8_t *bytes = NULL;
	void **owned;
	size_t sz;
	int err = 0;

	if (!packed.p || !packed.sz || e->minidebug)
		return 0;
	sz = unpack(packed, &bytes);
	if (!sz)
		return 0;
	owned = sym_vec_push(&e->owned);
	if (!owned) {
		free(bytes);
		return -ENOMEM;
	}
	*owned = bytes;
	e->minidebug = inner.elf = (struct Elf *)elf_memory((char *)bytes, sz);
	if (inner.elf && elf_kind((Elf *)inner.elf) == ELF_K_ELF)
		err = sym_elf_note_symbols(&inner, SYMBOL_MINIDEBUG, tables);
	for (size_t i = 0; i < inner.owned.cnt; i++) /* unpacked string tables, which the tables point to */
		err = (owned = sym_vec_push(&e->owned)) ? (*owned = take_ptr(inner.owned.v[i]), err) : -ENOMEM;
	inner.elf = NULL;
	sym_elf_close(&inner);
	return err;
}
