/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of struct tasks, for tasks*.c: tasks_table.c is the entries' life and how they are found, tasks.c what changes them, tasks_ask.c
 * what is asked of them.
 *
 * A pid and a tid have one entry for each owner they had: chained in their bucket, the newest first. An entry is kept over its end,
 * until tasks_prune(); a process until the last of its threads is forgotten.
 */
#ifndef VARVE_TASKS_PRIVATE_H
#define VARVE_TASKS_PRIVATE_H

#include "record/space.h"
#include "record/tasks.h"

#define TASKS_BUCKETS 4096 /* power of two; 10,000 threads give chains of 2 to 3 */

/* The image a process had until until_ts, when it exec'ed. */
struct past_space {
	struct past_space *next; /* older */
	struct space *space;	 /* a reference */
	uint64_t until_ts;
};

/* One instance of a pid. In its bucket until its last thread is forgotten. */
struct process {
	struct process *next; /* in the bucket, newest instance first */
	uint32_t refs;	      /* its threads in the table, dead ones too; one more while it is alive */
	uint32_t thread_cnt;  /* alive */
	uint32_t pid, ppid, uid, ns_pid;
	uint64_t born_ts, dead_ts; /* 0: before the recording; not yet */
	uint64_t seen_ts;	   /* /proc or BPF showed it alive then */
	uint64_t start_ts, cgroup_id;
	uint64_t state, changed_ts; /* of its mappings: another number for each change, and the latest of their times */
	bool is_kernel, is_marked;
	char *exe;		 /* owned; NULL unknown */
	struct space *space;	 /* a reference */
	struct past_space *past; /* newest first, owned */
};

struct thread {
	struct thread *next;	  /* in the bucket, newest instance first */
	struct thread *next_dead; /* in order of death */
	struct process *process;  /* a reference */
	uint32_t tid;
	uint64_t born_ts, dead_ts, seen_ts, start_ts; /* as of struct process */
	char comm[TASK_COMM_SZ];
};

struct tasks {
	struct process *processes[TASKS_BUCKETS];
	struct thread *threads[TASKS_BUCKETS];
	struct thread *dead_first, **dead_last;
	uint64_t dead_cnt;
	uint64_t state;		/* the last one given to a process */
	struct process *cached; /* of the last tasks_resolve(), while nothing was freed */
	struct tasks_listener listener;
	struct tasks_stats stats;
};

/* ---- the table: entries are its own, valid until the next tasks_prune() ------------------------------------- */

/*
 * A new instance, alive since ts. Takes over the reference to space, also when it fails; space NULL: there was no memory for it. NULL: no memory,
 * counted as dropped.
 */
struct process *tasks_add_process(struct tasks *t, uint64_t ts, uint32_t pid, struct space *space);
/* A new thread of p, alive since ts, without a name. NULL: no memory, counted as dropped. */
struct thread *tasks_add_thread(struct tasks *t, uint64_t ts, uint32_t tid, struct process *p);

/* The newest instance that had begun at ts, dead or alive; NULL: none. */
struct process *tasks_process_at(const struct tasks *t, uint32_t pid, uint64_t ts);
struct thread *tasks_thread_at(const struct tasks *t, uint32_t tid, uint64_t ts);
/* The one that is alive now, or NULL. */
struct process *tasks_alive_process(const struct tasks *t, uint32_t pid);
struct thread *tasks_alive_thread(const struct tasks *t, uint32_t tid);

/* Both must be alive. With its last thread a process ends, which the listener is told. */
void tasks_end_process(struct tasks *t, struct process *p, uint64_t ts);
void tasks_end_thread(struct tasks *t, struct thread *th, uint64_t ts);
/* All of p's but tid. Looks through the whole table. */
void tasks_end_other_threads(struct tasks *t, struct process *p, uint32_t tid, uint64_t ts);

/* p's mappings are others from ts on: see tasks_state(). */
void tasks_note_change(struct tasks *t, struct process *p, uint64_t ts);

#endif
