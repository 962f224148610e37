/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a database to the trees and points of a flame graph. One pass over the samples, one over the
 * waits.
 */
#ifndef VARVE_FLAME_LOAD_H
#define VARVE_FLAME_LOAD_H

#include "formats/err.h"
#include "report/db.h"
#include "report/filter.h"
#include "report/flame_page.h"
#include "report/stacks.h"
#include "report/tasks.h"

/* The views of a page, in the order of its tabs. */
enum flame_tab {
	FLAME_TAB_ON_CPU = 0,
	FLAME_TAB_OFF_CPU = 1,
	FLAME_TAB_OFF_WAKE = 2, /* where it waited, then "--", then what its waker did */
	FLAME_TAB_WAKEUP = 3,	/* the wakers' stacks, by the blocked time they ended */
	FLAME_TAB_RUN_QUEUE = 4,
	FLAME_TAB_OOM = 5,
	FLAME_TAB_CNT = 6,
};

struct flame_load_options {
	const struct filter *filter;
	uint32_t tabs;	     /* bit (1 << tab): those wanted */
	bool with_moments;   /* fill page->moments for a flame chart */
	uint32_t moment_max; /* 0: 1,000,000 */
	bool without_lost;   /* no frames for what was lost: in a difference they would shift every
				share */
	bool base_by_count;  /* base values count events instead of summing time */
};

/*
 * Fill page's views (their trees not settled), time range and moments. stacks and tasks are what db
 * holds; page->tasks is set to tasks. A tab that has no event is still there, empty.
 */
int flame_load(struct flame_page *page, struct db *db, const struct stacks *s,
	       const struct tasks *t, const struct flame_load_options *o, struct err *err);

/* Add another database's values as base values of the same views; page->is_diff becomes true. */
int flame_load_base(struct flame_page *page, struct db *db, const struct stacks *s,
		    const struct tasks *t, const struct flame_load_options *o, struct err *err);

/* "on-cpu", "off-cpu", …: flame_view.id. */
const char *flame_tab_id(enum flame_tab tab);

/* The view of a tab, or NULL when it was not wanted. */
struct flame_view *flame_page_tab(struct flame_page *page, enum flame_tab tab);

#endif
