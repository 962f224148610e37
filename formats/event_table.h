/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each section of a chunk's payload holds: THE table behind the encoder, the decoder and FORMAT.md's section list.
 * Section ids below SECTION_TABLE are event kinds; the others are tables that the events of the same chunk point into.
 * Ids are on disk: append, never renumber.
 */
#ifndef VARVE_EVENT_TABLE_H
#define VARVE_EVENT_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "formats/columns.h"
#include "formats/event.h"

enum section_id {
	SECTION_TABLE = 64, /* first id that is no event kind */
	SECTION_STR = 64,
	SECTION_MODULE = 65,
	SECTION_SEGMENT = 66,
	SECTION_FRAME = 67,
	SECTION_STACK = 68,
	SECTION_TASK = 69,
	SECTION_END = 70, /* one past the last known */
};

enum column_type {
	COLUMN_U8 = 0,
	COLUMN_U32 = 1,
	COLUMN_U64 = 2,
	COLUMN_I32 = 3,	   /* sign-extended to 64 bits */
	COLUMN_I64 = 4,
	COLUMN_STR = 5,	   /* row of STR, 0: "" */
	COLUMN_TASK = 6,   /* row of TASK, 0: all zero */
	COLUMN_STACK = 7,  /* stack_ref, see STACK_REF_BASE */
	COLUMN_MODULE = 8, /* row of MODULE, 0: none */
	COLUMN_BYTES = 9,  /* bytes beside the rows; how many belong to each is said by another column */
};

/*
 * A stack in an event column, and the place of a node in the STACK table: below STACK_REF_BASE it is an enum stack_end (no
 * stack, or a root that ended so). From there on, in an event the STACK row - 1; in the table the number of levels its parent
 * is above the row before.
 */
#define STACK_REF_BASE 16

/* Columns with the same meaning, and id, in every section that has them. */
#define COLUMN_ID_CPU 2
#define COLUMN_ID_STACK 5

struct column_desc {
	const char *name;
	uint8_t id;
	uint8_t type; /* enum column_type */
	uint8_t enc;  /* enum column_encoding the writer prefers */
	uint8_t rel;  /* 0, or 1 + index of a column that is subtracted before encoding: an earlier one's value
		       * in the same row, a later one's in the row before (nothing in a section's first row) */
	uint16_t off; /* of the field in struct event */
};

struct section_desc {
	const char *name;
	uint8_t id;	    /* enum section_id or enum event_kind */
	uint8_t chunk_type; /* enum chunk_type an event kind goes to by default */
	uint8_t column_cnt;
	const struct column_desc *columns; /* the first is never CONST nor left out: it bounds the rows by the bytes */
};

#define SECTION_COLUMN_MAX 24 /* columns of any section_desc */

/* NULL for an id this version does not know. */
const struct section_desc *section_find(uint64_t id);

#endif
