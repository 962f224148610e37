/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes in and out: a bounded read cursor, a growable buffer, little-endian fixed widths, LEB128
 * varints. Outside bytes are read only through these: a read that would pass the end fails and
 * leaves the cursor where it was.
 */
#ifndef VARVE_BYTES_H
#define VARVE_BYTES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define UVARINT_MAX_SZ 10 /* bytes of the longest 64-bit varint */

/* ---- fixed width ---- */

static inline void put_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void put_le32(uint8_t *p, uint32_t v)
{
	put_le16(p, (uint16_t)v);
	put_le16(p + 2, (uint16_t)(v >> 16));
}

static inline void put_le64(uint8_t *p, uint64_t v)
{
	put_le32(p, (uint32_t)v);
	put_le32(p + 4, (uint32_t)(v >> 32));
}

static inline uint16_t get_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get_le32(const uint8_t *p)
{
	return get_le16(p) | (uint32_t)get_le16(p + 2) << 16;
}

static inline uint64_t get_le64(const uint8_t *p)
{
	return get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

/* Small magnitudes of either sign become small numbers: 0, -1, 1, -2 … → 0, 1, 2, 3 … */
static inline uint64_t zigzag(uint64_t v)
{
	return v << 1 ^ (uint64_t)((int64_t)v >> 63);
}

static inline uint64_t unzigzag(uint64_t v)
{
	return v >> 1 ^ -(v & 1);
}

/* Bytes put_uvarint() would write. */
static inline size_t uvarint_sz(uint64_t v)
{
	return (size_t)(63 - __builtin_clzll(v | 1)) / 7 + 1;
}

/* Write v at p, which has UVARINT_MAX_SZ bytes of room. Returns the end of what was written. */
static inline uint8_t *put_uvarint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

/* ---- reading ---- */

struct cursor {
	const uint8_t *p, *end; /* borrowed */
};

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

/* The varints of more than one byte. */
bool cursor_uvarint_long(struct cursor *c, uint64_t *ret);

/* False at the end of the bytes, or for a varint that does not fit 64 bits. */
static inline bool cursor_uvarint(struct cursor *c, uint64_t *ret)
{
	if (c->p < c->end && *c->p < 0x80) {
		*ret = *c->p++;
		return true;
	}
	return cursor_uvarint_long(c, ret);
}

static inline bool cursor_u8(struct cursor *c, uint8_t *ret)
{
	if (c->p >= c->end)
		return false;
	*ret = *c->p++;
	return true;
}

/* The next n bytes as *ret, and the cursor moves behind them. */
static inline bool cursor_take(struct cursor *c, uint64_t n, struct cursor *ret)
{
	if (n > cursor_left(c))
		return false;
	ret->p = c->p;
	ret->end = c->p + n;
	c->p += n;
	return true;
}

/* ---- writing ---- */

/* All zero is an empty buffer. Owns data. */
struct buffer {
	uint8_t *data;
	size_t len, cap;
};

/* Make room for n more bytes. Returns 0 or -ENOMEM (nothing changed). */
int buffer_reserve(struct buffer *b, size_t n);
int buffer_put(struct buffer *b, const void *data, size_t n);
int buffer_put_uvarint(struct buffer *b, uint64_t v);
void buffer_deinit(struct buffer *b);

/*
 * Grow an array of elements of sz bytes so that it holds at least cnt + 1. *cap counts elements.
 * Returns 0 or -ENOMEM (nothing changed).
 */
int array_grow(void *array_ptr, uint32_t *cap, uint32_t cnt, size_t sz);
#define ARRAY_GROW(array, cap, cnt) array_grow(&(array), &(cap), (cnt), sizeof(*(array)))

#endif
