// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Where threads' time goes: running, on the run queue, blocked; the waits that were long, with stacks; and the raw
 * stream of switches when asked for. Who ended the waits: wakeup.bpf.c.
 *
 * Walking a stack costs 2 us, a switch 0.25 us: so no stack is walked until a wait has turned out long. The kernel stack of a
 * thread switched in is still the one it blocked with, and its user stack does not change until it returns to user mode,
 * which is where sys_exit() takes it (wait_user.bpf.c). Only a wait that does not end through a system call, and is no preemption (a page
 * fault), has its user stack taken when it begins.
 */
#include "stack_kernel.bpf.h"
#include "target.bpf.h"
#include "wait_user.bpf.h"

struct wait_scratch {
	struct wire_wait w;
	__u64 addr[WIRE_KERNEL_DEPTH];
};

SCRATCH(wait_scratch, wait_scratch);
SCRATCH(out_scratch, user_scratch);

/* ---- the stream of switches ---------------------------------------------------------------------------------------------- */

/* Whom each CPU was last seen switching to, with -e sched. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_sched);
} last_switch SEC(".maps");

#define SWITCH_WANTED 256 /* beside the state's letter: five arguments are all a call may have */

/*
 * Send a switch, if it is wanted. When prev is not whom this CPU was seen switching to, the switch to it was hidden from us (see account_gap());
 * prev ran for ran_ns of the time since: send that switch too, so that both threads' slices have an end and a beginning.
 */
static __noinline int send_switch(struct task_struct *prev, struct task_struct *next, __u32 state_wanted, __u64 now,
				  __u64 ran_ns)
{
	__u32 zero = 0;
	struct wire_sched *last = bpf_map_lookup_elem(&last_switch, &zero);
	bool wanted = state_wanted & SWITCH_WANTED && cpu_is_target();
	struct wire_sched s = {
		.ts = now,
		.kind = WIRE_SWITCH,
		.cpu = bpf_get_smp_processor_id(),
		.state = (__u8)state_wanted,
		.prio_a = prev->prio,
		.prio_b = next->prio,
		.a = prev->pid,
		.b = next->pid,
	};

	if (!last)
		return 0;
	if (wanted && last->ts >= ctl.start_ts && last->b != s.a) {
		last->a = last->b;
		last->b = s.a;
		last->prio_a = last->prio_b;
		last->prio_b = s.prio_a;
		last->state = 'S'; /* not known */
		last->ts = ran_ns && ran_ns < now - last->ts ? now - ran_ns : last->ts;
		ring_send(&ring_sched, WIRE_STREAM_SCHED_SWITCH, last, sizeof(*last));
	}
	*last = s;
	if (wanted)
		ring_send(&ring_sched, WIRE_STREAM_SCHED_SWITCH, &s, sizeof(s));
	return 0;
}

/* ---- going off the CPU --------------------------------------------------------------------------------------------------- */

/* Called, not inlined, for its stack's sake: see thread_zero. */
static __noinline int send_account(struct task_struct *t, struct thread_state *st, __u64 now)
{
	struct wire_account a = {};

	fill_head(&a.head, WIRE_ACCOUNT, now);
	fill_task(&a.task, t);
	a.first_ts = st->first_ts;
	a.running_ns = st->running_ns;
	a.runq_ns = st->runq_ns;
	a.blocked_ns = st->blocked_ns;
	a.short_ns = st->short_ns;
	a.short_cnt = st->short_cnt;
	return ring_send(&ring_main, WIRE_STREAM_ACCOUNT, &a, sizeof(a));
}

/*
 * The thread goes off the CPU and we never saw it come: somebody hides switches (seen where a container's init is shielded from
 * tracing). The scheduler's own count says how much of the gap it ran; the rest it waited: to be woken, and from the wakeup on, which is not
 * hidden, for a CPU.
 */
static __always_inline __u64 account_gap(struct thread_state *st, __u64 exec_ns, __u64 now)
{
	__u64 gap = now - st->off_ts, ran = exec_ns - st->exec_ns, waited, blocked;

	if (ran > gap)
		ran = gap;
	waited = gap - ran;
	blocked = waited;
	if (st->state == 'R' || (st->wake_ts && st->wake_ts < st->off_ts))
		blocked = 0;
	else if (st->wake_ts && st->wake_ts - st->off_ts < waited)
		blocked = st->wake_ts - st->off_ts;
	st->running_ns += ran;
	st->runq_ns += waited - blocked;
	st->blocked_ns += blocked;
	return ran;
}

/* Returns how long the thread ran when the switch to it was hidden, else 0. */
static __noinline __u64 switch_out(struct task_struct *prev, struct thread_state *st, __u32 letter, __u64 now)
{
	__u64 exec_ns = prev->se.sum_exec_runtime, hidden_ns = 0;

	if (!st->first_ts)
		thread_meet(prev, st, true, 'R');
	st->seq++;
	if (st->since_ts && now > st->since_ts)
		st->running_ns += now - st->since_ts;
	if (!st->since_ts && st->off_ts && now > st->off_ts && st->exec_ns) {
		hidden_ns = account_gap(st, exec_ns, now);
		st->wake_ts = 0;
	}
	st->exec_ns = exec_ns;
	st->since_ts = 0;
	st->off_ts = now;
	st->state = letter;
	st->cpu_out = bpf_get_smp_processor_id();
	st->flags |= THREAD_CHANGED;
	if (BPF_CORE_READ_BITFIELD(prev, in_iowait))
		st->flags |= THREAD_IOWAIT;
	else
		st->flags &= ~THREAD_IOWAIT;
	st->seq++;
	if (letter == 'X') {
		if (cfg.want_account)
			send_account(prev, st, now);
		if (!cfg.has_task_storage) {
			__u32 tid = prev->pid;

			bpf_map_delete_elem(&threads_by_tid, &tid);
		}
	}
	return hidden_ns;
}

/*
 * A thread goes off the CPU. In a system call that it will return from, its stack waits for sys_exit; but when a long wait of the same
 * call is still without its user half (a call that blocks again and again, perhaps for ever), it is taken now, once.
 */
static __always_inline void user_stack_at_switch_out(__u64 *ctx, struct task_struct *prev,
						     struct thread_state *st, __u64 now)
{
	enum way_back way;
	__u32 zero = 0;
	long ax;

	if (is_kernel_thread(prev))
		return;
	st->flags &= ~THREAD_RETURNING;
	epoch_check(prev, st);
	ax = task_orig_ax(prev);
	way = task_way_back(prev, ax);
	if (way != WAY_BY_SYS_EXIT) {
		if (!(st->flags & THREAD_USER_PENDING)) { /* else a wait of this same state lacks it still */
			st->epoch++;
			if (will_be_seen_returning(st, way)) {
				st->flags &= ~(THREAD_USER_SENT | THREAD_SENT_FAULT);
				return;
			}
		}
		epoch_mark(prev, st);
		st->flags = (st->flags & ~THREAD_USER_PENDING) | THREAD_USER_SENT | THREAD_SENT_FAULT;
	} else if (st->flags & THREAD_SENT_FAULT) {
		st->epoch++;
		st->flags &= ~(THREAD_USER_SENT | THREAD_SENT_FAULT);
		return;
	} else if (st->flags & THREAD_USER_PENDING) {
		st->flags = (st->flags & ~THREAD_USER_PENDING) | THREAD_USER_SENT;
	} else {
		return;
	}
	send_user_stack(ctx, UNWIND_SLOT_SWITCH, bpf_map_lookup_elem(&out_scratch, &zero), st->epoch, user_pc_is_exact(prev, ax), now);
}

/* ---- coming back --------------------------------------------------------------------------------------------------------- */

/* The kernel stack of a task that is off the CPU, into addr; returns its bytes, 0 when it failed. */
static __always_inline __u32 task_kernel_stack(struct task_struct *t, __u64 *addr)
{
	__u32 len = kstack_is_on() ? kstack_recall(KSTACK_WAIT, t, t->thread.sp, addr) : 0;

	if (len)
		return len;
	len = kernel_stack_bytes(bpf_get_task_stack(t, addr, cfg.kernel_stack_sz, 0));
	if (kstack_is_on())
		kstack_remember(KSTACK_WAIT, addr, len);
	return len;
}

/* A long wait is over: send it with the kernel stack of `next`, which has not run yet. */
static __always_inline void send_wait(struct task_struct *next, struct thread_state *st, __u64 off_ts,
				      __u64 wake_ts, __u64 now)
{
	__u32 zero = 0, flags = 0;
	struct wait_scratch *b = bpf_map_lookup_elem(&wait_scratch, &zero);
	__u32 len = 0;

	if (!b)
		return;
	fill_head(&b->w.head, WIRE_WAIT, now);
	fill_task(&b->w.task, next);
	b->w.off_ts = off_ts;
	b->w.wake_ts = wake_ts;
	b->w.waker_start_ts = wake_ts ? st->waker_start_ts : 0;
	b->w.waker_pid = wake_ts ? st->waker_pid : 0;
	b->w.waker_tid = wake_ts ? st->waker_tid : 0;
	b->w.cpu_out = st->cpu_out;
	b->w.state = st->state;
	b->w.pad = 0;
	__builtin_memset(&b->w.stack, 0, sizeof(b->w.stack));
	if (cfg.kernel_stack_sz) {
		len = task_kernel_stack(next, b->addr);
		if (!len) {
			count(WIRE_STREAM_WAIT, WIRE_STACK_ERROR);
			b->w.stack.flags |= WIRE_STACK_KERNEL_FAILED;
		}
		if (len == cfg.kernel_stack_sz)
			b->w.stack.flags |= WIRE_STACK_KERNEL_TRUNCATED;
	}
	b->w.stack.kernel_cnt = len / 8;
	if (is_kernel_thread(next)) {
		flags |= WIRE_WAIT_KERNEL;
	} else if (cfg.user_stack_sz) {
		epoch_check(next, st);
		if (!(st->flags & (THREAD_USER_SENT | THREAD_USER_PENDING)))
			epoch_mark(next, st);
		if (!(st->flags & THREAD_USER_SENT))
			st->flags |= THREAD_USER_PENDING;
		flags |= st->flags & THREAD_USER_SENT ? WIRE_WAIT_USER_SENT : WIRE_WAIT_USER_PENDING;
	}
	if (wake_ts && st->waker_flags & THREAD_WAKER_SENT)
		flags |= WIRE_WAIT_WAKER_SENT;
	if (wake_ts && st->waker_flags & THREAD_WAKER_IRQ)
		flags |= WIRE_WAIT_WAKER_IRQ;
	if (wake_ts && st->waker_flags & THREAD_WAKER_SOFTIRQ)
		flags |= WIRE_WAIT_WAKER_SOFTIRQ;
	if (st->flags & THREAD_IOWAIT)
		flags |= WIRE_WAIT_IOWAIT;
	b->w.epoch = st->epoch;
	b->w.head.flags = flags;
	len += sizeof(b->w);
	barrier_var(len); /* the verifier's bound must be of what is used */
	if (len <= sizeof(*b))
		ring_send(&ring_main, WIRE_STREAM_WAIT, b, len);
	if (is_return_unseen(st))
		interrupt_self();
}

static __noinline int switch_in(struct task_struct *next, struct thread_state *st, __u64 now)
{
	__u64 off_ts, wake_ts, wait, runq;

	if (!st->first_ts)
		thread_meet(next, st, false, 'R'); /* runnable since then: a wakeup would have met it first */
	off_ts = st->off_ts;
	wake_ts = st->wake_ts;
	wait = off_ts && now > off_ts ? now - off_ts : 0;
	if (st->state == 'R') {
		wake_ts = 0;
		runq = wait;
	} else if (wake_ts) {
		/* seen before the switch-out: the thread was runnable again at once */
		if (wake_ts < off_ts)
			wake_ts = off_ts;
		runq = now > wake_ts ? now - wake_ts : 0;
	} else {
		runq = 0;
	}
	st->seq++;
	st->runq_ns += runq;
	st->blocked_ns += wait - runq;
	st->since_ts = now;
	st->off_ts = 0;
	st->flags |= THREAD_CHANGED;
	if (wait < cfg.thresh_ns || !cfg.want_offcpu) {
		st->short_ns += wait;
		st->short_cnt++;
	}
	st->seq++;
	if (cfg.want_offcpu && wait >= cfg.thresh_ns && off_ts && cpu_is_target())
		send_wait(next, st, off_ts, wake_ts, now);
	st->wake_ts = 0;
	st->waker_flags = 0;
	if (st->flags & (THREAD_USER_PENDING | THREAD_USER_SENT))
		user_return_due();
	return 0;
}

/* ---- every switch -------------------------------------------------------------------------------------------------------- */

/* The state prev goes off with; called for the stack's sake. */
static __noinline __u32 switch_letter(__u64 *ctx)
{
	bool preempt = ctx[0];

	if (preempt)
		return 'R';
	return state_letter(cfg.has_switch_state ? (__u32)ctx[3] : task_state((struct task_struct *)ctx[1]));
}

/* A thread's state, if the thread is one to record; NULL otherwise. */
static __noinline struct thread_state *target_state(struct task_struct *t)
{
	struct thread_state *st;

	if (!t->pid)
		return NULL;
	st = thread_get(t, true);
	if (!st) {
		thread_unmet(t, WIRE_STREAM_ACCOUNT);
		return NULL;
	}
	return thread_is_target(t, st) ? st : NULL;
}

/*
 * Every context switch, 0.1-0.25 us; 2-4 us more when the wait that ends was long. Full rings lose waits and switches (counted),
 * never the sums.
 */
SEC("tp_btf/sched_switch")
int sched_switch(__u64 *ctx)
{
	struct task_struct *prev = (struct task_struct *)ctx[1], *next = (struct task_struct *)ctx[2];
	__u64 now = bpf_ktime_get_ns(), hidden_ns = 0;
	struct thread_state *st;
	__u32 letter;

	if (!is_recording(now))
		return 0;
	letter = switch_letter(ctx);
	FORGET_VALUE(letter, now);
	st = target_state(prev);
	if (st) {
		hidden_ns = switch_out(prev, st, letter, now);
		if (cfg.want_offcpu && cfg.user_stack_sz && letter != 'X')
			user_stack_at_switch_out(ctx, prev, st, now);
		letter |= SWITCH_WANTED;
	}
	st = target_state(next);
	if (st) {
		switch_in(next, st, now);
		letter |= SWITCH_WANTED;
	}
	if (cfg.want_sched)
		send_switch(prev, next, letter, now, hidden_ns);
	return 0;
}
