/* SPDX-License-Identifier: BSD-2-Clause */
/* events.c's part for forks, execs, names and exits. */
#ifndef VARVE_EVENTS_TASK_H
#define VARVE_EVENTS_TASK_H

#include <linux/types.h>

#include "bpf/wire.h"
#include "formats/err.h"
#include "formats/event.h"
#include "record/cgroups.h"
#include "record/modules.h"
#include "record/options.h"
#include "record/tasks.h"

struct events_task_sources {
	struct tasks *tasks;
	struct modules *modules; /* may be NULL */
	struct cgroups *cgroups; /* may be NULL */
	struct cmdline_how cmdline;
};

struct events_task {
	struct event ev;
	char comm[WIRE_COMM_SZ + 1], parent_comm[WIRE_COMM_SZ + 1];
	char path[WIRE_PATH_SZ + 1];
	char *cmdline; /* owned; NULL: none wanted */
};

/*
 * Make the event of a record (whose size was checked) and tell tasks, modules and cgroups. Strings of m->ev point into *m.
 * Returns 0 (free with events_task_deinit()) or a writer's error from a new cgroup.
 */
int events_task_make(struct events_task *m, const struct events_task_sources *src, const struct wire_proc *r,
		     struct err *err);
void events_task_deinit(struct events_task *m);

#endif
