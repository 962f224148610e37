// SPDX-License-Identifier: BSD-2-Clause
#include "report/filter_sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "formats/cleanup.h"

/* --pid, --comm, … as a JSON array of utids: one judge for all commands (filter.c), whatever the
 * question. */
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

/* --time leaves out less than half of the time there is. */
static bool is_most(const struct filter *f, struct db *db, int64_t from, int64_t to)
{
	int64_t start = db_query_int(db, "SELECT min(start_ts) FROM recording", 0);
	int64_t end = db_query_int(db, "SELECT max(start_ts+duration_ns) FROM recording", 0);
	uint64_t inside;

	if (from < start)
		from = start;
	if (to > end)
		to = end;
	if ((!f->has_from && !f->has_to) || from >= to)
		return false;
	inside = (uint64_t)to - (uint64_t)from;
	return inside > (uint64_t)end - (uint64_t)start - inside;
}

int filter_bind(const struct filter *f, struct db *db, struct db_stmt *st, struct err *err)
{
	_cleanup_free_ char *threads = NULL;
	struct tasks tasks = { 0 };
	int64_t from, to;
	int rc = 0;

	filter_time(f, db_query_int(db, "SELECT max(start_ts+duration_ns) FROM recording", 0),
		    &from, &to);
	db_bind_int(st, ":from", from);
	db_bind_int(st, ":to", to);
	db_bind_int(st, ":whole", !f->has_from && !f->has_to);
	db_bind_int(st, ":most", is_most(f, db, from, to));
	if (filter_picks_threads(f)) {
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
