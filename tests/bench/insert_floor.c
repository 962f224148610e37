/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast SQLite takes rows of 8 integers here and now, which is what an import is measured against: one row a statement, and
 * 16 rows a statement. No index, journal and sync off, one transaction.
 *   insert_floor FILE [ROWS]
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS 8

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void must(sqlite3 *db, int rc, int want)
{
	if (rc == want)
		return;
	fprintf(stderr, "insert_floor: %s\n", sqlite3_errmsg(db));
	exit(1);
}

static sqlite3_stmt *prepare_insert(sqlite3 *db, int rows)
{
	char sql[4096] = "INSERT INTO t VALUES";
	sqlite3_stmt *st;

	for (int i = 0; i < rows; i++)
		strcat(sql, i ? ",(?,?,?,?,?,?,?,?)" : "(?,?,?,?,?,?,?,?)");
	must(db, sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	return st;
}

/* Rows a second with `per` rows in each statement. Values are of the size that times, ids and durations have. */
static double insert_rate(const char *path, long rows, int per)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	double start;

	unlink(path);
	must(NULL, sqlite3_open(path, &db), SQLITE_OK);
	must(db, sqlite3_exec(db, "PRAGMA page_size=8192; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;"
				  "CREATE TABLE t(a INTEGER, b INTEGER, c INTEGER, d INTEGER, e INTEGER, f INTEGER, g INTEGER, h INTEGER)",
			      NULL, NULL, NULL), SQLITE_OK);
	st = prepare_insert(db, per);
	start = now_s();
	for (long i = 0; i < rows; i += per) {
		for (int k = 0; k < per * COLUMNS; k++)
			sqlite3_bind_int64(st, k + 1, k % COLUMNS ? (i * 7 + k) & 0xffff : 1000000L * i + k);
		must(db, sqlite3_step(st), SQLITE_DONE);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	must(db, sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	start = now_s() - start;
	sqlite3_close(db);
	unlink(path);
	return (double)rows / start;
}

int main(int argc, char **argv)
{
	long rows = argc > 2 ? atol(argv[2]) : 1000000;

	if (argc < 2 || rows < 16) {
		fprintf(stderr, "usage: insert_floor FILE [ROWS]\n");
		return 2;
	}
	printf("single=%.0f\n", insert_rate(argv[1], rows, 1));
	printf("multi=%.0f\n", insert_rate(argv[1], rows, 16));
	return 0;
}
