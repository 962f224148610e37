// SPDX-License-Identifier: BSD-2-Clause
#include "report/db_handle.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "report/interrupt.h"

#define APPLICATION_ID 0x76617276 /* 'varv', as in schema.sql */
#define AFTER_LOAD "-- after load\n"

const char db_schema[] =
#include "report/schema.inc"
	;

int db_error(struct db *db, struct err *err, const char *doing)
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
	int rc = db_writer_settle(db->writer, err);

	if (rc)
		return rc;
	db->is_ours = true;
	rc = sqlite3_exec(db->sql, sql, NULL, NULL, NULL);
	db->is_ours = false;
	return rc == SQLITE_OK ? 0 : db_error(db, err, "database");
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
		rc = db_exec(db, "PRAGMA application_id=0x76617276; PRAGMA user_version=4; BEGIN;",
			     err);
	_Static_assert(DB_SCHEMA_VERSION == 4 && APPLICATION_ID == 0x76617276,
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
		return db_error(db, err, path ?: "temporary database");
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
	int rc = db_writer_settle(db->writer, err);

	if (rc)
		return rc;
	db_writer_destroy(take_ptr(db->writer));
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

/* ---- reading ------------------------------------------------------------ */

bool db_is_database(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char head[16];

	return fd >= 0 && pread(fd, head, sizeof(head), 0) == sizeof(head) &&
	       !memcmp(head, "SQLite format 3", 16);
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
		return db_error(db, err, path);
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
	db_writer_destroy(db->writer);
	(void)sqlite3_close_v2(
		db->sql); /* only a zombie statement makes it fail, and v2 waits for that */
	if (db->tmp_path)
		unlink(db->tmp_path);
	free(db->tmp_path);
	free(db->path);
	free(db);
}
