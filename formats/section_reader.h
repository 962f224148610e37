/* SPDX-License-Identifier: BSD-2-Clause */
/* The sections of a payload, one at a time, and their rows. */
#ifndef VARVE_SECTION_READER_H
#define VARVE_SECTION_READER_H

#include "formats/chunk_reader.h"

/* The largest value a column of each type may hold; set as the tables of a chunk become known. */
struct column_limits {
	uint64_t str, task, stack, module;
};

/* The frame of the next section. Returns 1, 0 at the end of the payload, or -EBADMSG. */
struct section_header {
	uint64_t id, rows;
	struct cursor body;
};
int section_header_next(struct cursor *payload, struct section_header *ret, struct err *err);

/*
 * Open the columns of a section. Columns that desc does not know are counted in *unknown_columns.
 * Returns 0 or -EBADMSG.
 */
int section_open(struct section_cursor *s, const struct section_desc *desc,
		 const struct section_header *h, uint64_t *unknown_columns, struct err *err);

/* Say how far the columns may refer; before the first row is read. */
void section_limit(struct section_cursor *s, const struct column_limits *limits);

/*
 * Read a row into s->values. False when the bytes end, or a value is beyond its limit. s->left is
 * above 0.
 */
bool section_read_row(struct section_cursor *s);

/* True when every column ended with the last row. */
bool section_at_end(const struct section_cursor *s);

/* What to say, and return (-EBADMSG), when section_read_row() or section_at_end() is false. */
int section_bad_row(const struct section_cursor *s, struct err *err);
int section_bad_end(const struct section_cursor *s, struct err *err);

#endif
