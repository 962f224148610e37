/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading DWARF and Go tables: a bounded cursor whose failure sticks. A read past the end gives 0,
 * moves to the end and sets failed, so that a parser checks once per record instead of once per
 * byte. Little-endian.
 */
#ifndef VARVE_SYM_CURSOR_H
#define VARVE_SYM_CURSOR_H

#include <sys/mman.h>
#include <unistd.h>

#include "formats/bytes.h"

struct sym_cursor {
	const uint8_t *p, *end; /* borrowed */
	bool failed;
};

/* Bytes of a section; p NULL: the file has none. */
struct sym_bytes {
	const uint8_t *p;
	size_t sz;
};

/* Give back the whole pages of bytes that are a file's, mapped: whoever looks again has them read again. */
static inline void sym_bytes_give_back(struct sym_bytes b)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t lo = ((uintptr_t)b.p + page - 1) & -page, hi = ((uintptr_t)b.p + b.sz) & -page;

	if (hi > lo)
		(void)madvise((void *)lo, hi - lo, MADV_DONTNEED); /* else they take memory, that is all */
}

/* From off to the section's end; failed when off lies beyond. */
static inline struct sym_cursor sym_cursor_at(struct sym_bytes b, uint64_t off)
{
	if (off > b.sz || !b.p)
		return (struct sym_cursor){.failed = true};
	return (struct sym_cursor){b.p + off, b.p + b.sz, false};
}

static inline bool sym_cursor_skip(struct sym_cursor *c, uint64_t n)
{
	if (n > (uint64_t)(c->end - c->p)) {
		c->p = c->end;
		c->failed = true;
		return false;
	}
	c->p += n;
	return true;
}

/* Unsigned little-endian of n (0..8) bytes. */
static inline uint64_t sym_cursor_uint(struct sym_cursor *c, unsigned n)
{
	const uint8_t *p = c->p;
	uint64_t v = 0;

	if (!sym_cursor_skip(c, n))
		return 0;
	switch (n) {
	case 1:
		return p[0];
	case 2:
		return get_le16(p);
	case 4:
		return get_le32(p);
	case 8:
		return get_le64(p);
	default:
		for (unsigned i = 0; i < n && i < 8; i++)
			v |= (uint64_t)p[i] << (8 * i);
		return v;
	}
}

static inline uint64_t sym_cursor_uleb(struct sym_cursor *c)
{
	uint64_t v = 0;

	if (c->p < c->end && *c->p < 0x80) /* most are short */
		return *c->p++;
	for (unsigned shift = 0; c->p < c->end; shift += 7) {
		uint8_t b = *c->p++;

		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	c->failed = true;
	return 0;
}

static inline int64_t sym_cursor_sleb(struct sym_cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; c->p < c->end;) {
		uint8_t b = *c->p++;

		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
		if (!(b & 0x80)) {
			if (shift < 64 && (b & 0x40))
				v |= ~0ULL << shift;
			return (int64_t)v;
		}
	}
	c->failed = true;
	return 0;
}

/* A string that ends inside the section; NULL and failed otherwise. */
static inline const char *sym_cursor_string(struct sym_cursor *c)
{
	const uint8_t *start = c->p,
		      *nul = c->p < c->end ? memchr(c->p, 0, (size_t)(c->end - c->p)) : NULL;

	if (!nul) {
		c->failed = true;
		c->p = c->end;
		return NULL;
	}
	c->p = nul + 1;
	return (const char *)start;
}

static inline const char *sym_bytes_string(struct sym_bytes b, uint64_t off)
{
	struct sym_cursor c;

	/* a sound string section ends in NUL, and with it every string in it */
	if (off < b.sz && !b.p[b.sz - 1])
		return (const char *)b.p + off;
	c = sym_cursor_at(b, off);
	return c.failed ? NULL : sym_cursor_string(&c);
}

/* A DWARF initial length: the unit's size, and 8 or 4 as the size of offsets in *off_sz. */
static inline uint64_t sym_cursor_length(struct sym_cursor *c, uint8_t *off_sz)
{
	uint64_t len = sym_cursor_uint(c, 4);

	*off_sz = 4;
	if (len == 0xffffffff) {
		*off_sz = 8;
		len = sym_cursor_uint(c, 8);
	}
	return len;
}

#endif
