// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* What is taken on the way back to user mode. */
#include "wait_user.bpf.h"

SCRATCH(exit_scratch, user_scratch);

/*
 * Every return from a system call, 30-60 ns: takes the user stack that a long wait of the call still lacks. A full ring
 * leaves that wait without its user half (counted). Attached to x86_fpu_regs_activated as well: see will_be_seen_returning().
 */
SEC("raw_tp/sys_exit")
int sys_exit(void *ctx)
{
	struct thread_state *st = thread_get_current();
	bool is_exact = false;
	__u32 zero = 0;

	unwind_sys_exit();
	if (!st || !(st->flags & (THREAD_USER_PENDING | THREAD_USER_SENT)))
		return 0;
	if (cfg.has_task_btf) {
		epoch_check((struct task_struct *)bpf_get_current_task_btf(), st);
		is_exact = task_orig_ax((struct task_struct *)bpf_get_current_task_btf()) == -1;
	}
	if (st->flags & THREAD_USER_PENDING)
		send_user_stack(ctx, UNWIND_SLOT_TASK, bpf_map_lookup_elem(&exit_scratch, &zero), st->epoch, is_exact,
				bpf_ktime_get_ns());
	st->flags &= ~(THREAD_USER_PENDING | THREAD_USER_SENT | THREAD_SENT_FAULT);
	st->epoch++;
	return 0;
}
