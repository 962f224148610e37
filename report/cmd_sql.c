// SPDX-License-Identifier: BSD-2-Clause
#include "report/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/filter_sql.h"
#include "report/option_specs.h"
#include "report/print.h"
#include "report/questions.h"
#include "report/source.h"

static int list_questions(const struct report_options *o, struct err *err)
{
	const char *pos = questions_text;
	struct question q;
	FILE *out;
	int rc = print_open(o->output, &out, err), more = 1;

	if (rc)
		return rc;
	while ((more = question_next(&pos, &q)) == 1) {
		fprintf(out, "%-20s %s\n", q.name, q.title);
		question_deinit(&q);
	}
	rc = print_close(out, o->output, err);
	return rc ?: more < 0 ? err_set(err, more, "out of memory") : 0;
}

/* A filter that the statement does not look at would be silently ignored. */
static int check_filters(const struct filter *f, const struct db_stmt *st, struct err *err)
{
	if (filter_picks_threads(f) && !db_has_parameter(st, ":threads"))
		return err_set(
			err, -EINVAL,
			"the statement does not use :threads, so filters on threads would change nothing");
	if ((f->has_from || f->has_to) &&
	    !(db_has_parameter(st, ":from") && db_has_parameter(st, ":to")))
		return err_set(
			err, -EINVAL,
			"the statement does not use :from and :to, so --time would change nothing");
	return 0;
}

/* q: the question that the statement is, or all zero. */
static int run_statement(const struct report_options *o, struct db *db, const struct question *q,
			 enum print_format format, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	FILE *out;
	int rc = db_query_user(db, q->sql ?: o->sql, &st, err);

	rc = rc ?: check_filters(&o->filter, st, err);
	rc = rc ?: filter_bind(&o->filter, db, st, err);
	rc = rc ?: print_open(o->output, &out, err);
	if (rc)
		return rc;
	rc = print_rows(st, format, out, err);
	if (!rc && q->title && format == PRINT_TABLE && !db_row_count(st)) /* the title says what it needs */
		cmd_note(o, "no rows for '%s': %s", q->name, q->title);
	return print_close(out, o->output, rc ? NULL : err) ?: rc;
}

/* The nearest name, or where they all are. */
static int unknown_question(const char *name, struct err *err)
{
	_cleanup_free_ char *nearest = NULL;
	const char *pos = questions_text;
	struct question q = { 0 };
	size_t best = 4;

	while (question_next(&pos, &q) == 1) {
		size_t distance = option_distance(name, q.name);

		if (distance < best) {
			best = distance;
			free(nearest);
			nearest = strdup(q.name);
		}
		question_deinit(&q);
	}
	err_set(err, -EINVAL, "no question is named '%s'", name);
	if (nearest)
		err_hint(err, "the nearest is %s; varve-report sql --list shows them all", nearest);
	else
		err_hint(err, "varve-report sql --list shows them");
	return -EINVAL;
}

int cmd_sql_check(const struct report_options *o, struct err *err)
{
	enum print_format format;
	struct question q = { 0 };
	int rc = print_format_parse(o->format, &format, err);

	if (rc || !o->question)
		return rc;
	rc = question_find(o->question, &q);
	question_deinit(&q);
	return rc < 0 ? err_set(err, rc, "out of memory") : rc ? 0 : unknown_question(o->question, err);
}

int cmd_sql(const struct report_options *o, struct err *err)
{
	_cleanup_db_ struct db *db = NULL;
	enum print_format format;
	struct question q = { 0 };
	bool damaged = false;
	int rc;

	if (o->list)
		return list_questions(o, err);
	rc = print_format_parse(o->format, &format, err);
	if (!rc && o->question && question_find(o->question, &q) != 1)
		rc = err_set(err, -ENOMEM, "out of memory"); /* cmd_sql_check() has seen it */
	rc = rc ?: source_open(o, &db, &damaged, err);
	rc = rc ?: run_statement(o, db, &q, format, err);
	question_deinit(&q);
	return rc ?: damaged ? EXIT_DAMAGED : EXIT_OK;
}
