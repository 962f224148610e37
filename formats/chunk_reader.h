/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One chunk's raw payload back to events. Everything is checked before the first event is given
 * out, so a chunk is whole or refused. The payload may come from an enemy: every length, count and
 * reference is bounded.
 */
#ifndef VARVE_CHUNK_READER_H
#define VARVE_CHUNK_READER_H

#include "formats/columns.h"
#include "formats/event_table.h"
#include "formats/modtab.h"
#include "formats/recording.h"

/* A section with its columns, between two rows. */
struct section_cursor {
	const struct section_desc *desc;
	uint64_t left;			    /* rows not read yet */
	uint64_t order;			    /* breaks ties of time: place in the payload */
	uint8_t active[SECTION_COLUMN_MAX]; /* columns there: those that vary, then constants */
	unsigned active_cnt, varying_cnt;
	bool is_started; /* a row was read */
	struct column columns[SECTION_COLUMN_MAX];
	uint64_t largest[SECTION_COLUMN_MAX]; /* what a value may be */
	uint64_t values[SECTION_COLUMN_MAX];  /* of the row read last; constants stay */
	struct cursor bytes;		      /* of the COLUMN_BYTES column */
};

struct chunk_reader {
	struct modtab *modules; /* borrowed: the recording's */
	struct chunk_view view;
	const char *text; /* STR, borrowed from the payload */
	uint32_t *string_offs;
	uint32_t string_cnt, string_cap;
	struct task_ref *tasks; /* tasks[id - 1] */
	uint32_t task_cnt, task_cap;
	uint32_t *module_ids; /* recording's id by row - 1 */
	uint32_t module_cnt, module_cap;
	struct frame *frames;
	uint32_t frame_cap;
	uint32_t *node_parent, *node_frame;
	uint16_t *node_depth;
	uint8_t *node_end;
	uint32_t *last_called; /* by frame, while the stacks are read */
	uint32_t last_called_cap;
	uint32_t node_cap;
	uint64_t table_rows;
	struct section_cursor tables[SECTION_END - SECTION_TABLE];
	struct section_cursor *sections; /* of events */
	uint32_t section_cnt, section_cap;
	struct section_cursor **heap; /* those with a row to give, by time */
	uint32_t heap_cnt, heap_cap;
	uint64_t event_cnt; /* rows of all event sections, of unknown kinds too */
	uint64_t unknown_sections, unknown_columns;
};

void chunk_reader_init(struct chunk_reader *r, struct modtab *modules);
void chunk_reader_deinit(struct chunk_reader *r);

/*
 * Take the payload (borrowed until the next load) of the chunk with that seq and type, and check
 * all of it. Returns 0, -EBADMSG (the bytes contradict FORMAT.md, err says where), -E2BIG or
 * -ENOMEM; then it holds no events.
 */
int chunk_reader_load(struct chunk_reader *r, const void *payload, size_t len, uint64_t seq,
		      unsigned type, struct err *err);

/* The next event in time order. Strings point into the payload. Returns false at the end. */
bool chunk_reader_next(struct chunk_reader *r, struct event *ev);

#endif
