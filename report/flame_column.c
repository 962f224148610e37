// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_column.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void flame_column_open(struct flame_column *c, struct json *j)
{
	*c = (struct flame_column){ .j = j };
	json_open_string(j);
}

static void put_group(struct flame_column *c, unsigned chars)
{
	uint32_t bits = c->bits << (3 - c->bytes) * 8;

	for (unsigned i = 0; i < 4; i++)
		putc_unlocked(i < chars ? digits[bits >> (18 - 6 * i) & 63] : '=', c->j->f);
	c->bits = 0;
	c->bytes = 0;
}

static void put_byte(struct flame_column *c, uint8_t b)
{
	c->bits = c->bits << 8 | b;
	if (++c->bytes == 3)
		put_group(c, 4);
}

void flame_column_put(struct flame_column *c, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		put_byte(c, (uint8_t)(v | 0x80));
	put_byte(c, (uint8_t)v);
}

void flame_column_put_signed(struct flame_column *c, int64_t v)
{
	flame_column_put(c, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

void flame_column_close(struct flame_column *c)
{
	if (c->bytes)
		put_group(c, c->bytes + 1);
	json_close_string(c->j);
}
