/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker process may still do once it starts on files that others wrote: read files,
 * compute, and write to one descriptor.
 */
#ifndef VARVE_SYM_SANDBOX_H
#define VARVE_SYM_SANDBOX_H

#include <stdint.h>

/*
 * In a fresh child: keep only result_fd (and stderr), drop core dumps, die with the parent, allow
 * no system call but reading files, memory, and writing to open descriptors. Returns the
 * descriptor's new number, or -errno.
 */
int sym_sandbox_enter(int result_fd);

/* Limit memory (beyond what the process has now) and CPU time. May be called again with more, up to
 * the first call's 16 times. */
void sym_sandbox_limit(uint64_t bytes, uint64_t cpu_seconds);

#endif
