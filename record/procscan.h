/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was alive before the recording: one walk of /proc, after the side-band was opened (so that nothing falls between).
 * And the keyframes, from what tasks.c knows.
 */
#ifndef VARVE_PROCSCAN_H
#define VARVE_PROCSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/recording.h"
#include "record/modules.h"
#include "record/options.h"
#include "record/tasks.h"

/*
 * A thread as the BPF task iterator sees it. /proc/PID/stat knows start times only in 10 ms ticks; where the iterator's row
 * is given, its start_ts (task_struct.start_boottime), cgroup and uid are used, so that they equal those of BPF events; of a kernel
 * thread, nothing else is.
 */
struct procscan_task {
	uint32_t pid, tid, ppid, uid; /* ppid: of real_parent's tgid */
	uint64_t start_ts, cgroup_id;
	bool is_kernel;
	bool is_target;	  /* recorded */
	bool is_runnable; /* on a CPU, or waiting for one */
	char comm[TASK_COMM_SZ];
};

struct procscan_options {
	struct tasks *tasks;
	struct modules *modules;
	const struct procscan_task *known; /* from the iterator, sorted by tid; NULL: none */
	size_t known_cnt;
	const char *proc; /* "/proc"; tests give another */
	/* fills cgroup_id where the iterator did not, from cgroups_of_pid(); NULL: left unknown */
	uint64_t (*cgroup_of)(void *ctx, uint32_t pid);
	bool (*only)(void *ctx, uint32_t pid); /* chooses processes; NULL: all */
	void *ctx;
};

/*
 * Read every process: threads, exe, ns pid, executable mappings, into tasks and modules. A process that ends meanwhile is
 * no error. Returns the number of threads, or -errno (/proc unreadable, -ENOMEM).
 */
int procscan_run(const struct procscan_options *o, struct err *err);

/* The same of one process. A process that is not there is no error. */
int procscan_process(const struct procscan_options *o, uint32_t pid, struct err *err);

/* After side-band records were lost: end what is gone, then procscan_run() again. */
int procscan_rescan(const struct procscan_options *o, struct err *err);

/*
 * Write a keyframe and end it (so cgroups_keyframe() goes before): EVENT_TASK for each live thread, EVENT_MAPPING for each
 * mapping. only (may be NULL) chooses processes.
 * cmdline: what to keep of command lines. At the start and about every 60 s. A mapping's pgoff is what to add to (address - start)
 * for frame.off (for JIT memory: the start itself).
 */
int procscan_keyframe(const struct tasks *t, struct recording_writer *w, uint64_t now_ts,
		      bool (*only)(void *ctx, uint32_t pid), void *ctx, const struct cmdline_how *cmdline,
		      struct err *err);

/* What a keyframe has of one process, as events of now_ts outside of any: the recording did not speak of it before. */
int procscan_write_process(const struct tasks *t, struct recording_writer *w, uint32_t pid, uint64_t now_ts,
			   const struct cmdline_how *cmdline, struct err *err);

/* ---- parsers, for tests ------------------------------------------------------------------------------------- */

struct procscan_stat {
	char state;
	uint32_t ppid, flags, thread_cnt;
	uint64_t start_ticks;
	char comm[64]; /* kernel threads of workqueues show more than 15 bytes here */
};
/* /proc/PID/stat; the comm may hold spaces, parentheses and newlines. -EBADMSG. */
int procscan_parse_stat(const char *text, size_t len, struct procscan_stat *ret);

/* One line of /proc/PID/maps, without its newline. *ret_exec: has x. d->path points into the line. -EBADMSG. */
int procscan_parse_maps_line(char *line, struct mapping_desc *d, bool *ret_exec);

#endif
