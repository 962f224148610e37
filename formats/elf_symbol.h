/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which name an address gets of the many that symbol tables have for it. Recorder and report must give the same answer, or a
 * recording would read differently where the files are and where they are not; so this is the one place that knows.
 *
 * 1. A symbol with a size that covers the address; of several the innermost, that is the one that starts last.
 * 2. Of those that start alike the smaller elf_symbol_rank(): with a size before without, FUNC before IFUNC before untyped, GLOBAL
 *    (and UNIQUE) before WEAK before LOCAL, fewer leading underscores, without '@' before with.
 * 3. Then the name that sorts first as bytes, then the smaller enum symbol_source.
 * 4. Where no sized symbol covers it, the nearest one without a size that starts in the same section (not of .dynsym, which
 *    does not say what a strip removed).
 */
#ifndef VARVE_ELF_SYMBOL_H
#define VARVE_ELF_SYMBOL_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>

/* May a symbol of this type and section name code? Not for SHN_UNDEF, _ABS, _COMMON, nor for data. */
static inline bool elf_symbol_is_code(uint8_t st_info, uint16_t st_shndx)
{
	const unsigned types = 1u << STT_NOTYPE | 1u << STT_FUNC | 1u << STT_GNU_IFUNC;

	/* no branches: in a symbol table the answers come in no order */
	return (types >> ELF64_ST_TYPE(st_info) & 1) & (st_shndx != SHN_UNDEF) & (st_shndx != SHN_ABS) & (st_shndx != SHN_COMMON);
}

/* Is that a function's name? Mapping symbols ($x) and assembler locals (.L) mark places. */
bool elf_symbol_is_function_name(const char *name);

/* Smaller is better. */
uint8_t elf_symbol_rank(uint8_t st_info, bool is_sized, const char *name);

/* Was there an '@' in the name? Not for a rank that elf_symbol_rank() did not make. */
static inline bool elf_symbol_rank_is_versioned(uint8_t rank)
{
	return rank & 1;
}

/* Steps 2 and 3 for two that start alike: below 0 when a is the better one, 0 when they are equal. */
int elf_symbol_compare(uint8_t rank_a, const char *name_a, uint8_t source_a, uint8_t rank_b, const char *name_b,
		       uint8_t source_b);

#endif
