/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * User stacks from tables of unwind rows (unwind.bpf.c): unwind_current() walks into a scratch slot, take_table_stack() copies out.
 */
#ifndef VARVE_UNWIND_BPF_H
#define VARVE_UNWIND_BPF_H

#include "kern_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "wire.h"

#include "unwind_wire.h"

extern const volatile struct wire_config cfg;

enum { UNWIND_BX = 3, UNWIND_BP = 6, UNWIND_SP = 7, UNWIND_PC = 16 }; /* DWARF numbers */

#define UNWIND_WINDOW_WORDS 128 /* a power of two */

enum unwind_step_how {
	UNWIND_STEP_OTHER = 0,
	UNWIND_STEP_PLAIN = 1, /* needs rsp, rbp and pc, and reads the return address at CFA - 8 and rbp at CFA + bp_off; by a row or frame pointer */
};

/* A frame, and how its callee's step led to it. */
struct unwind_memo_frame {
	__u64 sp, bp, pc;
	__u16 flags;	/* UNWIND_MEMO_FLAGS */
	__u8 how, pad;	/* enum unwind_step_how */
	__s16 bp_off;	/* 0: rbp was not read */
	__s16 bx_off;	/* as in struct unwind_rule */
};
#define UNWIND_MEMO_FLAGS (UNWIND_EXACT | UNWIND_BP_LOST | UNWIND_FRAME_POINTER | UNWIND_IN_SYSCALL)

enum unwind_memo_state {
	UNWIND_MEMO_NONE = 0, /* there is no memo of this stack */
	UNWIND_MEMO_NEW = 1,
	UNWIND_MEMO_SAME = 2, /* the memo held this very stack before */
};

struct unwind_scratch {
	__u64 regs[UNWIND_REGS]; /* of the frame at hand, by DWARF number */
	__u32 flags;		 /* enum unwind_flags, of the frame at hand */
	__u32 cnt;		 /* addresses so far */
	__u32 cnt_max;
	__u32 end;	/* enum stack_end, once ended */
	__u32 has_ended;
	__u32 in_use;	/* a program was interrupted between unwind_current() and the end of its copy */
	__u32 slice_no; /* of the slice sent for this stack; 0: none */
	__u32 switch_cnt; /* changes of the stack followed by frame pointers */
	__s64 syscall;	/* the one the thread is in; -1: came into the kernel otherwise */
	__u8 has_memory; /* 0: it has given it up */
	__u8 is_newborn; /* a new thread that has not run yet */
	__u8 is_expression; /* ended at a rule that the other half can follow */
	__u64 bx_at;	/* where rbx was saved; 0: it is regs[3] still */
	__u64 bp_here, bp_below; /* rbp of the last frame noted, and of its callee; 0: not known */
	struct unwind_proc proc;
	struct unwind_mapping mapping; /* the last one found */
	__u8 code[16];
	__u64 peek_sp, peek_bp; /* while code is looked at */
	__u32 peek_at;
	__u64 call_target;
	__u64 words[UNWIND_REGS]; /* read from the stack: not on ours, of which the whole call chain has 512 bytes */
	/* the memo of the last walk, see unwind_memo.bpf.c */
	struct unwind_memo_frame step; /* how the frame at hand was come to: the rest of it is not set */
	__u32 pid;
	__u32 memo_cnt, memo_at; /* frames of the memo that may be followed; the first not below the frame at hand */
	__u32 adopted_cnt;
	__u32 memo_state; /* enum unwind_memo_state */
	__u64 window_at;
	__u32 window_sz;
	__u64 window[UNWIND_WINDOW_WORDS];
	struct unwind_memo_frame frame[UNWIND_MEMO_FRAMES]; /* of this walk, for the next memo */
	__u64 addr[WIRE_USER_DEPTH];
};

typedef struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, UNWIND_SLOT_CNT);
	__type(key, __u32);
	__type(value, struct unwind_scratch);
} unwind_scratch_t;
extern unwind_scratch_t unwind_scratch SEC(".maps");

struct unwind_counts {
	__u64 n[UNWIND_COUNTS];
};

typedef struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_counts);
} unwind_counts_t;
extern unwind_counts_t unwind_counts SEC(".maps");

/* Walk the user stack of the current task into the slot, which is then in use. Returns nonzero when it was, or there is no stack. */
int unwind_current(__u32 slot);

/*
 * Whether the recorder has the slot's stack, as the last one that came whole from the memo's place. unwind_memo_sent(): the record with
 * the stack is in ring_main; a stack that is new to the recorder counts as known from then on.
 */
int unwind_memo_is_known(__u32 slot, bool is_exact);
int unwind_memo_sent(__u32 slot);

/*
 * What the tables say of a process must not outlive the truth: until the recorder has heard, its stacks are finished from slices
 * instead. After an exec; in a fork (the child has its parent's mappings); after munmap() by the current task.
 */
int unwind_forget(__u32 pid);
int unwind_inherit(__u32 parent, __u32 child);
int unwind_unmapped(__u32 pid, __u64 start, __u64 end);

/* At the exit of each system call of the current task. */
static __always_inline void unwind_sys_exit(void)
{
	struct pt_regs *regs;

	if (cfg.call_graph != WIRE_CALL_GRAPH_TABLES || !cfg.has_task_pt_regs)
		return;
	regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	if (regs->orig_ax == 11 && !regs->ax) /* __NR_munmap, and it worked; ax is the return value already */
		unwind_unmapped(bpf_get_current_pid_tgid() >> 32, regs->di, regs->di + regs->si);
}

/*
 * The user stack of the current task into addr (room for WIRE_USER_DEPTH) and *stack. is_exact: the leaf is the very pc.
 * Returns the number of addresses: 0, with WIRE_STACK_USER_SAME, for a stack that the recorder has already. When the record is in the
 * ring, unwind_memo_sent() is due.
 */
static __always_inline __u32 take_table_stack(__u32 slot, __u64 *addr, bool is_exact, struct wire_stack *stack)
{
	struct unwind_scratch *s = bpf_map_lookup_elem(&unwind_scratch, &slot);
	__u32 cnt;

	stack->user_end = 9; /* STACK_END_NOT_TAKEN */
	if (!s || unwind_current(slot))
		return 0;
	stack->user_end = s->end;
	stack->slice = s->slice_no;
	if (unwind_memo_is_known(slot, is_exact)) {
		stack->flags |= WIRE_STACK_USER_SAME;
		s->in_use = 0;
		return 0;
	}
	cnt = s->cnt;
	barrier_var(cnt); /* the verifier's bound must be of what is used */
	if (cnt > WIRE_USER_DEPTH)
		cnt = 0;
	if (cfg.has_probe_read) /* a tenth of the verifier's work, and faster */
		bpf_probe_read_kernel(addr, cnt * 8, s->addr);
	else
		for (__u32 i = 0; i < WIRE_USER_DEPTH && i < cnt; i++)
			addr[i] = s->addr[i];
	if (!is_exact)
		addr[0] &= ~WIRE_ADDR_EXACT;
	s->in_use = 0;
	return cnt;
}

#endif
