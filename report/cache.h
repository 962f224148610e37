/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the database made from a recording is kept, and whether the one that is there is what would
 * be made now. Paths and keys are the caller's to free.
 */
#ifndef VARVE_CACHE_H
#define VARVE_CACHE_H

#include <stdbool.h>

#include "report/db.h"
#include "report/options.h"

/* Everything that decides what the database holds. NULL: there is no telling (stdin), or no memory. */
char *cache_key(const struct report_options *o);

/* NAME.db for NAME.varve; NULL: no memory. */
char *cache_path_beside(const char *input);

/* In the user's cache directory; NULL: there is no such input, no home, or no memory. */
char *cache_path_elsewhere(const char *input);

/* $XDG_CACHE_HOME/varve/name; NULL: no home to keep a cache in, or no memory. */
char *cache_path(const char *name);

/* What is above such a path. What fails fails again, with its message, when the file is made. */
void cache_make_parents(const char *path);

/* The database at path if it was made with this key and would not get better names now; else NULL.
 * path and key may be NULL. */
struct db *cache_open(const struct report_options *o, const char *path, const char *key);

/* A file at path is not ours to replace, unless we made it for ourselves. */
bool cache_may_replace(const char *path);

#endif
