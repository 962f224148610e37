// SPDX-License-Identifier: BSD-2-Clause
#include "formats/columns.h"

static bool all_equal(const uint64_t *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (v[i] != v[0])
			return false;
	return true;
}

/*
 * What becomes of the values before they are laid down. Backwards, as a difference needs the value
 * before.
 */
static void transform(unsigned what, uint64_t base, uint64_t *v, size_t n)
{
	if (what == ENC_DELTA || what == ENC_DELTA_ZIGZAG)
		for (size_t i = n; i-- > 0;)
			v[i] -= i ? v[i - 1] : base;
	if (what == ENC_ZIGZAG || what == ENC_DELTA_ZIGZAG)
		for (size_t i = 0; i < n; i++)
			v[i] = zigzag(v[i]);
}

static uint8_t *put_varints(uint8_t *p, const uint64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p = put_uvarint(p, v[i]);
	return p;
}

static uint8_t *put_planes(uint8_t *p, unsigned planes, uint64_t base, const uint64_t *v, size_t n)
{
	*p++ = (uint8_t)planes;
	p = put_uvarint(p, base);
	for (unsigned k = 0; k < planes; k++)
		for (size_t i = 0; i < n; i++)
			*p++ = (uint8_t)(v[i] >> 8 * k);
	return p;
}

/* 0 when one large value would make too many planes: then varints are the better layout. */
static unsigned choose_planes(const uint64_t *v, size_t n)
{
	uint64_t all = 0, varint_sz = 0;
	unsigned planes;

	for (size_t i = 0; i < n; i++) {
		all |= v[i];
		varint_sz += uvarint_sz(v[i]);
	}
	planes = (unsigned)(63 - __builtin_clzll(all | 1)) / 8 + 1;
	return n * planes > 2 * varint_sz ? 0 : planes;
}

int column_encode(struct buffer *out, enum column_encoding enc, uint64_t *v, size_t n,
		  bool may_const)
{
	unsigned what = enc & ~ENC_PLANES, planes = 0;
	uint64_t base = 0;
	uint8_t *p;
	size_t bound;

	if (may_const && all_equal(v, n)) {
		what = ENC_CONST;
		n = n ? 1 : 0;
	}
	if (__builtin_mul_overflow(n + 2, (size_t)UVARINT_MAX_SZ, &bound) ||
	    buffer_reserve(out, bound))
		return -ENOMEM;
	/*
	 * The first value stands apart, or it alone would need as many planes as an absolute time.
	 */
	if (n && (enc == ENC_DELTA_PLANES || enc == ENC_DELTA_ZIGZAG_PLANES))
		base = v[0];
	transform(what, base, v, n);
	if (n && what != ENC_CONST && enc & ENC_PLANES)
		planes = choose_planes(v, n);
	if (!planes && n && base && what != ENC_CONST)
		v[0] = what == ENC_DELTA ? base : zigzag(base);
	p = out->data + out->len;
	p = planes ? put_planes(p, planes, base, v, n) : put_varints(p, v, n);
	out->len = (size_t)(p - out->data);
	return (int)(planes ? what | ENC_PLANES : what);
}

/* The first plane becomes what the cursor runs over. */
static bool open_planes(struct column *c)
{
	if (!cursor_u8(&c->bytes, &c->plane_cnt) || !c->plane_cnt || c->plane_cnt > 8 || !c->rows ||
	    !cursor_uvarint(&c->bytes, &c->prev))
		return false;
	if (cursor_left(&c->bytes) % c->plane_cnt ||
	    cursor_left(&c->bytes) / c->plane_cnt != c->rows)
		return false;
	c->bytes.end = c->bytes.p + c->rows;
	return true;
}

int column_open(struct column *c, uint64_t enc, struct cursor bytes, uint64_t rows)
{
	uint64_t what = enc & ~(uint64_t)ENC_PLANES;
	struct column opened = { .bytes = bytes, .rows = rows, .enc = (uint8_t)what };

	if (what < ENC_PLAIN || what > ENC_CONST || (what == ENC_CONST && enc != what))
		return -EBADMSG;
	if (what == ENC_CONST && !cursor_uvarint(&opened.bytes, &opened.prev))
		return -EBADMSG;
	if (enc != what && !open_planes(&opened))
		return -EBADMSG;
	*c = opened;
	return 0;
}
