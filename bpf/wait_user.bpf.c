// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The user stacks of long waits that are taken on the way back to user mode. */
#include "wait_user.bpf.h"

SCRATCH(exit_scratch, user_scratch);
SCRATCH(return_scratch, user_scratch);

/* The present epoch of the thread that runs ends here, if there is one: a wait of it that lacks its stack gets it. scratch: a map of the program's own. */
static __always_inline void end_epoch(void *ctx, struct user_return *r, __u32 slot, void *scratch)
{
	struct thread_state *st = thread_get_current();
	__u32 zero = 0;

	if (!st)
		return;
	r->due = 0; /* the thread's own: set when it came, and whenever it comes again */
	if (!(st->flags & (THREAD_USER_PENDING | THREAD_USER_SENT)))
		return;
	if (cfg.has_task_btf)
		epoch_check((struct task_struct *)bpf_get_current_task_btf(), st);
	if (st->flags & THREAD_USER_PENDING)
		send_user_stack(ctx, slot, bpf_map_lookup_elem(scratch, &zero), st->epoch, current_user_pc_is_exact(), bpf_ktime_get_ns());
	st->flags &= ~(THREAD_USER_PENDING | THREAD_USER_SENT | THREAD_SENT_FAULT);
	st->epoch++;
}

/*
 * Every return from a system call, 20 ns: takes the user stack that a long wait of the call still lacks. A full ring leaves that wait
 * without its user half (counted).
 */
SEC("raw_tp/sys_exit")
int sys_exit(void *ctx)
{
	struct user_return *r = user_return_get();

	unwind_sys_exit();
	if (r && r->due)
		end_epoch(ctx, r, UNWIND_SLOT_TASK, &exit_scratch);
	return 0;
}

/*
 * The same for those who return past that tracepoint, at what else comes on their way while the stack is still as it was (programs.c attaches it):
 *   x86_fpu_regs_activated  the registers of the FPU are loaded, 20 ns once a switch: unless nobody else's have been in them since, which
 *   irq_work_entry          is for: the interrupt that interrupt_self() has brought about
 *   signal_deliver          a handler is about to be called, or the thread to be killed
 * Any other of these events does no harm: the epoch ends early.
 */
SEC("raw_tp/x86_fpu_regs_activated")
int return_to_user(__u64 *ctx)
{
	struct user_return *r = user_return_get();

	if (!r)
		return 0;
	if ((__s64)ctx[0] < 0) /* the FPU's comes with a pointer, the others with small numbers */
		r->cnt++;
	if (r->due)
		end_epoch(ctx, r, UNWIND_SLOT_RETURN, &return_scratch);
	return 0;
}
