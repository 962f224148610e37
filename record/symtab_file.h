/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sections of an ELF file, for symtab.c and symtab_plt.c: headers once, contents streamed.
 */
#ifndef VARVE_SYMTAB_FILE_H
#define VARVE_SYMTAB_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "record/elf_source.h"
#include "record/symtab.h"

/* A section header, whichever the class. */
struct section {
	uint32_t name, type, link;
	uint64_t flags, addr, offset, size, entsize;
};

struct symtab_file {
	const struct elf_source *src; /* borrowed */
	bool is_64;
	uint16_t machine;
	struct section *sections; /* owned */
	uint32_t section_cnt, names; /* names: the section with the sections' names */
};

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

/* Returns 0, -ENOMEM, or -ENOEXEC: no section headers to be had. */
int symtab_file_open(const struct elf_source *src, struct symtab_file *ret);
void symtab_file_close(struct symtab_file *f);

/* True when all of it could be read. */
bool symtab_file_read(const struct symtab_file *f, void *buf, size_t len, uint64_t off);

/* The string at off of a string section, into buf (SYMTAB_NAME_MAX bytes; longer ones are cut). False: there is none. */
bool symtab_file_string(const struct symtab_file *f, const struct section *strs, uint64_t off, char *buf);

/* The section of that index if it has that type, else NULL. */
const struct section *symtab_file_section(const struct symtab_file *f, uint32_t i, uint32_t type);

bool symtab_file_has_symtab(const struct symtab_file *f);

/* Whether a section's name begins like that. */
bool symtab_file_is_named(const struct symtab_file *f, const struct section *s, const char *prefix);

size_t symtab_file_symbol_sz(const struct symtab_file *f);
void symtab_file_symbol(const struct symtab_file *f, const uint8_t *p, struct raw_symbol *ret);

/* .symtab and .dynsym, in file order. */
int symtab_file_walk(const struct symtab_file *f, struct walk *w);

/* PLT slots, named after what they jump to: "name@plt". */
int symtab_plt_walk(const struct symtab_file *f, struct walk *w);

/* Functions of a Go program, from the table it carries for itself; nothing for other programs. */
int symtab_go_walk(const struct symtab_file *f, struct walk *w);

#endif
