/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flame graphs as one HTML page that needs nothing else: tabs for each kind of event, filters by
 * thread and cgroup, a brush over time, a flame chart. The page carries numbers and names; it lays
 * out in the browser (report/flame_*.js).
 */
#ifndef VARVE_FLAME_PAGE_H
#define VARVE_FLAME_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "formats/err.h"
#include "report/flame_color.h"
#include "report/flame_points.h"
#include "report/flame_tree.h"
#include "report/table.h"
#include "report/tasks.h"

/* One tab. */
struct flame_view {
	const char *id, *title; /* "on-cpu", "On-CPU"; constants */
	const char *unit;	/* what is counted: "samples", "waits" */
	const char *note;	/* one line under the tab, or NULL; owned by whoever fills it */
	enum flame_palette palette;
	struct flame_tree *tree;    /* owned; settled */
	struct flame_points points; /* values in ns; thread: utid */
	bool by_count;		    /* show counts first: kinds without a duration */
};

/* One thing a thread did, for the flame chart: a sample (dur_ns 0) or a wait. */
struct flame_moment {
	uint32_t utid, node; /* node: of view's tree */
	uint8_t view;	     /* index into views */
	char state;	     /* of a wait: offcpu.state; 0 for a sample */
	int64_t ts;
	uint64_t dur_ns, runq_ns;
};

#define FLAME_VIEW_MAX 8

struct flame_page {
	const char *title, *subtitle; /* raw text; subtitle may be NULL */
	int64_t from, to;	      /* the time shown; ns since the recording's start */
	int64_t unix_ns;	      /* wall clock at ts 0; 0 unknown */
	const struct tasks *tasks;    /* what utids mean; not owned */
	struct flame_view views[FLAME_VIEW_MAX];
	unsigned view_cnt;
	bool is_diff;			    /* the trees have base values */
	const char *base_title;		    /* what is compared with */
	TABLE(struct flame_moment) moments; /* for the chart; empty: no chart */
	uint64_t moments_left_out;	    /* beyond what a page can hold */
	uint64_t sample_ns;		    /* what one sample stands for */
	bool start_with_chart;
	unsigned first_view; /* shown first; 0: the first that has something */
};

void flame_page_deinit(struct flame_page *p);

/* Sorts points and moments, then writes. Returns 0, -ENOMEM, or -EIO when f took an error. */
int flame_page_write(FILE *f, struct flame_page *p, struct err *err);

#endif
