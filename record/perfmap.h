/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /tmp/perf-PID.map: what a JIT says of its code. Anybody can plant a file there, so opening it is guarded, and every line
 * is checked.
 */
#ifndef VARVE_PERFMAP_H
#define VARVE_PERFMAP_H

#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"

#define PERFMAP_SIZE_MAX (256ULL << 20)
#define PERFMAP_NAME_MAX 4096

/*
 * Open tmp/perf-<ns_pid>.map below root_fd (an O_PATH fd of /proc/PID/root), never leaving that root, never through a link as
 * the last part. It must be a regular file with one link, owned by uid or root, not writable by others, at most
 * PERFMAP_SIZE_MAX bytes, and written to since the process began (start_ts, CLOCK_BOOTTIME ns, 0 unknown): an older one is left over from another
 * process of that pid. Returns the fd, or -ENOENT, -ELOOP, -EPERM (which rule, in err), -ESTALE, -EFBIG.
 */
int perfmap_open(int root_fd, uint32_t ns_pid, uint32_t uid, uint64_t start_ts, struct err *err);

struct perfmap_entry {
	uint64_t start, size;
	const char *name; /* NUL-terminated, into the line */
};

/*
 * One line without its newline: "START SIZE name", numbers in hex with or without 0x, name to the end. Writes a NUL into line[len],
 * which must be writable. Returns 0 or -EBADMSG.
 */
int perfmap_parse_line(char *line, size_t len, struct perfmap_entry *ret);

/*
 * Each entry of a file, in file order (later ones override earlier ones that overlap). Lines that make no sense are passed
 * over and counted. fn's nonzero return ends the walk and is returned.
 */
typedef int (*perfmap_fn)(void *ctx, const struct perfmap_entry *e);
int perfmap_each(int fd, perfmap_fn fn, void *ctx, uint64_t *ret_bad_lines, struct err *err);

/* The same for the first `limit` bytes (0: all). */
int perfmap_each_until(int fd, uint64_t limit, perfmap_fn fn, void *ctx, uint64_t *ret_bad_lines, struct err *err);

/*
 * What was added since: whole lines from *at on, of which *at is left behind the last. Reads at most 1 MiB. Returns 0, fn's value, -ENOMEM or
 * the read's error.
 */
int perfmap_follow(int fd, uint64_t *at, perfmap_fn fn, void *ctx);

#endif
