// SPDX-License-Identifier: BSD-2-Clause
#include "report/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "report/interrupt.h"

#define APPLICATION_ID 0x76617276 /* 'varv', as in schema.sql */
#define AFTER_LOAD "-- after load\n"
#define ROWS_PER_INSERT 32 /* measured: 16 to 64 are equal, 1 costs twice */

const char db_schema[] =
#include "report/schema.inc"
	;

struct db {
	sqlite3 *sql;
	char *path;	/* where db_finish() puts it; NULL: nowhere */
	char *tmp_path; /* what to unlink when it is not finished */
	bool is_ours;	/* a statement of our own is being prepared: the authorizer lets it pass */
	bool is_restricted;
};

struct db_stmt {
	sqlite3_stmt *st;
	struct db *db;
};

static int sql_err(struct db *db, struct err *err, const char *doing)
{
	int code = sqlite3_errcode(db->sql);
	int sys = sqlite3_system_errno(db->sql);

	if (code == SQLITE_INTERRUPT)
		return err_set(err, -EINTR, "interrupted");
	if (code == SQLITE_FULL || (code == SQLITE_IOERR && sys == ENOSPC))
		return err_set(err, -ENOSPC, "%s: no space left for the database", doing);
	if (code == SQLITE_NOMEM)
		return err_set(err, -ENOMEM, "%s: out of memory", doing);
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		return err_set(err, -EBADMSG, "%s: %s", doing, sqlite3_errmsg(db->sql));
	if ((code & 0xff) == SQLITE_IOERR && sys)
		return err_code(err, -sys, "%s: %s", doing, sqlite3_errmsg(db->sql));
	return err_set(err, -EINVAL, "%s: %s", doing, sqlite3_errmsg(db->sql));
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
	int rc;

	db->is_ours = true;
	rc = sqlite3_exec(db->sql, sql, NULL, NULL, NULL);
	db->is_ours = false;
	return rc == SQLITE_OK ? 0 : sql_err(db, err, "database");
}

/* ---- writing ------------------------------------------------------------ */

/* Beside path, so that the rename stays in one file system; or in $TMPDIR, unlinked as soon as it
 * is open. */
static char *tmp_name(const char *path)
{
	char *tmp;
	int n;

	if (path)
		n = asprintf(&tmp, "%s.tmp-XXXXXX", path);
	else
		n = asprintf(&tmp, "%s/varve-report-XXXXXX", getenv("TMPDIR") ?: "/tmp");
	return n < 0 ? NULL : tmp;
}

static int create_tables(struct db *db, struct err *err)
{
	const char *end = strstr(db_schema, AFTER_LOAD);
	_cleanup_free_ char *tables = strndup(db_schema, (size_t)(end - db_schema));
	int rc;

	if (!tables)
		return err_set(err, -ENOMEM, "database: out of memory");
	/*
	 * No journal and no sync: until db_finish() renames it, the file is nobody's. The page
	 * cache bounds what the import keeps of it in memory.
	 */
	rc = db_exec(
		db,
		"PRAGMA page_size=8192; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;"
		"PRAGMA cache_size=-16384; PRAGMA temp_store=FILE;",
		err);
	if (!rc)
		rc = db_exec(db, "PRAGMA application_id=0x76617276; PRAGMA user_version=2; BEGIN;",
			     err);
	_Static_assert(DB_SCHEMA_VERSION == 2 && APPLICATION_ID == 0x76617276,
		       "the PRAGMAs above say so too");
	return rc ?: db_exec(db, tables, err);
}

int db_create(const char *path, struct db **ret, struct err *err)
{
	_cleanup_db_ struct db *db = calloc(1, sizeof(*db));
	_cleanup_close_ int fd = -1;
	int rc;

	if (!db || !(db->tmp_path = tmp_name(path)) || (path && !(db->path = strdup(path))))
		return err_set(err, -ENOMEM, "database: out of memory");
	fd = mkostemp(db->tmp_path, O_CLOEXEC); /* 0600 */
	if (fd < 0) {
		rc = err_errno(err, "create '%s'", path ?: db->tmp_path);
		free(take_ptr(db->tmp_path));
		return rc;
	}
	if (sqlite3_open_v2(db->tmp_path, &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return sql_err(db, err, path ?: "temporary database");
	rc = create_tables(db, err);
	if (rc) {
		err_prefix(err, "'%s'", path ?: db->tmp_path);
		return rc;
	}
	if (!path) {
		unlink(db->tmp_path);
		free(take_ptr(db->tmp_path));
	}
	*ret = take_ptr(db);
	return 0;
}

static int move_into_place(struct db *db, struct err *err)
{
	_cleanup_free_ char *dir = strdup(db->path);
	_cleanup_close_ int fd = open(db->tmp_path, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int dir_fd = -1;

	if (fd < 0 || !dir)
		return err_errno(err, "open '%s'", db->tmp_path);
	if (fsync(fd) < 0)
		return err_errno(err, "sync '%s'", db->tmp_path);
	if (rename(db->tmp_path, db->path) < 0)
		return err_errno(err, "rename '%s' to '%s'", db->tmp_path, db->path);
	free(take_ptr(db->tmp_path));
	dir_fd = open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd >= 0)
		(void)fsync(dir_fd); /* the data is safe; some file systems refuse this for
					directories */
	return 0;
}

static int on_progress(void *ctx)
{
	return interrupt_is_pending();
}

static void harden(struct db *db)
{
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
}

int db_finish(struct db *db, struct err *err)
{
	const char *after = strstr(db_schema, AFTER_LOAD) + strlen(AFTER_LOAD);
	/*
	 * SQLite sorts an index's entries in runs as large as the page cache, as linked lists: runs
	 * that fit the processor's cache take 0.5 s for a million rows, runs of 32 MiB 1.3 s.
	 */
	int rc;

	sqlite3_progress_handler(db->sql, 1000000, on_progress, db);
	rc = db_exec(db, "PRAGMA cache_size=-2048", err);

	rc = rc ?: db_exec(db, after, err);
	rc = rc	   ?:
		     db_exec(db,
			     "PRAGMA analysis_limit=1000; ANALYZE; COMMIT; PRAGMA query_only=1; PRAGMA cache_size=-16384;",
			     err);
	if (!rc && db->path)
		rc = move_into_place(db, err);
	harden(db);
	return rc;
}

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
		int rc = in->cells ? sql_err(db, err, table) :
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
			return sql_err(in->db, err, in->table);
	rc = sqlite3_step(st);
	if (rc != SQLITE_DONE)
		return sql_err(in->db, err, in->table);
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

/* ---- reading ------------------------------------------------------------ */

bool db_is_database(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char head[16];

	return fd >= 0 && pread(fd, head, sizeof(head), 0) == sizeof(head) &&
	       !memcmp(head, "SQLite format 3", 16);
}

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

static int64_t pragma_int(struct db *db, const char *sql)
{
	return db_query_int(db, sql, -1);
}

static int check_identity(struct db *db, const char *path, struct err *err)
{
	struct err why = { 0 };
	struct db_stmt *st;
	int64_t version;
	int rc = db_query(db, "PRAGMA application_id", &st, &why);

	if (rc)
		return err_set(err, -EBADMSG, "'%s': %s", path, why.text);
	db_stmt_close(st);
	if (pragma_int(db, "PRAGMA application_id") != APPLICATION_ID)
		return err_set(err, -EBADMSG, "'%s': an SQLite database, but not one varve made",
			       path);
	version = pragma_int(db, "PRAGMA user_version");
	if (version > DB_SCHEMA_VERSION) {
		rc = err_set(err, -EPROTONOSUPPORT,
			     "'%s': schema version %lld is newer than this program's %d", path,
			     (long long)version, DB_SCHEMA_VERSION);
		err_hint(err, "use the varve-report that made it, or a newer one");
		return rc;
	}
	if (version < DB_SCHEMA_VERSION) {
		rc = err_set(err, -ESTALE,
			     "'%s': schema version %lld is older than this program's %d", path,
			     (long long)version, DB_SCHEMA_VERSION);
		err_hint(err,
			 "make it again from the recording: varve-report db RECORDING -o FILE.db");
		return rc;
	}
	return 0;
}

int db_open(const char *path, struct db **ret, struct err *err)
{
	_cleanup_db_ struct db *db = calloc(1, sizeof(*db));
	int rc;

	if (!db)
		return err_set(err, -ENOMEM, "database: out of memory");
	if (access(path, R_OK) < 0)
		return err_errno(err, "open '%s'", path);
	if (sqlite3_open_v2(path, &db->sql, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return sql_err(db, err, path);
	harden(db);
	rc = check_identity(db, path, err);
	if (rc)
		return rc;
	*ret = take_ptr(db);
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	(void)sqlite3_close_v2(
		db->sql); /* only a zombie statement makes it fail, and v2 waits for that */
	if (db->tmp_path)
		unlink(db->tmp_path);
	free(db->tmp_path);
	free(db->path);
	free(db);
}

static int prepare(struct db *db, const char *sql, struct db_stmt **ret, const char **ret_rest,
		   struct err *err)
{
	struct db_stmt *st = calloc(1, sizeof(*st));

	if (!st)
		return err_set(err, -ENOMEM, "database: out of memory");
	st->db = db;
	if (sqlite3_prepare_v2(db->sql, sql, -1, &st->st, ret_rest) != SQLITE_OK) {
		free(st);
		return sql_err(db, err, "SQL");
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
	int rc = sqlite3_step(st->st);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : sql_err(st->db, err, "SQL");
}

void db_reset(struct db_stmt *st)
{
	sqlite3_reset(st->st);
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
