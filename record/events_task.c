// SPDX-License-Identifier: BSD-2-Clause
#include "record/events_task.h"

#include <stdlib.h>
#include <string.h>

#include "record/cmdline.h"

static struct task_ref ref_of(const struct wire_task *t, char comm[WIRE_COMM_SZ + 1])
{
	memcpy(comm, t->comm, WIRE_COMM_SZ);
	comm[WIRE_COMM_SZ] = '\0';
	return (struct task_ref){ .pid = t->pid, .tid = t->tid, .start_ts = t->start_ts, .comm = comm };
}

/* Of a process that just called exec. */
static char *read_cmdline(uint32_t pid, const struct cmdline_how *how)
{
	char *text = how->keep == CMDLINE_NONE ? NULL : malloc(CMDLINE_SZ);

	if (text)
		cmdline_read(pid, how, text, CMDLINE_SZ);
	return text;
}

static void note_task(const struct events_task_sources *src, const struct wire_proc *r, const char *comm)
{
	const struct task_info info = {
		.ts = r->head.ts,
		.pid = r->task.pid,
		.tid = r->task.tid,
		.ppid = r->head.kind == WIRE_FORK || r->head.kind == WIRE_TASK ? r->parent.pid : 0,
		.uid = r->uid,
		.start_ts = r->task.start_ts,
		.cgroup_id = r->cgroup_id,
		.comm = comm,
		.is_kernel = r->head.flags & WIRE_TASK_KERNEL,
	};

	(void)tasks_note(src->tasks, &info); /* out of memory: the event itself still has the facts */
}

static void fill_proc(struct events_task *m, const struct wire_proc *r)
{
	m->ev.proc.uid = r->uid;
	m->ev.proc.cgroup_id = r->cgroup_id;
	m->ev.proc.is_kernel = (r->head.flags & WIRE_TASK_KERNEL) != 0;
}

static void fill_fork(struct events_task *m, const struct wire_proc *r)
{
	m->ev.kind = EVENT_FORK;
	fill_proc(m, r);
	m->ev.other = ref_of(&r->parent, m->parent_comm);
	m->ev.proc.ppid = r->parent.pid;
}

static void fill_exec(struct events_task *m, const struct wire_proc *r, const struct cmdline_how *how)
{
	uint32_t sz = r->path_sz < WIRE_PATH_SZ ? r->path_sz : WIRE_PATH_SZ;

	m->ev.kind = EVENT_EXEC;
	fill_proc(m, r);
	memcpy(m->path, r + 1, sz);
	m->path[sz] = '\0';
	m->ev.proc.exe = m->path;
	m->cmdline = read_cmdline(r->task.pid, how);
	m->ev.proc.cmdline = m->cmdline;
}

int events_task_make(struct events_task *m, const struct events_task_sources *src, const struct wire_proc *r,
		     struct err *err)
{
	*m = (struct events_task){ .ev = { .ts = r->head.ts, .cpu = r->head.cpu } };
	m->ev.task = ref_of(&r->task, m->comm);
	switch (r->head.kind) {
	case WIRE_FORK:
		fill_fork(m, r);
		break;
	case WIRE_EXEC:
		fill_exec(m, r, &src->cmdline);
		break;
	case WIRE_COMM:
		m->ev.kind = EVENT_COMM;
		break;
	case WIRE_EXIT:
		m->ev.kind = EVENT_EXIT;
		m->ev.exit.status = r->status;
		break;
	default:
		m->ev.kind = EVENT_TASK;
		fill_proc(m, r);
		m->ev.proc.ppid = r->parent.pid;
	}
	if (r->head.kind == WIRE_EXIT) {
		/* tasks.c hears of it from the side-band, which is in time order with the mappings */
		if (src->modules && r->head.flags & WIRE_EXIT_PROCESS)
			modules_process_exit(src->modules, r->task.pid);
		return 0;
	}
	note_task(src, r, m->comm);
	if (!src->cgroups || !r->cgroup_id)
		return 0;
	return cgroups_add(src->cgroups, cgroups_task_hierarchy(src->cgroups), r->cgroup_id, r->head.ts, err);
}

void events_task_deinit(struct events_task *m)
{
	free(m->cmdline);
	m->cmdline = NULL;
}
