/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --debuginfod: debug files by build-id from the servers in DEBUGINFOD_URLS, into the cache that
 * other tools use too, by libdebuginfod, which is loaded only when it is asked for. The download
 * runs in a process of its own. What comes is no more trusted than any other file: it is found below
 * the cache directory and has to prove its build-id (sym_debugfile).
 */
#ifndef VARVE_SYM_FETCH_H
#define VARVE_SYM_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "formats/err.h"
#include "formats/event.h"

struct sym_fetch {
	void *library;
	char *dir; /* CACHE in CACHE/BUILD_ID/{debuginfo,executable} */
};

/* One file to fetch. */
struct sym_fetch_want {
	const struct module *m; /* with a build-id of its own, not of its content */
	bool has_image;		/* only its debug information is missing */
	int result;		/* 0: a file came; -ENOENT: no server has it; -ETIME, -EFBIG, … */
};

/* Returns 0, -ENOTSUP (no library), -EINVAL (no servers, no place for a cache) or -ENOMEM, with a
 * hint. */
int sym_fetch_open(struct sym_fetch *f, struct err *err);
void sym_fetch_close(struct sym_fetch *f); /* accepts a zeroed one */

/* Can the module be asked for at all? */
bool sym_fetch_knows(const struct module *m);

/* Fetch one after the other; sets each result. What the cache has is not fetched again; a file that
 * was not there is asked for again after some minutes. */
void sym_fetch_run(const struct sym_fetch *f, struct sym_fetch_want *wants, size_t cnt);

/* Remove what came for the module: it was another build's. */
void sym_fetch_forget(const struct sym_fetch *f, const struct module *m);

/* A result in words: "not found", … */
const char *sym_fetch_says(int result);

#endif
