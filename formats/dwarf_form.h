/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long DWARF attribute values are. The recorder reads first entries of units, the report all of them.
 */
#ifndef VARVE_DWARF_FORM_H
#define VARVE_DWARF_FORM_H

#include <stdbool.h>
#include <stdint.h>

/* Forms by number, those that readers without dwarf.h need. */
enum {
	DWARF_FORM_STRING = 0x08,
	DWARF_FORM_STRP = 0x0e,
	DWARF_FORM_STRX = 0x1a,
	DWARF_FORM_LINE_STRP = 0x1f,
	DWARF_FORM_IMPLICIT_CONST = 0x21,
	DWARF_FORM_STRX1 = 0x25, /* to STRX4 */
	DWARF_FORM_STRX4 = 0x28,
	DWARF_FORM_GNU_STR_INDEX = 0x1f02,
};

/* Bytes of a form's values; -1: they vary. */
int dwarf_form_sz(uint16_t form, uint8_t addr_sz, uint8_t off_sz);

/* Is a value one LEB128 number (signed ones too: as long)? */
bool dwarf_form_is_uleb(uint16_t form);

#endif
