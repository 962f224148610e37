/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which files on this machine symbolization would read for a module, found by the very search it does (sym_debugfile, dwz, split DWARF), in
 * a worker with limits: the files may be hostile.
 */
#ifndef VARVE_BUNDLE_FILES_H
#define VARVE_BUNDLE_FILES_H

#include "formats/bundle.h"
#include "report/symbolize.h"

struct bundle_file {
	struct bundle_key key; /* under which it belongs into a bundle */
	char *path;
};

/* Owns the files. */
struct bundle_files {
	struct bundle_file *v;
	uint32_t cnt, cap;
	char reason[256]; /* why there is none, or the search did not end well; "" */
};

/* *ret is zeroed or used again. Returns 0 or -errno (no worker could be started, or no memory). */
int bundle_files_find(const struct symbolizer_options *o, const struct module *m, struct bundle_files *ret);
void bundle_files_deinit(struct bundle_files *f);

#endif
