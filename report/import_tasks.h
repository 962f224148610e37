/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Task events → processes and threads. A thread is known by (tid, start), whatever order the events
 * come in: each event names its task, so a sample may come before the task record that tells more
 * about it.
 */
#ifndef VARVE_IMPORT_TASKS_H
#define VARVE_IMPORT_TASKS_H

#include "formats/event.h"
#include "formats/idmap.h"
#include "report/db.h"
#include "report/tasks.h"

/* One recording's clocks, for turning its times into ts. */
struct import_clock {
	uint64_t t0_mono;    /* CLOCK_MONOTONIC at its start */
	int64_t start_ts;    /* its start on the database's time line */
	int64_t boot_offset; /* CLOCK_BOOTTIME minus CLOCK_MONOTONIC, from its first CLOCK event */
	bool has_boot;
};

/* 36 years either way: what a file claims beyond is nonsense, and would overflow sums and
 * differences. */
#define IMPORT_NS_MAX (1LL << 60)

static inline int64_t import_clamp(int64_t ns)
{
	return ns > IMPORT_NS_MAX ? IMPORT_NS_MAX : ns < -IMPORT_NS_MAX ? -IMPORT_NS_MAX : ns;
}

static inline int64_t import_ts(const struct import_clock *c, uint64_t mono_ts)
{
	return import_clamp(import_clamp((int64_t)(mono_ts - c->t0_mono)) + c->start_ts);
}

/* All zero but for what import_tasks_init() sets. */
struct import_tasks {
	struct tasks *tasks; /* the caller's */
	struct idmap by_identity, by_tid, by_pid, by_kernfs;
	TABLE(uint32_t) tid_heads, pid_heads; /* newest thread (process) of a tid (pid) */
	TABLE(uint32_t) older_processes;      /* [upid]: same pid, earlier */
	uint32_t recording;
	uint32_t first_utid, first_upid, first_cgroup; /* of this recording */
	uint32_t idle_utid;
	struct db_insert *names; /* thread_name; NULL without a database */
	struct db_insert *execs; /* exec_event; the same */
	uint32_t exec_cnt;
};

/* db may be NULL: then names over time and execs are not kept. */
int import_tasks_init(struct import_tasks *t, struct tasks *tasks, struct db *db, struct err *err);

/* Forget identities: another host, or the same after a reboot. Ids go on. */
void import_tasks_begin(struct import_tasks *t, uint32_t recording);

/* The thread's utid, made on first sight; 0: out of memory. ts: of the event that names it. */
uint32_t import_tasks_utid(struct import_tasks *t, const struct task_ref *ref, int64_t ts);

/*
 * The process that had pid when a thread with this start was made; 0 none. start 0: the newest. And
 * one that is not known yet: its upid, 0: out of memory. start: as struct process.start_boot.
 */
uint32_t import_tasks_find_process(struct import_tasks *t, uint32_t pid, uint64_t start);
uint32_t import_tasks_add_process(struct import_tasks *t, uint32_t pid, uint64_t start);

/* The thread is called comm from ts on. 0 or -errno. */
int import_tasks_name(struct import_tasks *t, uint32_t utid, const char *comm, int64_t ts,
		      struct err *err);

/* cgroup.id of a kernfs id, made on first sight; 0 for 0. */
uint32_t import_tasks_cgroup(struct import_tasks *t, uint64_t kernfs_id);

/* TASK, FORK, EXEC, COMM, EXIT, CGROUP. 0 or -errno. (import_task_events.c) */
int import_tasks_event(struct import_tasks *t, const struct event *ev, int64_t ts, struct err *err);

/* All events of the recording are in: threads find their processes, processes their parents, starts
 * become ts. */
int import_tasks_end(struct import_tasks *t, const struct import_clock *clock, struct err *err);

/* *ret_duplicates (or NULL): names that were dropped, the thread having another of the same time; unchanged without a database. */
int import_tasks_deinit(struct import_tasks *t, uint64_t *ret_duplicates, struct err *err);

#endif
