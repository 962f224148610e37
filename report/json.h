/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A streaming JSON writer: what is written goes straight to the stream, no tree is built, so that a
 * document may be larger than memory. Commas and colons are its business; a caller that nests
 * wrongly trips an assert.
 */
#ifndef VARVE_JSON_H
#define VARVE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH_MAX 64

struct json {
	FILE *f; /* the caller's; its ferror() tells of write errors */
	unsigned depth;
	uint64_t is_object; /* bit d: what is open at depth d is an object */
	uint64_t has_items; /* bit d: something was written in it already */
	bool after_key;
};

void json_init(struct json *j, FILE *f);

void json_object(struct json *j); /* { */
void json_array(struct json *j);  /* [ */
void json_end(struct json *j);	  /* closes the innermost one */

/*
 * The name of the next value; only inside an object. A constant of ours or any text: it is escaped.
 */
void json_key(struct json *j, const char *key);

void json_string(struct json *j, const char *s); /* NULL gives null */
void json_string_n(struct json *j, const char *s, size_t len);

/*
 * A string value written in pieces, straight to j->f between the two, of characters that need no
 * escape (base64, digits).
 */
void json_open_string(struct json *j);
void json_close_string(struct json *j);

void json_u64(struct json *j,
	      uint64_t v); /* exact digits, also above 2^53, where JavaScript rounds */
void json_i64(struct json *j, int64_t v);
void json_bool(struct json *j, bool v);
void json_null(struct json *j);

/*
 * Shortest text that reads back as the same double; null for infinities and NaN, which JSON lacks.
 */
void json_double(struct json *j, double v);

/* v units of 10^-decimals, exactly: json_fixed(j, 1234567, 6) writes 1.234567. decimals <= 9. */
void json_fixed(struct json *j, uint64_t v, unsigned decimals);

/* Everything opened was closed. */
bool json_is_complete(const struct json *j);

#endif
