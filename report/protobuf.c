// SPDX-License-Identifier: BSD-2-Clause
#include "report/protobuf.h"

#include <stdlib.h>
#include <string.h>

#define VARINT_MAX 10 /* bytes of a 64-bit varint */

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

void protobuf_deinit(struct protobuf *p)
{
	free(p->data);
	*p = (struct protobuf){ 0 };
}

void protobuf_reset(struct protobuf *p)
{
	p->len = 0;
}

/* Room for n more bytes, or NULL with failed set. */
static uint8_t *reserve(struct protobuf *p, size_t n)
{
	size_t want, cap;
	uint8_t *data;

	if (p->failed)
		return NULL;
	if (p->cap - p->len >= n)
		return p->data + p->len;
	if (__builtin_add_overflow(p->len, n, &want) || __builtin_mul_overflow(want, 2, &cap)) {
		p->failed = true;
		return NULL;
	}
	data = realloc(p->data, cap);
	if (!data) {
		p->failed = true;
		return NULL;
	}
	p->data = data;
	p->cap = cap;
	return data + p->len;
}

static size_t put_varint(uint8_t *at, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		at[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	at[n++] = (uint8_t)v;
	return n;
}

void protobuf_varint(struct protobuf *p, uint64_t v)
{
	uint8_t *at = reserve(p, VARINT_MAX);

	if (at)
		p->len += put_varint(at, v);
}

static void put_tag(struct protobuf *p, uint32_t field, enum wire_type type)
{
	protobuf_varint(p, (uint64_t)field << 3 | type);
}

void protobuf_uint(struct protobuf *p, uint32_t field, uint64_t v)
{
	put_tag(p, field, WIRE_VARINT);
	protobuf_varint(p, v);
}

void protobuf_fixed64(struct protobuf *p, uint32_t field, uint64_t v)
{
	uint8_t *at;

	put_tag(p, field, WIRE_FIXED64);
	at = reserve(p, 8);
	if (!at)
		return;
	for (unsigned i = 0; i < 8; i++)
		at[i] = (uint8_t)(v >> 8 * i);
	p->len += 8;
}

void protobuf_bytes(struct protobuf *p, uint32_t field, const void *data, size_t len)
{
	uint8_t *at;

	put_tag(p, field, WIRE_BYTES);
	protobuf_varint(p, len);
	at = reserve(p, len);
	if (!at)
		return;
	if (len)
		memcpy(at, data, len);
	p->len += len;
}

void protobuf_string(struct protobuf *p, uint32_t field, const char *s)
{
	protobuf_bytes(p, field, s, strlen(s));
}

size_t protobuf_begin(struct protobuf *p, uint32_t field)
{
	put_tag(p, field, WIRE_BYTES);
	return p->len;
}

/*
 * The length stands before the content and is known only now: the content moves up by the length's
 * own size (1 or 2 bytes for all but the largest messages), which keeps the encoding minimal and
 * the bytes the same on every run.
 */
void protobuf_end(struct protobuf *p, size_t mark)
{
	uint8_t length[VARINT_MAX];
	size_t len, n;

	if (p->failed)
		return;
	len = p->len - mark;
	n = put_varint(length, len);
	if (!reserve(p, n))
		return;
	memmove(p->data + mark + n, p->data + mark, len);
	memcpy(p->data + mark, length, n);
	p->len += n;
}
