// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writing rows: a batch of them is filled by the caller while those before it go into the
 * database, in the database's own thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/event.h"
#include "report/db_handle.h"

#define ROWS_PER_INSERT 32 /* to a statement; measured: 16 to 64 are equal, 1 costs twice */
#define ROWS_PER_BATCH (32 * ROWS_PER_INSERT)
/*
 * Rows come in bursts, one a chunk, with pauses in which the next chunk is unpacked: the database's
 * thread has this much to do meanwhile. With 2 it stood still for a third of a large import.
 */
#define BATCHES 24
#define SMALL 8 /* a text up to this long needs no memory of its own */

struct cell {
	union {
		int64_t i;
		double r;
		char *text; /* owned, until SQLite takes it */
		char small[SMALL];
	};
	uint32_t len; /* of a text */
	uint8_t type; /* enum db_type */
};

struct batch {
	struct db_job job; /* first: a job is its batch */
	struct db_insert *in;
	struct cell *cells;
	int cell_cnt;
};

struct db_insert {
	struct db *db;
	char *table;
	sqlite3_stmt *many, *one;
	struct batch batches[BATCHES]; /* taken in turn */
	struct batch *filling;	       /* one of them; others may be given */
	struct cell *at;       /* in it: the next cell */
	int cols;
	uint64_t rows;
	uint64_t duplicates; /* the jobs' */
	bool failed;	     /* out of memory for a text */
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

/* ---- in the database's thread -------------------------------------------- */

/* A text that is not small is SQLite's from here on, which frees it. */
static bool bind_cell(sqlite3_stmt *st, int at, struct cell *c)
{
	switch (c->type) {
	case DB_INT:
		return sqlite3_bind_int64(st, at, c->i) == SQLITE_OK;
	case DB_REAL:
		return sqlite3_bind_double(st, at, c->r) == SQLITE_OK;
	case DB_TEXT:
		c->type = DB_NULL;
		if (c->len <= SMALL) /* stays where it is until the statement is done */
			return sqlite3_bind_text(st, at, c->small, (int)c->len, SQLITE_STATIC) ==
			       SQLITE_OK;
		return sqlite3_bind_text64(st, at, c->text, c->len, free, SQLITE_UTF8) == SQLITE_OK;
	}
	return sqlite3_bind_null(st, at) == SQLITE_OK;
}

static int run_insert(struct db_insert *in, sqlite3_stmt *st, struct cell *c, int rows,
		      struct err *err)
{
	int rc = SQLITE_OK;

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

static int insert_batch(struct db_job *job, struct err *err)
{
	struct batch *b = (struct batch *)job;
	struct db_insert *in = b->in;
	int rows = b->cell_cnt / in->cols, rc = 0;
	struct cell *c = b->cells;

	while (rows && !rc) {
		int n = rows >= ROWS_PER_INSERT ? ROWS_PER_INSERT : 1;

		rc = run_insert(in, n == 1 ? in->one : in->many, c, n, err);
		c += n * in->cols;
		rows -= n;
	}
	return rc;
}

/* ---- in the caller's ----------------------------------------------------- */

static int begin_batch(struct db_insert *in, struct batch *b)
{
	if (!b->cells)
		b->cells = calloc((size_t)in->cols * ROWS_PER_BATCH, sizeof(*b->cells));
	if (!b->cells)
		return -ENOMEM;
	in->filling = b;
	in->at = b->cells;
	return 0;
}

/* The batch into the database: by its thread and in its own time, or at once where there is none. */
static int give_batch(struct db_insert *in, struct err *err)
{
	struct batch *b = in->filling, *next = b + 1 < in->batches + BATCHES ? b + 1 : in->batches;
	struct db *db = in->db;
	int rc;

	if (in->failed)
		return err_set(err, -ENOMEM, "database: out of memory");
	b->cell_cnt = (int)(in->at - b->cells);
	if (!db->writer && db_writer_create(&db->writer, NULL))
		rc = insert_batch(&b->job, err);
	else
		rc = db_writer_give(db->writer, &b->job, err) ?:
			     db_writer_wait(db->writer, &next->job, err);
	if (!rc && begin_batch(in, next))
		rc = err_set(err, -ENOMEM, "database: out of memory");
	return rc;
}

int db_insert_open(struct db *db, const char *table, struct db_insert **ret, struct err *err)
{
	struct db_insert *in;
	int rc = db_writer_settle(db->writer, err);

	if (rc)
		return rc;
	in = calloc(1, sizeof(*in));
	if (!in || !(in->table = strdup(table))) {
		free(in);
		return err_set(err, -ENOMEM, "database: out of memory");
	}
	in->db = db;
	in->cols = count_columns(db, table);
	assert(in->cols > 0);
	for (int i = 0; i < BATCHES; i++)
		in->batches[i] = (struct batch){ .job.run = insert_batch, .in = in };
	in->many = prepare_insert(db, table, in->cols, ROWS_PER_INSERT);
	in->one = prepare_insert(db, table, in->cols, 1);
	if (!in->many || !in->one)
		rc = db_error(db, err, table);
	else if (begin_batch(in, &in->batches[0]))
		rc = err_set(err, -ENOMEM, "database: out of memory");
	if (rc) {
		db_insert_close(in, NULL, NULL);
		return rc;
	}
	*ret = in;
	return 0;
}

void db_insert_int(struct db_insert *in, int64_t v)
{
	struct cell *c = in->at++;

	c->type = DB_INT;
	c->i = v;
}

void db_insert_real(struct db_insert *in, double v)
{
	struct cell *c = in->at++;

	c->type = DB_REAL;
	c->r = v;
}

void db_insert_null(struct db_insert *in)
{
	(in->at++)->type = DB_NULL;
}

void db_insert_u64(struct db_insert *in, uint64_t v)
{
	if (v == UNKNOWN_U64)
		db_insert_null(in);
	else
		db_insert_int(in, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

void db_insert_id(struct db_insert *in, uint32_t id)
{
	if (id)
		db_insert_int(in, id);
	else
		db_insert_null(in);
}

void db_insert_text_n(struct db_insert *in, const char *s, size_t len)
{
	struct cell *c = in->at++;
	char *at = c->small;

	c->type = DB_NULL;
	if (len > UINT32_MAX || (len > SMALL && !(at = c->text = malloc(len)))) {
		in->failed = true;
		return;
	}
	c->type = DB_TEXT;
	c->len = (uint32_t)len;
	memcpy(at, s, len);
}

void db_insert_text(struct db_insert *in, const char *s)
{
	if (s)
		db_insert_text_n(in, s, strlen(s));
	else
		db_insert_null(in);
}

int db_insert_row(struct db_insert *in, struct err *err)
{
	assert((in->at - in->filling->cells) % in->cols == 0);
	in->rows++;
	return in->at < in->filling->cells + in->cols * ROWS_PER_BATCH ? 0 : give_batch(in, err);
}

uint64_t db_insert_duplicates(const struct db_insert *in)
{
	(void)db_writer_settle(in->db->writer, NULL); /* its error comes with the next row */
	return in->duplicates;
}

uint64_t db_insert_count(const struct db_insert *in)
{
	return in->rows - db_insert_duplicates(in);
}

static void free_batch(struct batch *b, const struct cell *end)
{
	for (struct cell *c = b->cells; c && c < end; c++)
		if (c->type == DB_TEXT && c->len > SMALL)
			free(c->text);
	free(b->cells);
}

int db_insert_close(struct db_insert *in, uint64_t *ret_duplicates, struct err *err)
{
	int rc;

	if (!in)
		return 0;
	rc = db_writer_settle(in->db->writer, err);
	if (!rc && in->failed)
		rc = err_set(err, -ENOMEM, "database: out of memory");
	if (!rc && in->filling) {
		in->filling->cell_cnt = (int)(in->at - in->filling->cells);
		rc = insert_batch(&in->filling->job, err);
	}
	if (ret_duplicates)
		*ret_duplicates = in->duplicates;
	for (int i = 0; i < BATCHES; i++) {
		struct batch *b = &in->batches[i];

		free_batch(b, b == in->filling ? in->at : b->cells + b->cell_cnt);
	}
	sqlite3_finalize(in->many);
	sqlite3_finalize(in->one);
	free(in->table);
	free(in);
	return rc;
}
