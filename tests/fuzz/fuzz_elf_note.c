/* LAYER: record */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF headers and notes of a mapped file from an enemy, as the recorder reads them with its privileges. */
#include <stdlib.h>

#include "record/elf_note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t build_id[BUILD_ID_MAX], sz = 0;
	struct elf_ident id;

	if (!elf_ident_parse(data, size, &id, NULL) &&
	    (id.seg_cnt > ELF_SEGMENT_MAX || id.build_id_sz > BUILD_ID_MAX))
		abort();
	if (!elf_notes_build_id(data, size, build_id, &sz) && (!sz || sz > BUILD_ID_MAX))
		abort();
	return 0;
}
