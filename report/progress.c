// SPDX-License-Identifier: BSD-2-Clause
#include "report/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report/escape.h"

#define PCT_WIDTH 4 /* "100%" */

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

void progress_init(struct progress *p, bool is_wanted, bool is_timed)
{
	*p = (struct progress){
		.is_shown = is_wanted && isatty(STDERR_FILENO),
		.is_timed = is_timed,
	};
}

void progress_begin(struct progress *p, const char *what, const char *object)
{
	progress_end(p);
	p->what = what;
	p->pct = -1;
	p->since_ns = now_ns();
	if (!p->is_shown)
		return;
	fprintf(stderr, "varve-report: %*s %s", PCT_WIDTH, "", what);
	if (object) {
		fputc(' ', stderr);
		escape_text(stderr, object, strlen(object));
	}
	fflush(stderr);
	p->has_line = true;
}

void progress_set(struct progress *p, uint64_t done, uint64_t total)
{
	int pct;

	if (!p || !p->has_line || !total)
		return;
	pct = done >= total ? 100 : (int)((double)done * 100 / (double)total);
	if (pct == p->pct)
		return;
	p->pct = pct;
	fprintf(stderr, "\rvarve-report: %*d%%", PCT_WIDTH - 1, pct);
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->has_line)
		fputs("\r\033[K", stderr);
	if (p->what && p->is_timed)
		fprintf(stderr, "varve-report: %s: %.3f s\n", p->what,
			(double)(now_ns() - p->since_ns) / 1e9);
	fflush(stderr);
	p->has_line = false;
	p->what = NULL;
}
