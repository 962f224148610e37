/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/consumers/fixture.sql as an open database, with what the outputs read from it. */
#ifndef VARVE_FIXTURE_H
#define VARVE_FIXTURE_H

#include "report/db.h"
#include "report/export.h"
#include "tests/test.h"

struct fixture {
	struct db *db;
	struct stacks stacks;
	struct tasks tasks;
	struct filter filter;
	struct export_input in;
	char *text; /* what the last output wrote */
	size_t text_sz;
	struct err err;
};

static inline char *fixture_sql(void)
{
	FILE *f = fopen("tests/consumers/fixture.sql", "r");
	char *sql = NULL;
	size_t cap = 0;

	if (!f)
		SKIP("run from the top of the tree: tests/consumers/fixture.sql is not here");
	if (getdelim(&sql, &cap, '\0', f) < 0)
		sql = NULL;
	fclose(f);
	return sql;
}

static inline void fixture_init(struct fixture *x, const char *more_sql)
{
	char *sql = fixture_sql();

	memset(x, 0, sizeof(*x));
	CHECK(sql);
	CHECK_EQ(db_create(NULL, &x->db, &x->err), 0);
	if (db_exec(x->db, sql, &x->err) || (more_sql && db_exec(x->db, more_sql, &x->err))) {
		printf("# %s\n", x->err.text);
		CHECK(!"the fixture's rows went in");
	}
	free(sql);
	CHECK_EQ(db_finish(x->db, &x->err), 0);
	CHECK_EQ(stacks_read(&x->stacks, x->db, &x->err), 0);
	CHECK_EQ(tasks_read(&x->tasks, x->db, &x->err), 0);
	export_input_init(&x->in, x->db, &x->filter, &x->stacks, &x->tasks);
}

static inline const char *fixture_write(struct fixture *x, int (*write)(const struct export_input *, FILE *, struct err *))
{
	FILE *f;
	int rc;

	free(x->text);
	x->text = NULL;
	f = open_memstream(&x->text, &x->text_sz);
	rc = write(&x->in, f, &x->err);
	fclose(f);
	if (rc)
		printf("# %d: %s\n", rc, x->err.text);
	CHECK_EQ(rc, 0);
	return x->text;
}

static inline void fixture_deinit(struct fixture *x)
{
	free(x->text);
	stacks_deinit(&x->stacks);
	tasks_deinit(&x->tasks);
	filter_deinit(&x->filter);
	db_close(x->db);
}

#endif
