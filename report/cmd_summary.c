// SPDX-License-Identifier: BSD-2-Clause
#include "report/cmd.h"

#include <string.h>

#include "report/escape.h"
#include "report/print.h"
#include "report/source.h"

/* `varve-report FILE`: what a person sees first, and what to ask next. */

static int put_rows(struct db *db, const char *title, const char *sql, FILE *out, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	int rc = db_query(db, sql, &st, err);

	if (rc)
		return rc;
	fprintf(out, "\n%s\n", title);
	return print_rows(st, PRINT_TABLE, out, err);
}

static int put_head(struct db *db, FILE *out, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	size_t len;
	const char *s;
	int rc = db_query(
		db,
		"SELECT printf('%s%s, %.1f s, %,d samples, %,d waits, %,d threads, %d OOM kills, %s', coalesce(host||', ',''), "
		"strftime('%Y-%m-%d %H:%M:%S UTC',t0_unix_ns/1000000000,'unixepoch'), duration_ns/1e9, (SELECT count(*) FROM sample), "
		"(SELECT count(*) FROM offcpu), (SELECT count(*) FROM thread), (SELECT count(*) FROM oom), "
		"(SELECT CASE count(*) WHEN 0 THEN 'nothing lost' ELSE count(*)||' losses (see info)' END FROM loss)) FROM recording WHERE id=1",
		&st, err);

	rc = rc ?: db_step(st, err);
	if (rc == 1) {
		s = db_column_text(st, 0, &len);
		escape_text(out, s, len);
		fputc('\n', out);
		rc = 0;
	}
	return rc;
}

static int put_page(const struct report_options *o, struct db *db, FILE *out, struct err *err)
{
	const char *in = o->inputs[0];
	int rc = put_head(db, out, err);

	rc = rc	   ?:
		     put_rows(
			     db, "on CPU, by function",
			     "SELECT self_pct AS 'self %', total_pct AS 'total %', function, image FROM oncpu_function ORDER BY self_ns DESC, total_ns DESC, 3 LIMIT 10",
			     out, err);
	rc = rc	   ?:
		     put_rows(
			     db, "on CPU, by process",
			     "SELECT round(cpu_ns/1e9,2) AS cpu_s, process, pid, cgroup FROM process_cpu ORDER BY cpu_ns DESC, pid LIMIT 5",
			     out, err);
	rc = rc	   ?:
		     put_rows(
			     db, "waits, by process and state",
			     "SELECT round(total(blocked_ns)/1e9,2) AS blocked_s, round(total(runq_ns)/1e9,3) AS runq_s, sum(events) AS waits, state, process "
			     "FROM offcpu_stack GROUP BY process, state ORDER BY total(blocked_ns) DESC, 5 LIMIT 8",
			     out, err);
	if (!rc && db_query_int(db, "SELECT count(*) FROM oom", 0))
		rc = put_rows(
			db, "OOM kills",
			"SELECT wall, victim_comm, victim_pid, scope, cgroup, limit_bytes>>20 AS limit_mib, anon_rss_kb>>10 AS anon_mib FROM oom_report",
			out, err);
	if (rc)
		return rc;
	fprintf(out,
		"\nnext\n"
		"  varve-report info %s            what was recorded and lost, how much has names\n"
		"  varve-report top %s --event off-cpu\n"
		"  varve-report flame %s -o x.html\n"
		"  varve-report sql %s --list      questions with answers: who waits on whom, run-queue latency, OOM …\n",
		in, in, in, in);
	return 0;
}

int cmd_summary(const struct report_options *o, struct err *err)
{
	_cleanup_db_ struct db *db = NULL;
	bool damaged = false;
	int rc;

	if (!o->input_cnt) {
		report_options_help(COMMAND_SUMMARY, stderr);
		return EXIT_USAGE;
	}
	rc = source_open(o, &db, &damaged, err);
	if (rc)
		return rc;
	rc = put_page(o, db, stdout, err);
	rc = print_close(stdout, NULL, rc ? NULL : err) ?: rc;
	return rc ?: damaged ? EXIT_DAMAGED : EXIT_OK;
}
