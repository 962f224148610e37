/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * events.c's part for OOM kills. A kill is held briefly: the record of the end of out_of_memory(), where the kernel lets us
 * have it, completes it.
 */
#ifndef VARVE_EVENTS_OOM_H
#define VARVE_EVENTS_OOM_H

#include <stdbool.h>

#include <linux/types.h>

#include "bpf/wire.h"
#include "formats/err.h"
#include "formats/event.h"
#include "record/cgroups.h"
#include "record/kallsyms.h"
#include "record/memsnap.h"

#define EVENTS_OOM_HELD 64 /* kills at once; more are given out unfinished */
#define EVENTS_OOM_PATIENCE_NS 300000000ULL

struct events_oom_kill {
	struct wire_oom rec;
	struct event_stack stack; /* frames owned */
};

/* All zero is empty. */
struct events_oom {
	struct events_oom_kill kills[EVENTS_OOM_HELD];
	unsigned cnt;
	bool written; /* since events_oom_take_written() */
};

struct events_oom_sources {
	struct cgroups *cgroups; /* may be NULL */
	struct memsnap *memsnap; /* may be NULL */
};

/*
 * Take a kill in; its stack is copied. Where the kernel did not tell, the stack does: below mem_cgroup_out_of_memory() it was a
 * memory cgroup's limit. Returns 0 or -ENOMEM.
 */
int events_oom_hold(struct events_oom *o, const struct kallsyms *k, const struct wire_oom *rec,
		    const struct event_stack *stack);

void events_oom_scope(struct events_oom *o, const struct wire_oom_scope *rec);

/* Give out, oldest first, what is complete or older than its patience (or all: UINT64_MAX). Returns 0 or fn's error. */
typedef int (*events_oom_fn)(void *ctx, const struct event *ev, struct err *err);
int events_oom_flush(struct events_oom *o, const struct events_oom_sources *src, uint64_t now_ts, events_oom_fn fn,
		     void *ctx, struct err *err);

bool events_oom_take_written(struct events_oom *o);

#endif
