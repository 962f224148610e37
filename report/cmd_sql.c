// SPDX-License-Identifier: BSD-2-Clause
#include "report/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
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

/* --pid, --comm, … as a JSON array of utids: one judge for all commands (filter.c), whatever the question. */
static char *picked_threads(const struct filter *f, const struct tasks *t)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	const char *sep = "[";

	if (!out)
		return NULL;
	for (uint32_t utid = 1; utid <= t->threads.cnt; utid++) {
		if (!filter_takes_thread(f, t, utid))
			continue;
		fprintf(out, "%s%u", sep, utid);
		sep = ",";
	}
	fputs(*sep == '[' ? "[]" : "]", out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* :threads (NULL: all), :from and :to, for those statements that use them. */
static int bind_filters(const struct filter *f, struct db *db, struct db_stmt *st, struct err *err)
{
	bool picks = f->pid_cnt || f->tid_cnt || f->comms.cnt || f->cgroups.cnt;
	bool times = f->has_from || f->has_to;
	_cleanup_free_ char *threads = NULL;
	struct tasks tasks = { 0 };
	int64_t from, to;
	int rc = 0;

	if ((picks && !db_has_parameter(st, ":threads")) || (times && !db_has_parameter(st, ":from")))
		return err_set(err, -EINVAL, "the statement does not use %s: filters would change nothing",
			       picks && !db_has_parameter(st, ":threads") ? ":threads" : ":from and :to");
	filter_time(f, db_query_int(db, "SELECT max(start_ts+duration_ns) FROM recording", 0), &from, &to);
	db_bind_int(st, ":from", from);
	db_bind_int(st, ":to", to);
	if (picks) {
		rc = tasks_read(&tasks, db, err);
		threads = rc ? NULL : picked_threads(f, &tasks);
		if (!rc && !threads)
			rc = err_set(err, -ENOMEM, "out of memory");
		if (!rc)
			db_bind_text(st, ":threads", threads);
		tasks_deinit(&tasks);
	}
	return rc;
}

static int run_statement(const struct report_options *o, struct db *db, const char *sql, enum print_format format, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	FILE *out;
	int rc = db_query_user(db, sql, &st, err);

	rc = rc ?: bind_filters(&o->filter, db, st, err);
	rc = rc ?: print_open(o->output, &out, err);
	if (rc)
		return rc;
	rc = print_rows(st, format, out, err);
	return print_close(out, o->output, rc ? NULL : err) ?: rc;
}

static int find_question(const char *name, struct question *q, struct err *err)
{
	int rc = question_find(name, q);

	if (rc == 0) {
		rc = err_set(err, -ENOENT, "no question is named '%s'", name);
		err_hint(err, "varve-report sql --list shows them");
	}
	return rc < 0 ? rc : 0;
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
	if (!rc && o->question)
		rc = find_question(o->question, &q, err);
	rc = rc ?: source_open(o, &db, &damaged, err);
	rc = rc ?: run_statement(o, db, o->question ? q.sql : o->sql, format, err);
	question_deinit(&q);
	return rc ?: damaged ? EXIT_DAMAGED : EXIT_OK;
}
