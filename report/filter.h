/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --event, --pid, --comm, … : which events an output is about. One struct and one judge for every
 * command, whether the events come from a database or straight from a recording.
 */
#ifndef VARVE_FILTER_H
#define VARVE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "report/tasks.h"

enum filter_event {
	FILTER_ON_CPU = 0,
	FILTER_OFF_CPU = 1,   /* whole waits */
	FILTER_RUN_QUEUE = 2, /* their last part: runnable, waiting for a CPU */
	FILTER_WAKEUP = 3,    /* the wakers' stacks, by the blocked time they ended */
	FILTER_OOM = 4,	      /* the allocations that ran out */
};

enum filter_weight { FILTER_WEIGHT_DEFAULT = 0, FILTER_WEIGHT_SAMPLES = 1, FILTER_WEIGHT_NS = 2 };

struct filter_list {
	char **items; /* owned */
	size_t cnt;
};

/* All zero: everything on-CPU. Lists that are empty let everything pass. */
struct filter {
	enum filter_event event;
	enum filter_weight weight;
	struct filter_list comms;     /* globs; the thread's name */
	struct filter_list cgroups;   /* globs of the path; one without wildcards also takes what is
					 below it; or a container id's begin */
	struct filter_list recordings; /* numbers (recording.id), or globs of their hosts */
	uint32_t *pids, *tids, *cpus; /* owned */
	size_t pid_cnt, tid_cnt, cpu_cnt;
	char *states; /* "SD", letters of offcpu.state; owned; NULL all */
	bool has_from, has_to;
	int64_t from_ns, to_ns; /* negative: from the end of the recording */
	bool offwake;		/* off-CPU entries keep their wakers apart */
	char *where; /* SQL condition on the rows and thread_v's columns; owned; NULL none */
};

/*
 * One option of the command line. name: without dashes ("pid"). Returns 0, or -EINVAL with what is
 * wrong with the value.
 */
int filter_set(struct filter *f, const char *name, const char *value, struct err *err);
void filter_deinit(struct filter *f);

/* Weight in ns rather than a count: what was asked for, or what the event has by default. */
bool filter_is_ns(const struct filter *f);

/* --time as instants, once the duration is known. Open ends are INT64_MIN and INT64_MAX. */
void filter_time(const struct filter *f, int64_t duration_ns, int64_t *ret_from, int64_t *ret_to);

/* Events can be judged one by one as they come: no SQL, no time counted from the end. */
bool filter_is_streamable(const struct filter *f);

/* Some condition is on threads (or their processes, cgroups and recordings). */
bool filter_picks_threads(const struct filter *f);

bool filter_takes_cpu(const struct filter *f, uint32_t cpu);
bool filter_takes_state(const struct filter *f, char state);
bool filter_takes_thread(const struct filter *f, const struct tasks *t, uint32_t utid);

#endif
