// SPDX-License-Identifier: BSD-2-Clause
#include "formats/elf_symbol.h"

#include <string.h>

bool elf_symbol_is_function_name(const char *name)
{
	return *name && *name != '$' && strncmp(name, ".L", 2);
}

uint8_t elf_symbol_rank(uint8_t st_info, bool is_sized, const char *name)
{
	unsigned type = ELF64_ST_TYPE(st_info), bind = ELF64_ST_BIND(st_info);
	unsigned underscores = (unsigned)strspn(name, "_");
	unsigned rank = is_sized ? 0 : 1;

	rank = rank * 3 + (type == STT_FUNC ? 0 : type == STT_GNU_IFUNC ? 1 : 2);
	rank = rank * 3 + (bind == STB_GLOBAL || bind == STB_GNU_UNIQUE ? 0 : bind == STB_WEAK ? 1 : 2);
	rank = rank * 4 + (underscores < 3 ? underscores : 3);
	return (uint8_t)(rank * 2 + (strchr(name, '@') ? 1 : 0));
}

int elf_symbol_compare(uint8_t rank_a, const char *name_a, uint8_t source_a, uint8_t rank_b, const char *name_b,
		       uint8_t source_b)
{
	int d = (int)rank_a - (int)rank_b;

	if (!d && name_a != name_b) /* interned strings need no look */
		d = strcmp(name_a, name_b);
	return d ? d : (int)source_a - (int)source_b;
}
