// SPDX-License-Identifier: BSD-2-Clause
/* Writing rows. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/db_handle.h"

#define ROWS_PER_INSERT 32 /* measured: 16 to 64 are equal, 1 costs twice */

struct cell {
	enum db_type type;
	union {
		int64_t i;
		double r;
		struct {
			char *text;
			size_t len;
		}; /* owned until SQLite takes it */
	};
};

struct db_insert {
	struct db *db;
	char *table;
	sqlite3_stmt *many, *one;
	struct cell *cells; /* of the rows not yet given to SQLite */
	int cols, at;
	uint64_t rows, duplicates;
	bool failed; /* out of memory for a text */
};

static sqlite3_stmt *prepare_insert(struct db *db, const char *table, int cols, int rows)
{
	char *sql = NULL;
	sqlite3_stmt *st = NULL;
	size_t len;
	FILE *f = open_memstream(&sql, &len);

	if (!f)
		return NULL;
	fprintf(f, "INSERT OR IGNORE INTO %s VALUES", table);
	for (int r = 0; r < rows; r++) {
		fputs(r ? ",(" : "(", f);
		for (int c = 0; c < cols; c++)
			fputs(c ? ",?" : "?", f);
		fputc(')', f);
	}
	if (fclose(f) == 0)
		(void)sqlite3_prepare_v3(db->sql, sql, (int)len, SQLITE_PREPARE_PERSISTENT, &st,
					 NULL);
	free(sql);
	return st;
}

static int count_columns(struct db *db, const char *table)
{
	sqlite3_stmt *st = NULL;
	int n = 0;

	if (sqlite3_prepare_v2(db->sql, "SELECT count(*) FROM pragma_table_info(?)", -1, &st,
			       NULL) == SQLITE_OK) {
		sqlite3_bind_text(st, 1, table, -1, SQLITE_STATIC);
		if (sqlite3_step(st) == SQLITE_ROW)
			n = sqlite3_column_int(st, 0);
	}
	sqlite3_finalize(st);
	return n;
}

int db_insert_open(struct db *db, const char *table, struct db_insert **ret, struct err *err)
{
	struct db_insert *in = calloc(1, sizeof(*in));

	if (!in || !(in->table = strdup(table))) {
		free(in);
		return err_set(err, -ENOMEM, "database: out of memory");
	}
	in->db = db;
	in->cols = count_columns(db, table);
	assert(in->cols > 0);
	in->many = prepare_insert(db, table, in->cols, ROWS_PER_INSERT);
	in->one = prepare_insert(db, table, in->cols, 1);
	in->cells = calloc((size_t)in->cols * ROWS_PER_INSERT, sizeof(*in->cells));
	if (!in->many || !in->one || !in->cells) {
		int rc = in->cells ? db_error(db, err, table) :
				     err_set(err, -ENOMEM, "database: out of memory");

		db_insert_close(in, NULL, NULL);
		return rc;
	}
	*ret = in;
	return 0;
}

void db_insert_int(struct db_insert *in, int64_t v)
{
	struct cell *c = &in->cells[in->at++];

	c->type = DB_INT;
	c->i = v;
}

void db_insert_real(struct db_insert *in, double v)
{
	struct cell *c = &in->cells[in->at++];

	c->type = DB_REAL;
	c->r = v;
}

void db_insert_null(struct db_insert *in)
{
	in->cells[in->at++].type = DB_NULL;
}

void db_insert_text_n(struct db_insert *in, const char *s, size_t len)
{
	struct cell *c = &in->cells[in->at++];

	c->type = DB_TEXT;
	c->len = len;
	c->text = malloc(len + 1);
	if (c->text)
		memcpy(c->text, s, len);
	else
		in->failed = true;
}

void db_insert_text(struct db_insert *in, const char *s)
{
	if (s)
		db_insert_text_n(in, s, strlen(s));
	else
		db_insert_null(in);
}

/* A text belongs to its cell until SQLite has it, which frees it. */
static bool bind_cell(sqlite3_stmt *st, int at, struct cell *c)
{
	switch (c->type) {
	case DB_INT:
		return sqlite3_bind_int64(st, at, c->i) == SQLITE_OK;
	case DB_REAL:
		return sqlite3_bind_double(st, at, c->r) == SQLITE_OK;
	case DB_TEXT:
		c->type = DB_NULL;
		return sqlite3_bind_text64(st, at, c->text, c->len, free, SQLITE_UTF8) == SQLITE_OK;
	case DB_NULL:
		break;
	}
	return sqlite3_bind_null(st, at) == SQLITE_OK;
}

static int run_insert(struct db_insert *in, sqlite3_stmt *st, int first_row, int rows,
		      struct err *err)
{
	struct cell *c = &in->cells[first_row * in->cols];
	int rc;

	if (in->failed)
		return err_set(err, -ENOMEM, "database: out of memory");
	for (int i = 0; i < rows * in->cols; i++)
		if (!bind_cell(st, i + 1, &c[i]))
			return db_error(in->db, err, in->table);
	rc = sqlite3_step(st);
	if (rc != SQLITE_DONE)
		return db_error(in->db, err, in->table);
	in->duplicates += (uint64_t)rows - (uint64_t)sqlite3_changes64(in->db->sql);
	sqlite3_reset(st);
	return 0;
}

int db_insert_row(struct db_insert *in, struct err *err)
{
	assert(in->at % in->cols == 0);
	in->rows++;
	if (in->at < in->cols * ROWS_PER_INSERT)
		return 0;
	in->at = 0;
	return run_insert(in, in->many, 0, ROWS_PER_INSERT, err);
}

uint64_t db_insert_duplicates(const struct db_insert *in)
{
	return in->duplicates;
}

uint64_t db_insert_count(const struct db_insert *in)
{
	return in->rows - in->duplicates;
}

int db_insert_close(struct db_insert *in, uint64_t *ret_duplicates, struct err *err)
{
	int rc = 0;

	if (!in)
		return 0;
	for (int r = 0; in->one && !rc && r < in->at / in->cols; r++)
		rc = run_insert(in, in->one, r, 1, err);
	if (ret_duplicates)
		*ret_duplicates = in->duplicates;
	for (int i = 0; in->cells && i < in->cols * ROWS_PER_INSERT; i++)
		if (in->cells[i].type == DB_TEXT)
			free(in->cells[i].text);
	sqlite3_finalize(in->many);
	sqlite3_finalize(in->one);
	free(in->cells);
	free(in->table);
	free(in);
	return rc;
}
