// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_points.h"

#include <errno.h>
#include <stdlib.h>

#define POINTS_MAX 1500000 /* a page of about 12 MB, which Chromium opens in under a second */

void flame_points_deinit(struct flame_points *p)
{
	table_deinit(&p->rows);
	idmap_deinit(&p->map);
}

static uint32_t point_hash(const struct flame_point *x)
{
	return hash_mix((uint64_t)x->node << 32 | x->thread, x->slice);
}

/* Add to the row with x's key, or make it. */
static int merge(struct flame_points *p, const struct flame_point *x)
{
	uint32_t hash = point_hash(x), pos, id;

	for (id = idmap_first(&p->map, hash, &pos); id; id = idmap_next(&p->map, hash, &pos)) {
		struct flame_point *row = &p->rows.row[id];

		if (row->node == x->node && row->thread == x->thread && row->slice == x->slice) {
			row->value += x->value;
			row->cnt += x->cnt;
			return 0;
		}
	}
	if (!table_reserve(&p->rows, p->rows.cnt + 1) || idmap_add(&p->map, hash, p->rows.cnt + 1))
		return -ENOMEM;
	p->rows.row[++p->rows.cnt] = *x;
	return 0;
}

/* Join each two neighbouring slices. */
static int halve(struct flame_points *p)
{
	uint32_t cnt = p->rows.cnt;

	idmap_clear(&p->map);
	p->rows.cnt = 0;
	p->slice_ns *= 2;
	p->last /= 2;
	for (uint32_t i = 1; i <= cnt; i++) { /* rows are rewritten at or before where they are read */
		struct flame_point x = p->rows.row[i];
		int err;

		x.slice /= 2;
		err = merge(p, &x);
		if (err)
			return err;
	}
	return 0;
}

int flame_points_widen(struct flame_points *p, uint64_t slice_ns)
{
	int err = 0;

	while (!err && p->slice_ns < slice_ns)
		err = halve(p);
	return err;
}

static uint32_t slice_at(const struct flame_points *p, int64_t ts)
{
	uint64_t slice = ts <= p->from ? 0 : (uint64_t)(ts - p->from) / p->slice_ns;

	return slice > UINT32_MAX ? UINT32_MAX : (uint32_t)slice;
}

int flame_points_add(struct flame_points *p, uint32_t node, uint32_t thread, int64_t ts, uint64_t dur_ns,
		     uint64_t value, uint64_t cnt)
{
	uint64_t given = 0;
	uint32_t first, last;
	int err = 0;

	/* With one slice left it is the stacks that are many, and they are all wanted. */
	while (p->rows.cnt >= (p->max ?: POINTS_MAX) && p->last)
		if (halve(p))
			return -ENOMEM;
	if (ts < p->from) {
		dur_ns = dur_ns > (uint64_t)(p->from - ts) ? dur_ns - (uint64_t)(p->from - ts) : 0;
		ts = p->from;
	}
	first = slice_at(p, ts);
	last = dur_ns ? slice_at(p, ts + (int64_t)dur_ns - 1) : first;
	if (last > p->last)
		p->last = last;
	for (uint32_t slice = first; !err; slice++) {
		uint64_t until = p->slice_ns * (slice + 1ull) - (uint64_t)(ts - p->from); /* from ts to the slice's end */
		uint64_t upto = slice == last ? value : (uint64_t)((unsigned __int128)value * until / dur_ns);

		if (upto > given || slice == first)
			err = merge(p, &(struct flame_point){ node, thread, slice, upto - given, slice == first ? cnt : 0 });
		given = upto;
		if (slice == last)
			break;
	}
	return err;
}

static int compare_points(const void *a, const void *b)
{
	const struct flame_point *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	return x->slice < y->slice ? -1 : x->slice > y->slice;
}

int flame_points_settle(struct flame_points *p, const uint32_t *renumber)
{
	if (renumber)
		for (uint32_t i = 1; i <= p->rows.cnt; i++)
			p->rows.row[i].node = renumber[p->rows.row[i].node];
	if (p->rows.cnt)
		qsort(p->rows.row + 1, p->rows.cnt, sizeof(*p->rows.row), compare_points);
	idmap_clear(&p->map); /* ids moved: nothing may be added any more */
	return 0;
}
