/* SPDX-License-Identifier: BSD-2-Clause */
/* Command lines of processes. */
#ifndef VARVE_CMDLINE_H
#define VARVE_CMDLINE_H

#include <stddef.h>
#include <stdint.h>

#include "record/options.h"

#define CMDLINE_SZ 4096

/*
 * The command line of a process as far as it is wanted, arguments joined by blanks, secrets replaced (redact.h); "" for none, a kernel thread, or one that is gone.
 * Of one above CMDLINE_SZ - 1 bytes, the arguments that are whole in these, and "[cut]": a part of one may be a secret that nothing shows to be one.
 */
void cmdline_read(uint32_t pid, const struct cmdline_how *how, char *ret, size_t sz);

/* The same of what /proc/PID/cmdline holds: len bytes, of which there may be more when it is CMDLINE_SZ - 1. */
void cmdline_make(const char *args, size_t len, const struct cmdline_how *how, char *ret, size_t sz);

#endif
