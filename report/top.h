/* SPDX-License-Identifier: BSD-2-Clause */
/* Self and total of a profile by function, module, line, thread, …: pure sums, for `top` and the
 * first page. */
#ifndef VARVE_TOP_H
#define VARVE_TOP_H

#include "report/profile.h"

enum top_by { TOP_FUNCTION, TOP_MODULE, TOP_LINE, TOP_COMM, TOP_THREAD, TOP_PROCESS, TOP_CGROUP,
	      TOP_RECORDING };

struct top_row {
	const char *name; /* what is summed by; the profile's or the top's, valid while both live */
	const char *detail;   /* image of a function or line; "" */
	uint64_t self, total; /* samples or ns; equal where there is no stack to be inside of */
};

struct top {
	TABLE(struct top_row) rows; /* largest self first, then total, then name */
	struct idmap map;	    /* of interned names */
	struct strpool names;
	uint64_t sum; /* of the profile, for percentages */
};

/* 0, -EINVAL for an unknown name. */
int top_by_parse(const char *name, enum top_by *ret, struct err *err);

/* *ret: all zero before, to be deinitialized whatever is returned. */
int top_compute(struct top *ret, const struct profile *p, const struct filter *f, enum top_by by,
		struct err *err);
void top_deinit(struct top *t);

#endif
