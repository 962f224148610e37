/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings kept once: equal strings share one pointer, so that they compare by it. */
#ifndef VARVE_STRPOOL_H
#define VARVE_STRPOOL_H

#include <stddef.h>

#include "formats/idmap.h"
#include "report/table.h"

struct strpool_block;

/* All zero is an empty pool. */
struct strpool {
	struct idmap map;
	TABLE(const char *) strings;
	struct strpool_block *blocks; /* newest first; own the bytes */
};

/* The pool's copy of s, valid until deinit; NULL when out of memory. NULL gives "". */
const char *strpool_add(struct strpool *p, const char *s);
void strpool_deinit(struct strpool *p);

#endif
