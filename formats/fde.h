/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where functions begin and end according to .eh_frame, which no strip removes. A function without a symbol is known by it: the recorder
 * and the report give its frames one placeholder name, made of its start, and the same one.
 */
#ifndef VARVE_FDE_H
#define VARVE_FDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FDE_CNT_MAX (8u << 20)

/* A nonzero return ends the walk and is returned. */
typedef int (*fde_fn)(void *ctx, uint64_t start, uint64_t end);

/*
 * Each range of the section's contents (sz bytes at data, addressed vaddr; little-endian), in file order, never empty. Records that
 * make no sense end the walk or are passed over. Returns 0 or what fn returned.
 */
int fde_each(const void *data, size_t sz, uint64_t vaddr, bool is_64, fde_fn fn, void *ctx);

#endif
