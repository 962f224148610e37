// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_maps.h"

#include <errno.h>
#include <stdlib.h>

/* Ends the search in a hostile file: mappings of one process that begin below an address. Real ones
 * overlap little. */
#define SCAN_MAX 4096
#define FORK_DEPTH_MAX 16
/* A mapping's event can be a little younger than the sample that needs it. */
#define LATE_NS (2LL << 30)

int import_maps_add(struct import_maps *m, const struct import_mapping *map)
{
	uint32_t id = table_add(&m->maps);

	if (!id)
		return -ENOMEM;
	m->maps.row[id] = *map;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct import_mapping *x = a, *y = b;

	if (x->upid != y->upid)
		return x->upid < y->upid ? -1 : 1;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->ts < y->ts ? -1 : x->ts > y->ts;
}

void import_maps_sort(struct import_maps *m, const struct tasks *t)
{
	for (uint32_t i = 1; i <= m->maps.cnt; i++)
		m->maps.row[i].upid = t->threads.row[m->maps.row[i].utid].upid;
	if (m->maps.cnt)
		qsort(m->maps.row + 1, m->maps.cnt, sizeof(*m->maps.row), compare);
}

/* The last mapping of upid that starts at or below addr; 0 none. */
static uint32_t last_below(const struct import_maps *m, uint32_t upid, uint64_t addr)
{
	uint32_t lo = 1, hi = m->maps.cnt + 1;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct import_mapping *x = &m->maps.row[mid];

		if (x->upid < upid || (x->upid == upid && x->start <= addr))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

/* Of the mappings that hold addr: the youngest one before ts; else the oldest one after it. */
static const struct import_mapping *find_own(const struct import_maps *m, uint32_t upid, int64_t ts,
					     uint64_t addr, int64_t not_before)
{
	const struct import_mapping *before = NULL, *after = NULL;
	uint32_t i = last_below(m, upid, addr);

	for (int n = 0; i && n < SCAN_MAX && m->maps.row[i].upid == upid; i--, n++) {
		const struct import_mapping *x = &m->maps.row[i];

		if (addr >= x->end || x->ts < not_before)
			continue;
		if (x->ts <= ts + LATE_NS) {
			if (!before || x->ts > before->ts)
				before = x;
		} else if (!after || x->ts < after->ts) {
			after = x;
		}
	}
	return before ?: after;
}

bool import_maps_find(const struct import_maps *m, const struct tasks *t, uint32_t upid, int64_t ts,
		      uint64_t addr, uint32_t *ret_module, uint64_t *ret_off)
{
	for (int depth = 0; upid && depth < FORK_DEPTH_MAX; depth++) {
		const struct process *p = &t->processes.row[upid];
		bool had_exec = p->exec_ts != TS_UNKNOWN && p->exec_ts <= ts + LATE_NS;
		const struct import_mapping *x =
			find_own(m, upid, ts, addr, had_exec ? p->exec_ts : INT64_MIN);

		if (x) {
			*ret_module = x->module;
			*ret_off = x->is_absolute ? addr : addr - x->start + x->pgoff;
			return true;
		}
		/* until it execs, a child has what its parent had when it was forked */
		if (had_exec)
			return false;
		if (p->start_ts != TS_UNKNOWN && p->start_ts < ts)
			ts = p->start_ts;
		upid = p->parent_upid;
	}
	return false;
}

bool import_maps_has(const struct import_maps *m, const struct tasks *t, uint32_t upid)
{
	for (int depth = 0; upid && depth < FORK_DEPTH_MAX; depth++) {
		uint32_t i = last_below(m, upid, UINT64_MAX);

		if (i && m->maps.row[i].upid == upid)
			return true;
		if (t->processes.row[upid].exec_ts != TS_UNKNOWN)
			return false;
		upid = t->processes.row[upid].parent_upid;
	}
	return false;
}

void import_maps_deinit(struct import_maps *m)
{
	table_deinit(&m->maps);
}
