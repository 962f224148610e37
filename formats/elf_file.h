/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ELF file's section headers, read once and checked, and contents by position. 64- and 32-bit, little-endian. For the recorder's
 * symbol reader and for what is packed into a bundle; reads through elf_source, so a hostile file costs an error and nothing else.
 */
#ifndef VARVE_ELF_FILE_H
#define VARVE_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/elf_source.h"

#define ELF_NAME_MAX 4096 /* bytes with the NUL; a recording's strings are no longer */

/* A section header, whichever the class. */
struct elf_section {
	uint32_t name, type, link;
	uint64_t flags, addr, offset, size, entsize;
};

struct elf_file {
	const struct elf_source *src; /* borrowed */
	bool is_64;
	uint16_t machine;
	struct elf_section *sections; /* owned */
	uint32_t section_cnt, names; /* names: the section with the sections' names */
};

/* Returns 0, -ENOMEM, or -ENOEXEC: no section headers to be had. */
int elf_file_open(const struct elf_source *src, struct elf_file *ret);
void elf_file_close(struct elf_file *f);

/* True when all of it could be read. */
bool elf_file_read(const struct elf_file *f, void *buf, size_t len, uint64_t off);

/* The string at off of a string section, into buf (ELF_NAME_MAX bytes; longer ones are cut). False: there is none. */
bool elf_file_string(const struct elf_file *f, const struct elf_section *strs, uint64_t off, char *buf);

/* The section of that index if it has that type, else NULL. */
const struct elf_section *elf_file_section(const struct elf_file *f, uint32_t i, uint32_t type);

/* A section's name into buf (ELF_NAME_MAX bytes); "" where it has none. */
void elf_file_section_name(const struct elf_file *f, const struct elf_section *s, char *buf);

/* Whether a section's name begins like that. */
bool elf_file_is_named(const struct elf_file *f, const struct elf_section *s, const char *prefix);

#endif
