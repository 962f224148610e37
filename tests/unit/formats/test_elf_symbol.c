// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <elf.h>

#include "formats/elf_symbol.h"

#define INFO(bind, type) ELF64_ST_INFO(STB_##bind, STT_##type)

/* The rule's steps in order: each line is better than the next. */
static const struct {
	uint8_t info;
	bool is_sized;
	const char *name;
} steps[] = {
	{ INFO(GLOBAL, FUNC), true, "z" },     { INFO(GLOBAL, FUNC), true, "z@@V_1" }, { INFO(GLOBAL, FUNC), true, "_a" },
	{ INFO(GLOBAL, FUNC), true, "__a" },   { INFO(WEAK, FUNC), true, "a" },	       { INFO(LOCAL, FUNC), true, "a" },
	{ INFO(GLOBAL, GNU_IFUNC), true, "a" }, { INFO(GLOBAL, NOTYPE), true, "a" },   { INFO(GLOBAL, FUNC), false, "a" },
};

TEST(elf_symbol_rank_follows_the_rule_step_by_step)
{
	for (size_t i = 0; i + 1 < sizeof(steps) / sizeof(*steps); i++)
		CHECK(elf_symbol_rank(steps[i].info, steps[i].is_sized, steps[i].name) <
		      elf_symbol_rank(steps[i + 1].info, steps[i + 1].is_sized, steps[i + 1].name));
	CHECK_EQ(elf_symbol_rank(INFO(GLOBAL, FUNC), true, "a"), elf_symbol_rank(INFO(GNU_UNIQUE, FUNC), true, "b"));
}

TEST(elf_symbol_compare_breaks_ties_by_name_then_source)
{
	CHECK(elf_symbol_compare(1, "b", 2, 2, "a", 1) < 0);
	CHECK(elf_symbol_compare(1, "a", 3, 1, "b", 2) < 0);
	CHECK(elf_symbol_compare(1, "a", 2, 1, "a", 3) < 0);
	CHECK_EQ(elf_symbol_compare(1, "a", 2, 1, "a", 2), 0);
}

TEST(elf_symbol_takes_code_and_functions_only)
{
	CHECK(elf_symbol_is_code(INFO(LOCAL, NOTYPE), 1));
	CHECK(!elf_symbol_is_code(INFO(GLOBAL, OBJECT), 1));
	CHECK(!elf_symbol_is_code(INFO(GLOBAL, FUNC), SHN_UNDEF));
	CHECK(!elf_symbol_is_code(INFO(GLOBAL, FUNC), SHN_ABS));
	CHECK(elf_symbol_is_function_name("f"));
	CHECK(!elf_symbol_is_function_name("$x"));
	CHECK(!elf_symbol_is_function_name(".L1"));
	CHECK(!elf_symbol_is_function_name(""));
}

TEST_MAIN()
