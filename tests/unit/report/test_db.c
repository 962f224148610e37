// SPDX-License-Identifier: BSD-2-Clause
#include "report/db.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

static char dir[64], path[96];

static void setup(void)
{
	strcpy(dir, "/tmp/varve-db-XXXXXX");
	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x.db", dir);
}

static void teardown(void)
{
	unlink(path);
	CHECK_EQ(rmdir(dir), 0); /* nothing else is left behind */
}

static void make(int rows)
{
	struct err err = { 0 };
	struct db_insert *in;
	struct db *db;

	CHECK_EQ(db_create(path, &db, &err), 0);
	CHECK_EQ(access(path, F_OK), -1); /* not there before it is whole */
	CHECK_EQ(db_insert_open(db, "sample", &in, &err), 0);
	for (int i = 0; i < rows; i++) {
		db_insert_int(in, i);
		db_insert_int(in, 0);
		db_insert_int(in, 1);
		db_insert_null(in);
		db_insert_int(in, 1000);
		CHECK_EQ(db_insert_row(in, &err), 0);
	}
	CHECK_EQ(db_insert_close(in, NULL, &err), 0);
	CHECK_EQ(db_finish(db, &err), 0);
	db_close(db);
}

static int user(struct db *db, const char *sql, struct err *err)
{
	struct db_stmt *st = NULL;
	int rc = db_query_user(db, sql, &st, err);

	while (!rc && (rc = db_step(st, err)) == 1)
		rc = 0;
	db_stmt_close(st);
	return rc;
}

TEST(db_keeps_every_row_whatever_their_number)
{
	static const int counts[] = { 0, 1, 31, 32, 33, 1000, 1023, 1024, 1025, 2048, 5000 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct err err = { 0 };
		struct db *db;

		setup();
		make(counts[i]);
		CHECK_EQ(db_open(path, &db, &err), 0);
		CHECK_EQ(db_query_int(db, "SELECT count(*) FROM sample", -1), counts[i]);
		db_close(db);
		teardown();
	}
}

/* Rows go in by a thread of their own, a thousand at a time: short and long texts arrive as they were given, in every inserter. */
TEST(db_keeps_texts_of_any_length)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	struct db_insert *names, *files;
	struct err err = { 0 };
	struct db *db;

	CHECK_EQ(db_create(NULL, &db, &err), 0);
	CHECK_EQ(db_insert_open(db, "thread_name", &names, &err), 0);
	CHECK_EQ(db_insert_open(db, "source_file", &files, &err), 0);
	for (int i = 0; i < 5000; i++) {
		db_insert_int(names, 1);
		db_insert_int(names, i);
		db_insert_text_n(names, letters, (size_t)(i % 26));
		CHECK_EQ(db_insert_row(names, &err), 0);
		db_insert_int(files, i);
		db_insert_text_n(files, letters, (size_t)(i % 17));
		CHECK_EQ(db_insert_row(files, &err), 0);
	}
	CHECK_EQ(db_insert_count(names), 5000);
	/* a question in between sees what has been written, and does not disturb */
	CHECK(db_query_int(db, "SELECT count(*) FROM thread_name", -1) >= 4000);
	CHECK_EQ(db_insert_close(names, NULL, &err), 0);
	CHECK_EQ(db_insert_close(files, NULL, &err), 0);
	CHECK_EQ(db_query_int(db, "SELECT count(*) FROM thread_name WHERE comm=substr('abcdefghijklmnopqrstuvwxyz',1,ts%26)", -1), 5000);
	CHECK_EQ(db_query_int(db, "SELECT count(*) FROM source_file WHERE path=substr('abcdefghijklmnopqrstuvwxyz',1,id%17)", -1), 5000);
	db_close(db);
}

TEST(db_counts_rows_that_are_there_already)
{
	struct err err = { 0 };
	struct db_insert *in;
	uint64_t duplicates;
	struct db *db;

	CHECK_EQ(db_create(NULL, &db, &err), 0);
	CHECK_EQ(db_insert_open(db, "thread_name", &in, &err), 0);
	for (int i = 0; i < 100; i++) {
		db_insert_int(in, 1);
		db_insert_int(in, i % 40);
		db_insert_text(in, i < 40 ? "first" : "later");
		CHECK_EQ(db_insert_row(in, &err), 0);
	}
	CHECK_EQ(db_insert_close(in, &duplicates, &err), 0);
	CHECK_EQ(duplicates, 60);
	CHECK_EQ(db_query_int(db, "SELECT count(*) FROM thread_name WHERE comm='first'", -1), 40);
	db_close(db);
}

TEST(db_that_was_not_finished_leaves_nothing)
{
	struct err err = { 0 };
	struct db *db;

	setup();
	CHECK_EQ(db_create(path, &db, &err), 0);
	db_close(db);
	teardown();
}

TEST(db_file_is_private)
{
	struct stat st;

	setup();
	umask(0);
	make(1);
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	umask(022);
	teardown();
}

TEST(db_lets_a_user_read_and_nothing_else)
{
	static const char *const refused[] = {
		"ATTACH '/tmp/varve-other.db' AS o", "DETACH main", "DELETE FROM sample", "INSERT INTO mark VALUES(1,1,'x')", "DROP TABLE sample",
		"UPDATE sample SET cpu=1", "CREATE TABLE x(a)", "CREATE TEMP TABLE x(a)", "PRAGMA query_only=0", "PRAGMA journal_mode=WAL",
		"PRAGMA writable_schema=1", "PRAGMA trusted_schema=1", "SELECT load_extension('x')", "UPDATE sqlite_master SET sql=''", "VACUUM INTO '/tmp/varve-copy.db'", "BEGIN IMMEDIATE",
		"SELECT 1; DELETE FROM sample", "SELECT 1; SELECT 2", "", "-- nothing", "REINDEX", "ANALYZE",
	};
	static const char *const allowed[] = {
		"SELECT count(*) FROM sample", "SELECT * FROM quality;", "WITH x AS (SELECT 1) SELECT * FROM x -- fine", "PRAGMA table_info(sample)",
		"SELECT value FROM json_each('[1,2]')", "EXPLAIN QUERY PLAN SELECT * FROM sample", "SELECT * FROM sqlite_master",
	};
	struct err err = { 0 };
	struct db *db;

	setup();
	make(3);
	for (int fresh = 0; fresh < 2; fresh++) {
		if (fresh) { /* the connection that made it, too */
			CHECK_EQ(db_create(NULL, &db, &err), 0);
			CHECK_EQ(db_finish(db, &err), 0);
		} else {
			CHECK_EQ(db_open(path, &db, &err), 0);
		}
		for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
			if (user(db, refused[i], &err) == 0)
				printf("# allowed: %s\n", refused[i]);
			CHECK(user(db, refused[i], &err) < 0);
		}
		for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
			err.text[0] = '\0';
			if (user(db, allowed[i], &err))
				printf("# %s: %s\n", allowed[i], err.text);
			CHECK_EQ(user(db, allowed[i], &err), 0);
		}
		db_close(db);
	}
	CHECK_EQ(access("/tmp/varve-copy.db", F_OK), -1);
	teardown();
}

static void sqlite(const char *sql)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), "sqlite3 '%s' \"%s\" 2>&1", path, sql);
	if (system("command -v sqlite3 >/dev/null"))
		SKIP("needs the sqlite3 program");
	CHECK_EQ(system(cmd), 0);
}

TEST(db_refuses_what_is_not_ours_or_newer)
{
	struct err err = { 0 };
	struct db *db;

	setup();
	CHECK_EQ(db_open(path, &db, &err), -ENOENT);
	CHECK_HAS(err.text, "ENOENT");
	sqlite("CREATE TABLE x(a)");
	CHECK(db_is_database(path));
	CHECK_EQ(db_open(path, &db, &err), -EBADMSG);
	CHECK_HAS(err.text, "not one varve made");
	unlink(path);
	make(1);
	sqlite("PRAGMA user_version=99");
	CHECK_EQ(db_open(path, &db, &err), -EPROTONOSUPPORT);
	CHECK_HAS(err.text, "schema version 99 is newer");
	sqlite("PRAGMA user_version=0");
	CHECK_EQ(db_open(path, &db, &err), -ESTALE);
	CHECK_HAS(err.hint, "again from the recording");
	teardown();
}

TEST(db_open_tells_a_broken_file)
{
	struct err err = { 0 };
	struct db *db;
	FILE *f;

	setup();
	f = fopen(path, "w");
	fputs("SQLite format 3", f);
	for (int i = 0; i < 5000; i++)
		fputc(i, f);
	fclose(f);
	CHECK_EQ(db_open(path, &db, &err), -EBADMSG);
	teardown();
}

TEST(db_schema_describes_every_table_column_and_view)
{
	struct err err = { 0 };
	struct db_stmt *st;
	struct db *db;

	CHECK_EQ(db_create(NULL, &db, &err), 0);
	CHECK_EQ(db_finish(db, &err), 0);
	CHECK_EQ(db_query(db, "SELECT m.name, m.type, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.name NOT LIKE 'sqlite%'", &st, &err), 0);
	while (db_step(st, &err) == 1) {
		bool is_table = !strcmp(db_column_text(st, 1, NULL), "table");
		char head[128], column[128];
		const char *at, *end;

		snprintf(head, sizeof(head), "CREATE %s %s%s", is_table ? "TABLE" : "VIEW", db_column_text(st, 0, NULL), is_table ? "( -- " : " AS -- ");
		at = strstr(db_schema, head);
		if (!at)
			printf("# %s has no description\n", db_column_text(st, 0, NULL));
		CHECK(at);
		end = strstr(at, is_table ? "\n)" : "\nCREATE ") ?: at + strlen(at);
		snprintf(column, sizeof(column), "\n  %s ", db_column_text(st, 2, NULL));
		if (is_table) {
			const char *line = strstr(at, column);

			CHECK(line && line < end);
			CHECK(strstr(line, " -- ") && strstr(line, " -- ") < strchr(line + 1, '\n'));
		}
	}
	db_stmt_close(st);
	db_close(db);
}

/* Each view's comment ends in "e.g. SELECT …": it must run. */
TEST(db_view_examples_run)
{
	struct err err = { 0 };
	struct db *db;
	int n = 0;

	CHECK_EQ(db_create(NULL, &db, &err), 0);
	CHECK_EQ(db_finish(db, &err), 0);
	for (const char *at = db_schema; (at = strstr(at, "CREATE VIEW ")); at++, n++) {
		const char *example = strstr(at, "e.g. "), *line = strchr(at, '\n');
		char sql[512];

		CHECK(example && example < line);
		snprintf(sql, sizeof(sql), "%.*s", (int)(line - example - 5), example + 5);
		if (user(db, sql, &err))
			printf("# %s: %s\n", sql, err.text);
		CHECK_EQ(user(db, sql, &err), 0);
	}
	CHECK(n >= 15);
	db_close(db);
}

TEST_MAIN()
