// SPDX-License-Identifier: BSD-2-Clause
#include "report/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/escape.h"
#include "report/filter_sql.h"
#include "report/print.h"
#include "report/questions.h"
#include "report/source.h"

/*
 * `varve-report FILE`: what a person sees first, and what to ask next. The tables are the named
 * questions', shortened, so that page and answers say the same.
 */

struct page {
	const struct report_options *o;
	struct db *db;
	FILE *out;
	bool bold;
};

struct section {
	const char *question;
	const char *title;
	const char *columns; /* of the question's answer */
	const char *only;    /* rows worth a place here */
};

/* A path's last component is enough here; a container's id instead of its path. */
#define LAST(path) "replace(" path ", rtrim(" path ", replace(" path ", '/', '')), '')"
#define SHORT(text, max)                                                                           \
	"CASE WHEN length(" text ")>" max " THEN substr(" text ",1," max "-1)||'…' ELSE " text     \
	" END"

static const struct section sections[] = {
	{ "hot-functions", "on CPU, by function",
	  "self_pct AS 'self %', samples, " SHORT("function", "60") " AS function, " LAST(
		  "image") " AS image",
	  "1 LIMIT 8" },
	{ "process-cores", "on CPU, by process",
	  "cores, process, pid, CASE WHEN cgroup GLOB '*[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]' "
	  "AND length(cgroup)>60 THEN substr(cgroup,1,44)||'…' ELSE cgroup END AS cgroup",
	  "1 LIMIT 5" },
	{ "where-waits", "waits: who waited longest, in what state, where",
	  "blocked_ms, waits, max_ms, process, state, sleeping_in, " SHORT("program",
									    "75") " AS program",
	  "note IS NULL LIMIT 6" },
	{ "runq-by-process", "ready, but waiting for a CPU",
	  "total_ms, waits, max_us, process, pid", "total_ms>=10 LIMIT 3" },
	{ "fork-storm", "short-lived processes",
	  "started, per_min, avg_life_ms, parent, parent_pid, child", "started>=20 LIMIT 3" },
	{ "exits", "killed by a signal", "at_s, comm, pid, exit_signal, note",
	  "exit_signal IS NOT NULL LIMIT 5" },
	{ "oom-kills", "OOM kills",
	  "wall, victim_comm, victim_pid, scope, cgroup, limit_mib, anon_mib", "1 LIMIT 5" },
};

static int put_section(const struct page *p, const struct section *s, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL, *any = NULL;
	_cleanup_free_ char *sql = NULL, *exists = NULL;
	struct question q;
	int rc = question_find(s->question, &q);

	if (rc <= 0)
		return err_set(err, rc ?: -ENOENT, "the question '%s' is not there", s->question);
	rc = asprintf(&sql, "SELECT %s FROM (%s) WHERE %s", s->columns, q.sql, s->only) < 0 ||
			     asprintf(&exists, "SELECT EXISTS(SELECT 1 FROM (%s) WHERE %s)", q.sql,
				      s->only) < 0 ?
		     err_set(err, -ENOMEM, "out of memory") :
		     0;
	question_deinit(&q);
	rc = rc ?: db_query(p->db, exists, &any, err);
	rc = rc ?: filter_bind(&p->o->filter, p->db, any, err);
	rc = rc ?: db_step(any, err);
	if (rc != 1 || !db_column_int(any, 0))
		return rc < 0 ? rc : 0;
	rc = db_query(p->db, sql, &st, err);
	rc = rc ?: filter_bind(&p->o->filter, p->db, st, err);
	if (rc)
		return rc;
	fprintf(p->out, p->bold ? "\n\033[1m%s\033[0m\n" : "\n%s\n", s->title);
	return print_rows(st, PRINT_TABLE, p->out, err);
}

static int put_head(const struct page *p, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	size_t len;
	const char *s;
	int rc = db_query(
		p->db,
		"WITH who AS (SELECT t.utid, p.recording_id AS rec FROM thread t JOIN process p USING(upid)),"
		"n AS (SELECT rec, count(*) AS threads FROM who GROUP BY 1),"
		"s AS (SELECT rec, kind, sum(n) AS n FROM thread_total JOIN who USING(utid) GROUP BY 1,2),"
		"k AS (SELECT p.recording_id AS rec, count(*) AS n FROM oom o JOIN process p ON p.upid=o.victim_upid GROUP BY 1),"
		"l AS (SELECT recording_id AS rec, group_concat(coalesce(lost||' ','')||stream||' ('||reason||')',', ') AS what FROM (SELECT recording_id, stream, reason, sum(lost) AS lost, row_number() OVER (PARTITION BY recording_id) AS nr FROM loss GROUP BY 1,2,3) WHERE nr<=4 GROUP BY 1) "
		"SELECT printf('%s%s, %.1f s, %,d samples, %,d waits, %,d threads, %s%s', coalesce(host||', ',''), "
		"strftime('%Y-%m-%d %H:%M:%S UTC',t0_unix_ns/1000000000,'unixepoch'), duration_ns/1e9, coalesce((SELECT n FROM s WHERE rec=r.id AND kind='on-cpu'),0), "
		"coalesce((SELECT n FROM s WHERE rec=r.id AND kind='off-cpu'),0), coalesce((SELECT threads FROM n WHERE rec=r.id),0), "
		"coalesce((SELECT CASE n WHEN 1 THEN '1 OOM kill, ' ELSE n||' OOM kills, ' END FROM k WHERE rec=r.id),''), "
		"coalesce((SELECT 'lost or incomplete: '||what||' (see info)' FROM l WHERE rec=r.id),'nothing lost')) "
		"FROM recording r ORDER BY id",
		&st, err);

	while (!rc && (rc = db_step(st, err)) == 1) {
		s = db_column_text(st, 0, &len);
		escape_text(p->out, s, len);
		fputc('\n', p->out);
		rc = 0;
	}
	return rc;
}

#define INPUTS_SHOWN 3 /* more of them would be all that is seen */

/* The inputs, to be copied to a command line. NULL: out of memory. */
static char *inputs_text(const struct report_options *o)
{
	char *text = NULL;
	size_t len;
	FILE *f;

	if (o->input_cnt > INPUTS_SHOWN)
		return strdup("INPUT...");
	f = open_memstream(&text, &len);
	for (size_t i = 0; f && i < o->input_cnt; i++) {
		fputs(i ? " " : "", f);
		escape_shell(f, o->inputs[i], strlen(o->inputs[i]));
	}
	if (!f || fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

static int put_next(const struct page *p, struct err *err)
{
	static const struct {
		const char *command, *text;
	} next[] = {
		{ "flame %s -o x.html", "all of it as pictures, for a browser" },
		{ "top %s --event off-cpu", "waits by function" },
		{ "sql %s -q waits-on-whom", "who ends those waits" },
		{ "sql %s -q noisy-neighbour", "who had the CPU meanwhile (with -e all)" },
		{ "sql --list", "the other questions" },
		{ "info %s", "what was lost, how much has names" },
	};
	_cleanup_free_ char *inputs = inputs_text(p->o);
	char *lines[ARRAY_SIZE(next)] = { NULL };
	int width = 0, rc = inputs ? 0 : err_set(err, -ENOMEM, "out of memory");

	for (size_t i = 0; i < ARRAY_SIZE(next) && !rc; i++) {
		int n = asprintf(&lines[i], next[i].command, inputs);

		if (n < 0) {
			lines[i] = NULL;
			rc = err_set(err, -ENOMEM, "out of memory");
		}
		width = n > width ? n : width;
	}
	fprintf(p->out, p->bold ? "\n\033[1m%s\033[0m\n" : "\n%s\n", "next");
	for (size_t i = 0; i < ARRAY_SIZE(next) && !rc; i++)
		fprintf(p->out, "  varve-report %-*s  %s\n", width, lines[i], next[i].text);
	fputs("  --comm NAME, --cgroup PATH and --time 5s,10s narrow each of them\n", p->out);
	for (size_t i = 0; i < ARRAY_SIZE(next); i++)
		free(lines[i]);
	return rc;
}

int cmd_summary(const struct report_options *o, struct err *err)
{
	_cleanup_db_ struct db *db = NULL;
	struct page p = { .o = o, .out = stdout, .bold = print_has_color(o->color, stdout) };
	bool damaged = false;
	int rc;

	if (!o->input_cnt) {
		report_options_help(COMMAND_SUMMARY, stderr);
		return EXIT_USAGE;
	}
	rc = source_open(o, &db, &damaged, err);
	if (rc)
		return rc;
	p.db = db;
	rc = put_head(&p, err);
	for (size_t i = 0; i < ARRAY_SIZE(sections) && !rc; i++)
		rc = put_section(&p, &sections[i], err);
	rc = rc ?: put_next(&p, err);
	rc = print_close(stdout, NULL, rc ? NULL : err) ?: rc;
	return rc ?: damaged ? EXIT_DAMAGED : EXIT_OK;
}
