/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From recordings to a bundle of what their names need, on the host where they were made: every module that is in a stack, its file, its
 * debug file, and what those refer to.
 */
#ifndef VARVE_REPORT_BUNDLE_H
#define VARVE_REPORT_BUNDLE_H

#include "formats/bundle.h"
#include "report/symbolize.h"

struct bundle_modules;

/* Called for each module that has no file here, or whose search did not end well. */
typedef void (*bundle_missing_fn)(void *ctx, const struct module *m, const char *reason);

struct bundle_summary {
	uint32_t modules, without; /* ELF modules in stacks; those of which nothing was found */
};

/* Add what the stacks of a recording have in them. Returns 0, or as recording_reader_open() and _next(). */
int bundle_modules_read(struct bundle_modules *b, const char *path, struct err *err);
int bundle_modules_create(struct bundle_modules **ret, struct err *err);
void bundle_modules_destroy(struct bundle_modules *b);

/* Find their files and pack them. Returns 0 or the writer's error. */
int bundle_modules_pack(struct bundle_modules *b, const struct symbolizer_options *o, struct bundle_writer *w,
			bundle_missing_fn missing, void *ctx, struct bundle_summary *ret, struct err *err);

#endif
