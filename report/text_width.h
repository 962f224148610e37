/* SPDX-License-Identifier: BSD-2-Clause */
/* How much room a text takes on a terminal: in columns, one for most characters (locale's LC_CTYPE). */
#ifndef VARVE_TEXT_WIDTH_H
#define VARVE_TEXT_WIDTH_H

#include <stddef.h>
#include <stdio.h>

/* Of len bytes of UTF-8; a byte that is none takes one column. */
int text_width_n(const char *s, size_t len);
int text_width(const char *s);

/* The bytes of s that fill at most this many columns. */
size_t text_fitting(const char *s, int columns);

/*
 * s, or as much of it as leaves room for … at its end. Writes at most this many (>= 1) columns, and
 * returns how many: one less where a wide character does not fit.
 */
int text_put_cut(FILE *out, const char *s, int columns);

/* Of the terminal that f is; 0: it is none, or does not say. */
int text_terminal_width(FILE *f);

#endif
