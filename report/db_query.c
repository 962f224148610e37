// SPDX-License-Identifier: BSD-2-Clause
/* Reading: statements of ours and of the user. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/db_handle.h"

struct db_stmt {
	sqlite3_stmt *st;
	struct db *db;
	uint64_t rows;
};

/* PRAGMAs that only tell. */
static bool is_harmless_pragma(const char *name, const char *arg)
{
	static const char *const with_arg[] = { "table_info", "table_xinfo", "index_list",
						"index_info", "index_xinfo", "foreign_key_list" };
	static const char *const without[] = {
		"table_list",	 "user_version",    "application_id", "page_count",	"page_size",
		"function_list", "compile_options", "database_list",  "integrity_check"
	};

	for (size_t i = 0; i < ARRAY_SIZE(with_arg); i++)
		if (!strcmp(name, with_arg[i]))
			return true;
	for (size_t i = 0; !arg && i < ARRAY_SIZE(without); i++)
		if (!strcmp(name, without[i]))
			return true;
	return false;
}

static int authorize(void *ctx, int action, const char *a, const char *b, const char *c,
		     const char *d)
{
	const struct db *db = ctx;

	if (db->is_ours || !db->is_restricted)
		return SQLITE_OK;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION: /* a is NULL, b the function */
		return b && strcasecmp(b, "load_extension") ? SQLITE_OK : SQLITE_DENY;
	case SQLITE_UPDATE: /* how a table-valued function (json_each) declares itself; a real one
			       is refused as a writing statement */
		return !strcmp(a, "sqlite_master") ? SQLITE_OK : SQLITE_DENY;
	case SQLITE_PRAGMA:
		return is_harmless_pragma(a, b) ? SQLITE_OK : SQLITE_DENY;
	default:
		return SQLITE_DENY;
	}
}

static int prepare(struct db *db, const char *sql, struct db_stmt **ret, const char **ret_rest,
		   struct err *err)
{
	struct db_stmt *st;
	int rc = db_writer_settle(db->writer, err);

	if (rc)
		return rc;
	st = calloc(1, sizeof(*st));
	if (!st)
		return err_set(err, -ENOMEM, "database: out of memory");
	st->db = db;
	if (sqlite3_prepare_v2(db->sql, sql, -1, &st->st, ret_rest) != SQLITE_OK) {
		free(st);
		return db_error(db, err, "SQL");
	}
	*ret = st;
	return 0;
}

int db_query(struct db *db, const char *sql, struct db_stmt **ret, struct err *err)
{
	int rc;

	db->is_ours = true;
	rc = prepare(db, sql, ret, NULL, err);
	db->is_ours = false;
	return rc;
}

static const char *skip_blank_sql(const char *s)
{
	for (;;) {
		s += strspn(s, " \t\r\n;");
		if (s[0] == '-' && s[1] == '-')
			s += strcspn(s, "\n");
		else
			return s;
	}
}

int db_query_user(struct db *db, const char *sql, struct db_stmt **ret, struct err *err)
{
	struct db_stmt *st;
	const char *rest;
	int rc;

	/* The authorizer is asked again whenever SQLite prepares anew, so it stays. */
	db->is_restricted = true;
	sqlite3_set_authorizer(db->sql, authorize, db);
	rc = prepare(db, sql, &st, &rest, err);
	if (rc) {
		if (sqlite3_errcode(db->sql) == SQLITE_AUTH)
			return err_set(
				err, -EPERM,
				"SQL: not allowed: only statements that read this database are");
		return rc;
	}
	if (!st->st)
		rc = err_set(err, -EINVAL, "SQL: empty statement");
	else if (*skip_blank_sql(rest))
		rc = err_set(err, -EINVAL, "SQL: one statement at a time (left over: '%.40s')",
			     skip_blank_sql(rest));
	else if (!sqlite3_stmt_readonly(st->st))
		rc = err_set(err, -EPERM, "SQL: not allowed: the statement writes");
	if (rc) {
		db_stmt_close(st);
		return rc;
	}
	*ret = st;
	return 0;
}

void db_bind_int(struct db_stmt *st, const char *name, int64_t v)
{
	int at = sqlite3_bind_parameter_index(st->st, name);

	if (at)
		(void)sqlite3_bind_int64(
			st->st, at, v); /* cannot fail: the index is right, nothing is allocated */
}

void db_bind_text(struct db_stmt *st, const char *name, const char *s)
{
	int at = sqlite3_bind_parameter_index(st->st, name);

	if (at)
		(void)sqlite3_bind_text(st->st, at, s, -1,
					SQLITE_TRANSIENT); /* out of memory shows in db_step() */
}

bool db_has_parameter(const struct db_stmt *st, const char *name)
{
	return sqlite3_bind_parameter_index(st->st, name) != 0;
}

int db_step(struct db_stmt *st, struct err *err)
{
	int rc = db_writer_settle(st->db->writer, err);

	if (rc)
		return rc;
	rc = sqlite3_step(st->st);
	if (rc == SQLITE_ROW) {
		st->rows++;
		return 1;
	}
	return rc == SQLITE_DONE ? 0 : db_error(st->db, err, "SQL");
}

uint64_t db_row_count(const struct db_stmt *st)
{
	return st->rows;
}

void db_stmt_close(struct db_stmt *st)
{
	if (!st)
		return;
	sqlite3_finalize(st->st);
	free(st);
}

int db_column_count(const struct db_stmt *st)
{
	return sqlite3_column_count(st->st);
}

const char *db_column_name(const struct db_stmt *st, int col)
{
	return sqlite3_column_name(st->st, col);
}

enum db_type db_column_type(const struct db_stmt *st, int col)
{
	switch (sqlite3_column_type(st->st, col)) {
	case SQLITE_INTEGER:
		return DB_INT;
	case SQLITE_FLOAT:
		return DB_REAL;
	case SQLITE_NULL:
		return DB_NULL;
	default:
		return DB_TEXT;
	}
}

bool db_column_is_null(const struct db_stmt *st, int col)
{
	return sqlite3_column_type(st->st, col) == SQLITE_NULL;
}

int64_t db_column_int(const struct db_stmt *st, int col)
{
	return sqlite3_column_int64(st->st, col);
}

double db_column_real(const struct db_stmt *st, int col)
{
	return sqlite3_column_double(st->st, col);
}

const char *db_column_text(const struct db_stmt *st, int col, size_t *ret_len)
{
	const char *s = (const char *)sqlite3_column_text(st->st, col);

	if (ret_len)
		*ret_len = (size_t)sqlite3_column_bytes(st->st, col);
	return s;
}

int64_t db_query_int(struct db *db, const char *sql, int64_t dflt)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;

	if (db_query(db, sql, &st, NULL) || db_step(st, NULL) != 1 || db_column_is_null(st, 0))
		return dflt;
	return db_column_int(st, 0);
}

char *db_meta(struct db *db, const char *key)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	const char *s;

	if (db_query(db, "SELECT value FROM meta WHERE key=:key", &st, NULL))
		return NULL;
	db_bind_text(st, ":key", key);
	if (db_step(st, NULL) != 1)
		return NULL;
	s = db_column_text(st, 0, NULL);
	return s ? strdup(s) : NULL;
}
