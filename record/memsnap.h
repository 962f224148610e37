/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory over time, at a low rate: host counters, pressure (PSI), and the resident size of the largest tasks. When the OOM
 * killer strikes, the snapshot taken before is what tells who held the memory; nothing is scanned at that moment.
 */
#ifndef VARVE_MEMSNAP_H
#define VARVE_MEMSNAP_H

#include <stdint.h>

#include "formats/err.h"
#include "formats/recording.h"
#include "record/cgroups.h"

#define MEMSNAP_TOP 32 /* tasks kept of each snapshot */

struct memsnap;

struct memsnap_options {
	struct recording_writer *writer;
	struct cgroups *cgroups; /* may be NULL */
	const char *proc;	 /* "/proc"; tests give another */
	uint64_t counter_ns;	 /* between counters; 0: 1 s */
	uint64_t snapshot_ns;	 /* between snapshots at most when memory moves; 0: 2 s */
};

int memsnap_create(const struct memsnap_options *o, struct memsnap **ret, struct err *err);
void memsnap_destroy(struct memsnap *m);

/* Do what is due at now_ts (counters, a snapshot). m may be NULL: nothing ever is. Call at least once a second, and once before recording starts. */
int memsnap_tick(struct memsnap *m, uint64_t now_ts, struct err *err);

/* A new segment: all counters are written the next time they are due. m may be NULL. */
void memsnap_next_segment(struct memsnap *m);

/* When the newest snapshot before ts was taken; 0: none. For EVENT_OOM's snapshot_ts. */
uint64_t memsnap_before(const struct memsnap *m, uint64_t ts);

/* Write EVENT_OOM_TASK for each task of the newest snapshot before oom_ts. Returns the number, or a writer's error. */
int memsnap_emit_oom(struct memsnap *m, uint64_t oom_ts, struct err *err);

#endif
