// SPDX-License-Identifier: BSD-2-Clause
#include "formats/columns.h"

static bool all_equal(const uint64_t *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (v[i] != v[0])
			return false;
	return true;
}

static uint8_t *encode_values(uint8_t *p, enum column_encoding enc, const uint64_t *v, size_t n)
{
	uint64_t prev = 0;

	switch (enc) {
	case ENC_UVARINT:
		for (size_t i = 0; i < n; i++)
			p = put_uvarint(p, v[i]);
		break;
	case ENC_ZIGZAG:
		for (size_t i = 0; i < n; i++)
			p = put_uvarint(p, zigzag(v[i]));
		break;
	case ENC_DELTA:
		for (size_t i = 0; i < n; prev = v[i++])
			p = put_uvarint(p, v[i] - prev);
		break;
	case ENC_DELTA_ZIGZAG:
		for (size_t i = 0; i < n; prev = v[i++])
			p = put_uvarint(p, zigzag(v[i] - prev));
		break;
	case ENC_CONST:
		p = put_uvarint(p, n ? v[0] : 0);
		break;
	case ENC_U8:
		for (size_t i = 0; i < n; i++)
			*p++ = (uint8_t)v[i];
		break;
	case ENC_BYTES:
	case ENC_CNT:
		break;
	}
	return p;
}

int column_encode(struct buffer *out, enum column_encoding enc, const uint64_t *v, size_t n, bool may_const)
{
	size_t bound;
	int err;

	if (may_const && all_equal(v, n))
		enc = ENC_CONST;
	if (__builtin_mul_overflow(n ? n : 1, (size_t)UVARINT_MAX_SZ, &bound))
		return -ENOMEM;
	err = buffer_reserve(out, bound);
	if (err)
		return err;
	out->len = (size_t)(encode_values(out->data + out->len, enc, v, n) - out->data);
	return enc;
}

int column_open(struct column *c, unsigned enc, struct cursor bytes)
{
	struct column opened = { .bytes = bytes, .enc = (uint8_t)enc };

	if (enc == ENC_BYTES || enc >= ENC_CNT)
		return -EBADMSG;
	if (enc == ENC_CONST && !cursor_uvarint(&opened.bytes, &opened.prev))
		return -EBADMSG;
	*c = opened;
	return 0;
}

bool column_next_any(struct column *c, uint64_t *ret)
{
	uint8_t byte;
	uint64_t v;

	switch (c->enc) {
	case ENC_UVARINT:
		return cursor_uvarint(&c->bytes, ret);
	case ENC_ZIGZAG:
		if (!cursor_uvarint(&c->bytes, &v))
			return false;
		*ret = unzigzag(v);
		return true;
	case ENC_DELTA:
		if (!cursor_uvarint(&c->bytes, &v))
			return false;
		*ret = c->prev += v;
		return true;
	case ENC_DELTA_ZIGZAG:
		if (!cursor_uvarint(&c->bytes, &v))
			return false;
		*ret = c->prev += unzigzag(v);
		return true;
	case ENC_U8:
		if (!cursor_u8(&c->bytes, &byte))
			return false;
		*ret = byte;
		return true;
	default: /* absent */
		*ret = 0;
		return true;
	}
}
