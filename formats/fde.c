// SPDX-License-Identifier: BSD-2-Clause
#include "formats/fde.h"

#include <string.h>

#include "formats/bytes.h"

/* Pointer encodings (DW_EH_PE_*). */
#define PE_OMIT 0xff
#define PE_FORMAT 0x0f
#define PE_APPLICATION 0x70
#define PE_PCREL 0x10
#define PE_PCREL_SDATA4 0x1b

struct section {
	const uint8_t *data;
	size_t sz;
	uint64_t vaddr;
	bool is_64;
	/* the CIE parsed last: neighbours share theirs */
	uint64_t cie;
	uint8_t encoding; /* PE_OMIT: of no use */
};

static bool take_le(struct cursor *c, unsigned sz, uint64_t *ret)
{
	struct cursor bytes;

	if (!cursor_take(c, sz, &bytes))
		return false;
	*ret = sz == 2 ? get_le16(bytes.p) : sz == 4 ? get_le32(bytes.p) : get_le64(bytes.p);
	return true;
}

/* A pointer without its application: what pc-relative ones count from is the caller's. */
static bool take_pointer(struct cursor *c, uint8_t encoding, bool is_64, uint64_t *ret)
{
	unsigned format = encoding & PE_FORMAT, sz = format == 0 ? (is_64 ? 8 : 4) : (format & 7) == 2 ? 2 : (format & 7) == 3 ? 4 : 8;

	if (format != 0 && (format & 7) != 2 && (format & 7) != 3 && (format & 7) != 4)
		return false; /* no producer writes code addresses as LEB128 */
	if (!take_le(c, sz, ret))
		return false;
	if (format & 8)
		*ret = sz == 2 ? (uint64_t)(int64_t)(int16_t)*ret : sz == 4 ? (uint64_t)(int64_t)(int32_t)*ret : *ret;
	return true;
}

static bool skip_pointer(struct cursor *c, uint8_t encoding, bool is_64)
{
	uint64_t v;

	return encoding == PE_OMIT || take_pointer(c, encoding, is_64, &v);
}

/* How FDEs of the CIE whose body c is encode addresses; PE_OMIT when that cannot be told. */
static uint8_t encoding_of(struct cursor c, bool is_64)
{
	struct cursor augmentation = {};
	uint8_t version, encoding = 0, other;
	uint64_t v;

	if (!cursor_u8(&c, &version))
		return PE_OMIT;
	augmentation.p = c.p;
	augmentation.end = memchr(c.p, '\0', cursor_left(&c));
	if (!augmentation.end || (version != 1 && version != 3))
		return PE_OMIT;
	c.p = augmentation.end + 1;
	if (augmentation.p == augmentation.end)
		return 0; /* absolute */
	/* code and data alignment, and the return address's register: a byte in version 1 */
	if (*augmentation.p != 'z' || !cursor_uvarint(&c, &v) || !cursor_uvarint(&c, &v) ||
	    !(version == 1 ? cursor_u8(&c, &other) : cursor_uvarint(&c, &v)) || !cursor_uvarint(&c, &v))
		return PE_OMIT;
	for (const uint8_t *p = augmentation.p + 1; p < augmentation.end; p++) {
		if (*p == 'R') {
			if (!cursor_u8(&c, &encoding))
				return PE_OMIT;
			return encoding;
		}
		if (*p == 'L' && !cursor_u8(&c, &other))
			return PE_OMIT;
		if (*p == 'P' && (!cursor_u8(&c, &other) || !skip_pointer(&c, other, is_64)))
			return PE_OMIT;
		if (*p != 'L' && *p != 'P' && *p != 'S' && *p != 'B' && *p != 'G')
			return PE_OMIT;
	}
	return encoding;
}

/* The body of the record at off, behind its length. False: there is none. */
static bool record_at(const struct section *s, uint64_t off, struct cursor *ret)
{
	struct cursor c;
	uint64_t len;

	if (off >= s->sz)
		return false;
	c = (struct cursor){ s->data + off, s->data + s->sz };
	if (!take_le(&c, 4, &len) || (len == UINT32_MAX && !take_le(&c, 8, &len)) || !len)
		return false;
	return cursor_take(&c, len, ret);
}

static void use_cie(struct section *s, uint64_t off)
{
	struct cursor c;
	uint64_t id;

	if (s->cie == off)
		return;
	s->cie = off;
	s->encoding = PE_OMIT;
	if (record_at(s, off, &c) && take_le(&c, 4, &id) && !id)
		s->encoding = encoding_of(c, s->is_64);
}

static uint64_t offset_of(const struct section *s, const uint8_t *p)
{
	return (uint64_t)(p - s->data);
}

/* c: behind the record's CIE pointer. False: it says nothing of use. */
static bool parse_fde(struct section *s, struct cursor *c, uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t at = s->vaddr + offset_of(s, c->p), start, len;

	if (s->encoding == PE_PCREL_SDATA4 && s->is_64 && cursor_left(c) >= 8) { /* as most are: in a third of the time */
		start = at + (uint64_t)(int64_t)(int32_t)get_le32(c->p);
		len = get_le32(c->p + 4);
		*ret_end = start + len;
		*ret_start = start;
		return start && len && *ret_end > start;
	}
	if (s->encoding == PE_OMIT || !take_pointer(c, s->encoding, s->is_64, &start) ||
	    !take_pointer(c, s->encoding & 7, s->is_64, &len)) /* a length has no sign */
		return false;
	if ((s->encoding & PE_APPLICATION) == PE_PCREL)
		start += at;
	else if (s->encoding & ~PE_FORMAT)
		return false;
	if (!s->is_64)
		start = (uint32_t)start;
	return start && len && !__builtin_add_overflow(start, len, ret_end) && (*ret_start = start, true);
}

int fde_each(const void *data, size_t sz, uint64_t vaddr, bool is_64, fde_fn fn, void *ctx)
{
	struct section s = { .data = data, .sz = sz, .vaddr = vaddr, .is_64 = is_64, .cie = UINT64_MAX };
	struct cursor c;
	int ret = 0;

	for (uint64_t off = 0, cnt = 0; !ret && cnt < FDE_CNT_MAX && record_at(&s, off, &c); cnt++) {
		uint64_t at = offset_of(&s, c.p), id, start, end;

		off = offset_of(&s, c.end);
		if (!take_le(&c, 4, &id))
			continue;
		if (!id || id > at) /* a CIE; or a pointer before the section */
			continue;
		use_cie(&s, at - id);
		if (parse_fde(&s, &c, &start, &end))
			ret = fn(ctx, start, end);
	}
	return ret;
}
