// SPDX-License-Identifier: BSD-2-Clause
#include "report/questions.h"

#include "tests/test.h"

TEST(question_next_reads_them_all_with_title_and_statement)
{
	const char *pos = questions_text;
	struct question q;
	int n = 0;

	while (question_next(&pos, &q) == 1) {
		CHECK(q.name[0] && q.title[0]);
		CHECK(!strncmp(q.sql, "SELECT", 6) || !strncmp(q.sql, "WITH", 4));
		CHECK(q.sql[strlen(q.sql) - 1] != ';');
		question_deinit(&q);
		n++;
	}
	CHECK(n >= 26);
}

TEST(question_find_knows_names)
{
	struct question q;

	CHECK_EQ(question_find("oom-kills", &q), 1);
	CHECK_STR(q.name, "oom-kills");
	question_deinit(&q);
	CHECK_EQ(question_find("oom", &q), 0);
	CHECK_EQ(question_find("", &q), 0);
}

/* On an empty database: the columns they name exist. */
TEST(questions_prepare_and_run)
{
	const char *pos = questions_text;
	struct err err = { 0 };
	struct question q;
	struct db *db;

	CHECK_EQ(db_create(NULL, &db, &err), 0);
	CHECK_EQ(questions_write(db, &err), 0);
	CHECK_EQ(db_finish(db, &err), 0);
	while (question_next(&pos, &q) == 1) {
		for (int sums = 0; sums < 3; sums++) { /* none; all; all less what is outside */
			struct db_stmt *st = NULL;
			int rc = db_query_user(db, q.sql, &st, &err);

			CHECK_EQ(rc, 0);
			db_bind_int(st, ":from", INT64_MIN);
			db_bind_int(st, ":to", INT64_MAX);
			db_bind_int(st, ":whole", sums == 1);
			db_bind_int(st, ":most", sums == 2);
			db_bind_text(st, ":threads", "[1,2]");
			while ((rc = db_step(st, &err)) == 1)
				;
			if (rc)
				printf("# %s: %s\n", q.name, err.text);
			CHECK_EQ(rc, 0);
			db_stmt_close(st);
		}
		question_deinit(&q);
	}
	CHECK(db_query_int(db, "SELECT count(*) FROM question", 0) >= 26);
	db_close(db);
}

TEST_MAIN()
