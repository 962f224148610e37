/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Column encodings: n 64-bit values to bytes and back. FORMAT.md, "Columns".
 *
 * An encoding is what becomes of a value (as it is, zigzag, difference to the one before) and how
 * the result is laid down: as varints, or with ENC_PLANES as planes: first the lowest byte of every
 * value, then the second of every value … The bytes of one plane are alike, which an entropy coder
 * can use: time stamps come out a quarter smaller than as varints, while for small numbers that
 * repeat (ids) varints are better.
 */
#ifndef VARVE_COLUMNS_H
#define VARVE_COLUMNS_H

#include "formats/bytes.h"

enum column_encoding {
	ENC_BYTES = 0, /* not values: bytes as they are */
	ENC_PLAIN = 1,
	ENC_ZIGZAG = 2,
	ENC_DELTA = 3, /* difference to the value before (0 at first); the values must not fall */
	ENC_DELTA_ZIGZAG = 4, /* the same, zigzag */
	ENC_CONST = 5,	      /* one varint, for every row */
	ENC_PLANES = 8,	      /* added to PLAIN … DELTA_ZIGZAG */
	ENC_PLAIN_PLANES = 9,
	ENC_ZIGZAG_PLANES = 10,
	ENC_DELTA_PLANES = 11,
	ENC_DELTA_ZIGZAG_PLANES = 12,
};

/*
 * Append the values to out in encoding enc, with varints instead of planes where these would be
 * much larger. With may_const, in ENC_CONST when all are equal. v is changed (it is scratch).
 * Returns the encoding used, or -ENOMEM.
 */
int column_encode(struct buffer *out, enum column_encoding enc, uint64_t *v, size_t n,
		  bool may_const);

/* A column being decoded. All zero: an absent column, each value 0. */
struct column {
	struct cursor bytes; /* what is left; of the first plane */
	uint64_t rows;	     /* distance of the planes */
	uint64_t prev;	     /* the value before; ENC_CONST: the value */
	uint8_t enc;
	uint8_t plane_cnt;
};

/*
 * Begin to decode bytes of so many rows.
 * Returns 0, or -EBADMSG: an encoding that is not known or that holds no values, or bytes that do
 * not fit the rows.
 */
int column_open(struct column *c, uint64_t enc, struct cursor bytes, uint64_t rows);

/*
 * The next result of column_next()'s encoding, before the encoding is undone. Here, not in the .c:
 * each value passes it twice.
 */
static inline bool column_next_laid_down(struct column *c, uint64_t *ret)
{
	uint64_t v = 0;

	if (!c->plane_cnt)
		return cursor_uvarint(&c->bytes, ret);
	if (!cursor_left(&c->bytes))
		return false;
	for (unsigned k = 0; k < c->plane_cnt; k++)
		v |= (uint64_t)c->bytes.p[k * c->rows] << 8 * k;
	c->bytes.p++;
	*ret = v;
	return true;
}

/*
 * The next value. False when the bytes end or are malformed. An absent or constant column never
 * ends.
 */
static inline bool column_next(struct column *c, uint64_t *ret)
{
	uint64_t v;

	switch (c->enc) {
	case ENC_PLAIN:
		return column_next_laid_down(c, ret);
	case ENC_ZIGZAG:
		if (!column_next_laid_down(c, &v))
			return false;
		*ret = unzigzag(v);
		return true;
	case ENC_DELTA:
		if (!column_next_laid_down(c, &v))
			return false;
		*ret = c->prev += v;
		return true;
	case ENC_DELTA_ZIGZAG:
		if (!column_next_laid_down(c, &v))
			return false;
		*ret = c->prev += unzigzag(v);
		return true;
	default: /* absent: 0, or constant */
		*ret = c->prev;
		return true;
	}
}

/* True when every byte was used: a column must hold exactly its rows. */
static inline bool column_at_end(const struct column *c)
{
	return c->bytes.p == c->bytes.end;
}

#endif
