// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "formats/cleanup.h"

static void put_fact(FILE *f, struct db *db, const char *before, const char *key)
{
	_cleanup_free_ char *value = db_meta(db, key);

	if (value && *value)
		fprintf(f, "%s%s", before, value);
}

static void put_start(FILE *f, struct db *db)
{
	int64_t unix_ns = db_query_int(db, "SELECT t0_unix_ns FROM recording WHERE id=1", 0);
	int64_t duration = db_query_int(db, "SELECT max(start_ts+duration_ns) FROM recording", 0);
	time_t seconds = unix_ns / 1000000000;
	char text[40];
	struct tm tm;

	fprintf(f, "%.1f s", (double)duration / 1e9);
	if (unix_ns && gmtime_r(&seconds, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm))
		fprintf(f, " from %s", text);
}

static void put_list(FILE *f, const char *name, size_t cnt, const uint32_t *values)
{
	for (size_t i = 0; i < cnt; i++)
		fprintf(f, "%s%" PRIu32, i ? "," : name, values[i]);
}

static void put_globs(FILE *f, const char *name, const struct filter_list *l)
{
	for (size_t i = 0; i < l->cnt; i++)
		fprintf(f, "%s%s", i ? "," : name, l->items[i]);
}

static void put_filter(FILE *out, const struct filter *f)
{
	put_list(out, ", pid ", f->pid_cnt, f->pids);
	put_list(out, ", tid ", f->tid_cnt, f->tids);
	put_list(out, ", cpu ", f->cpu_cnt, f->cpus);
	put_globs(out, ", comm ", &f->comms);
	put_globs(out, ", cgroup ", &f->cgroups);
	if (f->states)
		fprintf(out, ", state %s", f->states);
	if (f->has_from || f->has_to) {
		fputs(", time ", out);
		if (f->has_from)
			fprintf(out, "%g s", (double)f->from_ns / 1e9);
		fputs(" to ", out);
		if (f->has_to)
			fprintf(out, "%g s", (double)f->to_ns / 1e9);
		else
			fputs("the end", out);
	}
	if (f->where)
		fprintf(out, ", where %s", f->where);
}

char *flame_describe(struct db *db, const struct filter *f)
{
	char *text = NULL;
	size_t text_sz;
	FILE *out = open_memstream(&text, &text_sz);

	if (!out)
		return NULL;
	put_fact(out, db, "host ", "hostname");
	fputs(ftell(out) > 0 ? ", " : "", out);
	put_start(out, db);
	put_fact(out, db, ", kernel ", "kernel");
	put_fact(out, db, ", ", "command");
	put_filter(out, f);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

char *flame_describe_losses(struct db *db)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	char *text = NULL;
	size_t text_sz;
	FILE *out = open_memstream(&text, &text_sz);
	bool first = true;

	if (!out)
		return NULL;
	if (!db_query(
		    db,
		    "SELECT stream,reason,sum(lost),sum(bytes) FROM loss GROUP BY stream,reason ORDER BY stream,reason",
		    &st, NULL)) {
		while (db_step(st, NULL) > 0) {
			fputs(first ? "Lost or incomplete: " : "; ", out);
			first = false;
			if (!db_column_is_null(st, 2))
				fprintf(out, "%" PRId64 " ", db_column_int(st, 2));
			fprintf(out, "%s", db_column_text(st, 0, NULL) ?: "");
			if (!db_column_is_null(st, 3) && db_column_int(st, 3))
				fprintf(out, ", %" PRId64 " bytes", db_column_int(st, 3));
			fprintf(out, " (%s)", db_column_text(st, 1, NULL) ?: "");
		}
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
