/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One chunk being filled: events in, the raw payload of FORMAT.md out. Knows nothing of files and
 * compression.
 */
#ifndef VARVE_CHUNK_WRITER_H
#define VARVE_CHUNK_WRITER_H

#include "formats/bytes.h"
#include "formats/event_table.h"
#include "formats/modtab.h"
#include "formats/row_order.h"
#include "formats/stacktab.h"
#include "formats/strtab.h"
#include "formats/tasktab.h"

/* Rows of one section, column after column. */
struct staged_rows {
	uint64_t *values; /* column c's row r is values[c * cap + r] */
	uint32_t cnt, cap;
};

struct chunk_writer {
	const struct modtab *modules; /* borrowed: the recording's */
	struct strtab strings;
	struct tasktab tasks;
	struct stacktab stacks;	  /* its frames' modules are the recording's ids */
	uint32_t task_cache[256]; /* ids in tasks, by tid */
	uint32_t *module_rows;	  /* by module id: its row in this chunk's MODULE table, 0 none */
	uint32_t module_rows_cap;
	uint32_t *module_ids; /* by row - 1 */
	uint32_t module_cnt, module_cap;
	bool has_unlisted; /* modules of its frames that found no memory for their rows yet */
	uint32_t *node_rows; /* while encoding, by stack node: its row in the STACK section */
	uint32_t node_rows_cap;
	struct staged_rows rows[EVENT_KIND_CNT];
	struct row_order order;
	struct buffer body, column, scratch;
	uint64_t first_ts,
		last_ts; /* of its events that have a time; first_ts UINT64_MAX when none */
	uint32_t event_cnt;
	size_t estimate; /* bytes the payload will about have; at least a fifth of it */
};

void chunk_writer_init(struct chunk_writer *w, const struct modtab *modules);
void chunk_writer_deinit(struct chunk_writer *w);

/*
 * Copy ev in. Returns 0, -EINVAL (kind, module id or stack that FORMAT.md cannot hold), or -ENOMEM;
 * then nothing changed.
 */
int chunk_writer_add(struct chunk_writer *w, const struct event *ev);

/*
 * The row of the recording's module in this chunk's MODULE table, 0 for 0, added when new. For the
 * encoder. Returns -EINVAL (no such module) or -ENOMEM.
 */
int64_t chunk_writer_module(struct chunk_writer *w, uint32_t module);

/* Whether anything in it may speak of the recording's module: then that must not be forgotten. */
bool chunk_writer_uses_module(const struct chunk_writer *w, uint32_t module);

/* Encode what was added as a payload, appended to out. Returns 0 or -ENOMEM. */
int chunk_writer_finish(struct chunk_writer *w, struct buffer *out);

/* Empty it for the next chunk; memory is kept. */
void chunk_writer_clear(struct chunk_writer *w);

#endif
