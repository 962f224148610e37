/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Modules of a whole recording, each identity once, numbered from 1. A reader's table never forgets one; a writer's does, when
 * it is told to.
 */
#ifndef VARVE_MODTAB_H
#define VARVE_MODTAB_H

#include <stdbool.h>

#include "formats/event.h"
#include "formats/idmap.h"

/* All zero is an empty table. Owns the modules with their strings and segments. */
struct modtab {
	struct module **modules; /* pointers, so that one handed out stays good; NULL: forgotten */
	uint32_t cnt, cap;
	uint32_t *free_ids; /* of the forgotten ones */
	uint32_t free_cnt, free_cap;
	uint64_t bytes; /* of paths and segments */
	struct idmap ids;
};

/*
 * The id of the module equal in (kind, build_id, is_content_id, path, pid, start_ts), added when
 * new. Segments are taken over when the table had none for it. Returns the id, -EINVAL (build_id_sz
 * or segment count out of range), -E2BIG (RECORDING_MODULES_MAX), or -ENOMEM.
 */
int64_t modtab_add(struct modtab *t, const struct module *m);

static inline const struct module *modtab_get(const struct modtab *t, uint32_t id)
{
	return id && id <= t->cnt ? t->modules[id - 1] : NULL;
}

/*
 * Forget all modules but those that is_used wants. Their ids are given to others: whoever still has one must have said so. In what is
 * written an id means something within its chunk only.
 */
void modtab_sweep(struct modtab *t, bool (*is_used)(void *ctx, uint32_t id), void *ctx);

/* Modules that are known. */
static inline uint32_t modtab_count(const struct modtab *t)
{
	return t->cnt - t->free_cnt;
}

void modtab_deinit(struct modtab *t);

#endif
