// SPDX-License-Identifier: BSD-2-Clause
#include "report/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/escape.h"
#include "report/loss.h"
#include "report/naming.h"
#include "report/filter_sql.h"
#include "report/print.h"
#include "report/source.h"

#define NOT_ENDED "'not on purpose: the recorder died or the file was cut'"

/* One line for each row of a query that gives (label, text). */
static int put_pairs(struct db *db, const char *sql, FILE *out, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	int rc = db_query(db, sql, &st, err);

	while (!rc && (rc = db_step(st, err)) == 1) {
		size_t len;
		const char *text = db_column_text(st, 1, &len);

		rc = 0;
		if (!text)
			continue;
		fprintf(out, "  %-14s ", db_column_text(st, 0, NULL));
		escape_text(out, text, len);
		fputc('\n', out);
	}
	return rc;
}

static int put_table(struct db *db, const char *title, const char *sql, FILE *out, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	int rc = db_query(db, sql, &st, err);

	if (rc)
		return rc;
	fprintf(out, "\n%s\n", title);
	return print_rows(st, PRINT_TABLE, out, err);
}

static int put_recording(struct db *db, FILE *out, struct err *err)
{
	fprintf(out, "recording\n");
	return put_pairs(
		db,
		"SELECT 'host', value FROM meta WHERE key='hostname' UNION ALL "
		"SELECT 'anonymized', 'names of host and users, boot id and user ids are left out' FROM meta WHERE key='anonymized' UNION ALL "
		"SELECT 'kernel', value FROM meta WHERE key IN('kernel','kernel_release') UNION ALL "
		"SELECT 'cpus', value FROM meta WHERE key='ncpu' UNION ALL "
		"SELECT 'command', value FROM meta WHERE key='command' UNION ALL "
		"SELECT 'recorder', value FROM meta WHERE key='version' UNION ALL "
		"SELECT 'started', strftime('%Y-%m-%d %H:%M:%S UTC',t0_unix_ns/1000000000,'unixepoch') FROM recording UNION ALL "
		"SELECT 'duration', printf('%.3f s',duration_ns/1e9) FROM recording UNION ALL "
		"SELECT 'segments', value FROM meta WHERE key='segments' UNION ALL "
		"SELECT 'ended', coalesce(ended," NOT_ENDED ") FROM recording",
		out, err);
}

/* Of each by itself; facts of others than the first are filed under "2.kernel", …. */
static int put_recordings(struct db *db, FILE *out, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	int rc = db_query(
		db,
		"WITH r AS (SELECT *, iif(id=1,'',id||'.') AS of FROM recording) "
		"SELECT id AS rec, coalesce(host,(SELECT 'anonymized' FROM meta WHERE key=of||'anonymized')) AS host, (SELECT value FROM meta WHERE key IN(of||'kernel',of||'kernel_release')) AS kernel, "
		"strftime('%Y-%m-%d %H:%M:%S UTC',t0_unix_ns/1000000000,'unixepoch') AS started, round(duration_ns/1e9,3) AS duration_s, "
		"(SELECT value FROM meta WHERE key=of||'segments') AS segments, coalesce(ended," NOT_ENDED ") AS ended FROM r ORDER BY id",
		&st, err);

	fprintf(out, "recordings\n");
	rc = rc ?: print_rows(st, PRINT_TABLE, out, err);
	if (!rc)
		fputs("\nall of them\n", out);
	return rc;
}

static int put_what(struct db *db, FILE *out, struct err *err)
{
	int rc = db_query_int(db, "SELECT count(*) FROM recording", 0) > 1 ? put_recordings(db, out, err) : put_recording(db, out, err);

	return rc ?: put_pairs(
		db,
		"SELECT 'samples', printf('%,d (%.2f s of CPU time)',total(n),total(ns)/1e9) FROM thread_total WHERE kind='on-cpu' UNION ALL "
		"SELECT 'waits', printf('%,d',total(n)) FROM thread_total WHERE kind='off-cpu' UNION ALL "
		"SELECT 'slices', printf('%,d',sum(n)) FROM thread_cpu WHERE kind='slice' HAVING count(*)>0 UNION ALL "
		"SELECT 'tasks', printf('%,d processes, %,d threads',(SELECT count(*) FROM process),count(*)) FROM thread UNION ALL "
		"SELECT 'OOM kills', count(*) FROM oom HAVING count(*)>0",
		out, err);
}

/* What the reasons in the table above it mean. */
static int put_reasons(struct db *db, FILE *out, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	int rc = db_query(db, "SELECT DISTINCT reason FROM loss ORDER BY 1", &st, err);

	while (!rc && (rc = db_step(st, err)) == 1) {
		size_t len;
		const char *reason = db_column_text(st, 0, &len);

		rc = 0;
		fputs("  ", out);
		escape_text(out, reason, len);
		fprintf(out, ": %s\n", loss_sentence(reason));
	}
	return rc;
}

static int put_loss(struct db *db, FILE *out, struct err *err)
{
	int rc = 0;

	if (db_query_int(db, "SELECT count(*) FROM stream_total", 0))
		rc = put_table(
			db, "streams: seen = written + lost",
			"SELECT stream, CAST(total(seen) AS INT) AS seen, CAST(total(written) AS INT) AS written, CAST(total(ring_full) AS INT) AS ring_full, CAST(total(map_full) AS INT) AS map_full, "
			"CAST(total(user_dropped) AS INT) AS dropped, CAST(total(stack_error) AS INT) AS without_stack, sum(imported) AS in_file FROM stream_total GROUP BY stream",
			out, err);
	if (rc)
		return rc;
	if (!db_query_int(db, "SELECT count(*) FROM loss", 0)) {
		fprintf(out, "\nlost: nothing\n");
		return 0;
	}
	rc = put_table(
		db, "lost",
		"SELECT stream, reason, count(*) AS times, CAST(total(lost) AS INT) AS events, sum(bytes) AS bytes, round(min(ts)/1e9,3) AS from_s, "
		"round(max(ts+coalesce(dur_ns,0))/1e9,3) AS to_s FROM loss GROUP BY 1,2 ORDER BY 1,2",
		out, err);
	return rc ?: put_reasons(db, out, err);
}

/* Every number the recorder wrote now and then, its own (varve.*) among them. */
static int put_counters(struct db *db, FILE *out, struct err *err)
{
	return put_table(
		db, "counters (of: how many processes, cgroups, …; last: of all of them together)",
		"SELECT k.name, k.scope, count(DISTINCT k.scope_id) AS 'of', sum(k.n) AS points, CAST(min(k.least) AS INT) AS min, CAST(max(k.most) AS INT) AS max, CAST(sum(l.value) AS INT) AS last FROM "
		"(SELECT name, scope, scope_id, count(*) AS n, min(value) AS least, max(value) AS most, max(id) AS last_id FROM counter GROUP BY recording_id, name, scope, scope_id) k "
		"JOIN counter l ON l.id=k.last_id GROUP BY 1, 2 ORDER BY k.scope='varve', k.scope, k.name",
		out, err);
}

/* The busiest threads, or all that the filters pick. */
static int put_accounts(const struct report_options *o, struct db *db, FILE *out, struct err *err)
{
	static const char sql[] =
		"SELECT t.thread, t.tid, round(wall_ns/1e9,3) AS wall_s, round(running_ns/1e9,3) AS running_s, "
		"round(runq_ns/1e9,3) AS runq_s, round(blocked_ns/1e9,3) AS blocked_s, round(lost_ns/1e9,3) AS lost_s, "
		"short_waits, round(100.0*(running_ns+runq_ns+blocked_ns)/max(1,wall_ns),2) AS closed_pct "
		"FROM thread_account JOIN thread_v t USING(utid) "
		"WHERE :threads IS NULL OR utid IN (SELECT value FROM json_each(:threads)) ORDER BY running_ns DESC, utid LIMIT :limit";
	_cleanup_stmt_ struct db_stmt *st = NULL;
	int rc;

	if (!db_query_int(db, "SELECT count(*) FROM thread_account", 0))
		return 0;
	rc = put_table(
		db, "time accounting: wall = running + run queue + blocked + lost",
		"SELECT count(*) AS threads, round(total(wall_ns)/1e9,3) AS wall_s, round(total(running_ns)/1e9,3) AS running_s, "
		"round(total(runq_ns)/1e9,3) AS runq_s, round(total(blocked_ns)/1e9,3) AS blocked_s, "
		"round(total(lost_ns)/1e9,3) AS lost_s, CAST(total(short_waits) AS INT) AS short_waits, "
		"round(100.0*(total(running_ns)+total(runq_ns)+total(blocked_ns))/max(1,total(wall_ns)),2) AS closed_pct FROM thread_account",
		out, err);
	rc = rc ?: db_query(db, sql, &st, err);
	rc = rc ?: filter_bind(&o->filter, db, st, err);
	if (rc)
		return rc;
	db_bind_int(st, ":limit", filter_picks_threads(&o->filter) ? -1 : 10);
	fprintf(out, "\nby thread%s\n", filter_picks_threads(&o->filter) ? "" : ", the busiest");
	return print_rows(st, PRINT_TABLE, out, err);
}

static int put_ends(struct db *db, FILE *out, struct err *err)
{
	return put_table(
		db, "how the stacks end at their root",
		"SELECT coalesce(e.name,'no stack') AS end, kind, sum(n) AS stacks, round(100.0*sum(n)/sum(sum(n)) OVER (PARTITION BY kind),2) AS pct "
		"FROM stack_total a LEFT JOIN stack k ON k.id=a.stack_id LEFT JOIN stack_end e ON e.id=k.end_id GROUP BY kind, 1 ORDER BY kind DESC, 3 DESC",
		out, err);
}

static int put_all(const struct report_options *o, struct db *db, struct naming *g, FILE *out,
		   struct err *err)
{
	int rc;

	if (o->missing) {
		rc = naming_read(g, db, NULL, err);
		return rc ?: naming_print_missing(g, o->symbols.symfs, out, err);
	}
	rc = put_what(db, out, err);
	rc = rc ?: put_loss(db, out, err);
	rc = rc ?: put_accounts(o, db, out, err);
	rc = rc ?: naming_read(g, db, out, err);
	rc = rc ?: put_ends(db, out, err);
	return rc || !o->verbose ? rc : put_counters(db, out, err);
}

int cmd_info(const struct report_options *o, struct err *err)
{
	_cleanup_db_ struct db *db = NULL;
	struct naming g = { 0 };
	bool damaged = false, below;
	FILE *out;
	int rc = source_open(o, &db, &damaged, err);

	rc = rc ?: print_open(o->output, &out, err);
	if (rc)
		return rc;
	rc = put_all(o, db, &g, out, err);
	rc = print_close(out, o->output, rc ? NULL : err) ?: rc;
	below = !rc && naming_is_below(&g, o);
	naming_deinit(&g);
	return rc ?: damaged ? EXIT_DAMAGED : below ? EXIT_UNNAMED : EXIT_OK;
}
