/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Perf maps from --symfs: for JIT code whose names did not travel in the recording. A map says what was where in the end; what was
 * there before is not in it, so an address that it gives two names has none.
 */
#ifndef VARVE_SYM_JITMAP_H
#define VARVE_SYM_JITMAP_H

#include "report/sym_names.h"
#include "report/sym_recorded.h"

/*
 * Add to *ret the map of the process whose JIT memory m is: a member of the bundle symfs, or the file perf-maps/PID-START.map below the directory symfs,
 * as a bundle unpacks to. By pid and start, so that it is no other process's. Entries without a name are addresses that had several.
 * Texts go to names. Returns 1 when there is such a map, 0, or -ENOMEM; a map that is broken, or has too many entries (2 Mi), is none.
 */
int sym_jitmap_read(const char *symfs, const struct module *m, struct sym_names *names, struct sym_recorded *ret);

#endif
