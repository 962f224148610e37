// SPDX-License-Identifier: BSD-2-Clause
#include "report/cmd.h"

#include <errno.h>
#include <string.h>

#include "report/escape.h"
#include "report/print.h"
#include "report/source.h"
#include "report/top.h"

#define ROWS_DEFAULT 20

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static const char *value_text(char buf[32], uint64_t v, bool is_ns)
{
	return is_ns ? print_duration(buf, (double)v) : print_count(buf, v);
}

static void print_row(const struct top *t, const struct top_row *r, bool is_ns, bool has_stack,
		      FILE *out)
{
	char self[32], total[32];

	if (has_stack)
		fprintf(out, "%12s %6.2f%% %12s %6.2f%%  ", value_text(self, r->self, is_ns),
			percent(r->self, t->sum), value_text(total, r->total, is_ns),
			percent(r->total, t->sum));
	else
		fprintf(out, "%12s %6.2f%%  ", value_text(self, r->self, is_ns),
			percent(r->self, t->sum));
	escape_text(out, r->name, strlen(r->name));
	if (r->detail[0]) {
		fputs("  ", out);
		escape_text(out, r->detail, strlen(r->detail));
	}
	fputc('\n', out);
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
		print_row(&t, &t.rows.row[i], is_ns, has_stack, out);
	top_deinit(&t);
	return rc;
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
