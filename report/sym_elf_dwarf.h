/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between files and sym_dwarf: sections, split units, the dwz supplement. Private to
 * report/sym_elf_*.c.
 */
#ifndef VARVE_SYM_ELF_DWARF_H
#define VARVE_SYM_ELF_DWARF_H

#include "report/sym_dwarf.h"
#include "report/sym_elf.h"

/* The DWARF sections of e, named as they are (suffix "") or with ".dwo". */
void sym_elf_take_sections(struct sym_elf *e, struct sym_bytes sections[SYM_DWARF_SECTION_CNT],
			   const char *suffix);

/*
 * Open the file that part of e's debug information may be in, and note its path in e->sought (whoever finds what was looked for cuts that
 * back). Returns whether *ret is open: it still has to prove what it is.
 */
bool __attribute__((format(printf, 3, 4))) sym_elf_seek(struct sym_elf *e, struct sym_elf *ret, const char *fmt, ...);

/* Finds split units: one at a time is open. Zero, then set file. */
struct sym_split {
	struct sym_elf *file; /* with the skeletons; borrowed */
	struct sym_elf package; /* .dwp */
	struct sym_bytes package_sections[SYM_DWARF_SECTION_CNT];
	struct sym_elf dwo;
	struct sym_dwarf dwarf; /* of the unit that is open */
	bool package_tried, has_package, has_dwo;
	unsigned missing; /* skeletons whose other half was not found, */
	char first_missing[160]; /* and where that of the first should be */
};

/* A sym_split_fn: closes the one before. */
struct sym_dwarf *sym_split_open(void *ctx, const struct sym_unit *skeleton);
void sym_split_close(struct sym_split *s);
void sym_split_deinit(struct sym_split *s);

/* Where the package of a file's split units is (malloc'ed); NULL without memory. */
char *sym_split_package_path(const char *path);

#endif
