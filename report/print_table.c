// SPDX-License-Identifier: BSD-2-Clause
#include "report/print_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "formats/cleanup.h"
#include "report/escape.h"
#include "report/table.h"

#define GAP 2	     /* between columns */
#define TEXT_LEAST 8 /* a text is not cut below this: better broken lines than no text */

/* A table is as wide as its widest cells, so all of it is read before the first line is written. */
struct cell {
	char *text; /* owned */
	int width;  /* columns on a terminal */
	bool is_number;
};

/* Columns on a terminal, near enough: one for each code point that is not a combining one. */
static int text_width(const char *s)
{
	size_t len = strlen(s), at = 0;
	int width = 0;

	while (at < len) {
		uint32_t cp;
		size_t n = utf8_decode(s + at, len - at, &cp);
		int w = n ? wcwidth((wchar_t)cp) : 1;

		width += w >= 0 ? w : 1;
		at += n ?: 1;
	}
	return width;
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
	return 0;
}

/* The bytes of s that fill at most this many columns. */
static size_t fitting(const char *s, int columns)
{
	size_t len = strlen(s), at = 0;

	while (at < len) {
		uint32_t cp;
		size_t n = utf8_decode(s + at, len - at, &cp);
		int w = n ? wcwidth((wchar_t)cp) : 1;

		columns -= w >= 0 ? w : 1;
		if (columns < 0)
			break;
		at += n ?: 1;
	}
	return at;
}

static void put_cell(const struct cell *c, int width, bool is_last, FILE *out)
{
	int pad = width - c->width;

	if (pad < 0)
		fprintf(out, "%.*s…", (int)fitting(c->text, width - 1), c->text);
	else if (c->is_number)
		fprintf(out, "%*s%s", pad, "", c->text);
	else
		fprintf(out, "%s%*s", c->text, is_last ? 0 : pad, "");
	fputs(is_last ? "\n" : "  ", out);
}

/*
 * Take the room that is missing from the widest texts. Where that is not enough nothing is cut, and
 * the terminal breaks the lines.
 */
static void shrink(int *widths, const bool *is_text, int cols, int width)
{
	int over = GAP * (cols - 1) - width, spare = 0;

	for (int c = 0; c < cols; c++) {
		over += widths[c];
		if (is_text[c] && widths[c] > TEXT_LEAST)
			spare += widths[c] - TEXT_LEAST;
	}
	if (!width || over > spare)
		return;
	for (; over > 0; over--) {
		int widest = -1;

		for (int c = 0; c < cols; c++)
			if (is_text[c] && (widest < 0 || widths[c] > widths[widest]))
				widest = c;
		widths[widest]--;
	}
}

struct cells {
	TABLE(struct cell) of;
};

/* All cells, row by row, and how wide each column is. */
static int read_cells(struct db_stmt *st, struct cells *cells, int *widths, bool *is_text,
		      struct err *err)
{
	int cols = db_column_count(st), rc;

	while ((rc = db_step(st, err)) == 1) {
		for (int c = 0; c < cols; c++) {
			uint32_t id = table_add(&cells->of);

			if (!id || take_cell(st, c, &cells->of.row[id]))
				return err_set(err, -ENOMEM, "out of memory");
			if (cells->of.row[id].width > widths[c])
				widths[c] = cells->of.row[id].width;
			is_text[c] |= !cells->of.row[id].is_number && cells->of.row[id].width;
		}
	}
	return rc;
}

static void put_names(struct db_stmt *st, const struct cells *cells, const int *widths, FILE *out)
{
	int cols = db_column_count(st);

	for (int c = 0; c < cols; c++) {
		bool is_number = cells->of.cnt && cells->of.row[c + 1].is_number;
		const char *name = db_column_name(st, c);
		struct cell cell = { .text = (char *)name,
				     .width = text_width(name),
				     .is_number = is_number };

		put_cell(&cell, widths[c], c + 1 == cols, out);
	}
}

int print_table(struct db_stmt *st, int width, FILE *out, struct err *err)
{
	int cols = db_column_count(st), rc = 0;
	_cleanup_free_ int *widths = calloc((size_t)cols + 1, sizeof(*widths));
	_cleanup_free_ bool *is_text = calloc((size_t)cols + 1, sizeof(*is_text));
	struct cells cells = { 0 };

	if (!widths || !is_text)
		return err_set(err, -ENOMEM, "out of memory");
	for (int c = 0; c < cols; c++)
		widths[c] = text_width(db_column_name(st, c));
	rc = read_cells(st, &cells, widths, is_text, err);
	if (!rc) {
		shrink(widths, is_text, cols, width);
		put_names(st, &cells, widths, out);
	}
	for (uint32_t id = 1; id <= cells.of.cnt; id++) {
		int c = (int)((id - 1) % (uint32_t)cols);

		if (!rc)
			put_cell(&cells.of.row[id], widths[c], c + 1 == cols, out);
		free(cells.of.row[id].text);
	}
	table_deinit(&cells.of);
	return rc;
}
