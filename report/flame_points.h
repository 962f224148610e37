/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a page can filter by: how much of each tree node fell into each thread and each slice of
 * time. The slices are of one width, which doubles when the points become too many for a browser;
 * sums stay exact.
 */
#ifndef VARVE_FLAME_POINTS_H
#define VARVE_FLAME_POINTS_H

#include <stdint.h>

#include "formats/idmap.h"
#include "report/table.h"

/*
 * A value in one slice, or (len > 1) spread evenly over len slices from `slice` on: a long wait is
 * three points, not hundreds.
 */
struct flame_point {
	uint32_t node, thread, slice, len;
	uint64_t value, cnt; /* value is a multiple of len */
};

/*
 * All zero but from, slice_ns and max is empty. Callers keep ts and ts + dur_ns inside the time the
 * page shows.
 */
struct flame_points {
	TABLE(struct flame_point)
		rows; /* 1..cnt; sorted by node, thread, slice, len after flame_points_settle() */
	struct idmap map;
	int64_t from;	   /* when slice 0 begins */
	uint64_t slice_ns; /* > 0 */
	uint32_t max; /* points wanted at most; 0: 1,000,000. Distinct (node, thread) pairs are kept
			 even beyond */
	uint32_t last; /* the highest slice so far */
};

/*
 * Something of this value, at ts for dur_ns (0: an instant). A value with a duration is spread over
 * the slices it touches in proportion, to the last unit; cnt goes to the first. Returns 0 or
 * -ENOMEM.
 */
int flame_points_add(struct flame_points *p, uint32_t node, uint32_t thread, int64_t ts,
		     uint64_t dur_ns, uint64_t value, uint64_t cnt);

/*
 * Double slice_ns until it is at least this: pages show all their views on one time axis. 0 or
 * -ENOMEM.
 */
int flame_points_widen(struct flame_points *p, uint64_t slice_ns);

/*
 * Sort. renumber[node]: the number to write for a node (as flame_tree_order() tells), or NULL. 0 or
 * -ENOMEM.
 */
int flame_points_settle(struct flame_points *p, const uint32_t *renumber);

void flame_points_deinit(struct flame_points *p);

#endif
