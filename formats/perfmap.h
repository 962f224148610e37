/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a JIT says of its code in /tmp/perf-PID.map, line by line. Nothing in it is trusted.
 */
#ifndef VARVE_FORMATS_PERFMAP_H
#define VARVE_FORMATS_PERFMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"

#define PERFMAP_SIZE_MAX (256ULL << 20)
#define PERFMAP_NAME_MAX 4096

struct perfmap_entry {
	uint64_t start, size;
	const char *name; /* NUL-terminated, into the line */
};

/* Could there be one function of a JIT's? The end of such a range does not overflow. */
bool perfmap_is_code(uint64_t start, uint64_t size);

/* Control characters of a name become '?'. A map's name has no newline, so no name of a jitdump may have one. */
void perfmap_clean_name(char *name);

/*
 * One line without its newline: "START SIZE name", numbers in hex with or without 0x, name to the end. Writes into the line, a NUL to line[len],
 * too. Returns 0 or -EBADMSG.
 */
int perfmap_parse_line(char *line, size_t len, struct perfmap_entry *ret);

/*
 * Each entry of a file, in file order (later ones override earlier ones that overlap). Lines that make no sense are passed
 * over and counted. fn's nonzero return ends the walk and is returned.
 */
typedef int (*perfmap_fn)(void *ctx, const struct perfmap_entry *e);
int perfmap_each(int fd, perfmap_fn fn, void *ctx, uint64_t *ret_bad_lines, struct err *err);

/* The same for the bytes from `from`, where a line begins, to `limit` (0: all). */
int perfmap_each_until(int fd, uint64_t from, uint64_t limit, perfmap_fn fn, void *ctx, uint64_t *ret_bad_lines, struct err *err);

/*
 * What was added since: whole lines from *at on, of which *at is left behind the last. Reads at most 1 MiB. Returns 0, fn's value, -ENOMEM or
 * the read's error.
 */
int perfmap_follow(int fd, uint64_t *at, perfmap_fn fn, void *ctx);

#endif
