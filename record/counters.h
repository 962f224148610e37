/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers of the host and of cgroups over time, as EVENT_COUNTER: memory (mem.*_kb, a level), paging (vm.*, totals since boot),
 * pressure (psi.*_us, totals), CPU throttling of cgroups (cpu.throttled_us, a total). A number is written when it changed.
 * Scope "host", or "cgroup" with the kernfs id. For memsnap.c.
 */
#ifndef VARVE_COUNTERS_H
#define VARVE_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/idmap.h"
#include "formats/recording.h"
#include "record/cgroups.h"

#define COUNTERS_CGROUPS 32 /* cgroups read each time, in turn: 10 us a file */

/* The last value of a number, so that it is written on change only. */
struct counter_last {
	uint64_t scope_id;
	const char *name; /* a constant */
	uint64_t value;
};

struct counters {
	struct recording_writer *writer;
	struct cgroups *cgroups; /* may be NULL */
	int proc_fd;		 /* borrowed */
	char *buf;		 /* owned, of procfile_read_into() */
	size_t buf_cap;
	size_t next_cgroup;
	struct counter_last *last; /* owned */
	uint32_t last_cnt, last_cap;
	struct idmap by_name;
};

void counters_init(struct counters *c, struct recording_writer *w, struct cgroups *cgroups, int proc_fd);
void counters_deinit(struct counters *c);

/* A new segment: every number counts as changed. */
void counters_next_segment(struct counters *c);

/* Read and write what changed. Returns 0 or a writer's error; a file that is not there is no error. */
int counters_write(struct counters *c, uint64_t ts, struct err *err);

#endif
