/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What symbol tables say of the places in a module's file that reports asked for, with the names as people read them. Kept on disk beside
 * the module's index (BUILD_ID.answers), so that a report that asks for the same places again reads no symbol table and demangles nothing.
 * A file that is missing, damaged, or of other files or segments than the present ones costs that time again, and nothing else.
 */
#ifndef VARVE_SYM_ANSWERS_H
#define VARVE_SYM_ANSWERS_H

#include "report/sym_index.h"
#include "report/sym_vec.h"

#define SYM_ANSWERS_VERSION 1 /* raise it whenever demangle() shows a name otherwise, or elf_symbol.h chooses another */

struct sym_answer {
	struct sym_symbol_hit symbol;
	const char *display; /* symbol.name demangled; NULL: nobody asked yet */
};

struct sym_place {
	uint64_t off; /* in the module's file */
	uint32_t answer;
};

struct sym_answers {
	char *path;	 /* NULL: nothing is kept */
	void *data;	 /* the file, malloc'ed; NULL none */
	char *key;	 /* the files its answers came from (sym_cache.h); NULL: there are none */
	char *segments;	 /* by which places became addresses: a recording's word, which must not be another one's answer */
	SYM_VEC(struct sym_answer) v;
	SYM_VEC(struct sym_place) places; /* ascending */
	SYM_VEC(struct sym_index) indexes; /* strings of answers are in them */
	size_t added;			   /* places that are not in the file */
	size_t at;			   /* where the last search ended: the next one is mostly near */
};

/* dir: of the cache; NULL, or a module without a build-id: nothing is kept. Reads the file if there is one. */
void sym_answers_open(struct sym_answers *a, const char *dir, const struct module *m);

/* Those of offs (ascending, none twice) that are not known, in *ret (malloc'ed). Returns 0 or -ENOMEM. */
int sym_answers_unknown(const struct sym_answers *a, const uint64_t *offs, size_t cnt, uint64_t **ret, size_t *ret_cnt);

/* Forget all: they came from other files. */
void sym_answers_forget(struct sym_answers *a);

/*
 * What x's symbols say of offs (ascending, none twice, none known), which lie at vaddrs (UINT64_MAX: nowhere). key: that of all there is.
 * Takes x over, whatever is returned: 0 or -ENOMEM.
 */
int sym_answers_add(struct sym_answers *a, struct sym_index *x, const char *key, const uint64_t *offs, const uint64_t *vaddrs, size_t cnt);

/* NULL: it was never asked for. Valid until the next add or forget. Fastest for offsets that ascend. */
struct sym_answer *sym_answers_find(struct sym_answers *a, uint64_t off);

/* Write the file anew when enough was added. */
void sym_answers_store(struct sym_answers *a);

/* Accepts a zeroed one, and leaves one. */
void sym_answers_deinit(struct sym_answers *a);

#endif
