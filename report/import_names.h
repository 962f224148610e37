/* SPDX-License-Identifier: BSD-2-Clause */
/* Recorded stacks → stacks with names: addresses find their mappings, offsets their functions,
 * inlined functions become frames. */
#ifndef VARVE_IMPORT_NAMES_H
#define VARVE_IMPORT_NAMES_H

#include "report/import_maps.h"
#include "report/import_stacks.h"
#include "report/stacks.h"
#include "report/symbolize.h"

/*
 * Fill *out (all zero before). A recorded node's id is its stack's id in *out too; frames of
 * functions inlined there get nodes beyond them. Addresses in s->frames that find a mapping become
 * (module, offset). 0 or -errno.
 */
int import_names_resolve(struct import_stacks *s, const struct import_maps *m,
			 const struct tasks *t, struct symbolizer *sym, struct stacks *out,
			 struct err *err);

#endif
