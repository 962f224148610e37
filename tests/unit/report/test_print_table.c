// SPDX-License-Identifier: BSD-2-Clause
#include "report/print_table.h"

#include "tests/test.h"

/* The table of a statement on a terminal of this width. */
static const char *table(const char *sql, int width)
{
	static char text[8192];
	struct err err = { 0 };
	struct db_stmt *st;
	struct db *db;
	FILE *out = fmemopen(text, sizeof(text), "w");

	CHECK_EQ(db_create(NULL, &db, &err), 0);
	CHECK_EQ(db_query(db, sql, &st, &err), 0);
	CHECK_EQ(print_table(st, width, out, &err), 0);
	fclose(out);
	db_stmt_close(st);
	db_close(db);
	return text;
}

#define TWO "WITH t(name,first_half,pct_of_20,text) AS (VALUES('a',1,1.5,'some words'),('bb',23,10.25,'and other ones')) SELECT * FROM t"

TEST(print_table_aligns_numbers_to_the_right_and_by_their_points)
{
	for (int width = 0; width <= 43; width += 43) /* 43: it just fits */
		CHECK_STR(table(TWO, width), "name  first_half  pct_of_20  text\n"
					     "a              1       1.50  some words\n"
					     "bb            23      10.25  and other ones\n");
	CHECK_STR(table("SELECT 1.0 AS a, NULL AS b, 1 AS c UNION ALL SELECT 22.125, 'x', 100", 80), "     a  b    c\n"
												     " 1.000       1\n"
												     "22.125  x  100\n");
	/* what is not rounded stays as it is */
	CHECK_STR(table("SELECT 1.5 AS a UNION ALL SELECT 2.0/3", 80), "                a\n              1.5\n0.666666666666667\n");
	CHECK_STR(table("SELECT 1.5 AS a UNION ALL SELECT 1e30", 80), "      a\n    1.5\n1.0e+30\n");
}

TEST(print_table_breaks_names_before_it_cuts_texts)
{
	CHECK_STR(table(TWO, 42), "      first_             \n"
				  "name    half  pct_of_20  text\n"
				  "a          1       1.50  some words\n"
				  "bb        23      10.25  and other ones\n");
	CHECK_STR(table(TWO, 34), "     first_ pct_of_ \n"
				  "name   half      20 text\n"
				  "a         1    1.50 some words\n"
				  "bb       23   10.25 and other ones\n");
}

TEST(print_table_cuts_texts_to_fit)
{
	CHECK_STR(table(TWO, 28), "     first_  pct_ \n"
				  "name   half of_20 text\n"
				  "a         1  1.50 some words\n"
				  "bb       23 10.25 and other…\n");
}

TEST(print_table_writes_records_where_no_line_fits)
{
	CHECK_STR(table(TWO, 20), "      name  a\n"
				  "first_half  1\n"
				  " pct_of_20  1.50\n"
				  "      text  some words\n"
				  "\n"
				  "      name  bb\n"
				  "first_half  23\n"
				  " pct_of_20  10.25\n"
				  "      text  and other ones\n");
}

TEST(print_table_writes_a_single_row_whole)
{
	CHECK_STR(table("SELECT 1 AS a, 'a text of many words' AS long_text", 16), "        a  1\nlong_text  a text of many words\n");
	CHECK_STR(table("SELECT 1 AS a, 'a text of many words' AS long_text", 23), "a  long_text\n1  a text of many words\n");
}

TEST(print_table_of_no_rows_is_its_names)
{
	CHECK_STR(table("SELECT 1 AS first_half, 2 AS second_half WHERE 0", 12), "first_ second_\nhalf   half\n");
}

/* From a database somebody else made: a name is no less hostile than a text. */
TEST(print_table_escapes_names_and_texts)
{
	CHECK_STR(table("SELECT char(27)||'[2J' AS \"a\x1b[2J\nb\"", 80), "a\\x1b[2J\\x0ab\n\\x1b[2J\n");
}

TEST_MAIN()
