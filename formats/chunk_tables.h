/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of a chunk: STR, MODULE, SEGMENT, TASK_REF, FRAME and STACK, from sections to the
 * arrays of struct chunk_reader.
 */
#ifndef VARVE_CHUNK_TABLES_H
#define VARVE_CHUNK_TABLES_H

#include "formats/chunk_reader.h"
#include "formats/section_reader.h"

/* Load the tables whose sections are open in r->tables. Returns 0, -EBADMSG, -E2BIG or -ENOMEM. */
int chunk_tables_load(struct chunk_reader *r, struct err *err);

/* How far the columns of the sections behind may refer. */
struct column_limits chunk_tables_limits(const struct chunk_reader *r);

static inline const char *chunk_tables_string(const struct chunk_reader *r, uint64_t id)
{
	return id ? r->text + r->string_offs[id - 1] : "";
}

/* The cursor of a table's section, by its id. */
static inline struct section_cursor *chunk_tables_cursor(struct chunk_reader *r, unsigned id)
{
	return &r->tables[id - SECTION_TABLE];
}

#endif
