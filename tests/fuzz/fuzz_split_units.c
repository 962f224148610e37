/* LAYER: record */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The first DWARF entries of a program, or of a .dwo file, from an enemy: texts that come out end, and are short enough for a path. */
#include <stdlib.h>
#include <string.h>

#include "record/split_units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check_unit(void *ctx, const struct split_unit *u)
{
	if (!*u->name || strlen(u->name) >= SPLIT_PATH_MAX || strlen(u->dir) >= SPLIT_PATH_MAX)
		abort();
	for (unsigned n = 0; n < 3; n++)
		free(split_units_candidate("/usr/bin/x", u, n));
	++*(unsigned *)ctx;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct elf_source src = { .fd = -1, .data = data, .len = size };
	unsigned cnt = 0;
	struct elf_file f;

	if (elf_file_open(&src, &f))
		return 0;
	(void)split_units_each(&f, check_unit, &cnt);
	if (cnt > SPLIT_UNIT_MAX)
		abort();
	(void)split_units_has(&f, 0x1122334455667788);
	elf_file_close(&f);
	return 0;
}
