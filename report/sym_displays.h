/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Demangled names that earlier reports showed, kept on disk beside the index they belong to
 * (BUILD_ID.names): demangling is the larger half of what naming costs once the index is there.
 * Only those of DEMANGLE_FULL. A file that is missing, damaged or another index's costs that time again, and nothing else.
 */
#ifndef VARVE_SYM_DISPLAYS_H
#define VARVE_SYM_DISPLAYS_H

#include "report/sym_index.h"
#include "report/sym_vec.h"

#define SYM_DISPLAYS_VERSION 1 /* raise it whenever demangle() comes to show a name otherwise */

/* Offsets into the index's strings, and into the file's. */
struct sym_display {
	uint32_t raw, display;
};

struct sym_display_new {
	uint32_t raw;
	const char *text; /* borrowed */
};

struct sym_displays {
	char *path;		 /* NULL: nothing is kept */
	uint32_t index_checksum; /* of the index whose strings the offsets mean */
	const char *index_strs;	 /* borrowed from it */
	uint32_t index_strs_sz;
	void *data;		     /* the file, malloc'ed; NULL none */
	const struct sym_display *v; /* in data; ascending */
	uint32_t cnt, strs_sz;
	const char *strs;
	SYM_VEC(struct sym_display_new) added;
};

/* For an index that is in the cache directory dir (NULL: none); it must outlive d. Reads the file if there is one. */
void sym_displays_open(struct sym_displays *d, const char *dir, const struct module *m, const struct sym_index *x);

/* The display name of a string of the index; NULL unknown, or no string of the index. Valid until sym_displays_close(). */
const char *sym_displays_find(const struct sym_displays *d, const char *raw);

/* Remember one that was unknown; text stays valid until sym_displays_close(). */
void sym_displays_add(struct sym_displays *d, const char *raw, const char *text);

/* Writes the file anew when enough was added. Accepts a zeroed one, and leaves one. */
void sym_displays_close(struct sym_displays *d);

#endif
