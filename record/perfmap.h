/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where /tmp/perf-PID.map is (what is in it: formats/perfmap.h). Anybody can plant a file there, so opening it is guarded.
 */
#ifndef VARVE_PERFMAP_H
#define VARVE_PERFMAP_H

#include <stdint.h>

#include "formats/perfmap.h"

/*
 * Open tmp/perf-<ns_pid>.map below root_fd (an O_PATH fd of /proc/PID/root), never leaving that root, never through a link as
 * the last part. It must be a regular file with one link, owned by uid or root, not writable by others, at most
 * PERFMAP_SIZE_MAX bytes, and written to since the process began (start_ts, CLOCK_BOOTTIME ns, 0 unknown): an older one is left over from another
 * process of that pid. Returns the fd, or -ENOENT, -ELOOP, -EPERM (which rule, in err), -ESTALE, -EFBIG.
 */
int perfmap_open(int root_fd, uint32_t ns_pid, uint32_t uid, uint64_t start_ts, struct err *err);

#endif
