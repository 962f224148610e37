// SPDX-License-Identifier: BSD-2-Clause
#include "record/tasks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "formats/idmap.h"
#include "record/space.h"

#define BUCKET_CNT 4096		/* power of two; 10,000 threads give chains of 2 to 3 */
#define NOTE_AFTER_EXIT_NS 1000000000ULL /* a fact this late after an exit is about the ended task still */

/* The image a process had until until_ts, when it exec'ed. */
struct past_space {
	struct past_space *next; /* older */
	struct space *space;	 /* a reference */
	uint64_t until_ts;
};

/* One instance of a pid. In its bucket until its last thread is forgotten. */
struct process {
	struct process *next; /* in the bucket, newest instance first */
	uint32_t refs;	      /* its threads in the table, dead ones too; one more while it is alive */
	uint32_t thread_cnt;  /* alive */
	uint32_t pid, ppid, uid, ns_pid;
	uint64_t born_ts, dead_ts; /* 0: before the recording; not yet */
	uint64_t seen_ts;	   /* /proc or BPF showed it alive then */
	uint64_t start_ts, cgroup_id;
	uint64_t state, changed_ts; /* of its mappings: another number for each change, and the latest of their times */
	bool is_kernel, is_marked;
	char *exe;		  /* owned; NULL unknown */
	struct space *space;	  /* a reference */
	struct past_space *past; /* newest first, owned */
};

struct thread {
	struct thread *next;	  /* in the bucket, newest instance first */
	struct thread *next_dead; /* in order of death */
	struct process *process;  /* a reference */
	uint32_t tid;
	uint64_t born_ts, dead_ts, seen_ts, start_ts;
	char comm[TASK_COMM_SZ];
};

struct tasks {
	struct process *processes[BUCKET_CNT];
	struct thread *threads[BUCKET_CNT];
	struct thread *dead_first, **dead_last;
	uint64_t dead_cnt;
	uint64_t state; /* the last one given to a process */
	struct process *cached; /* of the last tasks_resolve(), while nothing was freed */
	struct tasks_listener listener;
	struct tasks_stats stats;
};

static uint32_t bucket_of(uint32_t id)
{
	return hash_mix(id, 0) & (BUCKET_CNT - 1);
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
	for (uint32_t i = 0; i < BUCKET_CNT; i++)
		while (t->threads[i])
			forget_thread(t, t->threads[i]);
	for (uint32_t i = 0; i < BUCKET_CNT; i++) {
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

static void note_change(struct tasks *t, struct process *p, uint64_t ts)
{
	p->state = ++t->state;
	if (ts > p->changed_ts)
		p->changed_ts = ts;
}

static struct process *add_process(struct tasks *t, uint64_t ts, uint32_t pid, struct space *space)
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
	note_change(t, p, ts);
	p->next = *head;
	*head = p;
	t->stats.processes++;
	return p;
}

static struct thread *add_thread(struct tasks *t, uint64_t ts, uint32_t tid, struct process *p)
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
static struct process *process_at(const struct tasks *t, uint32_t pid, uint64_t ts)
{
	struct process *p = t->processes[bucket_of(pid)];

	while (p && (p->pid != pid || p->born_ts > ts))
		p = p->next;
	return p;
}

static struct thread *thread_at(const struct tasks *t, uint32_t tid, uint64_t ts)
{
	struct thread *th = t->threads[bucket_of(tid)];

	while (th && (th->tid != tid || th->born_ts > ts))
		th = th->next;
	return th;
}

static struct process *alive_process(const struct tasks *t, uint32_t pid)
{
	struct process *p = process_at(t, pid, UINT64_MAX);

	return p && !p->dead_ts ? p : NULL;
}

static struct thread *alive_thread(const struct tasks *t, uint32_t tid)
{
	struct thread *th = thread_at(t, tid, UINT64_MAX);

	return th && !th->dead_ts ? th : NULL;
}

/* ---- ends ---------------------------------------------------------------------------------------------------- */

static void end_process(struct tasks *t, struct process *p, uint64_t ts)
{
	p->dead_ts = ts ?: 1;
	if (t->listener.process_exited)
		t->listener.process_exited(t->listener.ctx, p->pid);
	process_unref(t, p);
}

static void end_thread(struct tasks *t, struct thread *th, uint64_t ts)
{
	struct process *p = th->process;

	th->dead_ts = ts ?: 1;
	th->next_dead = NULL;
	*t->dead_last = th;
	t->dead_last = &th->next_dead;
	t->dead_cnt++;
	if (!--p->thread_cnt && !p->dead_ts)
		end_process(t, p, ts);
}

void tasks_exit(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t tid)
{
	struct thread *th = alive_thread(t, tid);
	struct process *p = alive_process(t, pid);

	/* An exit older than our sight of the task is its pid's former owner's. */
	if (th && th->seen_ts <= ts)
		end_thread(t, th, ts);
	else if (!th && p && !p->thread_cnt && p->seen_ts <= ts)
		end_process(t, p, ts); /* only its mappings were known */
}

static void end_other_threads(struct tasks *t, struct process *p, uint32_t tid, uint64_t ts)
{
	for (uint32_t i = 0; i < BUCKET_CNT && p->thread_cnt; i++)
		for (struct thread *th = t->threads[i]; th; th = th->next)
			if (th->process == p && !th->dead_ts && th->tid != tid)
				end_thread(t, th, ts);
}

void tasks_exit_process(struct tasks *t, uint64_t ts, uint32_t pid)
{
	struct process *p = alive_process(t, pid);

	if (!p)
		return;
	if (p->thread_cnt)
		end_other_threads(t, p, 0, ts);
	else
		end_process(t, p, ts);
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
	for (uint32_t i = 0; i < BUCKET_CNT; i++) {
		for (struct process *p = t->processes[i]; p; p = p->next) {
			space_prune(p->space, before);
			free_past(p, before);
		}
	}
}

/* ---- changes ------------------------------------------------------------------------------------------------- */

/* A process we did not see begin: there from before, as far as no former owner of the pid says otherwise. */
static struct process *known_process(struct tasks *t, uint32_t pid)
{
	struct process *p = process_at(t, pid, UINT64_MAX);

	if (p && !p->dead_ts)
		return p;
	return add_process(t, p ? p->dead_ts + 1 : 0, pid, space_create());
}

static struct thread *known_thread(struct tasks *t, uint32_t pid, uint32_t tid)
{
	struct thread *th = alive_thread(t, tid), *former;
	struct process *p;

	if (th && th->process->pid == pid)
		return th;
	p = known_process(t, pid);
	if (!p)
		return NULL;
	if (th)
		end_thread(t, th, th->born_ts + 1);
	former = thread_at(t, tid, UINT64_MAX);
	return add_thread(t, former ? former->dead_ts + 1 : 0, tid, p);
}

static struct process *fork_process(struct tasks *t, uint64_t ts, uint32_t pid, uint32_t ppid)
{
	struct process *parent = alive_process(t, ppid), *p;
	struct space *space = parent ? space_ref(parent->space) : space_create();

	p = add_process(t, ts, pid, space);
	if (!p)
		return NULL;
	p->ppid = ppid;
	if (parent) {
		note_change(t, p, parent->changed_ts);
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
	struct thread *th = alive_thread(t, tid), *creator;
	struct process *p;

	if (th && th->seen_ts >= ts)
		return 0; /* seen alive already: the record is of this very thread */
	if (th)
		end_thread(t, th, ts); /* its exit was lost */
	p = alive_process(t, pid);
	if (p && pid != ppid && p->seen_ts < ts) {
		tasks_exit_process(t, ts, pid);
		p = NULL;
	}
	if (!p)
		p = pid != ppid ? fork_process(t, ts, pid, ppid) : known_process(t, pid);
	th = p ? add_thread(t, ts, tid, p) : NULL;
	if (!th)
		return -ENOMEM;
	creator = alive_thread(t, ppid);
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
		end_other_threads(t, th->process, tid, ts);
	past->space = th->process->space;
	past->until_ts = ts;
	past->next = th->process->past;
	th->process->past = past;
	th->process->space = fresh;
	note_change(t, th->process, ts);
	free(th->process->exe);
	th->process->exe = NULL;
	th->process->is_kernel = false; /* a helper a kernel thread started */
	set_comm(th->comm, comm);
	if (t->listener.process_cleared)
		t->listener.process_cleared(t->listener.ctx, pid);
	return 0;
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
	struct process *p = known_process(t, pid);
	int err;

	if (start >= end)
		return -EINVAL;
	if (!p)
		return -ENOMEM;
	err = space_add(&p->space, &r, t->listener.mapping_removed ? on_gone : NULL, &g);
	if (err < 0)
		t->stats.dropped++;
	if (err > 0)
		note_change(t, p, ts);
	if (err > 0 && t->listener.mapping_added)
		t->listener.mapping_added(t->listener.ctx, pid, start, end, off_base, module);
	return err < 0 ? err : 0;
}

int tasks_munmap(struct tasks *t, uint64_t ts, uint32_t pid, uint64_t start, uint64_t end)
{
	struct gone_ctx g = { &t->listener, pid };
	struct process *p = alive_process(t, pid);
	int err;

	if (!p || start >= end)
		return 0;
	err = space_remove(&p->space, start, end, ts, t->listener.mapping_removed ? on_gone : NULL, &g);
	if (err > 0)
		note_change(t, p, ts);
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
	struct thread *th = thread_at(t, i->tid, i->ts ?: UINT64_MAX);

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

/* ---- questions ----------------------------------------------------------------------------------------------- */

static struct space *space_at(const struct process *p, uint64_t ts)
{
	struct space *s = p->space;

	for (const struct past_space *e = p->past; e && ts < e->until_ts; e = e->next)
		s = e->space;
	return s;
}

/* As process_at(), for many questions about the same one. */
static struct process *process_again(struct tasks *t, uint32_t pid, uint64_t ts)
{
	struct process *p = t->cached;

	/* The newest instance of the pid, begun by then, needs no search. */
	if (!p || p->pid != pid || p->dead_ts || p->born_ts > ts) {
		p = process_at(t, pid, ts);
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
	const struct thread *th = thread_at(t, tid, ts);

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
	const struct process *p = process_at(t, pid, ts);
	const struct thread *th = thread_at(t, pid, ts);

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

	for (uint32_t i = 0; i < BUCKET_CNT && !r; i++) {
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

	for (uint32_t i = 0; i < BUCKET_CNT && !r; i++)
		for (const struct process *p = t->processes[i]; p && !r; p = p->next)
			if (!p->dead_ts)
				r = each_mapping(t, p, fn, ctx);
	return r;
}

int tasks_each_mapping_of(const struct tasks *t, uint32_t pid, tasks_mapping_fn fn, void *ctx)
{
	const struct process *p = process_at(t, pid, UINT64_MAX);

	return p ? each_mapping(t, p, fn, ctx) : 0;
}

bool tasks_mark(struct tasks *t, uint32_t pid, uint64_t ts)
{
	struct process *p = t->cached && t->cached->pid == pid && t->cached->born_ts <= ts ? t->cached : process_at(t, pid, ts);
	bool is_new;

	if (!p)
		p = known_process(t, pid);
	is_new = p && !p->is_marked;
	if (p)
		p->is_marked = true;
	return is_new;
}

bool tasks_is_marked(const struct tasks *t, uint32_t pid)
{
	const struct process *p = process_at(t, pid, UINT64_MAX);

	return p && p->is_marked;
}

void tasks_get_stats(const struct tasks *t, struct tasks_stats *ret)
{
	*ret = t->stats;
}
