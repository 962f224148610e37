/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What unwinding needs of an ELF file: its executable segments and the bytes of its call frame sections. The file belongs to
 * a stranger and may change while it is read: everything goes through pread into our memory, every number is checked.
 */
#ifndef VARVE_UNWIND_ELF_H
#define VARVE_UNWIND_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"

/* Where the image is: in a file (mem NULL) or in memory (the vdso, tests). Neither is owned. */
struct unwind_input {
	int fd;
	const void *mem;
	uint64_t sz; /* of mem; of a file it is asked */
};

#define UNWIND_SEGMENT_MAX 64

/* An executable PT_LOAD: file bytes [off, off + sz) lie at vaddr. */
struct unwind_segment {
	uint64_t off, vaddr, sz;
};

/* One call frame section, its bytes owned (free). */
struct unwind_section {
	uint8_t *data;
	uint64_t sz, vaddr;
	bool is_debug_frame;
};

struct unwind_elf {
	struct unwind_segment segs[UNWIND_SEGMENT_MAX];
	unsigned int seg_cnt;
	struct unwind_section sections[2]; /* .eh_frame, then .debug_frame, as far as there are any */
	unsigned int section_cnt;
};

/*
 * Read *in. A file without any call frame section is fine: section_cnt is 0.
 * Returns 0 with *ret to be given to unwind_elf_deinit(), or -EBADMSG (not an x86-64 ELF file, or one that contradicts itself),
 * -ENOMEM, or the error of pread.
 */
int unwind_elf_read(const struct unwind_input *in, struct unwind_elf *ret, struct err *err);
void unwind_elf_deinit(struct unwind_elf *e);

/* The file offset of [vaddr, vaddr + *sz), *sz cut to the executable segment's end; UINT64_MAX when it is in none. */
uint64_t unwind_elf_offset(const struct unwind_elf *e, uint64_t vaddr, uint64_t *sz);

#endif
