// SPDX-License-Identifier: BSD-2-Clause
#include "report/print.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "report/escape.h"
#include "report/json.h"
#include "report/print_table.h"
#include "report/text_width.h"

int print_open(const char *path, FILE **ret, struct err *err)
{
	FILE *f;

	if (!path || !strcmp(path, "-")) {
		*ret = stdout;
		return 0;
	}
	f = fopen(path, "we");
	if (!f)
		return err_errno(err, "open '%s'", path);
	*ret = f;
	return 0;
}

/* Of a pipe or socket: an earlier write may have met it, and its errno is gone. */
static bool has_reader(FILE *f)
{
	struct pollfd p = { .fd = fileno(f) };

	return poll(&p, 1, 0) != 1 || !(p.revents & (POLLERR | POLLHUP));
}

/* Half an answer is none. Only the very file that was written: not what a link leads to, or a device. */
static void remove_half(const char *path, const struct stat *written)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISREG(st.st_mode) && st.st_ino == written->st_ino && st.st_dev == written->st_dev)
		(void)unlink(path); /* the error that counts is told */
}

int print_close(FILE *f, const char *path, struct err *err)
{
	const char *name = f == stdout ? "stdout" : path;
	bool failed = ferror(f), is_file;
	struct stat st;
	int rc = 0;

	if (failed && !has_reader(f)) {
		if (f != stdout)
			fclose(f);
		return 0;
	}
	is_file = f != stdout && !fstat(fileno(f), &st);
	if (f == stdout ? fflush(f) != 0 : fclose(f) != 0)
		rc = err_errno(err, "write '%s'", name);
	else if (failed)
		rc = err_set(err, -EIO, "write '%s': an earlier write failed", name);
	if (rc && is_file)
		remove_half(path, &st);
	return rc == -EPIPE ? 0 : rc;
}

int print_format_parse(const char *name, enum print_format *ret, struct err *err)
{
	static const char *const names[] = { "table", "csv", "json", "ndjson" };

	*ret = PRINT_TABLE;
	for (size_t i = 0; name && i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i])) {
			*ret = (enum print_format)i;
			return 0;
		}
	return name ? err_set(err, -EINVAL,
			      "--format: '%s' is not a format (table, csv, json, ndjson)", name) :
		      0;
}

const char *print_duration(char buf[32], double ns)
{
	if (ns >= 1e9 || ns <= -1e9)
		snprintf(buf, 32, "%.2f s", ns / 1e9);
	else if (ns >= 1e6 || ns <= -1e6)
		snprintf(buf, 32, "%.2f ms", ns / 1e6);
	else if (ns >= 1e3 || ns <= -1e3)
		snprintf(buf, 32, "%.1f us", ns / 1e3);
	else
		snprintf(buf, 32, "%.0f ns", ns);
	return buf;
}

const char *print_count(char buf[32], uint64_t n)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n),
	       at = 0;

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}

bool print_has_color(const char *when, FILE *f)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	if (when && strcmp(when, "auto"))
		return !strcmp(when, "always");
	return isatty(fileno(f)) && !(no && *no) && term && strcmp(term, "dumb");
}

/* ---- rows --------------------------------------------------------------- */

static void csv_row(struct db_stmt *st, int cols, FILE *out)
{
	for (int c = 0; c < cols; c++) {
		size_t len;
		const char *s = db_column_text(st, c, &len);

		if (c)
			fputc(',', out);
		if (db_column_type(st, c) == DB_TEXT)
			escape_csv(out, s, len);
		else if (s)
			fwrite(s, 1, len, out);
	}
	fputs("\r\n", out);
}

static int write_csv(struct db_stmt *st, FILE *out, struct err *err)
{
	int cols = db_column_count(st), rc = 0;

	for (int c = 0; c < cols; c++) {
		if (c)
			fputc(',', out);
		escape_csv(out, db_column_name(st, c), strlen(db_column_name(st, c)));
	}
	fputs("\r\n", out);
	while (!ferror(out) && (rc = db_step(st, err)) == 1)
		csv_row(st, cols, out);
	return rc < 0 ? rc : 0;
}

static void json_row(struct json *j, struct db_stmt *st)
{
	json_object(j);
	for (int c = 0; c < db_column_count(st); c++) {
		size_t len;
		const char *s;

		json_key(j, db_column_name(st, c));
		switch (db_column_type(st, c)) {
		case DB_INT:
			json_i64(j, db_column_int(st, c));
			break;
		case DB_REAL:
			json_double(j, db_column_real(st, c));
			break;
		case DB_NULL:
			json_null(j);
			break;
		case DB_TEXT:
			s = db_column_text(st, c, &len);
			json_string_n(j, s ?: "", s ? len : 0);
			break;
		}
	}
	json_end(j);
}

static int write_json(struct db_stmt *st, bool is_lines, FILE *out, struct err *err)
{
	struct json j;
	int rc = 0;

	json_init(&j, out);
	if (!is_lines)
		json_array(&j);
	while (!ferror(out) && (rc = db_step(st, err)) == 1) {
		if (is_lines)
			json_init(&j, out);
		json_row(&j, st);
		if (is_lines)
			fputc('\n', out);
	}
	if (!is_lines) {
		json_end(&j);
		fputc('\n', out);
	}
	return rc < 0 ? rc : 0;
}

int print_rows(struct db_stmt *st, enum print_format format, FILE *out, struct err *err)
{
	switch (format) {
	case PRINT_CSV:
		return write_csv(st, out, err);
	case PRINT_JSON:
		return write_json(st, false, out, err);
	case PRINT_NDJSON:
		return write_json(st, true, out, err);
	case PRINT_TABLE:
		break;
	}
	return print_table(st, text_terminal_width(out), out, err);
}
