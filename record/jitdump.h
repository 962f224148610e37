/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit-PID.dump: records a runtime writes of the code it makes, in the format `perf inject -j` reads. Only where code is and what it is
 * called; the code itself, lines and unwinding information are passed over. Hostile as a perf map is.
 */
#ifndef VARVE_JITDUMP_H
#define VARVE_JITDUMP_H

#include <stdint.h>

#include "formats/perfmap.h"

#define JITDUMP_SIZE_MAX (4ULL << 30)

/* Is that the name of one ("…/jit-123.dump")? */
int jitdump_is_name(const char *path);

/*
 * Each function loaded, or moved to another place, by whole records from offset *at (0: the file's header) up to limit (0: the file's end); *at
 * is left behind the last whole one. Returns 0 or fn's value; a file that makes no sense ends there: *at is UINT64_MAX then.
 */
int jitdump_each(int fd, uint64_t *at, uint64_t limit, perfmap_fn fn, void *ctx);

#endif
