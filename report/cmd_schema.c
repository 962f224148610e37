// SPDX-License-Identifier: BSD-2-Clause
#include "report/cmd.h"

#include <string.h>

#include "report/db.h"
#include "report/print.h"

/*
 * schema.sql keeps one column to a line, its comment behind it; a table's or view's own comment
 * stands on its first line. So the text is the manual, and this only lays it out.
 */

static const char *comment_of(const char *line, size_t len)
{
	const char *at = memmem(line, len, "-- ", 3);

	return at ? at + 3 : NULL;
}

static void put_head(const char *kind, const char *name, const char *line, size_t len, FILE *out)
{
	const char *comment = comment_of(line, len);
	int comment_len = comment ? (int)(line + len - comment) : 0;

	fprintf(out, "\n%s %.*s: %.*s\n", kind, (int)strcspn(name, "( "), name, comment_len,
		comment ?: "");
}

/* "  name TYPE …, -- what it holds" */
static void put_column(const char *line, size_t len, FILE *out)
{
	const char *name = line + 2, *comment = comment_of(line, len);
	size_t name_len = strcspn(name, " ");
	const char *type = name + name_len + 1;

	if (!comment || !strncmp(name, "PRIMARY", 7))
		return;
	fprintf(out, "  %-18.*s %-8.*s %.*s\n", (int)name_len, name, (int)strcspn(type, " ,"), type,
		(int)(line + len - comment), comment);
}

static void put_schema(FILE *out)
{
	bool in_table = false;

	fprintf(out,
		"schema version %d; ts: ns since the recording's start; *_ns, *_us, *_kb (KiB), *_bytes; NULL: not recorded\n",
		DB_SCHEMA_VERSION);
	for (const char *line = db_schema; *line;) {
		size_t len = strcspn(line, "\n");

		if (!strncmp(line, "CREATE TABLE ", 13)) {
			put_head("table", line + 13, line, len, out);
			in_table = true;
		} else if (!strncmp(line, "CREATE VIEW ", 12)) {
			put_head("view", line + 12, line, len, out);
		} else if (line[0] == ')') {
			in_table = false;
		} else if (in_table) {
			put_column(line, len, out);
		}
		line += len + (line[len] == '\n');
	}
	fprintf(out,
		"\nnamed questions: varve-report sql --list, or SELECT name, title FROM question\n");
}

int cmd_schema(const struct report_options *o, struct err *err)
{
	FILE *out;
	int rc = print_open(o->output, &out, err);

	if (rc)
		return rc;
	put_schema(out);
	return print_close(out, o->output, err);
}
