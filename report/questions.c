// SPDX-License-Identifier: BSD-2-Clause
#include "report/questions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char questions_text[] =
#include "report/questions.inc"
	;

/* "-- name: title", where name is one word of [a-z0-9-]; other comments are comments. */
static const char *header(const char *line, size_t *ret_name_len)
{
	size_t len;

	if (strncmp(line, "-- ", 3))
		return NULL;
	len = strspn(line + 3, "abcdefghijklmnopqrstuvwxyz0123456789-");
	if (!len || strncmp(line + 3 + len, ": ", 2))
		return NULL;
	*ret_name_len = len;
	return line + 3;
}

static const char *next_line(const char *s)
{
	s += strcspn(s, "\n");
	return s + (*s == '\n');
}

int question_next(const char **pos, struct question *ret)
{
	struct question q;
	size_t name_len, end_len;
	const char *name = NULL, *line = *pos, *title, *sql, *end;

	while (*line && !(name = header(line, &name_len)))
		line = next_line(line);
	if (!*line) {
		*pos = line;
		return 0;
	}
	title = name + name_len + 2;
	sql = next_line(line);
	for (end = sql; *end && !header(end, &end_len); end = next_line(end))
		;
	*pos = end;
	while (end > sql && strchr(" \n;", end[-1]))
		end--;
	q.name = strndup(name, name_len);
	q.title = strndup(title, strcspn(title, "\n"));
	q.sql = strndup(sql, (size_t)(end - sql));
	if (!q.name || !q.title || !q.sql) {
		question_deinit(&q);
		return -ENOMEM;
	}
	*ret = q;
	return 1;
}

void question_deinit(struct question *q)
{
	free(q->name);
	free(q->title);
	free(q->sql);
	memset(q, 0, sizeof(*q));
}

int question_find(const char *name, struct question *ret)
{
	const char *pos = questions_text;
	int rc;

	while ((rc = question_next(&pos, ret)) == 1) {
		if (!strcmp(ret->name, name))
			return 1;
		question_deinit(ret);
	}
	return rc;
}

int questions_write(struct db *db, struct err *err)
{
	const char *pos = questions_text;
	struct db_insert *in;
	struct question q;
	int rc = db_insert_open(db, "question", &in, err), more = 1;

	if (rc)
		return rc;
	while (!rc && (more = question_next(&pos, &q)) == 1) {
		db_insert_text(in, q.name);
		db_insert_text(in, q.title);
		db_insert_text(in, q.sql);
		rc = db_insert_row(in, err);
		question_deinit(&q);
	}
	if (more < 0 && !rc)
		rc = err_set(err, more, "out of memory");
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}
