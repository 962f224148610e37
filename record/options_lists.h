/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The small values of a command line: numbers, lists, and how alike two words are. For options.c.
 */
#ifndef VARVE_OPTIONS_LISTS_H
#define VARVE_OPTIONS_LISTS_H

#include <stddef.h>
#include <stdint.h>

#include "record/options.h"

/* Decimal digits and nothing else. -EINVAL, -ERANGE. */
int options_parse_u64(const char *text, uint64_t *ret);

/* Keeps the list sorted and unique. -ENOMEM. */
int id_list_add(struct id_list *list, uint32_t id);

/* "1,2,3", each <= max, added to the list. -EINVAL, -ENOMEM; what came before is added then. */
int id_list_parse(struct id_list *list, const char *text, uint64_t max);

/* "a,b" appended. -EINVAL for an empty part, -ENOMEM. */
int text_list_parse(struct text_list *list, const char *text);
void text_list_deinit(struct text_list *list);

/* Edits (insert, delete, replace, swap neighbours) between the first len bytes of a, and b; SIZE_MAX for words over 40 bytes. */
size_t options_edit_distance(const char *a, size_t len, const char *b);

#endif
