// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_tasks.h"

#include <errno.h>
#include <string.h>

/* How far back in the reuse of one tid a search goes: a hostile file can hold a million tasks of
 * one tid. */
#define REUSE_MAX 32
/* /proc knows starts in clock ticks, BPF in ns: the same start may come both ways. */
#define TICK_NS 10000000ULL

int import_tasks_init(struct import_tasks *t, struct tasks *tasks, struct db *db, struct err *err)
{
	int rc = 0;

	memset(t, 0, sizeof(*t));
	t->tasks = tasks;
	if (!table_reserve(&tasks->processes, 0) || !table_reserve(&tasks->threads, 0) ||
	    !table_reserve(&tasks->cgroups, 0))
		return err_set(err, -ENOMEM, "import: out of memory");
	if (db) {
		rc = db_insert_open(db, "thread_name", &t->names, err);
		rc = rc ?: db_insert_open(db, "exec_event", &t->execs, err);
	}
	return rc;
}

void import_tasks_begin(struct import_tasks *t, uint32_t recording)
{
	idmap_clear(&t->by_identity);
	idmap_clear(&t->by_tid);
	idmap_clear(&t->by_pid);
	idmap_clear(&t->by_kernfs);
	t->tid_heads.cnt = t->pid_heads.cnt = 0;
	t->recording = recording;
	t->first_utid = t->tasks->threads.cnt + 1;
	t->first_upid = t->tasks->processes.cnt + 1;
	t->first_cgroup = t->tasks->cgroups.cnt + 1;
	t->idle_utid = 0;
}

/* ---- processes ---------------------------------------------------------- */

static bool same_start(uint64_t a, uint64_t b)
{
	uint64_t lo = a < b ? a : b, hi = a < b ? b : a;

	if (a == b || !a || !b)
		return true;
	return lo % TICK_NS == 0 && hi - lo < TICK_NS;
}

static uint32_t *pid_head(struct import_tasks *t, uint32_t pid)
{
	uint32_t hash = hash_mix(pid, 1), pos, slot;

	for (slot = idmap_first(&t->by_pid, hash, &pos); slot;
	     slot = idmap_next(&t->by_pid, hash, &pos))
		if (t->tasks->processes.row[t->pid_heads.row[slot]].pid == pid)
			return &t->pid_heads.row[slot];
	return NULL;
}

static int file_process(struct import_tasks *t, uint32_t upid)
{
	uint32_t pid = t->tasks->processes.row[upid].pid;
	uint32_t *head = pid_head(t, pid), slot;

	if (!table_reserve(&t->older_processes, upid))
		return -ENOMEM;
	t->older_processes.row[upid] = head ? *head : 0;
	if (head) {
		*head = upid;
		return 0;
	}
	slot = table_add(&t->pid_heads);
	if (!slot)
		return -ENOMEM;
	t->pid_heads.row[slot] = upid;
	return idmap_add(&t->by_pid, hash_mix(pid, 1), slot);
}

uint32_t import_tasks_add_process(struct import_tasks *t, uint32_t pid, uint64_t start)
{
	uint32_t upid = table_add(&t->tasks->processes);
	struct process *p = &t->tasks->processes.row[upid];

	if (!upid)
		return 0;
	p->pid = pid;
	p->start_boot = start;
	p->start_ts = p->exec_ts = p->exit_ts = TS_UNKNOWN;
	p->uid = UINT32_MAX;
	p->recording = t->recording;
	return file_process(t, upid) ? 0 : upid;
}

uint32_t import_tasks_find_process(struct import_tasks *t, uint32_t pid, uint64_t start)
{
	const uint32_t *head = pid_head(t, pid);
	uint32_t upid = head ? *head : 0;
	uint32_t unknown = 0;

	for (int i = 0; upid && i < REUSE_MAX; i++, upid = t->older_processes.row[upid]) {
		uint64_t its = t->tasks->processes.row[upid].start_boot;

		if (its && (!start || its <= start || same_start(its, start)))
			return upid;
		if (!its && !unknown)
			unknown = upid;
	}
	return unknown;
}

/* ---- threads ------------------------------------------------------------ */

static uint32_t *tid_head(struct import_tasks *t, uint32_t tid)
{
	uint32_t hash = hash_mix(tid, 2), pos, slot;

	for (slot = idmap_first(&t->by_tid, hash, &pos); slot;
	     slot = idmap_next(&t->by_tid, hash, &pos))
		if (t->tasks->threads.row[t->tid_heads.row[slot]].tid == tid)
			return &t->tid_heads.row[slot];
	return NULL;
}

static uint32_t find_exact(struct import_tasks *t, const struct task_ref *ref)
{
	uint32_t hash = hash_mix(ref->tid, ref->start_ts), pos, utid;

	for (utid = idmap_first(&t->by_identity, hash, &pos); utid;
	     utid = idmap_next(&t->by_identity, hash, &pos)) {
		const struct thread *th = &t->tasks->threads.row[utid];

		if (th->tid == ref->tid && same_start(th->start_boot, ref->start_ts) &&
		    (th->pid == ref->pid || !ref->pid))
			return utid;
	}
	return 0;
}

/* What is now known of a thread met before under less. */
static int adopt(struct import_tasks *t, uint32_t utid, const struct task_ref *ref)
{
	struct thread *th = &t->tasks->threads.row[utid];

	if (ref->pid && !th->pid)
		th->pid = ref->pid;
	/* the finer of two starts; all of them find the thread from here on */
	if (ref->start_ts && (!th->start_boot || th->start_boot % TICK_NS == 0)) {
		th->start_boot = ref->start_ts;
		if (th->upid && !t->tasks->processes.row[th->upid].start_boot)
			t->tasks->processes.row[th->upid].start_boot = ref->start_ts;
	}
	return idmap_add(&t->by_identity, hash_mix(ref->tid, ref->start_ts), utid);
}

static uint32_t find_near(struct import_tasks *t, const struct task_ref *ref)
{
	const uint32_t *head = tid_head(t, ref->tid);
	uint32_t utid = head ? *head : 0;

	for (int i = 0; utid && i < REUSE_MAX; i++, utid = t->tasks->threads.row[utid].older) {
		const struct thread *th = &t->tasks->threads.row[utid];

		if (same_start(th->start_boot, ref->start_ts) &&
		    (th->pid == ref->pid || !th->pid || !ref->pid))
			return utid;
	}
	return 0;
}

static int file_thread(struct import_tasks *t, uint32_t utid)
{
	struct thread *th = &t->tasks->threads.row[utid];
	uint32_t *head = tid_head(t, th->tid), slot;

	th->older = head ? *head : 0;
	if (head) {
		*head = utid;
	} else {
		slot = table_add(&t->tid_heads);
		if (!slot)
			return -ENOMEM;
		t->tid_heads.row[slot] = utid;
		if (idmap_add(&t->by_tid, hash_mix(th->tid, 2), slot))
			return -ENOMEM;
	}
	return idmap_add(&t->by_identity, hash_mix(th->tid, th->start_boot), utid);
}

static uint32_t add_thread(struct import_tasks *t, const struct task_ref *ref)
{
	uint32_t utid = table_add(&t->tasks->threads), upid;
	struct thread *th = &t->tasks->threads.row[utid];

	if (!utid)
		return 0;
	th->pid = ref->pid;
	th->tid = ref->tid;
	th->start_boot = ref->start_ts;
	th->start_ts = th->exit_ts = th->comm_ts = TS_UNKNOWN;
	th->uncertain = ref->tid != 0;
	if (file_thread(t, utid))
		return 0;
	if (ref->pid == ref->tid) {
		upid = import_tasks_add_process(t, ref->pid, ref->start_ts);
		if (!upid)
			return 0;
		t->tasks->threads.row[utid].upid = upid;
	}
	return utid;
}

int import_tasks_name(struct import_tasks *t, uint32_t utid, const char *comm, int64_t ts,
		      struct err *err)
{
	struct thread *th = &t->tasks->threads.row[utid];

	if (!comm || !*comm || (th->comm && ts >= th->comm_ts && !strcmp(th->comm, comm)))
		return 0;
	if (ts >= th->comm_ts) {
		th->comm = strpool_add(&t->tasks->strings, comm);
		th->comm_ts = ts;
		if (!th->comm)
			return err_set(err, -ENOMEM, "import: out of memory");
	}
	if (!t->names)
		return 0;
	db_insert_int(t->names, utid);
	db_insert_int(t->names, ts);
	db_insert_text(t->names, comm);
	return db_insert_row(t->names, err);
}

/* All idle tasks are tid 0, one a CPU; here they are one thread. */
static uint32_t idle_thread(struct import_tasks *t)
{
	static const struct task_ref idle = { .comm = "swapper" };

	if (!t->idle_utid) {
		t->idle_utid = add_thread(t, &idle);
		if (t->idle_utid) {
			t->tasks->threads.row[t->idle_utid].is_kernel = true;
			if (import_tasks_name(t, t->idle_utid, idle.comm, 0, NULL))
				t->idle_utid = 0;
		}
	}
	return t->idle_utid;
}

uint32_t import_tasks_utid(struct import_tasks *t, const struct task_ref *ref, int64_t ts)
{
	uint32_t utid;

	if (ref->tid == 0)
		return idle_thread(t);
	utid = find_exact(t, ref);
	if (utid)
		return utid;
	utid = find_near(t, ref);
	if (utid)
		return adopt(t, utid, ref) ? 0 : utid;
	utid = add_thread(t, ref);
	return utid && import_tasks_name(t, utid, ref->comm, ts, NULL) ? 0 : utid;
}

/* ---- cgroups ------------------------------------------------------------ */

uint32_t import_tasks_cgroup(struct import_tasks *t, uint64_t kernfs_id)
{
	uint32_t hash = hash_mix(kernfs_id, 3), pos, id;
	struct cgroup *g;

	if (!kernfs_id)
		return 0;
	for (id = idmap_first(&t->by_kernfs, hash, &pos); id;
	     id = idmap_next(&t->by_kernfs, hash, &pos))
		if (t->tasks->cgroups.row[id].kernfs_id == kernfs_id)
			return id;
	id = table_add(&t->tasks->cgroups);
	if (!id || idmap_add(&t->by_kernfs, hash, id))
		return 0;
	g = &t->tasks->cgroups.row[id];
	g->kernfs_id = kernfs_id;
	g->recording = t->recording;
	g->memory_max = g->cpu_quota_us = g->cpu_period_us = UNKNOWN_U64;
	return id;
}

/* ---- the end ------------------------------------------------------------ */

static int64_t boot_to_ts(const struct import_clock *c, uint64_t boot)
{
	if (!boot || !c->has_boot)
		return TS_UNKNOWN;
	return import_ts(c, boot - (uint64_t)c->boot_offset);
}

static int place_threads(struct import_tasks *t, const struct import_clock *clock, struct err *err)
{
	for (uint32_t utid = t->first_utid; utid <= t->tasks->threads.cnt; utid++) {
		struct thread *th = &t->tasks->threads.row[utid];

		if (!th->pid && th->tid)
			th->pid = th->tid; /* never named with its process: most are single-threaded
					    */
		if (!th->upid)
			th->upid = import_tasks_find_process(t, th->pid, th->start_boot);
		if (!th->upid)
			th->upid = import_tasks_add_process(t, th->pid, 0);
		if (!th->upid)
			return err_set(err, -ENOMEM, "import: out of memory");
		th->start_ts = boot_to_ts(clock, th->start_boot);
		if (th->tid == th->pid)
			t->tasks->processes.row[th->upid].comm = th->comm;
	}
	return 0;
}

int import_tasks_end(struct import_tasks *t, const struct import_clock *clock, struct err *err)
{
	int rc = place_threads(t, clock, err);

	if (rc)
		return rc;
	for (uint32_t upid = t->first_upid; upid <= t->tasks->processes.cnt; upid++) {
		struct process *p = &t->tasks->processes.row[upid];

		p->start_ts = boot_to_ts(clock, p->start_boot);
		if (p->parent_utid)
			p->parent_upid = t->tasks->threads.row[p->parent_utid].upid;
		else if (p->has_task && p->ppid)
			p->parent_upid = import_tasks_find_process(t, p->ppid, p->start_boot);
		if (p->parent_upid == upid) /* a hostile file can say so */
			p->parent_upid = 0;
	}
	/* a process whose main thread was never seen is called as one of its threads */
	for (uint32_t utid = t->first_utid; utid <= t->tasks->threads.cnt; utid++) {
		struct process *p = &t->tasks->processes.row[t->tasks->threads.row[utid].upid];

		if (!p->comm)
			p->comm = t->tasks->threads.row[utid].comm;
	}
	return 0;
}

int import_tasks_deinit(struct import_tasks *t, uint64_t *ret_duplicates, struct err *err)
{
	int rc = db_insert_close(t->names, ret_duplicates, err);

	rc = db_insert_close(t->execs, NULL, rc ? NULL : err) ?: rc;
	idmap_deinit(&t->by_identity);
	idmap_deinit(&t->by_tid);
	idmap_deinit(&t->by_pid);
	idmap_deinit(&t->by_kernfs);
	table_deinit(&t->tid_heads);
	table_deinit(&t->pid_heads);
	table_deinit(&t->older_processes);
	memset(t, 0, sizeof(*t));
	return rc;
}
