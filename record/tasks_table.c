// SPDX-License-Identifier: BSD-2-Clause
#include "record/tasks_private.h"

#include <errno.h>
#include <stdlib.h>

#include "formats/idmap.h"

static uint32_t bucket_of(uint32_t id)
{
	return hash_mix(id, 0) & (TASKS_BUCKETS - 1);
}

/* ---- life of the table's entries ---------------------------------------------------------------------------- */

int tasks_create(struct tasks **ret)
{
	struct tasks *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->dead_last = &t->dead_first;
	*ret = t;
	return 0;
}

static void free_past(struct process *p, uint64_t before_ts)
{
	struct past_space **at = &p->past, *e;

	while (*at && (*at)->until_ts >= before_ts)
		at = &(*at)->next;
	while ((e = *at)) {
		*at = e->next;
		space_unref(e->space);
		free(e);
	}
}

static void process_unref(struct tasks *t, struct process *p)
{
	struct process **at = &t->processes[bucket_of(p->pid)];

	if (--p->refs)
		return;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (t->cached == p)
		t->cached = NULL;
	free_past(p, UINT64_MAX);
	space_unref(p->space);
	free(p->exe);
	free(p);
	t->stats.processes--;
}

static void forget_thread(struct tasks *t, struct thread *th)
{
	struct thread **at = &t->threads[bucket_of(th->tid)];

	while (*at != th)
		at = &(*at)->next;
	*at = th->next;
	process_unref(t, th->process);
	free(th);
	t->stats.threads--;
}

void tasks_destroy(struct tasks *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < TASKS_BUCKETS; i++)
		while (t->threads[i])
			forget_thread(t, t->threads[i]);
	for (uint32_t i = 0; i < TASKS_BUCKETS; i++) {
		while (t->processes[i]) {
			t->processes[i]->refs = 1; /* what keeps an alive one */
			process_unref(t, t->processes[i]);
		}
	}
	free(t);
}

void tasks_set_listener(struct tasks *t, const struct tasks_listener *l)
{
	t->listener = *l;
}

void tasks_note_change(struct tasks *t, struct process *p, uint64_t ts)
{
	p->state = ++t->state;
	if (ts > p->changed_ts)
		p->changed_ts = ts;
}

struct process *tasks_add_process(struct tasks *t, uint64_t ts, uint32_t pid, struct space *space)
{
	struct process *p = calloc(1, sizeof(*p)), **head = &t->processes[bucket_of(pid)];

	if (!p || !space) {
		t->stats.dropped++;
		space_unref(space);
		free(p);
		return NULL;
	}
	p->refs = 1;
	p->pid = pid;
	p->uid = UINT32_MAX;
	p->born_ts = ts;
	p->space = space;
	tasks_note_change(t, p, ts);
	p->next = *head;
	*head = p;
	t->stats.processes++;
	return p;
}

struct thread *tasks_add_thread(struct tasks *t, uint64_t ts, uint32_t tid, struct process *p)
{
	struct thread *th = calloc(1, sizeof(*th)), **head = &t->threads[bucket_of(tid)];

	if (!th) {
		t->stats.dropped++;
		return NULL;
	}
	th->tid = tid;
	th->born_ts = ts;
	th->process = p;
	p->refs++;
	p->thread_cnt++;
	th->next = *head;
	*head = th;
	t->stats.threads++;
	return th;
}

/* ---- looking up --------------------------------------------------------------------------------------------- */

/* The newest instance that had begun at ts. */
struct process *tasks_process_at(const struct tasks *t, uint32_t pid, uint64_t ts)
{
	struct process *p = t->processes[bucket_of(pid)];

	while (p && (p->pid != pid || p->born_ts > ts))
		p = p->next;
	return p;
}

struct thread *tasks_thread_at(const struct tasks *t, uint32_t tid, uint64_t ts)
{
	struct thread *th = t->threads[bucket_of(tid)];

	while (th && (th->tid != tid || th->born_ts > ts))
		th = th->next;
	return th;
}

struct process *tasks_alive_process(const struct tasks *t, uint32_t pid)
{
	struct process *p = tasks_process_at(t, pid, UINT64_MAX);

	return p && !p->dead_ts ? p : NULL;
}

struct thread *tasks_alive_thread(const struct tasks *t, uint32_t tid)
{
	struct thread *th = tasks_thread_at(t, tid, UINT64_MAX);

	return th && !th->dead_ts ? th : NULL;
}

/* ---- ends ---------------------------------------------------------------------------------------------------- */

void tasks_end_process(struct tasks *t, struct process *p, uint64_t ts)
{
	p->dead_ts = ts ?: 1;
	if (t->listener.process_exited)
		t->listener.process_exited(t->listener.ctx, p->pid);
	process_unref(t, p);
}

void tasks_end_thread(struct tasks *t, struct thread *th, uint64_t ts)
{
	struct process *p = th->process;

	th->dead_ts = ts ?: 1;
	th->next_dead = NULL;
	*t->dead_last = th;
	t->dead_last = &th->next_dead;
	t->dead_cnt++;
	if (!--p->thread_cnt && !p->dead_ts)
		tasks_end_process(t, p, ts);
}

void tasks_end_other_threads(struct tasks *t, struct process *p, uint32_t tid, uint64_t ts)
{
	for (uint32_t i = 0; i < TASKS_BUCKETS && p->thread_cnt; i++)
		for (struct thread *th = t->threads[i]; th; th = th->next)
			if (th->process == p && !th->dead_ts && th->tid != tid)
				tasks_end_thread(t, th, ts);
}

void tasks_prune(struct tasks *t, uint64_t now_ts)
{
	uint64_t before = now_ts > TASKS_GRACE_NS ? now_ts - TASKS_GRACE_NS : 0;
	struct thread *th;

	while ((th = t->dead_first) && (th->dead_ts < before || t->dead_cnt > TASKS_DEAD_MAX)) {
		t->dead_first = th->next_dead;
		if (!t->dead_first)
			t->dead_last = &t->dead_first;
		t->dead_cnt--;
		forget_thread(t, th);
	}
	for (uint32_t i = 0; i < TASKS_BUCKETS; i++) {
		for (struct process *p = t->processes[i]; p; p = p->next) {
			space_prune(p->space, before);
			free_past(p, before);
		}
	}
}

