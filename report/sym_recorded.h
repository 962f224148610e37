/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The symbols of one module that travelled in the recording: kernel symbols, names of what was hit,
 * perf maps.
 */
#ifndef VARVE_SYM_RECORDED_H
#define VARVE_SYM_RECORDED_H

#include "formats/event.h"
#include "report/sym_spans.h"
#include "report/sym_vec.h"

struct sym_recorded_symbol {
	uint64_t off, size;
	const char *name; /* the caller's, outlives this */
	enum symbol_source source;
};

struct sym_recorded {
	SYM_VEC(struct sym_recorded_symbol) symbols;
	struct sym_cut *cuts; /* valid while is_sorted */
	size_t cut_cnt;
	bool is_sorted, later_wins;
};

/* later_wins is set for JIT code: it was written over what an earlier entry named. Returns false
 * without memory. */
bool sym_recorded_add(struct sym_recorded *r, const struct sym_recorded_symbol *s);

/* Prepare for finding. Returns 0 or -ENOMEM. */
int sym_recorded_sort(struct sym_recorded *r);

/* The symbol that covers off, or NULL. After sort(). */
const struct sym_recorded_symbol *sym_recorded_find(const struct sym_recorded *r, uint64_t off);

/* Accepts a zeroed one. */
void sym_recorded_deinit(struct sym_recorded *r);

#endif
