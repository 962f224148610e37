/* SPDX-License-Identifier: BSD-2-Clause */
/* OOM kills, and the largest tasks before each → the tables oom and oom_task. */
#ifndef VARVE_IMPORT_OOMS_H
#define VARVE_IMPORT_OOMS_H

#include "formats/event.h"
#include "formats/idmap.h"
#include "report/db.h"
#include "report/strpool.h"
#include "report/table.h"
#include "report/tasks.h"

/* The numbers after ts are row ids, 0 none. */
struct import_oom {
	struct event ev; /* strings are the pool's, once added */
	int64_t ts, snapshot_ts; /* snapshot_ts TS_UNKNOWN: there was none */
	uint32_t utid, trigger_utid, stack, cgroup, recording;
};

struct import_oom_task {
	struct event ev; /* as above */
	uint32_t recording;
};

/* All zero is empty. */
struct import_ooms {
	struct strpool strings;
	TABLE(struct import_oom) kills;
	struct idmap by_time;
	TABLE(struct import_oom_task) tasks;
};

/* What is given is copied. 0 or -ENOMEM. */
int import_ooms_add(struct import_ooms *o, const struct import_oom *kill);

/* Before or after its kill; dropped in the end when that never comes. */
int import_ooms_add_task(struct import_ooms *o, const struct event *ev, uint32_t recording);

/* *ret_duplicates: tasks that were dropped, their process being in that kill's snapshot already. Unchanged where that cannot be known for an error. */
int import_ooms_write(const struct import_ooms *o, const struct tasks *t, struct db *db,
		      uint64_t *ret_duplicates, struct err *err);
void import_ooms_deinit(struct import_ooms *o);

#endif
