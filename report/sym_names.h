/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strings that live as long as the symbolizer, equal ones once, each with its display form worked
 * out at most once.
 */
#ifndef VARVE_SYM_NAMES_H
#define VARVE_SYM_NAMES_H

#include "report/demangle.h"
#include "report/symbolize.h"

struct sym_name {
	struct sym_name *next;
	const struct sym_name *display; /* NULL until asked for */
	uint32_t hash;
	char text[];
};

struct sym_names {
	struct sym_name **slots;
	size_t slot_cnt, cnt;
	struct sym_names_block *blocks; /* the names, the newest block first */
	size_t left;			/* bytes of it */
	struct demangle_buf demangled;
};

/* About so many new ones come: room for them at once. */
void sym_names_expect(struct sym_names *n, size_t more);

/* NULL without memory. The result stays valid until sym_names_deinit(). */
struct sym_name *sym_names_add(struct sym_names *n, const char *s);

/* Demangled and folded; for JIT and Go names see sym_perfmap.h. NULL without memory. */
const char *sym_names_display(struct sym_names *n, struct sym_name *raw, enum demangle_mode mode);

/* The same for a name that stays where it is, which the result may be; else it lives as long as n, and is not looked for nor found by others. */
const char *sym_names_show(struct sym_names *n, const char *raw, enum demangle_mode mode);

/* Accepts a zeroed one. */
void sym_names_deinit(struct sym_names *n);

#endif
