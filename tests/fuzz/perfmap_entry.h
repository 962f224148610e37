/* SPDX-License-Identifier: BSD-2-Clause */
/* What must be true of every entry that a reader of JIT maps gives out, whatever it read. */
#ifndef VARVE_FUZZ_PERFMAP_ENTRY_H
#define VARVE_FUZZ_PERFMAP_ENTRY_H

#include <stdlib.h>
#include <string.h>

#include "formats/perfmap.h"

/* A range of user space, with a name that a recording can hold. For perfmap_each() and its like. */
static inline int check_entry(void *ctx, const struct perfmap_entry *e)
{
	if (!e->size || e->start + e->size < e->start || e->start >> 56)
		abort();
	if (!*e->name || strlen(e->name) >= PERFMAP_NAME_MAX)
		abort();
	for (const char *p = e->name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			abort();
	return 0;
}

#endif
