/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One error: what failed, where, with which numbers, and (when the user can act) how to mend it.
 * Library code fills it and returns a negative errno; only the two main.c print it (style S6, S7).
 */
#ifndef VARVE_ERR_H
#define VARVE_ERR_H

#include <stddef.h>

struct err {
	int code;	/* negative errno, 0 while nothing failed */
	char text[512]; /* "open 'x': EACCES (Permission denied)"; truncated, always terminated */
	char hint[256]; /* one line of advice, or "" */
};

/*
 * Each sets *err (which may be NULL) and returns `code` (a negative errno), so that
 * `return err_set(err, -EBADMSG, ...)` is the whole error path. A second call overwrites.
 */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set() with -errno, appending ": ENAME (text)". Reads errno first thing. */
int err_errno(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As err_set(), appending ": ENAME (text)" of `code`. */
int err_code(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Put "fmt: " before the present text (a caller adding where it was). */
void err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Set the hint line. */
void err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "ENOENT" for 2 or -2; "E<number>" for one this table does not know. Static storage or per-thread. */
const char *err_name(int code);

#endif
