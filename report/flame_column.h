/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A column of numbers inside a JSON document: LEB128 varints in base64, in a string. A third of the
 * size of JSON numbers, and decoded at once by the page (V.numbers() in flame_data.js).
 */
#ifndef VARVE_FLAME_COLUMN_H
#define VARVE_FLAME_COLUMN_H

#include <stdint.h>

#include "report/json.h"

struct flame_column {
	struct json *j;
	uint32_t bits; /* up to two bytes waiting for their third */
	unsigned bytes;
};

/* The string value of j's present key (or place in an array) begins and ends with these. */
void flame_column_open(struct flame_column *c, struct json *j);
void flame_column_close(struct flame_column *c);

void flame_column_put(struct flame_column *c, uint64_t v);
void flame_column_put_signed(struct flame_column *c, int64_t v); /* zigzag: V.signed() */

#endif
