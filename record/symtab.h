/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Function names from an ELF file's .symtab, .dynsym, PLT and .gopclntab, for the addresses that were hit or for all. A bounds-checked
 * reader of our own, run in a process without privileges (symbols.c). Tables are streamed, never held whole, for hits.
 *
 * The rule of which name an address gets is the report's too (report/sym_builder.h): the innermost symbol with a size; of those
 * that start alike FUNC before IFUNC before untyped, GLOBAL before WEAK before LOCAL, fewer leading underscores, without '@',
 * then the name that sorts first. Where no symbol with a size covers the address, the nearest one without (.symtab only).
 */
#ifndef VARVE_SYMTAB_H
#define VARVE_SYMTAB_H

#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/event.h"
#include "record/elf_source.h"

#define SYMTAB_NAME_MAX 4096 /* bytes with the NUL; a recording's strings are no longer */

/* One image: the mapped file, and perhaps a debug file of the same build-id. */
struct symtab_input {
	struct elf_source image, debug; /* debug: fd -1 and data NULL when there is none */
	const struct module_segment *segs; /* executable PT_LOADs of the image */
	uint32_t seg_cnt;
};

struct symtab_symbol {
	uint64_t off, size; /* off as frame.off: of the image file; size 0: not told */
	enum symbol_source source;
	const char *name; /* valid during the call */
};

/* A nonzero return ends the walk and is returned. */
typedef int (*symtab_fn)(void *ctx, const struct symtab_symbol *s);

/*
 * For each of the sorted offsets (of instructions: a return address has 1 taken off already) find its symbol; each symbol found
 * is given once, sorted by offset. Broken tables give what they hold. Returns 0, fn's value, or -ENOMEM.
 */
int symtab_find(const struct symtab_input *in, const uint64_t *offs, size_t cnt, symtab_fn fn, void *ctx);

/* Every function symbol, the best name of each address, sorted by offset. */
int symtab_each(const struct symtab_input *in, symtab_fn fn, void *ctx);

#endif
