// SPDX-License-Identifier: BSD-2-Clause
#include "report/cmd.h"

#include <errno.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/escape.h"
#include "report/print.h"
#include "report/source.h"
#include "report/text_width.h"
#include "report/top.h"

#define ROWS_DEFAULT 20
#define GAP 2	  /* columns between a row's texts */
#define TEXTS_MIN 20 /* less room than that for both is none: the terminal may break the lines */

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static const char *value_text(char buf[32], uint64_t v, bool is_ns)
{
	return is_ns ? print_duration(buf, (double)v) : print_count(buf, v);
}

/* A path's last component. What is no path, as //anon, and what ends in a slash stays as it is. */
static const char *last_of(const char *text)
{
	bool is_path = (*text == '/' && text[1] != '/') || *text == '.';
	const char *slash = is_path ? strrchr(text, '/') : NULL;

	return slash && slash[1] ? slash + 1 : text;
}

/*
 * Name and detail in this many columns (0: as many as it takes). What does not fit loses paths'
 * directories first, then the end of the longer of the two.
 */
static int print_name(const struct top_row *r, int columns, FILE *out)
{
	_cleanup_free_ char *name = escape_text_dup(r->name, strlen(r->name));
	_cleanup_free_ char *detail = escape_text_dup(r->detail, strlen(r->detail));
	const char *n = name, *d = detail;
	int width[2];

	if (!name || !detail)
		return -ENOMEM;
	if (columns && text_width(n) + GAP + text_width(d) > columns) {
		n = last_of(n);
		d = last_of(d);
	}
	width[0] = text_width(n);
	width[1] = text_width(d);
	for (int over = width[0] + (*d ? GAP + width[1] : 0) - columns; columns && over > 0; over--)
		width[width[1] > width[0]]--;
	text_put_cut(out, n, width[0]);
	if (*d) {
		fprintf(out, "%*s", GAP, "");
		text_put_cut(out, d, width[1]);
	}
	fputc('\n', out);
	return 0;
}

static int print_row(const struct top *t, const struct top_row *r, bool is_ns, bool has_stack,
		     int columns, FILE *out)
{
	char self[32], total[32];
	int n;

	if (has_stack)
		n = fprintf(out, "%12s %6.2f%% %12s %6.2f%%  ", value_text(self, r->self, is_ns),
			    percent(r->self, t->sum), value_text(total, r->total, is_ns),
			    percent(r->total, t->sum));
	else
		n = fprintf(out, "%12s %6.2f%%  ", value_text(self, r->self, is_ns),
			    percent(r->self, t->sum));
	return print_name(r, columns >= n + TEXTS_MIN ? columns - n : 0, out);
}

static int print_top(const struct report_options *o, const struct profile *p, enum top_by by,
		     FILE *out, struct err *err)
{
	bool is_ns = filter_is_ns(&o->filter), has_stack = by <= TOP_LINE;
	struct top t = { 0 };
	int rc = top_compute(&t, p, &o->filter, by, err);
	uint64_t limit = o->limit ?: ROWS_DEFAULT;

	if (!rc && has_stack)
		fprintf(out, "%12s %7s %12s %7s  %s\n", "SELF", "", "TOTAL", "",
			o->by ?: "function");
	else if (!rc)
		fprintf(out, "%12s %7s  %s\n", is_ns ? "TIME" : "SAMPLES", "", o->by);
	for (uint32_t i = 1; i <= t.rows.cnt && i <= limit && !rc; i++)
		if (print_row(&t, &t.rows.row[i], is_ns, has_stack, text_terminal_width(out), out))
			rc = err_set(err, -ENOMEM, "out of memory");
	top_deinit(&t);
	return rc;
}

int cmd_top_check(const struct report_options *o, struct err *err)
{
	enum top_by by;

	return o->by ? top_by_parse(o->by, &by, err) : 0;
}

int cmd_top(const struct report_options *o, struct err *err)
{
	enum top_by by = TOP_FUNCTION;
	bool damaged = false;
	struct profile p;
	FILE *out;
	int rc = o->by ? top_by_parse(o->by, &by, err) : 0;

	profile_init(&p);
	rc = rc ?: source_profile(o, &p, &damaged, err);
	rc = rc ?: print_open(o->output, &out, err);
	if (!rc) {
		if (!p.entries.cnt)
			cmd_note_nothing(o);
		rc = print_top(o, &p, by, out, err);
		rc = print_close(out, o->output, rc ? NULL : err) ?: rc;
	}
	profile_deinit(&p);
	return rc ?: damaged ? EXIT_DAMAGED : EXIT_OK;
}
