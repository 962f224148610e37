/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * (process, time, address) → module: for the addresses that were in no mapping the recorder knew at
 * that moment. The mapping may stand later in the file.
 */
#ifndef VARVE_IMPORT_MAPS_H
#define VARVE_IMPORT_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "report/tasks.h"
#include "report/table.h"

struct import_mapping {
	uint64_t start, end, pgoff;
	int64_t ts;	  /* when it appeared; INT64_MIN: before the recording */
	uint32_t utid;	  /* the thread the event named; its process is known at the end */
	uint32_t upid;	  /* set by import_maps_sort() */
	uint32_t module;  /* import_stacks.modules */
	bool is_absolute; /* frames of it hold the address itself */
};

struct import_maps {
	TABLE(struct import_mapping) maps;
};

int import_maps_add(struct import_maps *m, const struct import_mapping *map);

/* After import_tasks_end(): ready for find. */
void import_maps_sort(struct import_maps *m, const struct tasks *t);

/* The module of an address at a time, and the frame offset there; false when no mapping holds it.
 */
bool import_maps_find(const struct import_maps *m, const struct tasks *t, uint32_t upid, int64_t ts,
		      uint64_t addr, uint32_t *ret_module, uint64_t *ret_off);

/* Is any mapping known of the process, or (without an exec of its own) of those it was forked from?
 * If not, it was gone before anybody could look. */
bool import_maps_has(const struct import_maps *m, const struct tasks *t, uint32_t upid);

void import_maps_deinit(struct import_maps *m);

#endif
