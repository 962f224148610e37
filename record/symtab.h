/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Function names from an ELF file's .symtab, .dynsym, PLT and .gopclntab, for the addresses that were hit or for all. A bounds-checked
 * reader of our own, run in a process without privileges (symbols.c). Tables are streamed, never held whole, for hits.
 *
 * Which of several names an address gets: formats/elf_symbol.h, as in the report.
 */
#ifndef VARVE_SYMTAB_H
#define VARVE_SYMTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/event.h"
#include "formats/elf_file.h"

#define SYMTAB_NAME_MAX ELF_NAME_MAX

/* One image: the mapped file, and perhaps a debug file of the same build-id. */
struct symtab_input {
	struct elf_source image, debug; /* debug: fd -1 and data NULL when there is none */
	bool is_debug_proven; /* else it is looked whether it is the one with id, or link_crc */
	uint64_t debug_size;
	uint8_t id[BUILD_ID_MAX];
	uint8_t id_sz;
	uint32_t link_crc;
	const struct module_segment *segs; /* executable PT_LOADs of the image */
	uint32_t seg_cnt;
};

struct symtab_symbol {
	uint64_t off, size; /* off as frame.off: of the image file; size 0: not told */
	enum symbol_source source;
	const char *name; /* valid during the call; "" for SYMBOL_FDE, a function that no symbol names */
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
