/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes, threads and cgroups, in memory. Indexes are the row ids of schema.sql (upid, utid,
 * cgroup.id), 0 means none. Built by an import (import_tasks.h) or read from a database.
 */
#ifndef VARVE_REPORT_TASKS_H
#define VARVE_REPORT_TASKS_H

#include <stdbool.h>
#include <stdint.h>

#include "report/db.h"
#include "report/strpool.h"
#include "report/table.h"

#define TS_UNKNOWN INT64_MIN /* NULL in SQL */

/* Strings are in tasks.strings; NULL: unknown. Times are ns since the first recording's start. */
struct process {
	const char *comm, *exe, *cmdline;
	uint64_t start_boot; /* identity: task_ref.start_ts of the leader; 0 unknown. Not kept in
				the database */
	int64_t start_ts, exec_ts, exit_ts;
	uint32_t recording, pid, ns_pid, ppid, uid; /* uid UINT32_MAX: unknown */
	uint32_t parent_upid, cgroup;
	uint32_t parent_utid; /* the creator, while importing */
	int32_t exit_status;  /* wait(2), when exit_ts is known */
	bool has_task;	      /* a TASK, FORK or EXEC told of it */
};

struct thread {
	const char *comm;
	uint64_t start_boot; /* identity; 0 unknown */
	int64_t start_ts, exit_ts, comm_ts;
	uint32_t upid, pid, tid;
	uint32_t older; /* same tid, earlier: a chain; while importing */
	bool is_kernel, uncertain;
};

struct cgroup {
	const char *path, *container_id, *runtime, *pod_uid;
	uint64_t kernfs_id;
	uint64_t memory_max, cpu_quota_us, cpu_period_us; /* UNKNOWN_U64 */
	uint32_t recording;
};

struct tasks {
	TABLE(struct process) processes;
	TABLE(struct thread) threads;
	TABLE(struct cgroup) cgroups;
	TABLE(const char *) hosts; /* of the recordings, by their ids; NULL: unknown */
	struct strpool strings;
};

int tasks_write(const struct tasks *t, struct db *db, struct err *err);

/* *ret is to be all zero, and to be deinitialized whatever is returned. */
int tasks_read(struct tasks *ret, struct db *db, struct err *err);
void tasks_deinit(struct tasks *t);

#endif
