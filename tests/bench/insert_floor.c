/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast SQLite alone takes the rows of an import here and now: the event tables of a database that was imported, read into memory a
 * batch at a time and inserted into the same tables of an empty one, many rows a statement, in primary key order, journal and sync off, in
 * one transaction. Only inserting is timed: no recording is read, no stack is looked up, no name found. And, for comparison with
 * other programs, rows of 8 integers into a table without a key.
 *   insert_floor DATABASE SCRATCH
 * Prints rows=N, then rows a second: single= (one a statement), bare= (no index), indexed= (with the indexes of these tables, made
 * afterwards), integers=.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH 320000 /* rows; a multiple of PER */
#define PER 32	     /* rows a statement: 16 to 64 are equal */
#define COLUMNS_MAX 16
#define INTEGER_ROWS 2000000

struct cell {
	int type; /* SQLITE_INTEGER, _TEXT, _NULL */
	sqlite3_int64 i;
	char text[8]; /* a thread state */
};

struct feed {
	sqlite3 *from, *to;
	struct cell *cells;
	int columns;
	long rows;
	double seconds;
};

static const char *const tables[] = { "sample", "offcpu", "sched_slice", "migration" };

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

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;

	must(db, sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	return st;
}

static sqlite3_stmt *prepare_insert(sqlite3 *db, const char *table, int columns, int per)
{
	static char sql[65536];
	char *p = sql + sprintf(sql, "INSERT OR IGNORE INTO %s VALUES", table);

	for (int r = 0; r < per; r++) {
		p = stpcpy(p, r ? ",(" : "(");
		for (int c = 0; c < columns; c++)
			p = stpcpy(p, c ? ",?" : "?");
		p = stpcpy(p, ")");
	}
	return prepare(db, sql);
}

static sqlite3 *create(const char *path)
{
	sqlite3 *db;

	unlink(path);
	must(NULL, sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL), SQLITE_OK);
	must(db, sqlite3_exec(db, "PRAGMA page_size=8192; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;"
				  "PRAGMA cache_size=-16384; BEGIN", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

/* What sqlite_master has of this type about the table is made in the new database too. */
static void copy_schema(struct feed *f, const char *type, const char *table)
{
	sqlite3_stmt *st = prepare(f->from, "SELECT sql FROM sqlite_master WHERE type=? AND tbl_name=? AND sql IS NOT NULL");

	sqlite3_bind_text(st, 1, type, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, table, -1, SQLITE_STATIC);
	while (sqlite3_step(st) == SQLITE_ROW)
		must(f->to, sqlite3_exec(f->to, (const char *)sqlite3_column_text(st, 0), NULL, NULL, NULL), SQLITE_OK);
	sqlite3_finalize(st);
}

static void bind(sqlite3_stmt *st, int at, const struct cell *c)
{
	if (c->type == SQLITE_INTEGER)
		sqlite3_bind_int64(st, at, c->i);
	else if (c->type == SQLITE_TEXT)
		sqlite3_bind_text(st, at, c->text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, at);
}

static long read_batch(struct feed *f, sqlite3_stmt *st)
{
	long n = 0;

	for (; n < BATCH && sqlite3_step(st) == SQLITE_ROW; n++) {
		for (int c = 0; c < f->columns; c++) {
			struct cell *cell = &f->cells[n * f->columns + c];

			cell->type = sqlite3_column_type(st, c);
			cell->i = sqlite3_column_int64(st, c);
			if (cell->type == SQLITE_TEXT)
				snprintf(cell->text, sizeof(cell->text), "%s", (const char *)sqlite3_column_text(st, c));
		}
	}
	return n;
}

static void insert_batch(struct feed *f, sqlite3_stmt *many, int per, sqlite3_stmt *one, long n)
{
	double start = now_s();

	for (long i = 0; i < n;) {
		int rows = n - i >= per ? per : 1;
		sqlite3_stmt *st = rows == per ? many : one;

		for (int k = 0; k < rows * f->columns; k++)
			bind(st, k + 1, &f->cells[i * f->columns + k]);
		must(f->to, sqlite3_step(st), SQLITE_DONE);
		sqlite3_reset(st);
		i += rows;
	}
	f->seconds += now_s() - start;
	f->rows += n;
}

static void copy_table(struct feed *f, const char *table, int per)
{
	sqlite3_stmt *rows, *many, *one;
	char sql[64];
	long n;

	sprintf(sql, "SELECT * FROM %s", table);
	rows = prepare(f->from, sql);
	f->columns = sqlite3_column_count(rows);
	if (f->columns > COLUMNS_MAX)
		exit(1);
	copy_schema(f, "table", table);
	many = prepare_insert(f->to, table, f->columns, per);
	one = prepare_insert(f->to, table, f->columns, 1);
	do {
		n = read_batch(f, rows);
		insert_batch(f, many, per, one, n);
	} while (n == BATCH); /* a statement that has ended would begin again */
	sqlite3_finalize(rows);
	sqlite3_finalize(many);
	sqlite3_finalize(one);
}

/* Rows a second. */
static double copy_rate(sqlite3 *from, const char *path, int per, int with_indexes, long *ret_rows)
{
	struct feed f = { .from = from, .to = create(path) };
	double start;

	f.cells = malloc(sizeof(*f.cells) * BATCH * COLUMNS_MAX);
	if (!f.cells)
		exit(1);
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		copy_table(&f, tables[i], per);
	start = now_s();
	if (with_indexes) {
		must(f.to, sqlite3_exec(f.to, "PRAGMA cache_size=-2048", NULL, NULL, NULL), SQLITE_OK); /* as db_finish() does */
		for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
			copy_schema(&f, "index", tables[i]);
	}
	must(f.to, sqlite3_exec(f.to, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	f.seconds += now_s() - start;
	sqlite3_close(f.to);
	free(f.cells);
	*ret_rows = f.rows;
	return (double)f.rows / f.seconds;
}

/* Values are of the size that times, ids and durations have. */
static double integer_rate(const char *path)
{
	sqlite3 *db = create(path);
	sqlite3_stmt *st;
	double start;

	must(db, sqlite3_exec(db, "CREATE TABLE t(a INTEGER,b INTEGER,c INTEGER,d INTEGER,e INTEGER,f INTEGER,g INTEGER,h INTEGER)", NULL, NULL,
			      NULL), SQLITE_OK);
	st = prepare_insert(db, "t", 8, PER);
	start = now_s();
	for (long i = 0; i < INTEGER_ROWS; i += PER) {
		for (int k = 0; k < PER * 8; k++)
			sqlite3_bind_int64(st, k + 1, k % 8 ? (i * 7 + k) & 0xffff : 1000000L * i + k);
		must(db, sqlite3_step(st), SQLITE_DONE);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	must(db, sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	start = now_s() - start;
	sqlite3_close(db);
	return INTEGER_ROWS / start;
}

int main(int argc, char **argv)
{
	sqlite3 *from;
	double bare, indexed;
	long rows;

	if (argc != 3) {
		fprintf(stderr, "usage: insert_floor DATABASE SCRATCH\n");
		return 2;
	}
	must(NULL, sqlite3_open_v2(argv[1], &from, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	printf("single=%.0f\n", copy_rate(from, argv[2], 1, 0, &rows));
	bare = copy_rate(from, argv[2], PER, 0, &rows);
	indexed = copy_rate(from, argv[2], PER, 1, &rows);
	printf("rows=%ld\nbare=%.0f\nindexed=%.0f\nintegers=%.0f\n", rows, bare, indexed, integer_rate(argv[2]));
	sqlite3_close(from);
	unlink(argv[2]);
	return 0;
}
