// SPDX-License-Identifier: BSD-2-Clause
/* From the sections of a file to sym_dwarf. */
#include <elf.h>
#include <errno.h>
#include <stdio.h>

#include "formats/cleanup.h"
#include "report/sym_dwarf.h"
#include "report/sym_elf.h"

/* Sections named as they are, or with ".dwo". */
static void take_sections(struct sym_elf *e, struct sym_dwarf *d, const char *suffix)
{
	for (int i = 0; i < SYM_DWARF_SECTION_CNT; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%s", sym_dwarf_section_names[i], i == SYM_DEBUG_CU_INDEX ? "" : suffix);
		d->sections[i] = sym_elf_section(e, name);
	}
}

int sym_elf_add_dwarf(struct sym_elf *e, struct sym_builder *b, bool no_inline)
{
	struct sym_dwarf d = { 0 };
	int got;

	if (!e->is_little_endian)
		return 0;
	take_sections(e, &d, "");
	got = sym_dwarf_scan(&d);
	if (!got)
		got = sym_dwarf_walk(&d, b, no_inline, NULL, NULL);
	sym_dwarf_deinit(&d);
	return got;
}
