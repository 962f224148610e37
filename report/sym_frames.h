/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The answer for one address: frames with their strings interned and their names as people read
 * them.
 */
#ifndef VARVE_SYM_FRAMES_H
#define VARVE_SYM_FRAMES_H

#include "report/sym_displays.h"
#include "report/sym_index.h"
#include "report/sym_names.h"
#include "report/symbolize.h"

#define SYM_FIXED_BITS 12

/* How a module's names are to be shown. */
enum sym_naming { SYM_NAMING_MANGLED, SYM_NAMING_GO, SYM_NAMING_PLAIN };

struct sym_frames {
	enum demangle_mode demangle;
	struct sym_names names;
	struct sym_displays *displays; /* of the module that is being named; NULL none; borrowed */
	struct {
		const char *text;
		struct sym_name *name;
	} fixed[1 << SYM_FIXED_BITS]; /* a cache: the last string of each hash of its place */
	struct symbolized_frame chain[SYM_CHAIN_MAX];
};

/* Accepts a zeroed one. */
void sym_frames_deinit(struct sym_frames *f);

/* chain[i] from a hit, whose strings stay where they are for as long as f lives. false: no memory.
 */
bool sym_frames_set(struct sym_frames *f, size_t i, const struct sym_hit *h,
		    enum sym_naming naming);

/* chain[0] from a name that a runtime wrote (interned in f->names). */
bool sym_frames_set_jit(struct sym_frames *f, const char *raw);

/* A name that says it is none, and tells places apart: "[unknown libfoo.so+0x123]". NULL without
 * memory. */
const char *sym_frames_placeholder(struct sym_frames *f, const struct module *m, uint64_t off,
				   uint64_t rel_addr);

#endif
