/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes, their executable mappings over time, and their threads. Fed by sideband.c and procscan.c, asked by events.c.
 * A change does not destroy what it replaced at once: an address recorded shortly before an exec, a dlclose or an exit
 * still resolves as it was. Address spaces are shared between a parent and its forked children until one changes.
 *
 * Times are CLOCK_MONOTONIC ns of the event they came with; 0: from before the recording. pid and tid are those of the initial pid namespace; each may
 * have had several owners, whom the time of a question tells apart. Strings given are copied; those given out, and all else behind
 * pointers, are the tasks' own and valid until the next change. What returns int gives 0 or -ENOMEM, unless it says otherwise: the change is
 * lost then, and counted as dropped.
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

/* Nothing is known yet. *ret is the caller's, to be destroyed. */
int tasks_create(struct tasks **ret);
void tasks_destroy(struct tasks *t); /* NULL is accepted; the listener hears nothing of it */
/* *l is copied; its ctx stays the caller's and must outlive t. One listener: a second call replaces the first. */
void tasks_set_listener(struct tasks *t, const struct tasks_listener *l);

/* ---- changes, in time order as far as the source has one -------------------------------------------------- */

/*
 * Thread tid of process pid began at ts, created by a thread of ppid; pid != ppid: a new process, with ppid's mappings, user, cgroup, exe and mark. The
 * thread has the name of ppid's main thread until it is told another.
 */
int tasks_fork(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t tid, uint32_t ppid);
/* pid replaced its image at ts: its mappings and its other threads end, its exe is not known any more, thread tid is called comm. */
int tasks_exec(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t tid, const char *comm);
/* Thread tid is called comm from ts on: the first TASK_COMM_SZ - 1 bytes of it. A tasks_note() from after ts knows better. */
int tasks_comm(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t tid, const char *comm);
/*
 * Addresses from start up to, not including, end are backed by the module (modules.h: module_entry.id) from ts on; what was there ends.
 * frame.off = off_base + addr - start. Makes the process when it is not known. Returns as space_add(), but 0 for 1; and -EINVAL, having
 * changed nothing, when start is not below end.
 */
int tasks_mmap(struct tasks *t, uint64_t ts, uint32_t pid, uint64_t start, uint64_t end, uint64_t off_base,
	       uint32_t module);
/* What pid had mapped in the range before ts is unmapped at ts. An unknown process and an empty range have nothing mapped. */
int tasks_munmap(struct tasks *t, uint64_t ts, uint32_t pid, uint64_t start, uint64_t end);
/* Thread tid ended at ts. The process ends with its last known thread. An exit from before a tasks_note() of tid is a former owner's. */
void tasks_exit(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t tid);
/* The whole process is gone (found so by looking, after EXIT records were lost). */
void tasks_exit_process(struct tasks *t, uint64_t ts, uint32_t pid);

/* What is known of a thread and its process besides. 0, UINT32_MAX, NULL or "" leave what was there. */
struct task_info {
	uint64_t ts; /* when the task was seen alive; a FORK record older than it is about this very task. 0: unknown, then
		      * the newest owner of the tid is meant, be it dead */
	uint32_t pid, tid;
	uint32_t ppid;	    /* the parent's pid; 0: not known */
	uint32_t uid;	    /* its user; UINT32_MAX: not known */
	uint32_t ns_pid;    /* pid in the innermost of its pid namespaces; 0: not known */
	uint64_t start_ts;  /* the thread's, CLOCK_BOOTTIME ns as task_ref.start_ts; 0: not known */
	uint64_t cgroup_id; /* kernfs id; 0: not known */
	const char *comm;   /* of the thread */
	const char *exe;    /* what its process runs: a path in its own root, or as much as is known of it */
	bool is_kernel;	    /* false: not known to be a kernel thread */
};

/* Note facts about a thread (and, where tid == pid, its process), making either when it is not known. From BPF task events or /proc. */
int tasks_note(struct tasks *t, const struct task_info *info);

/* Forget what ended more than TASKS_GRACE_NS before now_ts, and the oldest ended threads above TASKS_DEAD_MAX. Cheap; call about once a second. */
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

/* The thread as known at ts. ret->comm is never NULL. False, with pid 0 and comm "", when it is not known. */
bool tasks_find(const struct tasks *t, uint32_t tid, uint64_t ts, struct task_ref *ret);

/* The process's main thread: its start_ts tells process instances apart. False, with start_ts 0 and comm "", when it is not known. */
bool tasks_find_process(const struct tasks *t, uint32_t pid, uint64_t ts, struct task_ref *ret);

/*
 * Walk what is alive, for keyframes: each thread (with its process's facts), and each mapping of each process, in no order. process names the main
 * thread, as tasks_find_process(); ts: since when the mapping is there. What is given is valid during the call, which must
 * change nothing in t. A nonzero return of a callback ends the walk and is returned.
 */
typedef int (*tasks_thread_fn)(void *ctx, const struct task_info *info);
typedef int (*tasks_mapping_fn)(void *ctx, const struct task_ref *process, uint64_t ts, uint64_t start, uint64_t end,
				uint64_t off_base, uint32_t module);
int tasks_each_thread(const struct tasks *t, tasks_thread_fn fn, void *ctx);
int tasks_each_mapping(const struct tasks *t, tasks_mapping_fn fn, void *ctx);
/* The mappings of one process: as they are, or (where it ended in the grace time) as they were at its end. */
int tasks_each_mapping_of(const struct tasks *t, uint32_t pid, tasks_mapping_fn fn, void *ctx);

/* Each module that tasks_resolve() may still give, in no order, some many times. */
void tasks_each_module(const struct tasks *t, void (*fn)(void *ctx, uint32_t module), void *ctx);

/*
 * A mark on a process, which its forked children have too: with targets, what the recording speaks of. tasks_mark() makes the process when
 * it is not known, and returns whether it had no mark yet. ts: when it was spoken of.
 */
bool tasks_mark(struct tasks *t, uint32_t pid, uint64_t ts);
/* Whether the newest process of that pid has the mark. */
bool tasks_is_marked(const struct tasks *t, uint32_t pid);

struct tasks_stats {
	uint64_t processes, threads; /* known now, alive or in grace */
	uint64_t dropped;	     /* changes that could not be kept for want of memory or over the caps */
};
void tasks_get_stats(const struct tasks *t, struct tasks_stats *ret);

#endif
