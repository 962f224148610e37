/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Indexes on disk, one file per build-id (sym_displays.h's and sym_answers.h's beside it). A file is used only if its checksum, version and key
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

#define SYM_CACHE_FILE_MAX (64u << 20) /* bytes of a file beside an index */

/* Read such a file, malloc'ed, and note that it was used. Nothing in it is checked. Returns 0, -EBADMSG (too short or too long), -ENOMEM, or
 * -errno. */
int sym_cache_get(const char *path, void **ret, size_t *ret_sz);

#define SYM_CACHE_HEAD 32 /* bytes: of the header, which begins with a magic of 8, a version of 4 and a checksum of 4 */

/* CRC-32C of a file's bytes (SYM_CACHE_HEAD at least): those behind the head, then the head with its checksum taken as 0, as a writer knows
 * the head last. */
uint32_t sym_cache_checksum(const void *data, size_t sz);

/*
 * Write a file of the cache (and its directory), whole or not at all: a temporary file, renamed. begin() gives 0, -ENOMEM or a negative
 * errno; only then put() and end() may be called, and end() must: it sets the head's checksum, and returns 0 or what went wrong on the way;
 * head NULL: it is not to be.
 */
struct sym_cache_writer {
	int fd, err;
	char *tmp, *path;
	uint32_t crc;
	size_t used;
	char *buf;
};
int sym_cache_writer_begin(struct sym_cache_writer *w, const char *path);
void sym_cache_writer_put(struct sym_cache_writer *w, const void *data, size_t sz);
int sym_cache_writer_end(struct sym_cache_writer *w, void *head, struct err *err);

/* The same for bytes that are there: sets their checksum. Failing to write a cache is never worth more than err. */
int sym_cache_put(const char *path, void *data, size_t sz, struct err *err);

/*
 * Keep the directory below max bytes: the files used longest ago go first, until three
 * quarters of max are left. Other files in it are not touched. Returns how many files went.
 */
size_t sym_cache_prune(const char *dir, uint64_t max);

#endif
