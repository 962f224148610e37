/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bounds-checked reader over bytes of a foreign ELF file (little-endian, DWARF encodings). A read past the end gives 0 and
 * sets `bad`, which stays: parse a whole record, then ask once.
 */
#ifndef VARVE_DWARF_CURSOR_H
#define VARVE_DWARF_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dwarf_cursor {
	const uint8_t *p, *end; /* p <= end; not owned */
	bool bad;
};

static inline size_t dwarf_left(const struct dwarf_cursor *c)
{
	return c->end - c->p;
}

/* The next sz bytes, or NULL with bad set. */
static inline const uint8_t *dwarf_take(struct dwarf_cursor *c, uint64_t sz)
{
	const uint8_t *p = c->p;

	if (c->bad || sz > dwarf_left(c)) {
		c->bad = true;
		c->p = c->end;
		return NULL;
	}
	c->p += sz;
	return p;
}

/* An unsigned little-endian integer of sz (1..8) bytes. */
static inline uint64_t dwarf_le(struct dwarf_cursor *c, unsigned int sz)
{
	const uint8_t *p = dwarf_take(c, sz);
	uint64_t v = 0;

	for (unsigned int i = 0; p && i < sz; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline uint8_t dwarf_u8(struct dwarf_cursor *c)
{
	const uint8_t *p = dwarf_take(c, 1);

	return p ? *p : 0;
}

/* Bits past the 64th are an error: no register, offset or length needs them. */
static inline uint64_t dwarf_uleb(struct dwarf_cursor *c)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 70; shift += 7) {
		uint8_t b = dwarf_u8(c);

		if (shift == 63 && (b & 0x7e))
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

static inline int64_t dwarf_sleb(struct dwarf_cursor *c)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 70; shift += 7) {
		uint8_t b = dwarf_u8(c);

		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			if ((b & 0x40) && shift + 7 < 64)
				v |= -1ULL << (shift + 7);
			return (int64_t)v;
		}
	}
	c->bad = true;
	return 0;
}

#endif
