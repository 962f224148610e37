// SPDX-License-Identifier: BSD-2-Clause
#include "record/tasks_private.h"

static struct space *space_at(const struct process *p, uint64_t ts)
{
	struct space *s = p->space;

	for (const struct past_space *e = p->past; e && ts < e->until_ts; e = e->next)
		s = e->space;
	return s;
}

/* As tasks_process_at(), for many questions about the same one. */
static struct process *process_again(struct tasks *t, uint32_t pid, uint64_t ts)
{
	struct process *p = t->cached;

	/* The newest instance of the pid, begun by then, needs no search. */
	if (!p || p->pid != pid || p->dead_ts || p->born_ts > ts) {
		p = tasks_process_at(t, pid, ts);
		t->cached = p && !p->dead_ts ? p : NULL;
	}
	return p;
}

uint64_t tasks_state(struct tasks *t, uint32_t pid, uint64_t ts)
{
	const struct process *p = process_again(t, pid, ts);

	return p && !p->dead_ts && ts >= p->changed_ts ? p->state : 0;
}

bool tasks_resolve(struct tasks *t, uint32_t pid, uint64_t ts, uint64_t addr, struct frame *ret,
		   bool *ret_known_pid)
{
	const struct process *p = process_again(t, pid, ts);
	const struct range *r = NULL;

	if (ret_known_pid)
		*ret_known_pid = p;
	if (p)
		r = space_find(space_at(p, ts), addr, ts);
	ret->module = r ? r->module : 0;
	ret->off = r ? r->off_base + addr - r->start : addr;
	return r;
}

bool tasks_find(const struct tasks *t, uint32_t tid, uint64_t ts, struct task_ref *ret)
{
	const struct thread *th = tasks_thread_at(t, tid, ts);

	*ret = (struct task_ref){ .tid = tid, .comm = "" };
	if (!th)
		return false;
	ret->pid = th->process->pid;
	ret->start_ts = th->start_ts;
	ret->comm = th->comm;
	return true;
}

bool tasks_find_process(const struct tasks *t, uint32_t pid, uint64_t ts, struct task_ref *ret)
{
	const struct process *p = tasks_process_at(t, pid, ts);
	const struct thread *th = tasks_thread_at(t, pid, ts);

	*ret = (struct task_ref){ .pid = pid, .tid = pid, .comm = "" };
	if (!p)
		return false;
	ret->start_ts = p->start_ts;
	if (th && th->process == p)
		ret->comm = th->comm;
	return true;
}

int tasks_each_thread(const struct tasks *t, tasks_thread_fn fn, void *ctx)
{
	int r = 0;

	for (uint32_t i = 0; i < TASKS_BUCKETS && !r; i++) {
		for (const struct thread *th = t->threads[i]; th && !r; th = th->next) {
			const struct process *p = th->process;
			struct task_info info = {
				.ts = th->seen_ts, .pid = p->pid, .tid = th->tid, .ppid = p->ppid,
				.uid = p->uid, .ns_pid = p->ns_pid, .start_ts = th->start_ts,
				.cgroup_id = p->cgroup_id, .comm = th->comm, .exe = p->exe ?: "",
				.is_kernel = p->is_kernel,
			};

			if (!th->dead_ts)
				r = fn(ctx, &info);
		}
	}
	return r;
}

static int each_mapping(const struct tasks *t, const struct process *p, tasks_mapping_fn fn, void *ctx)
{
	struct task_ref ref;
	int r = 0;

	tasks_find_process(t, p->pid, UINT64_MAX, &ref);
	for (uint32_t k = 0; k < p->space->live_cnt && !r; k++) {
		const struct range *v = &p->space->live[k];

		r = fn(ctx, &ref, v->born_ts, v->start, v->end, v->off_base, v->module);
	}
	return r;
}

int tasks_each_mapping(const struct tasks *t, tasks_mapping_fn fn, void *ctx)
{
	int r = 0;

	for (uint32_t i = 0; i < TASKS_BUCKETS && !r; i++)
		for (const struct process *p = t->processes[i]; p && !r; p = p->next)
			if (!p->dead_ts)
				r = each_mapping(t, p, fn, ctx);
	return r;
}

int tasks_each_mapping_of(const struct tasks *t, uint32_t pid, tasks_mapping_fn fn, void *ctx)
{
	const struct process *p = tasks_process_at(t, pid, UINT64_MAX);

	return p ? each_mapping(t, p, fn, ctx) : 0;
}

void tasks_each_module(const struct tasks *t, void (*fn)(void *ctx, uint32_t module), void *ctx)
{
	for (uint32_t i = 0; i < TASKS_BUCKETS; i++) {
		for (const struct process *p = t->processes[i]; p; p = p->next) {
			space_each_module(p->space, fn, ctx);
			for (const struct past_space *e = p->past; e; e = e->next)
				space_each_module(e->space, fn, ctx);
		}
	}
}

bool tasks_is_marked(const struct tasks *t, uint32_t pid)
{
	const struct process *p = tasks_process_at(t, pid, UINT64_MAX);

	return p && p->is_marked;
}

void tasks_get_stats(const struct tasks *t, struct tasks_stats *ret)
{
	*ret = t->stats;
}
