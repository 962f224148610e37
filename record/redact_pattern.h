/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One REGEX of --redact: POSIX extended, case does not matter. The text it is asked about is hostile: regexec(3) takes time that grows with the square of
 * it, and keeps memory for each new state it was led into. So who asks keeps texts short (REDACT_TEXT_MAX), and the memory is given back now and then.
 */
#ifndef VARVE_REDACT_PATTERN_H
#define VARVE_REDACT_PATTERN_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#include "formats/err.h"

#define REDACT_REGEX_MAX 1000 /* bytes of a pattern */
#define REDACT_TEXT_MAX 1024  /* bytes of a text; some 20 ms for most patterns at their worst */

struct redact_pattern {
	char *text; /* owned */
	regex_t compiled;
	bool is_compiled;
	size_t searched; /* bytes, since it was compiled */
};

/*
 * text is copied. 0, -EINVAL: not a regular expression (said with where), empty, too long, or with back-references, whose cost has no useful bound;
 * or -ENOMEM.
 */
int redact_pattern_init(struct redact_pattern *p, const char *text, struct err *err);
void redact_pattern_deinit(struct redact_pattern *p);

/*
 * The first match of at least one byte that begins at or behind `from` in text (len bytes, no NUL among them, a NUL behind). Returns 1 with [*ret_start, *ret_end), 0, or
 * -ENOMEM: not known.
 */
int redact_pattern_find(struct redact_pattern *p, const char *text, size_t len, size_t from, size_t *ret_start, size_t *ret_end);

#endif
