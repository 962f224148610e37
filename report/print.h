/* SPDX-License-Identifier: BSD-2-Clause */
/* -o FILE, -o -, and rows as a table, CSV, JSON or lines of JSON. */
#ifndef VARVE_PRINT_H
#define VARVE_PRINT_H

#include <stdio.h>

#include "formats/err.h"
#include "report/db.h"

/* path NULL or "-": the standard output. */
int print_open(const char *path, FILE **ret, struct err *err);

/*
 * Flush, and close what is not the standard output: 0, or the error of any write to it, so that who
 * writes need not look. A reader that went away (EPIPE) is no error: who asks for ten lines of
 * output gets ten lines. A file that could not be written whole is removed.
 */
int print_close(FILE *f, const char *path, struct err *err);

enum print_format { PRINT_TABLE = 0, PRINT_CSV = 1, PRINT_JSON = 2, PRINT_NDJSON = 3 };

/* NULL name: a table. -EINVAL for an unknown one. */
int print_format_parse(const char *name, enum print_format *ret, struct err *err);

/* All rows of a statement. */
int print_rows(struct db_stmt *st, enum print_format format, FILE *out, struct err *err);

/* ns for people: "1.23 s", "45.6 ms", "789 us", "12 ns". buf of 32 bytes; returned. */
const char *print_duration(char buf[32], double ns);

/* 1234567 → "1,234,567". buf of 32 bytes; returned. */
const char *print_count(char buf[32], uint64_t n);

/* Colours on this stream: when is auto (or NULL), always or never. auto: a terminal that knows
 * them, and no NO_COLOR. */
bool print_has_color(const char *when, FILE *f);

#endif
