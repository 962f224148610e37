/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The events a filter takes, one by one in time order: for pictures and exports that need the time
 * of each. (Sums by thread and stack are report/profile.h.)
 */
#ifndef VARVE_EXPORT_EVENTS_H
#define VARVE_EXPORT_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/err.h"
#include "report/db.h"
#include "report/filter.h"
#include "report/stacks.h"
#include "report/tasks.h"

/*
 * A sample: dur_ns is the CPU time it stands for. A wait: as in the offcpu table. An OOM kill: of
 * the allocating thread.
 */
struct export_event {
	int64_t ts;
	uint64_t dur_ns;
	uint64_t runq_ns; /* 0: none, or not seen */
	uint32_t utid, stack, cpu;
	uint32_t waker_utid, waker_stack;
	uint32_t cpu_in; /* of a wait: where it came back; UINT32_MAX unknown. cpu is where it left
			  */
	char state;	 /* of a wait; 0 else */
	bool waker_irq, iowait;
	bool has_runq; /* runq_ns was seen, even if it is 0 */
};

struct export_events {
	struct db_stmt *st;
	const struct filter *filter;
	const struct tasks *tasks;
	const struct stacks *stacks;
	enum filter_event kind;
};

/*
 * What is read, whatever f->event says: FILTER_ON_CPU the samples, FILTER_OOM the kills, any other
 * the waits. A filter on CPUs looks at where a wait began, for FILTER_RUN_QUEUE
 * at where it ended. Ids that lead nowhere come as 0. All three structs must outlive *ret.
 */
int export_events_open(struct export_events *ret, struct db *db, enum filter_event kind,
		       const struct filter *f, const struct tasks *t, const struct stacks *s,
		       struct err *err);

/* 1 with *ret, 0 at the end, or -errno. */
int export_events_next(struct export_events *e, struct export_event *ret, struct err *err);

void export_events_close(struct export_events *e);

#endif
