// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_points.h"

#include <errno.h>
#include <stdlib.h>

/* A view of about 8 MB, which Chromium decodes in well under a second. */
#define POINTS_MAX 1000000

void flame_points_deinit(struct flame_points *p)
{
	table_deinit(&p->rows);
	idmap_deinit(&p->map);
}

static uint32_t point_hash(const struct flame_point *x)
{
	return hash_mix((uint64_t)x->node << 32 | x->thread, (uint64_t)x->slice << 32 | x->len);
}

/* Add to the row with x's key, or make it. */
static int merge(struct flame_points *p, const struct flame_point *x)
{
	uint32_t hash = point_hash(x), pos, id;

	for (id = idmap_first(&p->map, hash, &pos); id; id = idmap_next(&p->map, hash, &pos)) {
		struct flame_point *row = &p->rows.row[id];

		if (row->node == x->node && row->thread == x->thread && row->slice == x->slice &&
		    row->len == x->len) {
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

/*
 * One point at the doubled width: what of a run begins or ends inside a pair of slices becomes a
 * point of its own.
 */
static int merge_halved(struct flame_points *p, struct flame_point x)
{
	uint64_t each = x.value / x.len;
	int err = 0;

	if (x.len > 1 && x.slice % 2) {
		err = merge(p,
			    &(struct flame_point){ x.node, x.thread, x.slice / 2, 1, each, x.cnt });
		x.cnt = 0;
		x.slice++;
		x.len--;
	}
	if (x.len > 1 && x.len % 2) {
		err = err
			      ?: merge(p,
				       &(struct flame_point){ x.node, x.thread,
							      (x.slice + x.len) / 2, 1, each, 0 });
		x.len--;
	}
	x.value = each * x.len;
	x.slice /= 2;
	x.len = x.len > 1 ? x.len / 2 : 1;
	return err ?: merge(p, &x);
}

/* Join each two neighbouring slices. */
static int halve(struct flame_points *p)
{
	struct flame_points old = *p;
	int err = 0;

	p->rows.row = NULL; /* runs may become more points than they were: they cannot be rewritten
			       in place */
	p->rows.cnt = p->rows.cap = 0;
	idmap_clear(&p->map);
	p->slice_ns *= 2;
	p->last /= 2;
	for (uint32_t i = 1; i <= old.rows.cnt && !err; i++)
		err = merge_halved(p, old.rows.row[i]);
	table_deinit(&old.rows);
	return err;
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

/* Spread over slices in proportion to the time in each. */
static int add_spread(struct flame_points *p, struct flame_point x, int64_t ts, uint64_t dur_ns,
		      uint32_t last)
{
	uint64_t given = 0, value = x.value;
	int err = 0;

	for (;; x.slice++, x.cnt = 0) {
		uint64_t until = p->slice_ns * (x.slice + 1ull) -
				 (uint64_t)(ts - p->from); /* from ts to the slice's end */
		uint64_t upto = x.slice == last
					? value
					: (uint64_t)((unsigned __int128)value * until / dur_ns);

		x.value = upto - given;
		if (x.value || x.cnt)
			err = merge(p, &x);
		given = upto;
		if (err || x.slice == last)
			return err;
	}
}

/*
 * A stretch of time whose value is its length: a point for each end, a run for the slices it fills.
 */
static int add_run(struct flame_points *p, struct flame_point x, int64_t ts, uint64_t dur_ns,
		   uint32_t last)
{
	uint64_t since = (uint64_t)(ts - p->from), end = since + dur_ns;
	uint32_t first = x.slice;
	int err;

	x.value = p->slice_ns * (first + 1ull) - since;
	err = merge(p, &x);
	x.cnt = 0;
	if (last - first > 1) {
		x.slice = first + 1;
		x.len = last - first - 1;
		x.value = p->slice_ns * x.len;
		err = err ?: merge(p, &x);
	}
	x.slice = last;
	x.len = 1;
	x.value = end - p->slice_ns * last;
	return err ?: merge(p, &x);
}

int flame_points_add(struct flame_points *p, uint32_t node, uint32_t thread, int64_t ts,
		     uint64_t dur_ns, uint64_t value, uint64_t cnt)
{
	struct flame_point x = {
		.node = node, .thread = thread, .len = 1, .value = value, .cnt = cnt
	};
	uint32_t last;

	/* With one slice left it is the stacks that are many, and they are all wanted. */
	while (p->rows.cnt >= (p->max ?: POINTS_MAX) && p->last)
		if (halve(p))
			return -ENOMEM;
	if (ts < p->from) {
		dur_ns = dur_ns > (uint64_t)(p->from - ts) ? dur_ns - (uint64_t)(p->from - ts) : 0;
		ts = p->from;
	}
	x.slice = slice_at(p, ts);
	last = dur_ns ? slice_at(p, ts + (int64_t)dur_ns - 1) : x.slice;
	if (last > p->last)
		p->last = last;
	if (last == x.slice)
		return merge(p, &x);
	return value == dur_ns ? add_run(p, x, ts, dur_ns, last)
			       : add_spread(p, x, ts, dur_ns, last);
}

static int compare_points(const void *a, const void *b)
{
	const struct flame_point *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	if (x->slice != y->slice)
		return x->slice < y->slice ? -1 : 1;
	return x->len < y->len ? -1 : x->len > y->len;
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
