/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes, their executable mappings over time, and their threads. Fed by sideband.c and procscan.c, asked by events.c.
 * A change does not destroy what it replaced at once: an address recorded shortly before an exec, a dlclose or an exit
 * still resolves as it was. Address spaces are shared between a parent and its forked children until one changes.
 */
#ifndef VARVE_TASKS_H
#define VARVE_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/event.h"

#define TASK_COMM_SZ 16
#define TASKS_GRACE_NS 10000000000ULL /* what is over is kept this long, in recorded time */
#define TASKS_DEAD_MAX 16384	       /* ended threads kept at most: a fork storm shortens the grace */

struct tasks;

/* What the unwinder keeps in step with. Any member may be NULL. Called inside the tasks_* call that makes the change. */
struct tasks_listener {
	void *ctx;
	void (*mapping_added)(void *ctx, uint32_t pid, uint64_t start, uint64_t end, uint64_t off_base, uint32_t module);
	void (*mapping_removed)(void *ctx, uint32_t pid, uint64_t start, uint64_t end); /* the range has no mapping now */
	void (*process_forked)(void *ctx, uint32_t pid, uint32_t parent); /* has its parent's mappings */
	void (*process_cleared)(void *ctx, uint32_t pid); /* exec: no mappings now */
	void (*process_exited)(void *ctx, uint32_t pid);
};

int tasks_create(struct tasks **ret);
void tasks_destroy(struct tasks *t);
void tasks_set_listener(struct tasks *t, const struct tasks_listener *l); /* copied */

/* ---- changes, in time order as far as the source has one -------------------------------------------------- */

/* Thread tid of process pid began at ts, created by a thread of ppid; pid != ppid: a new process, with ppid's mappings. */
int tasks_fork(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t tid, uint32_t ppid);
/* pid replaced its image at ts: mappings end, the name changes. */
int tasks_exec(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t tid, const char *comm);
int tasks_comm(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t tid, const char *comm);
/* The range is backed by the module from ts on (0: from before the recording). frame.off = off_base + addr - start. */
int tasks_mmap(struct tasks *t, uint64_t ts, uint32_t pid, uint64_t start, uint64_t end, uint64_t off_base,
	       uint32_t module);
/* What pid had mapped in the range before ts is unmapped. */
int tasks_munmap(struct tasks *t, uint64_t ts, uint32_t pid, uint64_t start, uint64_t end);
/* Thread tid ended. The process ends with its last known thread. */
void tasks_exit(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t tid);
/* The whole process is gone (found so by looking, after EXIT records were lost). */
void tasks_exit_process(struct tasks *t, uint64_t ts, uint32_t pid);

/* What is known besides; 0, UNKNOWN or NULL members leave what was there. */
struct task_info {
	uint64_t ts; /* when the task was seen alive; a FORK record older than it is about this very task. 0: unknown, then
		      * the newest owner of the tid is meant, be it dead */
	uint32_t pid, tid, ppid, uid, ns_pid; /* uid UINT32_MAX: unknown */
	uint64_t start_ts, cgroup_id;
	const char *comm, *exe;
	bool is_kernel;
};

/* Note facts about a thread (and, where tid == pid, its process), making either when it is not known. From BPF task events or /proc. */
int tasks_note(struct tasks *t, const struct task_info *info);

/* Forget what ended more than TASKS_GRACE_NS before now_ts. Cheap; call about once a second. */
void tasks_prune(struct tasks *t, uint64_t now_ts);

/* ---- questions -------------------------------------------------------------------------------------------- */

/*
 * What addr of process pid was at ts. Fills module and off (flags stay the caller's). Returns true, or false with *ret
 * {0, addr}: no mapping known, and *ret_known_pid (may be NULL) says whether the process itself was known.
 */
bool tasks_resolve(struct tasks *t, uint32_t pid, uint64_t ts, uint64_t addr, struct frame *ret, bool *ret_known_pid);

/*
 * A number for what all addresses of process pid are at ts: while it is the same, tasks_resolve() gives the same. 0: not to be had, as ts lies
 * before the last change, or the process is over or not known.
 */
uint64_t tasks_state(struct tasks *t, uint32_t pid, uint64_t ts);

/* The thread as known at ts. comm points into t until the next change. False, with pid 0, when it is not known. */
bool tasks_find(const struct tasks *t, uint32_t tid, uint64_t ts, struct task_ref *ret);

/* The process's main thread: its start_ts tells process instances apart. As tasks_find(). */
bool tasks_find_process(const struct tasks *t, uint32_t pid, uint64_t ts, struct task_ref *ret);

/*
 * Walk what is alive, for keyframes: each thread (with its process's facts), and each mapping of each process.
 * A nonzero return of a callback ends the walk and is returned.
 */
typedef int (*tasks_thread_fn)(void *ctx, const struct task_info *info);
typedef int (*tasks_mapping_fn)(void *ctx, const struct task_ref *process, uint64_t ts, uint64_t start, uint64_t end,
				uint64_t off_base, uint32_t module);
int tasks_each_thread(const struct tasks *t, tasks_thread_fn fn, void *ctx);
int tasks_each_mapping(const struct tasks *t, tasks_mapping_fn fn, void *ctx);
/* The mappings of one process: as they are, or (where it ended in the grace time) as they were at its end. */
int tasks_each_mapping_of(const struct tasks *t, uint32_t pid, tasks_mapping_fn fn, void *ctx);

/*
 * A mark on a process, which its forked children have too: with targets, what the recording speaks of. tasks_mark() makes the process when
 * it is not known, and returns whether it had no mark yet. ts: when it was spoken of.
 */
bool tasks_mark(struct tasks *t, uint32_t pid, uint64_t ts);
bool tasks_is_marked(const struct tasks *t, uint32_t pid);

struct tasks_stats {
	uint64_t processes, threads; /* known now, alive or in grace */
	uint64_t dropped;	     /* changes that could not be kept for want of memory or over the caps */
};
void tasks_get_stats(const struct tasks *t, struct tasks_stats *ret);

#endif
