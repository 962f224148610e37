// SPDX-License-Identifier: BSD-2-Clause
#include "record/tasks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/tasks_private.h"

#define NOTE_AFTER_EXIT_NS 1000000000ULL /* a fact this late after an exit is about the ended task still */

/* A process we did not see begin: there from before, as far as no former owner of the pid says otherwise. */
static struct process *known_process(struct tasks *t, uint32_t pid)
{
	struct process *p = tasks_process_at(t, pid, UINT64_MAX);

	if (p && !p->dead_ts)
		return p;
	return tasks_add_process(t, p ? p->dead_ts + 1 : 0, pid, space_create());
}

static struct thread *known_thread(struct tasks *t, uint32_t pid, uint32_t tid)
{
	struct thread *th = tasks_alive_thread(t, tid), *former;
	struct process *p;

	if (th && th->process->pid == pid)
		return th;
	p = known_process(t, pid);
	if (!p)
		return NULL;
	if (th)
		tasks_end_thread(t, th, th->born_ts + 1);
	former = tasks_thread_at(t, tid, UINT64_MAX);
	return tasks_add_thread(t, former ? former->dead_ts + 1 : 0, tid, p);
}

static struct process *fork_process(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t ppid)
{
	struct process *parent = tasks_alive_process(t, ppid), *p;
	struct space *space = parent ? space_ref(parent->space) : space_create();

	p = tasks_add_process(t, ts, pid, space);
	if (!p)
		return NULL;
	p->ppid = ppid;
	if (parent) {
		tasks_note_change(t, p, parent->changed_ts);
		p->uid = parent->uid;
		p->cgroup_id = parent->cgroup_id;
		p->is_kernel = parent->is_kernel;
		p->is_marked = parent->is_marked;
		p->exe = parent->exe ? strdup(parent->exe) : NULL;
	}
	if (t->listener.process_forked)
		t->listener.process_forked(t->listener.ctx, pid, ppid);
	return p;
}

int tasks_fork(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t tid, uint32_t ppid)
{
	struct thread *th = tasks_alive_thread(t, tid), *creator;
	struct process *p;

	if (th && th->seen_ts >= ts)
		return 0; /* seen alive already: the record is of this very thread */
	if (th)
		tasks_end_thread(t, th, ts); /* its exit was lost */
	p = tasks_alive_process(t, pid);
	if (p && pid != ppid && p->seen_ts < ts) {
		tasks_exit_process(t, ts, pid);
		p = NULL;
	}
	if (!p)
		p = pid != ppid ? fork_process(t, ts, pid, ppid) : known_process(t, pid);
	th = p ? tasks_add_thread(t, ts, tid, p) : NULL;
	if (!th)
		return -ENOMEM;
	creator = tasks_alive_thread(t, ppid);
	if (creator)
		memcpy(th->comm, creator->comm, sizeof(th->comm));
	return 0;
}

static void set_comm(char *dst, const char *comm)
{
	size_t len = strnlen(comm, TASK_COMM_SZ - 1);

	memcpy(dst, comm, len);
	memset(dst + len, 0, TASK_COMM_SZ - len);
}

int tasks_comm(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t tid, const char *comm)
{
	struct thread *th = known_thread(t, pid, tid);

	if (!th)
		return -ENOMEM;
	if (th->seen_ts < ts) /* else /proc gave a name at least as new */
		set_comm(th->comm, comm);
	return 0;
}

int tasks_exec(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t tid, const char *comm)
{
	struct thread *th = known_thread(t, pid, tid);
	struct past_space *past = malloc(sizeof(*past));
	struct space *fresh = space_create();

	if (!th || !past || !fresh) {
		free(past);
		space_unref(fresh);
		t->stats.dropped++;
		return -ENOMEM;
	}
	if (th->process->thread_cnt > 1) /* the kernel ended them; one may have lent its tid */
		tasks_end_other_threads(t, th->process, tid, ts);
	past->space = th->process->space;
	past->until_ts = ts;
	past->next = th->process->past;
	th->process->past = past;
	th->process->space = fresh;
	tasks_note_change(t, th->process, ts);
	free(th->process->exe);
	th->process->exe = NULL;
	th->process->is_kernel = false; /* a helper a kernel thread started */
	set_comm(th->comm, comm);
	if (t->listener.process_cleared)
		t->listener.process_cleared(t->listener.ctx, pid);
	return 0;
}

void tasks_exit(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t tid)
{
	struct thread *th = tasks_alive_thread(t, tid);
	struct process *p = tasks_alive_process(t, pid);

	/* An exit older than our sight of the task is its pid's former owner's. */
	if (th && th->seen_ts <= ts)
		tasks_end_thread(t, th, ts);
	else if (!th && p && !p->thread_cnt && p->seen_ts <= ts)
		tasks_end_process(t, p, ts); /* only its mappings were known */
}

void tasks_exit_process(struct tasks *t, uint64_t ts, uint32_t pid)
{
	struct process *p = tasks_alive_process(t, pid);

	if (!p)
		return;
	if (p->thread_cnt)
		tasks_end_other_threads(t, p, 0, ts);
	else
		tasks_end_process(t, p, ts);
}

struct gone_ctx {
	const struct tasks_listener *l;
	uint32_t pid;
};

static void on_gone(void *ctx, uint64_t start, uint64_t end)
{
	struct gone_ctx *g = ctx;

	g->l->mapping_removed(g->l->ctx, g->pid, start, end);
}

int tasks_mmap(struct tasks *t, uint64_t ts, uint32_t pid, uint64_t start, uint64_t end,
	       uint64_t off_base, uint32_t module)
{
	struct range r = { start, end, off_base, ts, module };
	struct gone_ctx g = { &t->listener, pid };
	struct process *p;
	int err;

	if (start >= end)
		return -EINVAL;
	p = known_process(t, pid);
	if (!p)
		return -ENOMEM;
	err = space_add(&p->space, &r, t->listener.mapping_removed ? on_gone : NULL, &g);
	if (err < 0)
		t->stats.dropped++;
	if (err > 0)
		tasks_note_change(t, p, ts);
	if (err > 0 && t->listener.mapping_added)
		t->listener.mapping_added(t->listener.ctx, pid, start, end, off_base, module);
	return err < 0 ? err : 0;
}

int tasks_munmap(struct tasks *t, uint64_t ts, uint32_t pid, uint64_t start, uint64_t end)
{
	struct gone_ctx g = { &t->listener, pid };
	struct process *p = tasks_alive_process(t, pid);
	int err;

	if (!p || start >= end)
		return 0;
	err = space_remove(&p->space, start, end, ts, t->listener.mapping_removed ? on_gone : NULL, &g);
	if (err > 0)
		tasks_note_change(t, p, ts);
	if (err < 0)
		t->stats.dropped++;
	return err < 0 ? err : 0;
}

static void note_process(struct process *p, const struct task_info *i)
{
	if (i->ts > p->seen_ts)
		p->seen_ts = i->ts;
	if (i->ppid)
		p->ppid = i->ppid;
	if (i->uid != UINT32_MAX)
		p->uid = i->uid;
	if (i->ns_pid)
		p->ns_pid = i->ns_pid;
	if (i->cgroup_id)
		p->cgroup_id = i->cgroup_id;
	if (i->is_kernel)
		p->is_kernel = true;
	if (i->tid == i->pid && i->start_ts)
		p->start_ts = i->start_ts;
	if (i->exe && *i->exe && (!p->exe || strcmp(p->exe, i->exe))) {
		free(p->exe);
		p->exe = strdup(i->exe); /* without it: unknown, which it may be anyway */
	}
}

int tasks_note(struct tasks *t, const struct task_info *i)
{
	struct thread *th = tasks_thread_at(t, i->tid, i->ts ?: UINT64_MAX);

	if (!th || th->process->pid != i->pid ||
	    (th->dead_ts && i->ts > th->dead_ts + NOTE_AFTER_EXIT_NS))
		th = known_thread(t, i->pid, i->tid);
	if (!th) {
		t->stats.dropped++;
		return -ENOMEM;
	}
	if (i->ts > th->seen_ts)
		th->seen_ts = i->ts;
	if (i->start_ts)
		th->start_ts = i->start_ts;
	if (i->comm && *i->comm)
		set_comm(th->comm, i->comm);
	note_process(th->process, i);
	return 0;
}

bool tasks_mark(struct tasks *t, uint32_t pid, uint64_t ts)
{
	struct process *p = t->cached && t->cached->pid == pid && t->cached->born_ts <= ts ? t->cached : tasks_process_at(t, pid, ts);
	bool is_new;

	if (!p)
		p = known_process(t, pid);
	is_new = p && !p->is_marked;
	if (p)
		p->is_marked = true;
	return is_new;
}
