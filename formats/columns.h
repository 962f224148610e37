/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Column encodings: n 64-bit values to bytes and back. FORMAT.md, "Columns".
 */
#ifndef VARVE_COLUMNS_H
#define VARVE_COLUMNS_H

#include "formats/bytes.h"

enum column_encoding {
	ENC_BYTES = 0,	      /* not values: bytes as they are */
	ENC_UVARINT = 1,
	ENC_ZIGZAG = 2,	      /* zigzag, then uvarint */
	ENC_DELTA = 3,	      /* difference to the value before (0 before the first), uvarint; the values must not fall */
	ENC_DELTA_ZIGZAG = 4, /* difference to the value before, zigzag, uvarint */
	ENC_CONST = 5,	      /* one uvarint, for every row */
	ENC_U8 = 6,	      /* one byte each; every value < 256 */
	ENC_CNT = 7,
};

/*
 * Append the values to out in encoding enc, or in ENC_CONST when they are all equal and may_const is set.
 * Returns the encoding used, or -ENOMEM.
 */
int column_encode(struct buffer *out, enum column_encoding enc, const uint64_t *v, size_t n, bool may_const);

/* A column being decoded. All zero: an absent column, each value 0. */
struct column {
	struct cursor bytes; /* what is left */
	uint64_t prev;	     /* the value before; ENC_CONST: the value */
	uint8_t enc;
};

/*
 * Begin to decode bytes.
 * Returns 0, or -EBADMSG: an encoding that is not known or that holds no values, or a constant that is malformed.
 */
int column_open(struct column *c, unsigned enc, struct cursor bytes);

/* The varints and the rest; use column_next(). */
bool column_next_any(struct column *c, uint64_t *ret);

/* The next value. False when the bytes end or are malformed. An absent or constant column never ends. */
static inline bool column_next(struct column *c, uint64_t *ret)
{
	if (c->enc != ENC_CONST)
		return column_next_any(c, ret);
	*ret = c->prev;
	return true;
}

/* True when every byte was used: a column must hold exactly its rows. */
static inline bool column_at_end(const struct column *c)
{
	return c->bytes.p == c->bytes.end;
}

#endif
