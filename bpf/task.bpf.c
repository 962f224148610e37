// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Lives of tasks: fork, exec, names, exit; and the iterator that reads what is alive and how its time was spent.
 * A few us each, as often as processes come and go. Their ring is shared with nothing that floods.
 */
#include "target.bpf.h"

struct proc_scratch {
	struct wire_proc p;
	char path[WIRE_PATH_SZ];
};

SCRATCH(exec_scratch, proc_scratch);

static __always_inline void fill_proc(struct wire_proc *p, struct task_struct *t, enum wire_kind kind, __u64 now)
{
	fill_head(&p->head, kind, now);
	fill_task(&p->task, t);
	p->cgroup_id = task_cgroup_id(t);
	p->uid = task_uid(t);
	if (is_kernel_thread(t))
		p->head.flags |= WIRE_TASK_KERNEL;
}

/* Children and threads of a target are targets (-p, -t with inherit): before the child can run. */
static __always_inline void follow(struct task_struct *parent, struct task_struct *child)
{
	bool is_process = child->tgid != parent->tgid;
	__u32 id = child->pid, v = target_stamp(child);

	if (has_target(parent->tgid, WIRE_TARGET_PROCESS, parent->group_leader)) {
		if (!is_process)
			return;
		v |= WIRE_TARGET_PROCESS;
	} else if (has_target(parent->pid, WIRE_TARGET_THREAD, parent)) {
		/* a targeted thread's new process is recorded whole, its new thread alone */
		v |= is_process ? WIRE_TARGET_PROCESS : WIRE_TARGET_THREAD;
	} else {
		return;
	}
	if (bpf_map_update_elem(&targets, &id, &v, BPF_ANY))
		count(WIRE_STREAM_FORK, WIRE_MAP_FULL);
}

/*
 * A thread was created, in its creator's context, before it first runs. Followed even while not recording, so that no
 * child of a target is missed in between.
 */
SEC("tp_btf/sched_process_fork")
int sched_process_fork(__u64 *ctx)
{
	struct task_struct *parent = (struct task_struct *)ctx[0], *child = (struct task_struct *)ctx[1];
	__u64 now = bpf_ktime_get_ns();
	struct wire_proc p = {};

	if (cfg.by_id && cfg.inherit)
		follow(parent, child);
	if (cfg.call_graph == WIRE_CALL_GRAPH_TABLES && child->tgid != parent->tgid)
		unwind_inherit(parent->tgid, child->tgid);
	if (!is_recording(now) || !task_is_target(child))
		return 0;
	fill_proc(&p, child, WIRE_FORK, now);
	if (child->pid != child->tgid)
		p.head.flags |= WIRE_TASK_THREAD;
	fill_task(&p.parent, parent);
	ring_send(&ring_task, WIRE_STREAM_FORK, &p, sizeof(p));
	return 0;
}

SEC("tp_btf/sched_process_exec")
int sched_process_exec(__u64 *ctx)
{
	struct task_struct *t = (struct task_struct *)ctx[0];
	struct linux_binprm *bprm = (struct linux_binprm *)ctx[2];
	__u64 now = bpf_ktime_get_ns();
	__u32 zero = 0;
	struct proc_scratch *b = bpf_map_lookup_elem(&exec_scratch, &zero);
	struct thread_state *st = thread_get(t, false);
	__u64 len = 0;

	if (cfg.call_graph == WIRE_CALL_GRAPH_TABLES)
		unwind_forget(t->tgid);
	if (st) {
		st->match_key = 0;
		/* the old image's stack is gone: waits of this call go without, rather than with a wrong one */
		if (st->flags & (THREAD_USER_PENDING | THREAD_USER_SENT)) {
			st->flags &= ~(THREAD_USER_PENDING | THREAD_USER_SENT | THREAD_SENT_FAULT);
			st->epoch++;
		}
	}
	if (!b || !is_recording(now) || !task_is_target(t))
		return 0;
	__builtin_memset(&b->p, 0, sizeof(b->p));
	fill_proc(&b->p, t, WIRE_EXEC, now);
	b->p.old_tid = (__u32)ctx[1];
	if (cfg.has_probe_read)
		len = bpf_probe_read_kernel_str(b->path, sizeof(b->path), bprm->filename);
	/* 64 bits all along, and in one register: 5.10's verifier does not carry the bound of a 32-bit copy over */
	barrier_var(len);
	if (len > WIRE_PATH_SZ)
		len = 0; /* an error */
	b->p.path_sz = len;
	ring_send(&ring_task, WIRE_STREAM_EXEC, b, sizeof(b->p) + len);
	return 0;
}

SEC("tp_btf/task_rename")
int task_rename(__u64 *ctx)
{
	struct task_struct *t = (struct task_struct *)ctx[0];
	const char *name = (const char *)ctx[1];
	struct thread_state *st = thread_get(t, false);
	__u64 now = bpf_ktime_get_ns();
	struct wire_proc p = {};

	if (st)
		st->match_key = 0;
	if (!cfg.has_probe_read || !is_recording(now) || !task_is_target(t))
		return 0; /* the side-band tells names too */
	fill_proc(&p, t, WIRE_COMM, now);
	bpf_probe_read_kernel_str(p.task.comm, sizeof(p.task.comm), name);
	ring_send(&ring_task, WIRE_STREAM_COMM, &p, sizeof(p));
	return 0;
}

SEC("tp_btf/sched_process_exit")
int sched_process_exit(__u64 *ctx)
{
	struct task_struct *t = (struct task_struct *)ctx[0];
	__u64 now = bpf_ktime_get_ns();
	struct wire_proc p = {};
	bool is_last = BEHIND(t->signal->live.counter, t, signal, live.counter) == 0;

	if (is_recording(now) && task_is_target(t)) {
		fill_proc(&p, t, WIRE_EXIT, now);
		p.status = t->exit_code;
		if (is_last) {
			p.head.flags |= WIRE_EXIT_PROCESS;
			if (BEHIND(t->signal->flags, t, signal, flags) & SIGNAL_GROUP_EXIT)
				p.status = BEHIND(t->signal->group_exit_code, t, signal, group_exit_code);
		}
		ring_send(&ring_task, WIRE_STREAM_EXIT, &p, sizeof(p));
	}
	return 0;
}

/*
 * A task was freed for good; its id may have been used again by then. The target goes now and not at exit, after which the thread
 * still switches (and is accounted) once more.
 */
SEC("tp_btf/sched_process_free")
int sched_process_free(__u64 *ctx)
{
	struct task_struct *t = (struct task_struct *)ctx[0];
	__u32 tid = t->pid;

	if (cfg.by_id && cfg.inherit && has_target(tid, WIRE_TARGET_PROCESS | WIRE_TARGET_THREAD, t))
		bpf_map_delete_elem(&targets, &tid);
	return 0;
}

/* ---- the iterator: what is alive --------------------------------------------------------------------------------------- */

struct iter_scratch {
	struct wire_wait w;
	__u64 addr[WIRE_KERNEL_DEPTH];
};

SCRATCH(iter_scratch, iter_scratch);

/* A copy of the sums that no switch was changing meanwhile. False: too busy, look again next time. */
static __always_inline bool thread_snapshot(struct thread_state *st, struct thread_state *copy)
{
	volatile __u32 *seq = &st->seq;

	for (int i = 0; i < 8; i++) {
		__u32 before = *seq;

		if (before & 1)
			continue;
		__builtin_memcpy(copy, st, sizeof(*copy));
		asm volatile("" ::: "memory");
		if (*seq == before)
			return true;
	}
	return false;
}

/* The wait that still lasts at `now`: its kernel stack is the one it blocked with. */
static __always_inline void seq_wait(struct seq_file *seq, struct task_struct *t, struct thread_state *st, __u64 now)
{
	__u32 zero = 0, len = 0;
	struct iter_scratch *b = bpf_map_lookup_elem(&iter_scratch, &zero);
	__u64 sz;

	if (!b)
		return;
	fill_head(&b->w.head, WIRE_WAIT, now);
	b->w.head.flags = WIRE_WAIT_OPEN | (is_kernel_thread(t) ? WIRE_WAIT_KERNEL : 0);
	fill_task(&b->w.task, t);
	b->w.off_ts = st->off_ts;
	b->w.wake_ts = st->state != 'R' && st->wake_ts >= st->off_ts ? st->wake_ts : 0;
	b->w.waker_start_ts = b->w.wake_ts ? st->waker_start_ts : 0;
	b->w.waker_pid = b->w.wake_ts ? st->waker_pid : 0;
	b->w.waker_tid = b->w.wake_ts ? st->waker_tid : 0;
	b->w.epoch = st->epoch;
	b->w.cpu_out = st->cpu_out;
	b->w.state = st->state;
	b->w.pad = 0;
	__builtin_memset(&b->w.stack, 0, sizeof(b->w.stack));
	if (cfg.kernel_stack_sz)
		len = kernel_stack_bytes(bpf_get_task_stack(t, b->addr, cfg.kernel_stack_sz, 0));
	if (!len)
		b->w.stack.flags |= WIRE_STACK_KERNEL_FAILED;
	if (st->flags & THREAD_USER_SENT)
		b->w.head.flags |= WIRE_WAIT_USER_SENT;
	b->w.stack.kernel_cnt = len / 8;
	sz = sizeof(b->w) + len;
	barrier_var(sz); /* verifiers until 6.1 want the bound on the very register */
	if (sz <= sizeof(*b))
		bpf_seq_write(seq, b, sz);
}

/* Add the part of the thread's present run or wait that lies before `now`. */
static __always_inline void add_present(struct wire_account *a, struct thread_state *st, __u64 now, bool is_final)
{
	__u64 wake_ts = st->wake_ts;

	if (st->since_ts) {
		a->running_ns += now > st->since_ts ? now - st->since_ts : 0;
		return;
	}
	if (!st->off_ts || now <= st->off_ts)
		return;
	if (is_final && now - st->off_ts < cfg.thresh_ns) {
		a->short_ns += now - st->off_ts;
		a->short_cnt++;
	}
	if (st->state == 'R') {
		a->runq_ns += now - st->off_ts;
	} else if (wake_ts >= st->off_ts && wake_ts < now) {
		a->blocked_ns += wake_ts - st->off_ts;
		a->runq_ns += now - wake_ts;
	} else {
		a->blocked_ns += now - st->off_ts;
	}
}

static __always_inline void seq_account(struct seq_file *seq, struct task_struct *t, bool is_final)
{
	__u64 now = is_final ? ctl.stop_ts : bpf_ktime_get_ns();
	struct thread_state *st = thread_get(t, true), copy;
	struct wire_account a = {};
	__u32 state;

	if (!st || !thread_is_target(t, st))
		return;
	if (!st->first_ts) {
		/* it never switched nor was woken: all the time on a CPU, on the run queue, or asleep */
		state = task_state(t);
		thread_meet(t, st, t->on_cpu, state_letter(state));
		st->flags |= THREAD_CHANGED;
	}
	if (!is_final && !(st->flags & THREAD_CHANGED))
		return;
	if (!thread_snapshot(st, &copy))
		return;
	if (!is_final)
		st->flags &= ~THREAD_CHANGED;
	fill_head(&a.head, WIRE_ACCOUNT, now);
	fill_task(&a.task, t);
	a.first_ts = copy.first_ts;
	a.running_ns = copy.running_ns;
	a.runq_ns = copy.runq_ns;
	a.blocked_ns = copy.blocked_ns;
	a.short_ns = copy.short_ns;
	a.short_cnt = copy.short_cnt;
	add_present(&a, &copy, now, is_final);
	if (now > a.first_ts)
		bpf_seq_write(seq, &a, sizeof(a));
	if (is_final && cfg.want_offcpu && copy.off_ts && now > copy.off_ts && now - copy.off_ts >= cfg.thresh_ns)
		seq_wait(seq, t, &copy, now);
}

static __always_inline void seq_task(struct seq_file *seq, struct task_struct *t)
{
	struct wire_proc p = {};

	fill_proc(&p, t, WIRE_TASK, bpf_ktime_get_ns());
	if (task_is_target(t))
		p.head.flags |= WIRE_TASK_TARGET;
	if (!task_state(t))
		p.head.flags |= WIRE_TASK_RUNNABLE;
	p.parent.pid = BEHIND(t->real_parent->tgid, t, real_parent, tgid);
	bpf_seq_write(seq, &p, sizeof(p));
}

/* About 1 us a thread, at the start, every 10 s and at the end. Output goes to the reader, nothing is lost. */
SEC("iter/task")
int each_task(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;

	if (!t || !t->pid)
		return 0;
	if (ctl.iter_mode == WIRE_ITER_TASKS)
		seq_task(ctx->meta->seq, t);
	else if (cfg.want_account && ctl.iter_mode == WIRE_ITER_ACCOUNT)
		seq_account(ctx->meta->seq, t, false);
	else if (cfg.want_account && ctl.iter_mode == WIRE_ITER_FINAL)
		seq_account(ctx->meta->seq, t, true);
	return 0;
}
