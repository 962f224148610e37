// SPDX-License-Identifier: BSD-2-Clause
/* What events tell of tasks: import_tasks.c knows which thread and process they speak of. */
#include <errno.h>
#include <string.h>

#include "report/container.h"
#include "report/import_tasks.h"

static int set_cgroup(struct import_tasks *t, uint64_t kernfs_id, const struct event *ev)
{
	uint32_t id = import_tasks_cgroup(t, kernfs_id);
	struct strpool *pool = &t->tasks->strings;
	struct container c;
	struct cgroup *g;

	if (!id)
		return kernfs_id ? -ENOMEM : 0;
	g = &t->tasks->cgroups.row[id];
	/* a v1 hierarchy tells only what it controls; a later word replaces an earlier one */
	if (ev->cgroup.memory_max != UNKNOWN_U64)
		g->memory_max = ev->cgroup.memory_max;
	if (ev->cgroup.cpu_quota_us != UNKNOWN_U64)
		g->cpu_quota_us = ev->cgroup.cpu_quota_us;
	if (ev->cgroup.cpu_period_us != UNKNOWN_U64)
		g->cpu_period_us = ev->cgroup.cpu_period_us;
	if (!ev->cgroup.path[0])
		return 0;
	container_parse(ev->cgroup.path, &c);
	g->path = strpool_add(pool, ev->cgroup.path);
	g->container_id = strpool_add(pool, c.id);
	g->runtime = strpool_add(pool, c.runtime);
	g->pod_uid = strpool_add(pool, c.pod_uid);
	return g->path && g->container_id && g->runtime && g->pod_uid ? 0 : -ENOMEM;
}

/* A leader's process is known at once; another thread's is the newest of its pid by now. */
static uint32_t process_of(struct import_tasks *t, const struct task_ref *ref, uint32_t utid)
{
	uint32_t upid = t->tasks->threads.row[utid].upid;

	if (!upid)
		upid = import_tasks_find_process(t, ref->pid, ref->start_ts);
	return upid ?: import_tasks_add_process(t, ref->pid, 0);
}

static int set_text(struct import_tasks *t, const char **at, const char *s)
{
	if (!s || !*s)
		return 0;
	*at = strpool_add(&t->tasks->strings, s);
	return *at ? 0 : -ENOMEM;
}

static int set_process(struct import_tasks *t, uint32_t upid, const struct event *ev)
{
	struct process *p = &t->tasks->processes.row[upid];
	uint32_t cgroup = import_tasks_cgroup(t, ev->proc.cgroup_id);

	if (ev->proc.cgroup_id && !cgroup)
		return -ENOMEM;
	p->cgroup = cgroup ?: p->cgroup;
	if (ev->kind != EVENT_EXEC || ev->proc.ppid || !p->has_task) {
		p->ppid = ev->proc.ppid;
		p->uid = ev->proc.uid;
	}
	p->ns_pid = ev->proc.ns_pid ?: p->ns_pid;
	p->has_task = true;
	return set_text(t, &p->exe, ev->proc.exe) ?: set_text(t, &p->cmdline, ev->proc.cmdline);
}

static int task_event(struct import_tasks *t, const struct event *ev, uint32_t utid, int64_t ts,
		      struct err *err)
{
	struct thread *th = &t->tasks->threads.row[utid];
	uint32_t upid;

	th->uncertain = false;
	th->is_kernel = ev->proc.is_kernel;
	if (ev->task.tid == ev->task.pid) {
		upid = process_of(t, &ev->task, utid);
		if (!upid || set_process(t, upid, ev))
			return err_set(err, -ENOMEM, "import: out of memory");
	}
	return import_tasks_name(t, utid, ev->task.comm, ts, err);
}

static int fork_event(struct import_tasks *t, const struct event *ev, uint32_t utid, int64_t ts,
		      struct err *err)
{
	uint32_t parent_utid = import_tasks_utid(t, &ev->other, ts), parent, upid;
	struct process *p;
	int rc;

	rc = parent_utid ? task_event(t, ev, utid, ts, err) :
			   err_set(err, -ENOMEM, "import: out of memory");
	if (rc || ev->task.tid != ev->task.pid)
		return rc;
	parent = process_of(t, &ev->other, parent_utid);
	upid = parent ? process_of(t, &ev->task, utid) : 0;
	if (!upid)
		return err_set(err, -ENOMEM, "import: out of memory");
	p = &t->tasks->processes.row[upid];
	p->parent_utid = parent_utid;
	p->ppid = p->ppid ?: ev->other.pid;
	/* until it execs, a child runs what its parent ran */
	if (!p->exe)
		p->exe = t->tasks->processes.row[parent].exe;
	if (!p->cgroup)
		p->cgroup = t->tasks->processes.row[parent].cgroup;
	return 0;
}

static int exec_event(struct import_tasks *t, const struct event *ev, uint32_t utid, int64_t ts,
		      struct err *err)
{
	uint32_t upid = process_of(t, &ev->task, utid);
	struct process *p = &t->tasks->processes.row[upid];

	if (!upid || set_process(t, upid, ev))
		return err_set(err, -ENOMEM, "import: out of memory");
	p = &t->tasks->processes.row[upid];
	if (ts > p->exec_ts)
		p->exec_ts = ts;
	if (t->execs) {
		int rc;

		db_insert_int(t->execs, ++t->exec_cnt);
		db_insert_int(t->execs, ts);
		db_insert_int(t->execs, upid);
		db_insert_text(t->execs, ev->proc.exe[0] ? ev->proc.exe : NULL);
		db_insert_text(t->execs, ev->proc.cmdline[0] ? ev->proc.cmdline : NULL);
		db_insert_null(t->execs); /* parents are known at the end */
		rc = db_insert_row(t->execs, err);
		if (rc)
			return rc;
	}
	return import_tasks_name(t, utid, ev->task.comm, ts, err);
}

static int exit_event(struct import_tasks *t, const struct event *ev, uint32_t utid, int64_t ts,
		      struct err *err)
{
	t->tasks->threads.row[utid].exit_ts = ts;
	if (ev->task.tid == ev->task.pid) {
		uint32_t upid = process_of(t, &ev->task, utid);

		if (!upid)
			return err_set(err, -ENOMEM, "import: out of memory");
		t->tasks->processes.row[upid].exit_ts = ts;
		t->tasks->processes.row[upid].exit_status = ev->exit.status;
	}
	return 0;
}

int import_tasks_event(struct import_tasks *t, const struct event *ev, int64_t ts, struct err *err)
{
	uint32_t utid;

	if (ev->kind == EVENT_CGROUP) {
		if (set_cgroup(t, ev->cgroup.id, ev) || (ev->cgroup.memory_id != ev->cgroup.id &&
							 set_cgroup(t, ev->cgroup.memory_id, ev)))
			return err_set(err, -ENOMEM, "import: out of memory");
		return 0;
	}
	utid = import_tasks_utid(t, &ev->task, ts);
	if (!utid)
		return err_set(err, -ENOMEM, "import: out of memory");
	switch (ev->kind) {
	case EVENT_TASK:
		return task_event(t, ev, utid, ts, err);
	case EVENT_FORK:
		return fork_event(t, ev, utid, ts, err);
	case EVENT_EXEC:
		return exec_event(t, ev, utid, ts, err);
	case EVENT_COMM:
		return import_tasks_name(t, utid, ev->task.comm, ts, err);
	case EVENT_EXIT:
		return exit_event(t, ev, utid, ts, err);
	default:
		return 0;
	}
}
