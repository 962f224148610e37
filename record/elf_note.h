/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The little a root process reads of an ELF file: executable segments and the build-id note. pread only (a mapped file
 * that is truncated would kill us with SIGBUS), at most 64 KiB of program headers and notes, every offset checked.
 * 64- and 32-bit, little-endian.
 */
#ifndef VARVE_ELF_NOTE_H
#define VARVE_ELF_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/event.h"

#define ELF_SEGMENT_MAX 16 /* executable PT_LOADs kept; real files have one, lld and chromium up to three */

struct elf_ident {
	bool is_64;
	uint16_t type;	  /* ET_EXEC, ET_DYN, … */
	uint16_t machine; /* EM_* */
	uint8_t build_id_sz; /* 0: no note */
	uint8_t build_id[BUILD_ID_MAX];
	uint32_t seg_cnt;
	struct module_segment segs[ELF_SEGMENT_MAX];
};

/*
 * Returns 0 with *ret set, -ENOEXEC (not an ELF file we read), -EBADMSG (a header points outside its file),
 * or the read error.
 */
int elf_ident_read(int fd, struct elf_ident *ret, struct err *err);

/* The same from memory (our own vdso, tests). */
int elf_ident_parse(const void *data, size_t len, struct elf_ident *ret, struct err *err);

/*
 * Find the GNU build-id in the bytes of a note section or segment (/sys/kernel/notes). Returns 0, or -ENOENT.
 */
int elf_notes_build_id(const void *data, size_t len, uint8_t ret_id[BUILD_ID_MAX], uint8_t *ret_sz);

#endif
