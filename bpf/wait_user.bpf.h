/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The user half of waits. Waits and stacks of one user-mode state have the same epoch (struct thread_state), and a stack is sent once an epoch:
 * by sched_switch() (sched.bpf.c), or on the way back to user mode (wait_user.bpf.c).
 */
#ifndef VARVE_WAIT_USER_BPF_H
#define VARVE_WAIT_USER_BPF_H

#include "varve.bpf.h"

static __always_inline struct user_return *user_return_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&user_return, &zero);
}

static __always_inline void user_return_due(void)
{
	struct user_return *r = user_return_get();

	if (r)
		r->due = 1;
}

struct user_scratch {
	struct wire_user_stack u;
	__u64 addr[WIRE_USER_DEPTH];
};

/* Take and send current's user stack for the waits of its present epoch. */
static __always_inline void send_user_stack(void *ctx, __u32 slot, struct user_scratch *b, __u32 epoch, bool is_exact,
					    __u64 now)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 cnt, sz;

	if (!b)
		return;
	fill_head(&b->u.head, WIRE_USER_STACK, now);
	b->u.pid = id >> 32;
	b->u.tid = id;
	b->u.epoch = epoch;
	b->u.pad = 0;
	__builtin_memset(&b->u.stack, 0, sizeof(b->u.stack));
	if (slot == UNWIND_SLOT_SWITCH)
		b->u.stack.flags = WIRE_STACK_AT_SWITCH;
	if (slot == UNWIND_SLOT_RETURN)
		b->u.stack.flags = WIRE_STACK_AT_RETURN;
	cnt = take_user_stack(ctx, slot, b->addr, is_exact, &b->u.stack);
	if (!cnt && !(b->u.stack.flags & WIRE_STACK_USER_SAME))
		count(WIRE_STREAM_USER_STACK, WIRE_STACK_ERROR);
	b->u.stack.user_cnt = cnt;
	sz = sizeof(b->u) + cnt * 8;
	if (sz <= sizeof(*b) && !ring_send(&ring_main, WIRE_STREAM_USER_STACK, b, sz) && cnt)
		unwind_memo_sent(slot);
}

/*
 * The kernel may leave out a run of sys_exit (it can be preempted since 6.13, and a program does not nest): then the flags are those of
 * an earlier system call. Where the thread came into the kernel tells, unless it came again from the very same place, where the
 * stack is the same as well. Stale flags are dropped with their epoch, so that no wait gets another call's stack.
 */
static __always_inline void epoch_mark(struct task_struct *t, struct thread_state *st)
{
	struct pt_regs *regs;

	if (!cfg.has_task_pt_regs)
		return;
	regs = (struct pt_regs *)bpf_task_pt_regs(t);
	st->user_ip = regs->ip;
	st->user_sp = regs->sp;
}

static __always_inline void epoch_check(struct task_struct *t, struct thread_state *st)
{
	struct pt_regs *regs;

	if (!cfg.has_task_pt_regs || !(st->flags & (THREAD_USER_PENDING | THREAD_USER_SENT)))
		return;
	regs = (struct pt_regs *)bpf_task_pt_regs(t);
	if (st->user_ip == regs->ip && st->user_sp == regs->sp)
		return;
	st->epoch++;
	st->flags &= ~(THREAD_USER_PENDING | THREAD_USER_SENT | THREAD_SENT_FAULT);
}

/* ---- for those who return to user mode past sys_exit() --------------------------------------------------------------------- */

/*
 * Whether return_to_user() will run for the thread: its stack is taken there, if the wait has been long, and not here each time. Two fifths of
 * a storm's switches are such.
 */
static __always_inline bool will_be_seen_returning(struct thread_state *st, enum way_back way)
{
	struct user_return *r = user_return_get();

	if (!ctl.sees_return || !cfg.has_task_pt_regs || way != WAY_STRAIGHT || st->state != 'R' || !r)
		return false;
	st->flags |= THREAD_RETURNING;
	st->return_cnt = r->cnt;
	return true;
}

/*
 * Whether the thread that comes back, with a stack still to be taken when it returns to user mode, will return unseen: nobody was in user mode on
 * its CPU since (but exited, or blocked again in the same call, or is a kernel thread), so its FPU registers are there still.
 */
static __always_inline bool is_return_unseen(const struct thread_state *st)
{
	struct user_return *r = user_return_get();

	return r && st->flags & THREAD_RETURNING && st->flags & THREAD_USER_PENDING && st->return_cnt == r->cnt &&
	       st->cpu_out == bpf_get_smp_processor_id();
}

static __always_inline void interrupt_by(void *ring)
{
	void *nothing = bpf_ringbuf_reserve(ring, 8, 0);

	if (nothing)
		bpf_ringbuf_discard(nothing, BPF_RB_FORCE_WAKEUP);
}

/*
 * Have return_to_user() run in the thread that comes back: to wake a ring's reader, though this one has none, the kernel has this CPU interrupt
 * itself (irq_work), as soon as the thread runs and interrupts are on, which is before user mode. A ring can have one such interrupt in
 * hand, on whatever CPU: with the same ring two CPUs missed it for one of 2,000 waits of tests/workloads/newborn.
 */
static __always_inline void interrupt_self(void)
{
	switch (bpf_get_smp_processor_id() & 3) {
	case 0:
		interrupt_by(&ring_irq_0);
		break;
	case 1:
		interrupt_by(&ring_irq_1);
		break;
	case 2:
		interrupt_by(&ring_irq_2);
		break;
	case 3:
		interrupt_by(&ring_irq_3);
		break;
	}
}

#endif
