/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel symbols from a file that the user names (--kallsyms), for a recording that holds none.
 * Never this machine's own unless asked: another kernel's symbols give wrong names.
 */
#ifndef VARVE_SYM_KERNEL_H
#define VARVE_SYM_KERNEL_H

#include "formats/err.h"
#include "formats/event.h"

/* off counts from _text. Nonzero ends the reading. */
typedef int (*sym_kernel_fn)(void *ctx, uint64_t off, uint64_t size, const char *name);

/*
 * Call fn for each function of the kernel proper in a copy of /proc/kallsyms, in address order; *ret_text is where _text was.
 * Returns 0, fn's value, -errno of the file, -ENODATA (all addresses are 0: written under
 * kptr_restrict), -EBADMSG (no _text in it: not such a file), -ENOMEM.
 */
int sym_kernel_read(const char *path, uint64_t *ret_text, sym_kernel_fn fn, void *ctx, struct err *err);

#endif
