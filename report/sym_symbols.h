/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From candidates of several symbol tables to one symbol for each address: part of sym_builder_finish().
 */
#ifndef VARVE_SYM_SYMBOLS_H
#define VARVE_SYM_SYMBOLS_H

#include "report/sym_builder.h"

struct sym_symbols {
	struct sym_symbol *v; /* disjoint, sorted */
	size_t cnt, cap;
};

/*
 * Lays b's symbols and functions of .eh_frame, as distances from base, and puts the names of those that are seen at some address into b's
 * strings. Returns 0, -ENOMEM or -EFBIG; ret->v is the caller's to free in any case.
 */
int sym_symbols_lay(struct sym_builder *b, uint64_t base, struct sym_symbols *ret);

#endif
