// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Who ended a wait, when and from where; and the raw stream of wakeups and migrations when asked for. As in sched.bpf.c, a stack is walked
 * when the wait has turned out long.
 */
#include "stack_kernel.bpf.h"
#include "target.bpf.h"

#define BELOW_ARGS 192 /* bytes, to the frame of the program whose arguments they are, and its saved bp */

struct waker_scratch {
	struct wire_waker w;
	__u64 addr[WIRE_KERNEL_DEPTH + WIRE_USER_DEPTH];
};
SCRATCH(waker_scratch, waker_scratch);

/*
 * The per-CPU variable of the kernel that holds the preempt count. The recorder puts its address here (programs_types.c), in place of a
 * constant: an extern of libbpf's would have it read all of the kernel's types.
 */
static __always_inline const void *preempt_count_var(void)
{
	const void *var;

	asm volatile("%0 = %1 ll" : "=r"(var) : "i"((__u64)WIRE_MARK_HIGH << 32 | WIRE_MARK_LOW));
	return var;
}

/* THREAD_WAKER_* for the context of the wakeup. Bits as in linux/preempt.h. */
static __always_inline __u32 interrupt_flags(void)
{
	const void *var = bpf_this_cpu_ptr(preempt_count_var());
	int count = cfg.has_preempt_hot ? ((const struct pcpu_hot *)var)->preempt_count : *(const int *)var;

	if (count & 0x00ff0000) /* NMI, hardirq */
		return THREAD_WAKER_IRQ;
	return count & 0x0100 ? THREAD_WAKER_SOFTIRQ : 0; /* softirq being served, not merely disabled */
}

/* The place of the tracepoint's arguments on the stack they lie on. By way of memory: to the verifier it is a number then, and no pointer. */
static __always_inline __u64 args_place(void *ctx)
{
	struct kstack_scratch *k = kstack_scratch_get(KSTACK_WAKER);

	if (!k)
		return 0;
	*(void *volatile *)&k->base = ctx;
	return *(volatile __u64 *)&k->base;
}

/* The kernel stack of the running thread, in a tracepoint. As task_kernel_stack(). */
static __always_inline __u32 waker_kernel_stack(void *ctx, __u64 *addr)
{
	__u32 len = 0;

	if (kstack_is_on())
		len = kstack_recall(KSTACK_WAKER, (struct task_struct *)bpf_get_current_task_btf(), args_place(ctx) - BELOW_ARGS, addr);
	if (len)
		return len;
	len = kernel_stack_bytes(bpf_get_stack(ctx, addr, cfg.kernel_stack_sz, 0));
	if (kstack_is_on())
		kstack_remember(KSTACK_WAKER, addr, len);
	return len;
}

/* The wait that this wakeup ends was long already: send who ended it, and from where. */
static __always_inline void send_waker(void *ctx, struct task_struct *p, struct thread_state *st,
				       __u32 irq_flags, __u64 now)
{
	__u32 zero = 0, user_cnt = 0;
	__u64 kernel_sz = 0, len; /* as the size in kstack_recall() */
	struct waker_scratch *b = bpf_map_lookup_elem(&waker_scratch, &zero);
	bool is_kthread;

	if (!b)
		return;
	fill_head(&b->w.head, WIRE_WAKER, now);
	is_kthread = fill_current(&b->w.waker);
	b->w.off_ts = st->off_ts;
	b->w.wakee_pid = p->tgid;
	b->w.wakee_tid = p->pid;
	__builtin_memset(&b->w.stack, 0, sizeof(b->w.stack));
	if (cfg.kernel_stack_sz)
		kernel_sz = waker_kernel_stack(ctx, b->addr);
	barrier_var(kernel_sz); /* the verifier's bound must be of what is used */
	if (kernel_sz > WIRE_KERNEL_DEPTH * 8)
		kernel_sz = 0;
	if (irq_flags & THREAD_WAKER_IRQ)
		b->w.head.flags |= WIRE_WAIT_WAKER_IRQ;
	else if (irq_flags)
		b->w.head.flags |= WIRE_WAIT_WAKER_SOFTIRQ;
	if (!(irq_flags & THREAD_WAKER_IRQ) && !is_kthread)
		user_cnt = take_user_stack(ctx, UNWIND_SLOT_WAKER, (void *)b->addr + kernel_sz, current_user_pc_is_exact(), &b->w.stack);
	b->w.stack.kernel_cnt = kernel_sz / 8;
	b->w.stack.user_cnt = user_cnt;
	if (!kernel_sz && !user_cnt && !(b->w.stack.flags & WIRE_STACK_USER_SAME))
		count(WIRE_STREAM_WAKER, WIRE_STACK_ERROR);
	len = sizeof(b->w) + kernel_sz + user_cnt * 8;
	if (len > sizeof(*b) || ring_send(&ring_main, WIRE_STREAM_WAKER, b, len))
		return;
	st->waker_flags |= THREAD_WAKER_SENT;
	if (user_cnt)
		unwind_memo_sent(UNWIND_SLOT_WAKER);
}

static __noinline int send_wakeup(struct task_struct *p, __u32 waker_tid, bool is_new, __u64 now)
{
	struct wire_sched s = {
		.ts = now,
		.kind = WIRE_WAKEUP,
		.cpu = bpf_get_smp_processor_id(),
		.is_new = is_new,
		.target_cpu = p->wake_cpu,
		.a = p->pid,
		.b = waker_tid,
	};

	if (cpu_is_target())
		ring_send(&ring_sched, WIRE_STREAM_SCHED_WAKEUP, &s, sizeof(s));
	return 0;
}

static __always_inline __u64 current_start(void)
{
	struct thread_state *st;

	if (cfg.has_task_btf)
		return ((struct task_struct *)bpf_get_current_task_btf())->start_boottime;
	st = thread_get_current();
	return st ? st->start_ts : 0;
}

static __always_inline int note_waking(__u64 *ctx, __u32 irq_flags)
{
	struct task_struct *p = (struct task_struct *)ctx[0];
	__u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns(), off_ts;
	struct thread_state *st;

	if (!is_recording(now))
		return 0;
	st = thread_get(p, true);
	if (!st) {
		/*
		 * Task storage refused it (6.1, a storm: 3 of 177,000 wakeups). The wait will be there, by its switches, without who ended it.
		 */
		thread_unmet(p, WIRE_STREAM_WAKER);
		if (cfg.want_sched)
			thread_unmet(p, WIRE_STREAM_SCHED_WAKEUP);
		return 0;
	}
	if (!thread_is_target(p, st))
		return 0;
	if (!st->first_ts)
		thread_meet(p, st, false, state_letter(task_state(p)));
	st->waker_pid = id >> 32;
	st->waker_tid = id;
	st->waker_start_ts = current_start();
	st->waker_flags = irq_flags;
	st->wake_ts = now;
	off_ts = st->off_ts;
	if (cfg.want_offcpu && off_ts && now > off_ts && now - off_ts >= cfg.thresh_ns)
		send_waker(ctx, p, st, irq_flags, now);
	if (cfg.want_sched)
		send_wakeup(p, id, false, now);
	return 0;
}

/*
 * Every wakeup, in the waker's context, 0.1 us: when the wait's blocked part ends, and who ended it; 2-4 us more when the
 * wait was long. A full ring loses the waker's stack (counted).
 */
SEC("tp_btf/sched_waking")
int sched_waking(__u64 *ctx)
{
	return note_waking(ctx, interrupt_flags());
}

/* The same for kernels that do not give away where the preempt count is (no CONFIG_KALLSYMS_ALL). */
SEC("tp_btf/sched_waking")
int sched_waking_plain(__u64 *ctx)
{
	return note_waking(ctx, 0);
}

/* Each new thread's first wakeup, only with -e sched. */
SEC("tp_btf/sched_wakeup_new")
int sched_wakeup_new(__u64 *ctx)
{
	struct task_struct *p = (struct task_struct *)ctx[0];
	__u64 now = bpf_ktime_get_ns();
	struct thread_state *st;

	if (!is_recording(now))
		return 0;
	st = thread_get(p, true);
	if (st && thread_is_target(p, st))
		send_wakeup(p, bpf_get_current_pid_tgid(), true, now);
	return 0;
}

/* Each move of a runnable thread to another CPU, only with -e sched. */
SEC("tp_btf/sched_migrate_task")
int sched_migrate_task(__u64 *ctx)
{
	struct task_struct *p = (struct task_struct *)ctx[0];
	__u64 now = bpf_ktime_get_ns();
	struct thread_state *st;
	struct wire_sched s = {
		.ts = now,
		.kind = WIRE_MIGRATE,
		.cpu = bpf_get_smp_processor_id(),
		.target_cpu = (int)ctx[1],
		.a = p->pid,
		.b = task_cpu(p), /* not wake_cpu, which may be the new one already */
	};

	if (!is_recording(now))
		return 0;
	st = thread_get(p, false);
	if (st && thread_is_target(p, st) && cpu_is_target())
		ring_send(&ring_sched, WIRE_STREAM_SCHED_MIGRATE, &s, sizeof(s));
	return 0;
}
