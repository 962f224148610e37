/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an ELF file says of other files, and whether another file is the one it means. For processes without privileges: the file may
 * be hostile.
 */
#ifndef VARVE_ELF_LINKS_H
#define VARVE_ELF_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/elf_file.h"
#include "formats/event.h"

#define ELF_LINK_MAX 256
#define ELF_ALT_MAX 1024

/* Texts as they stand in the file, not to be trusted. */
struct elf_links {
	char link[ELF_LINK_MAX]; /* .gnu_debuglink: a name without '/'; "" none */
	uint32_t link_crc;
	char alt[ELF_ALT_MAX]; /* .gnu_debugaltlink: a path; "" none */
	uint8_t alt_id[BUILD_ID_MAX];
	uint8_t alt_id_sz;
	bool has_split_units; /* may have: it is worth a look (split_units.h) */
};

void elf_links_read(const struct elf_file *f, struct elf_links *ret);

/* Does the file (of size bytes) have this build-id; or, with a crc and having none, that CRC-32 over all of it? */
bool elf_links_is_meant(const struct elf_source *src, uint64_t size, const uint8_t *id, uint8_t id_sz, const uint32_t *crc);

/* Where the debug file called `link` of the program at `path` may be: candidate n (0, 1, 2), malloc'ed. NULL: there are no more (or no memory). */
char *elf_links_candidate(const char *path, const char *link, unsigned n);

#endif
