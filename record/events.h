/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The crossing from the wire world to the event world: ring and iterator records become events in the recording. Whatever is
 * needed from user space (mappings, names, cgroups, the memory snapshot) is added here.
 */
#ifndef VARVE_EVENTS_H
#define VARVE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/recording.h"
#include "record/cgroups.h"
#include "record/frames.h"
#include "record/memsnap.h"
#include "record/modules.h"
#include "record/options.h"
#include "record/unwinder.h"
#include "record/watch.h"

struct events;

struct events_options {
	struct recording_writer *writer;
	struct frames_sources sources;
	struct modules *modules; /* told of ended processes; may be NULL */
	struct cgroups *cgroups; /* may be NULL */
	struct memsnap *memsnap; /* may be NULL */
	struct unwinder *unwinder; /* finishes stacks; may be NULL */
	struct watch *watch; /* told of each event; may be NULL */
	/* Told of the process of each record, before it becomes an event; an error counts as the writer's. NULL: nobody */
	int (*meet)(void *ctx, uint32_t pid, uint64_t ts, struct err *err);
	void *meet_ctx;
	uint64_t weight_ns;	 /* of a sample */
	bool want_task;		 /* each FORK, EXEC, COMM, EXIT belongs into the file; else only new processes and EXEC (tasks learn of all) */
	struct cmdline_how cmdline;
};

/* What became of the records, by kind of event. */
struct events_stats {
	uint64_t added[EVENT_KIND_CNT];	  /* given to the writer */
	uint64_t dropped[EVENT_KIND_CNT]; /* not taken by it, or a record that made no sense */
	uint64_t stack_errors[EVENT_KIND_CNT]; /* added, one half of the stack missing */
};

int events_create(const struct events_options *o, struct events **ret, struct err *err);
void events_destroy(struct events *e);

/*
 * One record from any ring or from the iterator; the data are not kept. Returns 0, or a writer's error. A record whose size
 * contradicts its kind is counted and passed over.
 */
int events_add(struct events *e, const void *data, size_t sz, struct err *err);

/* Give out what waited long enough for its other half (or all of it: now_ts UINT64_MAX). */
int events_flush(struct events *e, uint64_t now_ts, struct err *err);

const struct events_stats *events_stats(const struct events *e);

/* A new segment: its frames are to be told to the symbols again. */
void events_next_segment(struct events *e);

/* Now and then: what is kept of threads whose exit was lost. */
void events_forget_threads(struct events *e);

/* True once after an OOM kill was written: the session syncs at once, the host may not live long. */
bool events_take_oom(struct events *e);

#endif
