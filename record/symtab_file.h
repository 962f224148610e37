/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ELF file's symbol tables as candidates for names, streamed. For symtab.c.
 */
#ifndef VARVE_SYMTAB_FILE_H
#define VARVE_SYMTAB_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/elf_file.h"
#include "record/symtab.h"

/* A symbol that could name an address. */
struct candidate {
	uint64_t vaddr, size;
	uint8_t rank; /* smaller is better */
	uint8_t source;
	char *name;
};

/*
 * A walk over a file's symbols. wants() is asked before a name is read; visit() gets those that have a usable one, with the name
 * in the walk's buffer. A nonzero return ends the walk.
 */
struct walk {
	bool (*wants)(void *ctx, uint64_t vaddr, uint64_t size);
	int (*visit)(void *ctx, const struct candidate *c);
	void *ctx;
	char name[SYMTAB_NAME_MAX];
};

struct raw_symbol {
	uint32_t name;
	uint8_t info;
	uint16_t shndx;
	uint64_t value, size;
};

bool symtab_file_has_symtab(const struct elf_file *f);

size_t symtab_file_symbol_sz(const struct elf_file *f);
void symtab_file_symbol(const struct elf_file *f, const uint8_t *p, struct raw_symbol *ret);

/* .symtab (as that source) and, for SYMBOL_SYMTAB, .dynsym; in file order. */
int symtab_file_walk(const struct elf_file *f, enum symbol_source source, struct walk *w);

/* The symbols of .gnu_debugdata (SYMBOL_MINIDEBUG), which stands in for a .symtab that was stripped. */
int symtab_minidebug_walk(const struct elf_file *f, struct walk *w);

/* PLT slots, named after what they jump to: "name@plt". */
int symtab_plt_walk(const struct elf_file *f, struct walk *w);

/* Functions of a Go program, from the table it carries for itself; nothing for other programs. */
int symtab_go_walk(const struct elf_file *f, struct walk *w);

#endif
