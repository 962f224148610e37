/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Indexes on disk, one file per build-id (and sym_displays.h's beside it). A file is used only if its checksum, version and key
 * hold: the key names the files it was made from with their sizes and times, so that a better debug
 * file, or another file that claims the same build-id, is noticed.
 */
#ifndef VARVE_SYM_CACHE_H
#define VARVE_SYM_CACHE_H

#include "report/sym_index.h"

/* The cache file's path (malloc'ed) for a module; NULL: dir is NULL, the module has no build-id, or
 * no memory. */
char *sym_cache_path(const char *dir, const struct module *m);

/* Does the file hold an index made with this key? Reads little; the checksum is not looked at. */
bool sym_cache_has(const char *path, const char *key);

/* Read and check, and note that it was used. Returns 0 with *x set; -ENOENT, -EBADMSG (torn or
 * damaged), -EPROTONOSUPPORT (another version), -ENOMEM. */
int sym_cache_load(const char *path, struct sym_index *x, struct err *err);

/* Write a file of the cache (and its directory), whole or not at all: a temporary file, renamed. The
 * caller's checksum is in the bytes. */
int sym_cache_put(const char *path, const void *data, size_t sz, struct err *err);

/*
 * Write the index by sym_cache_put(). Sets the checksum in the index's header. Failing to write a
 * cache is never worth more than err.
 */
int sym_cache_store(const char *path, struct sym_index *x, struct err *err);

/*
 * Keep the directory below max bytes: the files used longest ago go first, until three
 * quarters of max are left. Other files in it are not touched. Returns how many files went.
 */
size_t sym_cache_prune(const char *dir, uint64_t max);

#endif
