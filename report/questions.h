/* SPDX-License-Identifier: BSD-2-Clause */
/* The named questions of questions.sql: "-- name: title" lines, each followed by one statement. */
#ifndef VARVE_QUESTIONS_H
#define VARVE_QUESTIONS_H

#include "report/db.h"

/* Owned: free() all three, or question_deinit(). */
struct question {
	char *name, *title, *sql;
};

/*
 * The question at *pos, which then stands behind it; start with *pos = questions_text. 1 with *ret
 * set, 0 at the end, -ENOMEM.
 */
int question_next(const char **pos, struct question *ret);
void question_deinit(struct question *q);

/* 1 with *ret set, 0 when there is no such question, -ENOMEM. */
int question_find(const char *name, struct question *ret);

/* Into the question table. */
int questions_write(struct db *db, struct err *err);

extern const char questions_text[];

#endif
