/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The database: the only place that knows SQLite. Written once by an import, under a temporary name
 * that becomes the real one when all is in; read-only ever after.
 */
#ifndef VARVE_DB_H
#define VARVE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"

#define DB_SCHEMA_VERSION 4 /* PRAGMA user_version of schema.sql */

struct db;
struct db_stmt;
struct db_insert;

/* ---- writing ------------------------------------------------------------ */

/*
 * Create a database with the schema's tables and no rows, as a temporary file beside path (mode
 * 0600). Nothing is at path before db_finish(); an existing file there is replaced by that. path
 * NULL: a private one in $TMPDIR, gone with db_close().
 */
int db_create(const char *path, struct db **ret, struct err *err);

/* Indexes, views, statistics; then sync and rename to path. The database stays open and is
 * read-only from here on. */
int db_finish(struct db *db, struct err *err);

/*
 * Rows into one table, several to a statement. A column holds what was last given for it in this
 * row; columns must be given in the table's order, every one of them, then db_insert_row(). A row
 * whose primary key is there already is dropped and counted.
 */
int db_insert_open(struct db *db, const char *table, struct db_insert **ret, struct err *err);
void db_insert_int(struct db_insert *in, int64_t v);
void db_insert_real(struct db_insert *in, double v);
void db_insert_text(struct db_insert *in, const char *s); /* NULL gives NULL; copied */
void db_insert_text_n(struct db_insert *in, const char *s, size_t len);
void db_insert_null(struct db_insert *in);
void db_insert_u64(struct db_insert *in, uint64_t v); /* UNKNOWN_U64 gives NULL; at most INT64_MAX */
void db_insert_id(struct db_insert *in, uint32_t id); /* of a row; 0, which is none, gives NULL */
int db_insert_row(struct db_insert *in, struct err *err);
uint64_t db_insert_duplicates(const struct db_insert *in);

/* Rows given and not dropped. */
uint64_t db_insert_count(const struct db_insert *in);

/* Writes what is pending, and frees in (NULL accepted) whatever happens. ret_duplicates may be
 * NULL. */
int db_insert_close(struct db_insert *in, uint64_t *ret_duplicates, struct err *err);

/* Statements of our own, without result. */
int db_exec(struct db *db, const char *sql, struct err *err);

/* ---- reading ------------------------------------------------------------ */

/* The file begins as an SQLite database does. False for anything else, also for what cannot be
 * read. */
bool db_is_database(const char *path);

/*
 * Open read-only. -EBADMSG: an SQLite database, but not one of ours. -EPROTONOSUPPORT: made by a
 * newer schema; -ESTALE: by an older one, which has to be made again from the recording.
 */
int db_open(const char *path, struct db **ret, struct err *err);

/* Closes; a database that was not finished leaves nothing behind. NULL accepted. */
void db_close(struct db *db);

/*
 * Prepare one statement of ours. db_query_user(): one the user wrote; refused unless it is a single
 * statement that only reads this database (no ATTACH, no PRAGMA that sets, no writing, no file
 * functions). -EINVAL with SQLite's words.
 */
int db_query(struct db *db, const char *sql, struct db_stmt **ret, struct err *err);
int db_query_user(struct db *db, const char *sql, struct db_stmt **ret, struct err *err);

/* By parameter name with its colon. A name the statement does not have is ignored: named questions
 * take what they use. */
void db_bind_int(struct db_stmt *st, const char *name, int64_t v);
void db_bind_text(struct db_stmt *st, const char *name, const char *s);
bool db_has_parameter(const struct db_stmt *st, const char *name);

/* 1: a row is there; 0: no more; else -errno. */
int db_step(struct db_stmt *st, struct err *err);
uint64_t db_row_count(const struct db_stmt *st); /* how often db_step() gave 1 */
void db_stmt_close(struct db_stmt *st); /* NULL accepted */

enum db_type { DB_NULL, DB_INT, DB_REAL, DB_TEXT };
int db_column_count(const struct db_stmt *st);
const char *db_column_name(const struct db_stmt *st, int col);
enum db_type db_column_type(const struct db_stmt *st, int col);
bool db_column_is_null(const struct db_stmt *st, int col);
int64_t db_column_int(const struct db_stmt *st, int col); /* 0 for NULL */
double db_column_real(const struct db_stmt *st, int col);
/* NULL for NULL; valid until the next step. ret_len may be NULL. Blobs come as their bytes. */
const char *db_column_text(const struct db_stmt *st, int col, size_t *ret_len);

/* One number: the first column of the first row; dflt when there is none or it is NULL, or the
 * statement fails. */
int64_t db_query_int(struct db *db, const char *sql, int64_t dflt);

/* A value of the meta table as text; NULL when absent. free() it. */
char *db_meta(struct db *db, const char *key);

static inline void db_closep(struct db **db)
{
	db_close(*db);
}
static inline void db_stmt_closep(struct db_stmt **st)
{
	db_stmt_close(*st);
}
#define _cleanup_db_ __attribute__((cleanup(db_closep)))
#define _cleanup_stmt_ __attribute__((cleanup(db_stmt_closep)))

/* The text of schema.sql, for `varve-report schema`. */
extern const char db_schema[];

#endif
