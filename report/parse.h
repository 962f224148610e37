/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts a user types: durations, lists of numbers. Each returns 0 or -EINVAL and says what is wrong
 * with the text. */
#ifndef VARVE_PARSE_H
#define VARVE_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"

/* "5s", "100us", "1.5m", "-10s"; a plain number means seconds. */
int parse_duration(const char *s, int64_t *ret_ns, struct err *err);

/* "3,7,10-12": appended to *list, which is realloc()ed. At most 1 million numbers. */
int parse_numbers(const char *s, uint32_t **list, size_t *cnt, struct err *err);

/* A number from 0 to max. */
int parse_number(const char *s, uint64_t max, uint64_t *ret, struct err *err);

#endif
