// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The on-CPU sampler. */
#include "target.bpf.h"

struct sample_scratch {
	struct wire_sample s;
	__u64 addr[WIRE_KERNEL_DEPTH + WIRE_USER_DEPTH];
};

SCRATCH(sample_scratch, sample_scratch);

/* Without typed current, the thread's state knows; a thread that never switched since the start has none yet. */
static __always_inline bool current_is_target(void)
{
	struct thread_state *st;

	if (cfg.has_task_btf)
		return task_is_target((struct task_struct *)bpf_get_current_task_btf());
	if (bpf_get_current_pid_tgid() >> 32 == cfg.self_pid)
		return false;
	st = thread_get_current();
	return st ? st->flags & THREAD_TARGET : !cfg.has_filter;
}

/*
 * A perf event of this CPU fired: cpu-clock (hard interrupt) or cycles (NMI). 2-4 us with stacks. A full ring loses the
 * sample (counted).
 */
SEC("perf_event")
int on_cpu_sample(struct bpf_perf_event_data *ctx)
{
	__u32 zero = 0, kernel_sz = 0, user_cnt = 0, len;
	struct sample_scratch *b = bpf_map_lookup_elem(&sample_scratch, &zero);
	__u64 now = bpf_ktime_get_ns();
	bool is_kthread, in_user;

	/* tid 0 is the idle loop */
	if (!b || !is_recording(now) || !(__u32)bpf_get_current_pid_tgid() || !current_is_target())
		return 0;
	fill_head(&b->s.head, WIRE_SAMPLE, now);
	is_kthread = fill_current(&b->s.task);
	__builtin_memset(&b->s.stack, 0, sizeof(b->s.stack));
	in_user = ctx->regs.cs & 3;
	if (!in_user && cfg.kernel_stack_sz) {
		kernel_sz = kernel_stack_bytes(bpf_get_stack(ctx, b->addr, cfg.kernel_stack_sz, 0));
		b->s.stack.flags = WIRE_STACK_KERNEL_EXACT;
		if (!kernel_sz)
			b->s.stack.flags |= WIRE_STACK_KERNEL_FAILED;
		if (kernel_sz == cfg.kernel_stack_sz)
			b->s.stack.flags |= WIRE_STACK_KERNEL_TRUNCATED;
	}
	if (is_kthread)
		b->s.head.flags = WIRE_TASK_KERNEL;
	else
		user_cnt = take_user_stack(ctx, UNWIND_SLOT_SAMPLER, (void *)b->addr + kernel_sz, in_user || current_user_pc_is_exact(),
					   &b->s.stack);
	b->s.stack.kernel_cnt = kernel_sz / 8;
	b->s.stack.user_cnt = user_cnt;
	if (!kernel_sz && !user_cnt && !(b->s.stack.flags & WIRE_STACK_USER_SAME))
		count(WIRE_STREAM_SAMPLE, WIRE_STACK_ERROR);
	len = sizeof(b->s) + kernel_sz + user_cnt * 8;
	if (len <= sizeof(*b) && !ring_send(&ring_main, WIRE_STREAM_SAMPLE, b, len) && user_cnt)
		unwind_memo_sent(UNWIND_SLOT_SAMPLER);
	return 0;
}
