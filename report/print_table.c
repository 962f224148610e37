// SPDX-License-Identifier: BSD-2-Clause
#include "report/print_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/escape.h"
#include "report/table.h"
#include "report/text_width.h"

#define GAP 2	       /* between columns */
#define TEXT_LEAST 8   /* a text is not cut below this: rows would look alike */
#define DECIMALS_MAX 6 /* a column with more of them is no measure that was rounded */

/* A table is as wide as its widest cells, so all of it is read before the first line is written. */
struct cell {
	char *text; /* owned */
	int width;  /* columns on a terminal */
	bool is_number;
	int decimals; /* of a real number that is written out; else 0 */
};

struct column {
	char *name; /* owned */
	int width;
	int cells;	/* the widest of them */
	int decimals;	/* the most of them; a number that is not written out has DECIMALS_MAX + 1 */
	bool is_text;	/* some are */
	bool is_number; /* the first is: the name stands to the right as well */
};

struct rows {
	TABLE(struct cell) cells; /* row by row */
	struct column *cols;	  /* owned */
	int cnt;
	int gap;
};

static int max(int a, int b)
{
	return a > b ? a : b;
}

/* ---- reading ------------------------------------------------------------ */

static int decimals_of(const char *s)
{
	const char *dot = s + strspn(s, "-0123456789");
	size_t n = *dot == '.' ? strspn(dot + 1, "0123456789") : 0;

	return n && n <= DECIMALS_MAX && !dot[1 + n] ? (int)n : DECIMALS_MAX + 1;
}

static int take_cell(struct db_stmt *st, int col, struct cell *c)
{
	enum db_type type = db_column_type(st, col);
	size_t len = 0;
	const char *s = db_column_text(st, col, &len);

	c->is_number = type == DB_INT || type == DB_REAL;
	c->text = s ? escape_text_dup(s, len) : strdup("");
	if (!c->text)
		return -ENOMEM;
	c->width = text_width(c->text);
	c->decimals = type == DB_REAL ? decimals_of(c->text) : 0;
	return 0;
}

static int read_row(struct rows *r, struct db_stmt *st)
{
	bool is_first = !r->cells.cnt;

	for (int c = 0; c < r->cnt; c++) {
		struct column *col = &r->cols[c];
		uint32_t id = table_add(&r->cells);
		struct cell *cell = &r->cells.row[id];

		if (!id || take_cell(st, c, cell))
			return -ENOMEM;
		col->decimals = max(col->decimals, cell->decimals);
		col->is_text |= !cell->is_number && cell->width;
		if (is_first)
			col->is_number = cell->is_number;
	}
	return 0;
}

/* Rounded numbers have lost their zeros: with them, points stand below one another. */
static int add_zeros(struct cell *c, int decimals)
{
	int zeros = decimals - c->decimals;
	char *text;

	if (!c->decimals || zeros <= 0 || decimals > DECIMALS_MAX)
		return 0;
	if (asprintf(&text, "%s%0*d", c->text, zeros, 0) < 0)
		return -ENOMEM;
	free(c->text);
	c->text = text;
	c->width += zeros;
	return 0;
}

static int finish_cells(struct rows *r)
{
	for (uint32_t i = 0; i < r->cells.cnt; i++) {
		struct column *col = &r->cols[i % (uint32_t)r->cnt];
		struct cell *cell = &r->cells.row[i + 1];

		if (add_zeros(cell, col->decimals))
			return -ENOMEM;
		col->cells = max(col->cells, cell->width);
	}
	return 0;
}

static void rows_deinit(struct rows *r)
{
	for (uint32_t id = 1; id <= r->cells.cnt; id++)
		free(r->cells.row[id].text);
	table_deinit(&r->cells);
	for (int c = 0; r->cols && c < r->cnt; c++)
		free(r->cols[c].name);
	free(r->cols);
}

static int rows_read(struct rows *r, struct db_stmt *st, struct err *err)
{
	int rc;

	r->cnt = db_column_count(st);
	r->cols = calloc((size_t)r->cnt + 1, sizeof(*r->cols));
	if (!r->cols)
		return err_set(err, -ENOMEM, "out of memory");
	for (int c = 0; c < r->cnt; c++) {
		const char *name = db_column_name(st, c);

		r->cols[c].name = escape_text_dup(name, strlen(name));
		if (!r->cols[c].name)
			return err_set(err, -ENOMEM, "out of memory");
	}
	while ((rc = db_step(st, err)) == 1)
		if (read_row(r, st))
			return err_set(err, -ENOMEM, "out of memory");
	return rc		 ? rc :
	       finish_cells(r) ? err_set(err, -ENOMEM, "out of memory") :
				 0;
}

/* ---- how wide ----------------------------------------------------------- */

/* The bytes of s up to and with the next place where a name may be broken: after _ or a blank. */
static size_t word(const char *s)
{
	size_t n = strcspn(s, "_ ");

	return n + (s[n] != '\0');
}

/* The bytes of a name's first line, when there is this much room. */
static size_t name_line(const char *s, int width)
{
	size_t len = word(s), next;

	while (s[len]) {
		next = len + word(s + len);
		if (text_width_n(s, next) > width)
			break;
		len = next;
	}
	return len;
}

/* How many lines a name takes then; *ret_widest: of them. */
static int name_lines(const char *s, int width, int *ret_widest)
{
	int lines = 0;
	size_t n;

	*ret_widest = 0;
	do {
		n = name_line(s, width);
		*ret_widest = max(*ret_widest, text_width_n(s, n));
		s += n;
		lines++;
	} while (*s);
	return lines;
}

static int widest_word(const char *s)
{
	int widest = 0;

	for (size_t n; *s; s += n) {
		n = word(s);
		if (text_width_n(s, n) > widest)
			widest = text_width_n(s, n);
	}
	return widest;
}

/* How narrow a column can be by breaking its name; or by cutting its texts as well. */
static int least_broken(const struct column *c)
{
	return max(c->cells, widest_word(c->name));
}

static int least_cut(const struct column *c)
{
	int least = least_broken(c);

	if (!c->is_text || least <= TEXT_LEAST)
		return least;
	return max(TEXT_LEAST, widest_word(c->name));
}

static int excess(const struct rows *r, int width)
{
	int sum = r->gap * (r->cnt - 1) - width;

	for (int c = 0; c < r->cnt; c++)
		sum += r->cols[c].width;
	return sum;
}

/* Take the room that is missing from the columns that have most to give. */
static void narrow(struct rows *r, int width, int (*least)(const struct column *))
{
	for (int over = excess(r, width); over > 0; over--) {
		struct column *best = NULL;

		for (int c = 0; c < r->cnt; c++) {
			struct column *col = &r->cols[c];

			if (col->width > least(col) && (!best || col->width > best->width))
				best = col;
		}
		if (!best)
			return;
		best->width--;
	}
}

static void widen(struct rows *r, int gap)
{
	r->gap = gap;
	for (int c = 0; c < r->cnt; c++)
		r->cols[c].width = max(text_width(r->cols[c].name), r->cols[c].cells);
}

/* Give back what a name does not need, broken as it is. */
static void tighten(struct rows *r)
{
	for (int c = 0; c < r->cnt; c++) {
		struct column *col = &r->cols[c];
		int name;

		(void)name_lines(col->name, col->width, &name);
		if (col->width > col->cells)
			col->width = max(col->cells, name);
	}
}

/*
 * Fit the columns into width, with as little loss as that takes: names broken, a narrower gap, and
 * only then texts cut. False: there is no way, or it is one row, which is better read whole.
 */
static bool fit(struct rows *r, int width)
{
	widen(r, GAP);
	if (!width || excess(r, width) <= 0)
		return true;
	narrow(r, width, least_broken);
	if (excess(r, width) <= 0)
		return true;
	widen(r, 1);
	narrow(r, width, least_broken);
	if (excess(r, width) > 0 && r->cells.cnt == (uint32_t)r->cnt)
		return false;
	narrow(r, width, least_cut);
	return excess(r, width) <= 0;
}

/* ---- writing ------------------------------------------------------------ */

static void put_text(const char *s, size_t len, int width, bool to_right, bool is_last, FILE *out)
{
	int pad = width - text_width_n(s, len);

	if (to_right)
		fprintf(out, "%*s%.*s", pad, "", (int)len, s);
	else
		fprintf(out, "%.*s%*s", (int)len, s, is_last ? 0 : pad, "");
}

static void put_end(const struct rows *r, bool is_last, FILE *out)
{
	fprintf(out, "%*s", is_last ? 1 : r->gap, is_last ? "\n" : "");
}

/* Names of several lines end on the same one, the last. */
static void put_names(const struct rows *r, FILE *out)
{
	int lines = 1, widest;

	for (int c = 0; c < r->cnt; c++)
		lines = max(lines, name_lines(r->cols[c].name, r->cols[c].width, &widest));
	for (int line = 0; line < lines; line++) {
		for (int c = 0; c < r->cnt; c++) {
			const struct column *col = &r->cols[c];
			int skip = line - lines + name_lines(col->name, col->width, &widest);
			const char *s = col->name;
			bool is_last = c + 1 == r->cnt;

			for (int i = 0; i < skip; i++)
				s += name_line(s, col->width);
			put_text(s, skip < 0 ? 0 : name_line(s, col->width), col->width,
				 col->is_number, is_last, out);
			put_end(r, is_last, out);
		}
	}
}

static void put_row(const struct rows *r, const struct cell *cells, FILE *out)
{
	for (int c = 0; c < r->cnt; c++) {
		bool is_last = c + 1 == r->cnt;
		int width = r->cols[c].width, put;

		if (cells[c].width > width) {
			put = text_put_cut(out, cells[c].text, width);
			fprintf(out, "%*s", width - put, "");
		} else {
			put_text(cells[c].text, strlen(cells[c].text), width, cells[c].is_number,
				 is_last, out);
		}
		put_end(r, is_last, out);
	}
}

/* Each column on a line of its own, whole: for rows that fit no line. */
static void put_record(const struct rows *r, const struct cell *cells, FILE *out)
{
	int names = 0;

	for (int c = 0; c < r->cnt; c++)
		names = max(names, text_width(r->cols[c].name));
	for (int c = 0; c < r->cnt; c++)
		fprintf(out, "%*s%s  %s\n", names - text_width(r->cols[c].name), "",
			r->cols[c].name, cells[c].text);
}

static void rows_write(struct rows *r, int width, FILE *out)
{
	bool has_fit = fit(r, width);

	tighten(r);
	if (has_fit || !r->cells.cnt)
		put_names(r, out);
	for (uint32_t id = 1; id <= r->cells.cnt; id += (uint32_t)r->cnt) {
		if (has_fit) {
			put_row(r, &r->cells.row[id], out);
			continue;
		}
		if (id > 1)
			fputc('\n', out);
		put_record(r, &r->cells.row[id], out);
	}
}

int print_table(struct db_stmt *st, int width, FILE *out, struct err *err)
{
	struct rows r = { 0 };
	int rc = rows_read(&r, st, err);

	if (!rc)
		rows_write(&r, width, out);
	rows_deinit(&r);
	return rc;
}
