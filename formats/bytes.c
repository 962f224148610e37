// SPDX-License-Identifier: BSD-2-Clause
#include "formats/bytes.h"

#include <stdlib.h>

bool cursor_uvarint_long(struct cursor *c, uint64_t *ret)
{
	const uint8_t *p = c->p;
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && p < c->end; shift += 7, p++) {
		if (shift == 63 && *p > 1)
			return false;
		v |= (uint64_t)(*p & 0x7f) << shift;
		if (*p < 0x80) {
			c->p = p + 1;
			*ret = v;
			return true;
		}
	}
	return false;
}

int buffer_reserve(struct buffer *b, size_t n)
{
	size_t want, cap = b->cap ? b->cap : 256;
	uint8_t *data;

	if (__builtin_add_overflow(b->len, n, &want))
		return -ENOMEM;
	if (want <= b->cap)
		return 0;
	while (cap < want)
		if (__builtin_mul_overflow(cap, 2, &cap))
			return -ENOMEM;
	data = realloc(b->data, cap);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->cap = cap;
	return 0;
}

int buffer_put(struct buffer *b, const void *data, size_t n)
{
	int err = buffer_reserve(b, n);

	if (err)
		return err;
	if (n)
		memcpy(b->data + b->len, data, n);
	b->len += n;
	return 0;
}

int buffer_put_uvarint(struct buffer *b, uint64_t v)
{
	int err = buffer_reserve(b, UVARINT_MAX_SZ);

	if (err)
		return err;
	b->len = (size_t)(put_uvarint(b->data + b->len, v) - b->data);
	return 0;
}

void buffer_deinit(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){ 0 };
}

int array_grow(void *array_ptr, uint32_t *cap, uint32_t cnt, size_t sz)
{
	uint32_t want = *cap ? *cap : 16;
	size_t bytes;
	void *array;

	if (cnt < *cap)
		return 0;
	while (want <= cnt)
		if (__builtin_mul_overflow(want, 2u, &want))
			return -ENOMEM;
	if (__builtin_mul_overflow((size_t)want, sz, &bytes))
		return -ENOMEM;
	memcpy(&array, array_ptr, sizeof(array));
	array = realloc(array, bytes);
	if (!array)
		return -ENOMEM;
	memcpy(array_ptr, &array, sizeof(array));
	*cap = want;
	return 0;
}
