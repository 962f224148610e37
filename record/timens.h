/* SPDX-License-Identifier: BSD-2-Clause */
/* Time namespaces. Of targets they are of no concern: all our times are the kernel's own. But the recorder's clock has to be that one, too. */
#ifndef VARVE_TIMENS_H
#define VARVE_TIMENS_H

#include <stdint.h>

#include "formats/err.h"

/* The offset of CLOCK_MONOTONIC in ns, from the text of /proc/self/timens_offsets; 0 where it has none. */
int64_t timens_parse(const char *text);

/*
 * Is this process's CLOCK_MONOTONIC the kernel's? Events have the time of the latter: where the two differ nothing would be recorded, or at wrong times.
 * Returns 0, or -ENOTSUP with the difference and what to do. A kernel without time namespaces is no error.
 */
int timens_check(struct err *err);

#endif
