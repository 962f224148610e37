// SPDX-License-Identifier: BSD-2-Clause
#include "report/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/escape.h"

void json_init(struct json *j, FILE *f)
{
	*j = (struct json){ .f = f };
}

/* What stands before a value: a comma unless it is the first of its array or follows its key. */
static void before_value(struct json *j)
{
	uint64_t bit = 1ull << j->depth;

	if (j->after_key) {
		j->after_key = false;
		return;
	}
	assert(!(j->is_object & bit)); /* a value in an object needs a key */
	if (j->has_items & bit)
		putc_unlocked(j->depth ? ',' : '\n', j->f);
	j->has_items |= bit;
}

static void open_container(struct json *j, bool object)
{
	uint64_t bit;

	before_value(j);
	assert(j->depth + 1 < JSON_DEPTH_MAX);
	bit = 1ull << ++j->depth;
	j->has_items &= ~bit;
	j->is_object = object ? j->is_object | bit : j->is_object & ~bit;
	putc_unlocked(object ? '{' : '[', j->f);
}

void json_object(struct json *j)
{
	open_container(j, true);
}

void json_array(struct json *j)
{
	open_container(j, false);
}

void json_end(struct json *j)
{
	assert(j->depth && !j->after_key);
	putc_unlocked(j->is_object & 1ull << j->depth ? '}' : ']', j->f);
	j->depth--;
}

static void put_string(struct json *j, const char *s, size_t len)
{
	putc_unlocked('"', j->f);
	escape_json(j->f, s, len);
	putc_unlocked('"', j->f);
}

void json_key(struct json *j, const char *key)
{
	uint64_t bit = 1ull << j->depth;

	assert(j->is_object & bit && !j->after_key);
	if (j->has_items & bit)
		putc_unlocked(',', j->f);
	j->has_items |= bit;
	put_string(j, key, strlen(key));
	putc_unlocked(':', j->f);
	j->after_key = true;
}

void json_string_n(struct json *j, const char *s, size_t len)
{
	before_value(j);
	put_string(j, s, len);
}

void json_string(struct json *j, const char *s)
{
	if (s)
		json_string_n(j, s, strlen(s));
	else
		json_null(j);
}

void json_open_string(struct json *j)
{
	before_value(j);
	putc_unlocked('"', j->f);
}

void json_close_string(struct json *j)
{
	putc_unlocked('"', j->f);
}

static void put_digits(FILE *f, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	fwrite_unlocked(digits + at, 1, sizeof(digits) - at, f);
}

void json_u64(struct json *j, uint64_t v)
{
	before_value(j);
	put_digits(j->f, v);
}

void json_i64(struct json *j, int64_t v)
{
	before_value(j);
	if (v < 0)
		putc_unlocked('-', j->f);
	put_digits(j->f, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void json_bool(struct json *j, bool v)
{
	before_value(j);
	fputs_unlocked(v ? "true" : "false", j->f);
}

void json_null(struct json *j)
{
	before_value(j);
	fputs_unlocked("null", j->f);
}

void json_double(struct json *j, double v)
{
	char text[40];

	if (!isfinite(v)) {
		json_null(j);
		return;
	}
	before_value(j);
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	fputs_unlocked(text, j->f);
}

void json_fixed(struct json *j, uint64_t v, unsigned decimals)
{
	uint64_t unit = 1, rest;
	char text[24];

	assert(decimals <= 9);
	for (unsigned i = 0; i < decimals; i++)
		unit *= 10;
	before_value(j);
	put_digits(j->f, v / unit);
	rest = v % unit;
	if (!rest)
		return;
	snprintf(text, sizeof(text), ".%0*" PRIu64, (int)decimals, rest);
	for (size_t len = strlen(text); text[len - 1] == '0'; len--)
		text[len - 1] = '\0';
	fputs_unlocked(text, j->f);
}

bool json_is_complete(const struct json *j)
{
	return !j->depth && !j->after_key;
}
