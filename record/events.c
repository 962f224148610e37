// SPDX-License-Identifier: BSD-2-Clause
#include "record/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "record/events_oom.h"
#include "record/events_slice.h"
#include "record/events_task.h"
#include "record/sent_stacks.h"
#include "record/waits.h"

struct events {
	struct events_options o;
	struct events_stats stats;
	struct waits *waits;
	struct events_oom oom;
	struct frames frames, waker_frames; /* of the event being made */
	struct frames_cache classes;
	struct frames_memo memo;
	struct sent_stacks *sent;
	union events_whole whole;	    /* the record, when its stack came in two parts */
};

static int emit_wait(void *ctx, const struct wait_parts *p, struct err *err);

int events_create(const struct events_options *o, struct events **ret, struct err *err)
{
	struct events *e = calloc(1, sizeof(*e));

	if (!e || waits_create(emit_wait, e, &e->waits) || sent_stacks_create(&e->sent)) {
		events_destroy(e);
		return err_code(err, -ENOMEM, "make room for events");
	}
	e->o = *o;
	e->o.sources.memo = &e->memo;
	*ret = e;
	return 0;
}

void events_destroy(struct events *e)
{
	if (!e)
		return;
	waits_destroy(e->waits);
	sent_stacks_destroy(e->sent);
	free(e);
}

const struct events_stats *events_stats(const struct events *e)
{
	return &e->stats;
}

/* Out of memory or a broken event lose this one event; anything else is the file's trouble and the session's to decide. */
static int add(struct events *e, const struct event *ev, struct err *err)
{
	int code = recording_writer_add(e->o.writer, ev, err);

	if (!code) {
		e->stats.added[ev->kind]++;
		if (e->o.watch)
			watch_event(e->o.watch, ev);
		return 0;
	}
	e->stats.dropped[ev->kind]++;
	return code == -EINVAL || code == -ENOMEM ? 0 : code;
}

static struct task_ref ref_of(const struct wire_task *t, char comm[WIRE_COMM_SZ + 1])
{
	memcpy(comm, t->comm, WIRE_COMM_SZ);
	comm[WIRE_COMM_SZ] = '\0';
	return (struct task_ref){ .pid = t->pid, .tid = t->tid, .start_ts = t->start_ts, .comm = comm };
}

/* The thread behind a bare tid of the scheduler stream; tid 0 is the idle loop. */
static struct task_ref ref_of_tid(const struct events *e, uint32_t tid, uint64_t ts)
{
	struct task_ref ref;

	if (tid && tasks_find(e->o.sources.tasks, tid, ts, &ref))
		return ref;
	return (struct task_ref){ .tid = tid, .comm = tid ? "" : "swapper" };
}

static enum stack_end end_of(const struct wire_stack *s, bool has_user)
{
	if (has_user)
		return s->user_end < STACK_END_CNT ? (enum stack_end)s->user_end : STACK_END_NOT_TAKEN;
	return s->flags & WIRE_STACK_KERNEL_TRUNCATED ? STACK_END_TRUNCATED : STACK_END_COMPLETE;
}

/* The stack of a record that holds both halves. */
static struct event_stack whole_stack(struct events *e, struct frames *fs, const struct wire_stack *s,
				      const uint64_t *addr, uint32_t skip, const struct wire_task *t, uint64_t ts, bool is_kthread)
{
	fs->cnt = 0;
	frames_add_kernel(fs, &e->o.sources, s, addr, skip);
	frames_add_user(fs, &e->o.sources, s, addr + s->kernel_cnt, t->pid, t->tid, ts);
	return (struct event_stack){ .frames = fs->f, .cnt = fs->cnt, .end = end_of(s, !is_kthread) };
}

/* ---- samples --------------------------------------------------------------------------------------------------------- */

static int add_sample(struct events *e, const struct wire_sample *r, struct err *err)
{
	char comm[WIRE_COMM_SZ + 1];
	struct event ev = {
		.kind = EVENT_SAMPLE,
		.ts = r->head.ts,
		.cpu = r->head.cpu,
		.task = ref_of(&r->task, comm),
		.sample.weight_ns = e->o.weight_ns,
	};

	ev.stack = whole_stack(e, &e->frames, &r->stack, (const uint64_t *)(r + 1), 0, &r->task, r->head.ts,
			       r->head.flags & WIRE_TASK_KERNEL);
	return add(e, &ev, err);
}

/* ---- waits ------------------------------------------------------------------------------------------------------------ */

static void fill_wait_stack(struct events *e, const struct wait_parts *p, struct event *ev)
{
	const struct wire_wait *w = p->wait;

	e->frames.cnt = 0;
	frames_add_kernel(&e->frames, &e->o.sources, &w->stack, (const uint64_t *)(w + 1), 0);
	ev->stack.end = end_of(&w->stack, false);
	if (p->user) {
		frames_add_user(&e->frames, &e->o.sources, &p->user->stack, (const uint64_t *)(p->user + 1), w->task.pid,
				w->task.tid, p->user->head.ts);
		ev->stack.end = end_of(&p->user->stack, true);
	}
	if (!p->user && !(w->head.flags & WIRE_WAIT_KERNEL))
		ev->stack.end = STACK_END_NOT_TAKEN;
	if (p->user_missing)
		e->stats.stack_errors[EVENT_OFFCPU]++;
	ev->stack.frames = e->frames.f;
	ev->stack.cnt = e->frames.cnt;
}

/* Who ended the wait. In an interrupt, the waker is whom it hit: its own frames are left out, and the flag says it. */
static void fill_waker(struct events *e, const struct wait_parts *p, struct event *ev, char comm[WIRE_COMM_SZ + 1])
{
	const struct wire_wait *w = p->wait;
	const uint64_t *addr = (const uint64_t *)(p->waker + 1);
	struct wire_stack s;
	int is_irq = 0;

	if (!w->wake_ts)
		return;
	if (!p->waker) {
		ev->other = ref_of_tid(e, w->waker_tid, w->wake_ts);
		ev->other.pid = w->waker_pid;
		ev->other.start_ts = w->waker_start_ts;
		if (w->head.flags & (WIRE_WAIT_WAKER_IRQ | WIRE_WAIT_WAKER_SOFTIRQ))
			ev->offcpu.waker_flags = WAKER_IRQ;
		return;
	}
	ev->other = ref_of(&p->waker->waker, comm);
	s = p->waker->stack;
	s.kernel_cnt = (uint16_t)frames_cut_interrupt(&e->classes, e->o.sources.kallsyms, addr, s.kernel_cnt, &is_irq);
	if (is_irq || p->waker->head.flags & WIRE_WAIT_WAKER_IRQ)
		ev->offcpu.waker_flags = WAKER_IRQ;
	e->waker_frames.cnt = 0;
	frames_add_kernel(&e->waker_frames, &e->o.sources, &s, addr,
			  frames_tracing(&e->classes, e->o.sources.kallsyms, addr, s.kernel_cnt));
	if (!(ev->offcpu.waker_flags & WAKER_IRQ))
		frames_add_user(&e->waker_frames, &e->o.sources, &s, addr + p->waker->stack.kernel_cnt,
				p->waker->waker.pid, p->waker->waker.tid, p->waker->head.ts);
	ev->offcpu.waker_stack = (struct event_stack){
		.frames = e->waker_frames.f,
		.cnt = e->waker_frames.cnt,
		.end = end_of(&s, s.user_cnt && !(ev->offcpu.waker_flags & WAKER_IRQ)),
	};
}

static int emit_wait(void *ctx, const struct wait_parts *p, struct err *err)
{
	struct events *e = ctx;
	const struct wire_wait *w = p->wait;
	char comm[WIRE_COMM_SZ + 1], waker_comm[WIRE_COMM_SZ + 1];
	struct event ev = {
		.kind = EVENT_OFFCPU,
		.ts = w->off_ts,
		.cpu = w->cpu_out,
		.task = ref_of(&w->task, comm),
		.offcpu = {
			.dur_ns = w->head.ts > w->off_ts ? w->head.ts - w->off_ts : 0,
			.runq_ns = UNKNOWN_U64,
			.state = w->state,
			.iowait = (w->head.flags & WIRE_WAIT_IOWAIT) != 0,
			.cpu_in = w->head.cpu,
		},
	};

	if (w->state == 'R')
		ev.offcpu.runq_ns = ev.offcpu.dur_ns;
	else if (w->wake_ts)
		ev.offcpu.runq_ns = w->head.ts > w->wake_ts ? w->head.ts - w->wake_ts : 0;
	else if (w->head.flags & WIRE_WAIT_OPEN)
		ev.offcpu.runq_ns = 0; /* nobody woke it */
	if (w->head.flags & WIRE_WAIT_OPEN)
		ev.offcpu.cpu_in = w->cpu_out;
	fill_wait_stack(e, p, &ev);
	fill_waker(e, p, &ev, waker_comm);
	return add(e, &ev, err);
}

/* ---- the scheduler stream, accounts ------------------------------------------------------------------------------------ */

static int add_sched(struct events *e, const struct wire_sched *r, struct err *err)
{
	struct event ev = { .ts = r->ts, .cpu = r->cpu };
	char comm[WIRE_COMM_SZ + 1];

	ev.task = ref_of_tid(e, r->a, r->ts);
	if (r->kind != WIRE_MIGRATE) {
		/* tasks_find()'s name is valid for one question */
		if (ev.task.comm)
			ev.task.comm = strncpy(comm, ev.task.comm, WIRE_COMM_SZ);
		comm[WIRE_COMM_SZ] = '\0';
		ev.other = ref_of_tid(e, r->b, r->ts);
	}
	switch (r->kind) {
	case WIRE_SWITCH:
		ev.kind = EVENT_SWITCH;
		ev.sw.prev_state = r->state;
		ev.sw.prev_prio = r->prio_a;
		ev.sw.next_prio = r->prio_b;
		break;
	case WIRE_WAKEUP:
		ev.kind = EVENT_WAKEUP;
		ev.wakeup.target_cpu = r->target_cpu;
		ev.wakeup.is_new = r->is_new;
		break;
	default:
		ev.kind = EVENT_MIGRATE;
		ev.migrate.from_cpu = r->b;
		ev.migrate.to_cpu = r->target_cpu;
	}
	return add(e, &ev, err);
}

static int add_account(struct events *e, const struct wire_account *r, struct err *err)
{
	char comm[WIRE_COMM_SZ + 1];
	struct event ev = {
		.kind = EVENT_ACCOUNT,
		.ts = r->head.ts,
		.task = ref_of(&r->task, comm),
		.account = {
			.first_ts = r->first_ts,
			.running_ns = r->running_ns,
			.runq_ns = r->runq_ns,
			.blocked_ns = r->blocked_ns,
			.short_ns = r->short_ns,
			.short_cnt = r->short_cnt,
		},
	};

	return add(e, &ev, err);
}

/* ---- tasks and OOM: made elsewhere, counted here ------------------------------------------------------------------------- */

/* A process that comes, or becomes another program, is told in any case: a sample of nobody is of no use. */
static bool is_wanted(const struct events *e, const struct wire_proc *r)
{
	return e->o.want_task || r->head.kind == WIRE_EXEC || (r->head.kind == WIRE_FORK && !(r->head.flags & WIRE_TASK_THREAD));
}

static int add_task(struct events *e, const struct wire_proc *r, struct err *err)
{
	const struct events_task_sources src = {
		.tasks = e->o.sources.tasks,
		.modules = e->o.modules,
		.cgroups = e->o.cgroups,
		.cmdline = e->o.cmdline,
	};
	struct events_task made;
	int code;

	if (r->head.kind == WIRE_EXIT)
		waits_exit(e->waits, r->task.tid);
	code = events_task_make(&made, &src, r, err);
	if (code)
		return code;
	code = is_wanted(e, r) ? add(e, &made.ev, err) : 0;
	events_task_deinit(&made);
	return code;
}

static int add_oom(struct events *e, const struct wire_oom *r, struct err *err)
{
	const uint64_t *addr = (const uint64_t *)(r + 1);
	const struct event_stack stack =
		whole_stack(e, &e->frames, &r->stack, addr,
			    frames_tracing(&e->classes, e->o.sources.kallsyms, addr, r->stack.kernel_cnt), &r->trigger, r->head.ts, false);

	return events_oom_hold(&e->oom, e->o.sources.kallsyms, r, &stack);
}

static int emit_oom(void *ctx, const struct event *ev, struct err *err)
{
	struct events *e = ctx;
	int code = add(e, ev, err);

	if (!code && e->o.memsnap) {
		code = memsnap_emit_oom(e->o.memsnap, ev->ts, err);
		if (code > 0) {
			e->stats.added[EVENT_OOM_TASK] += (uint64_t)code;
			code = 0;
		}
	}
	return code;
}

/* Out of memory leaves a mapping that is no more: counted by tasks, and no reason to stop. */
static int add_unmap(struct events *e, const struct wire_unmap *r)
{
	(void)tasks_munmap(e->o.sources.tasks, r->head.ts, r->pid, r->start, r->end);
	if (e->o.unwinder) /* not knowing is what the kernel half did since */
		unwinder_changed(e->o.unwinder, r->pid);
	return 0;
}

/* ---- dispatch -------------------------------------------------------------------------------------------------------- */

/* The bytes a record of its kind has, stack included; 0 for an unknown kind. *ret_stack: where its stack is; 0: none. */
static size_t size_of(const void *data, size_t sz, size_t *ret_stack)
{
	static const struct {
		size_t fixed, stack_off;
	} shapes[] = {
		[WIRE_SAMPLE] = { sizeof(struct wire_sample), offsetof(struct wire_sample, stack) },
		[WIRE_WAIT] = { sizeof(struct wire_wait), offsetof(struct wire_wait, stack) },
		[WIRE_USER_STACK] = { sizeof(struct wire_user_stack), offsetof(struct wire_user_stack, stack) },
		[WIRE_WAKER] = { sizeof(struct wire_waker), offsetof(struct wire_waker, stack) },
		[WIRE_SWITCH] = { sizeof(struct wire_sched), 0 },
		[WIRE_WAKEUP] = { sizeof(struct wire_sched), 0 },
		[WIRE_MIGRATE] = { sizeof(struct wire_sched), 0 },
		[WIRE_FORK] = { sizeof(struct wire_proc), 0 },
		[WIRE_EXEC] = { sizeof(struct wire_proc), 0 },
		[WIRE_COMM] = { sizeof(struct wire_proc), 0 },
		[WIRE_EXIT] = { sizeof(struct wire_proc), 0 },
		[WIRE_TASK] = { sizeof(struct wire_proc), 0 },
		[WIRE_ACCOUNT] = { sizeof(struct wire_account), 0 },
		[WIRE_OOM] = { sizeof(struct wire_oom), offsetof(struct wire_oom, stack) },
		[WIRE_OOM_SCOPE] = { sizeof(struct wire_oom_scope), 0 },
		[WIRE_SLICE] = { sizeof(struct wire_slice), 0 },
		[WIRE_UNMAP] = { sizeof(struct wire_unmap), 0 },
	};
	uint16_t kind;
	struct wire_stack s;
	size_t want;

	if (sz < offsetof(struct wire_head, flags))
		return 0;
	memcpy(&kind, (const char *)data + offsetof(struct wire_head, kind), sizeof(kind));
	if (kind >= ARRAY_SIZE(shapes) || !shapes[kind].fixed || sz < shapes[kind].fixed)
		return 0;
	want = shapes[kind].fixed;
	*ret_stack = shapes[kind].stack_off;
	if (shapes[kind].stack_off) {
		memcpy(&s, (const char *)data + shapes[kind].stack_off, sizeof(s));
		want += ((size_t)s.kernel_cnt + s.user_cnt) * 8;
		if (s.kernel_cnt > WIRE_KERNEL_DEPTH || s.user_cnt > WIRE_USER_DEPTH)
			return 0;
	}
	if (kind == WIRE_EXEC)
		want += ((const struct wire_proc *)data)->path_sz;
	return want;
}

/* Whom a record's addresses belong to, or else whom it is about; 0: nobody's process is needed. */
static uint32_t pid_of(const void *data)
{
	switch (((const struct wire_head *)data)->kind) {
	case WIRE_SAMPLE:
		return ((const struct wire_sample *)data)->task.pid;
	case WIRE_WAIT:
		return ((const struct wire_wait *)data)->task.pid;
	case WIRE_WAKER:
		return ((const struct wire_waker *)data)->waker.pid;
	case WIRE_SLICE:
		return ((const struct wire_slice *)data)->pid;
	case WIRE_OOM:
		return ((const struct wire_oom *)data)->trigger.pid;
	case WIRE_FORK:
	case WIRE_EXEC:
	case WIRE_COMM:
		return ((const struct wire_proc *)data)->task.pid;
	default:
		return 0;
	}
}

int events_add(struct events *e, const void *data, size_t sz, struct err *err)
{
	size_t stack_off = 0, want = size_of(data, sz, &stack_off);
	uint32_t pid;
	int code;

	if (!want || want > sz) {
		e->stats.dropped[EVENT_NONE]++;
		return 0;
	}
	pid = e->o.meet ? pid_of(data) : 0;
	if (pid) {
		code = e->o.meet(e->o.meet_ctx, pid, ((const struct wire_head *)data)->ts, err);
		if (code)
			return code;
	}
	if (stack_off)
		data = sent_stacks_finish(e->sent, data, &want, stack_off, &e->whole);
	if (stack_off)
		data = events_slice_finish(e->o.unwinder, data, &want, stack_off, &e->whole);
	switch (((const struct wire_head *)data)->kind) {
	case WIRE_SLICE:
		if (e->o.unwinder)
			unwinder_add_slice(e->o.unwinder, data, sz);
		return 0;
	case WIRE_UNMAP:
		return add_unmap(e, data);
	case WIRE_SAMPLE:
		return add_sample(e, data, err);
	case WIRE_WAIT:
		return waits_add(e->waits, data, want, err);
	case WIRE_USER_STACK:
		return waits_add_user_stack(e->waits, data, want, err);
	case WIRE_WAKER:
		return waits_add_waker(e->waits, data, want);
	case WIRE_SWITCH:
	case WIRE_WAKEUP:
	case WIRE_MIGRATE:
		return add_sched(e, data, err);
	case WIRE_ACCOUNT:
		return add_account(e, data, err);
	case WIRE_OOM:
		return add_oom(e, data, err);
	case WIRE_OOM_SCOPE:
		events_oom_scope(&e->oom, data);
		return 0;
	default:
		return add_task(e, data, err);
	}
}

int events_flush(struct events *e, uint64_t now_ts, struct err *err)
{
	const struct events_oom_sources src = { .cgroups = e->o.cgroups, .memsnap = e->o.memsnap };
	int code = waits_flush(e->waits, now_ts, err), oom_code;

	oom_code = events_oom_flush(&e->oom, &src, now_ts, emit_oom, e, err);
	return code ?: oom_code;
}

void events_next_segment(struct events *e)
{
	memset(&e->memo, 0, sizeof(e->memo));
}

static bool is_known(void *ctx, uint32_t tid)
{
	struct task_ref task;

	return tasks_find(ctx, tid, UINT64_MAX, &task);
}

void events_forget_threads(struct events *e)
{
	waits_exit_unknown(e->waits, is_known, e->o.sources.tasks);
}

bool events_take_oom(struct events *e)
{
	return events_oom_take_written(&e->oom);
}
