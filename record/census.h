/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is there: the tasks before the recording and what the file says of them. Without targets everybody is read at the start and
 * written in keyframes. With targets (-p, -t, -u, -G, --comm, a command) only they are; anybody else (a waker; a process that
 * becomes a target later) is read and written when the first record speaks of him.
 */
#ifndef VARVE_CENSUS_H
#define VARVE_CENSUS_H

#include "record/cgroups.h"
#include "record/modules.h"
#include "record/options.h"
#include "record/programs.h"
#include "record/tasks.h"
#include "record/unwinder.h"

struct census_options {
	const struct options *options;
	struct recording_writer *writer;
	struct programs *programs;
	struct cgroups *cgroups;
	struct modules *modules;
	struct tasks *tasks;
	struct unwinder *unwinder; /* NULL: none. Set by census_set_unwinder(), as it asks census_is_eager() */
};

struct census;

int census_create(const struct census_options *o, struct census **ret, struct err *err);
void census_destroy(struct census *c);
void census_set_unwinder(struct census *c, struct unwinder *u);

/*
 * Read what runs at this moment, and have its unwind rows made: done before recording begins, so that the first samples find them. The
 * others' rows are made when they are met.
 */
int census_scan_runnable(struct census *c, struct err *err);
/* Read everybody, or every target. After the side-band was opened, so that nothing falls between; and when it has lost records. */
int census_scan(struct census *c, uint64_t now_ts, struct err *err);

/* Write a keyframe: at the start and about every 60 s. */
int census_keyframe(struct census *c, uint64_t now_ts, struct err *err);

/* A record of ts speaks of pid. Before the record is made an event. Cheap when it is not the first. 0, or the writer's error. */
int census_meet(void *census, uint32_t pid, uint64_t ts, struct err *err);

/* For unwinder_options.is_eager and sideband_options.wants_pid; ctx is a census. */
bool census_is_eager(void *ctx, uint32_t pid);
bool census_wants(void *ctx, uint32_t pid);

#endif
