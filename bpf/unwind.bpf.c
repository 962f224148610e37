// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The table unwinder: how a rule steps to the caller, and the walk of the current task's stack. Where rules come from: unwind_tables.bpf.c; code without
 * any: unwind_bare.bpf.c.
 *
 * What is called for each frame, or loops, is a global function of scalar arguments: the verifier looks at each once, by itself, so that its work
 * depends neither on the number of frames nor on what the host maps, and the same code loads from 5.10 on (bpf_loop is from 5.17). State
 * between them lives in the CPU's scratch slot.
 *
 * Cost: 50 to 90 ns a frame, 10 ns where the last walk's memo is followed (unwind_memo.bpf.c). User memory that is not present ends the
 * stack (nothing here may sleep).
 */
#include "unwind_step.bpf.h"

enum { NR_CLONE = 56, NR_EXECVE = 59, NR_EXECVEAT = 322, NR_CLONE3 = 435, ENOSYS = 38 };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_RULES);
	__type(key, __u32);
	__type(value, struct unwind_rule);
} unwind_rules SEC(".maps");

/* A register of the frame at hand: most are known in the innermost one only. */
static __always_inline bool leaf_reg(struct unwind_scratch *s, __u32 reg, __u64 *ret)
{
	if (reg == UNWIND_SP || (reg == UNWIND_BP && !(s->flags & UNWIND_BP_LOST)) || (s->flags & UNWIND_EXACT) ||
	    (reg == UNWIND_BX && !(s->flags & UNWIND_BX_LOST) && !s->bx_at)) {
		*ret = s->regs[reg & 15];
		return true;
	}
	return reg == UNWIND_BX && !(s->flags & UNWIND_BX_LOST) && read_u64(ret, s->bx_at);
}

static __always_inline int rule_cfa(struct unwind_scratch *s, const struct unwind_rule *r, __u64 *cfa)
{
	switch (r->cfa) {
	case UNWIND_CFA_SP:
		*cfa = s->regs[UNWIND_SP] + r->cfa_off;
		return 0;
	case UNWIND_CFA_BP:
		*cfa = s->regs[UNWIND_BP] + r->cfa_off;
		return s->flags & UNWIND_BP_LOST ? end(s, END_EXPRESSION) : 0;
	case UNWIND_CFA_PLT:
		*cfa = s->regs[UNWIND_SP] + 8 + ((s->regs[UNWIND_PC] & 15) >= (__u64)r->cfa_add ? 8 : 0);
		return 0;
	case UNWIND_CFA_REG:
		if (!leaf_reg(s, r->cfa_reg, cfa))
			return end(s, END_EXPRESSION);
		*cfa += r->cfa_off;
		return 0;
	case UNWIND_CFA_DEREF:
		if (!leaf_reg(s, r->cfa_reg, cfa))
			return end(s, END_EXPRESSION);
		if (!read_u64(cfa, *cfa + r->cfa_off))
			return end(s, END_BAD_READ);
		*cfa += r->cfa_add;
		return 0;
	case UNWIND_CFA_EXPRESSION:
		s->is_expression = r->cfa_off != 0;
	}
	return end(s, END_EXPRESSION);
}

/* The caller's rbp into *bp, which holds this frame's. */
static __always_inline int rule_bp(struct unwind_scratch *s, const struct unwind_rule *r, __u64 cfa, __u64 *bp)
{
	switch (r->bp) {
	case UNWIND_BP_SAME:
		return 0;
	case UNWIND_BP_CFA:
		s->flags &= ~UNWIND_BP_LOST;
		return read_u64(bp, cfa + r->bp_off) ? 0 : end(s, END_BAD_READ);
	case UNWIND_BP_DEREF:
		if (s->flags & UNWIND_BP_LOST)
			return 0;
		return read_u64(bp, s->regs[UNWIND_BP] + r->bp_off) ? 0 : end(s, END_BAD_READ);
	case UNWIND_BP_VALUE:
		s->flags &= ~UNWIND_BP_LOST;
		*bp = cfa + r->bp_off;
		return 0;
	case UNWIND_BP_REG:
		if (leaf_reg(s, r->bp_off & 15, bp))
			return 0;
	}
	s->flags |= UNWIND_BP_LOST;
	return 0;
}

/* See UNWIND_STEP_PLAIN. */
static __always_inline bool is_plain(const struct unwind_rule *r)
{
	return (r->cfa == UNWIND_CFA_SP || r->cfa == UNWIND_CFA_BP || r->cfa == UNWIND_CFA_PLT) && r->ra == UNWIND_RA_CFA &&
	       r->ra_off == -8 && r->bp != UNWIND_BP_DEREF && r->bp != UNWIND_BP_REG;
}

static __always_inline int step_rule(struct unwind_scratch *s, __u32 slot, __u32 rule)
{
	struct unwind_rule *r = bpf_map_lookup_elem(&unwind_rules, &rule);
	__u64 cfa, frame[2], bp;
	int done;

	if (!r)
		return 1;
	if (r->cfa == UNWIND_CFA_SP && r->cfa_reg == UNWIND_SP_GO && !(s->flags & UNWIND_EXACT)) {
		done = unwind_go_call(slot);
		if (done >= 0)
			return done;
	}
	if (r->cfa == UNWIND_CFA_END)
		return end(s, END_COMPLETE);
	if (r->cfa == UNWIND_CFA_SIGNAL)
		return step_signal(s);
	if (rule_cfa(s, r, &cfa))
		return 1;
	unwind_step_bx(s, cfa, r->bx_off);
	if (is_plain(r)) {
		s->step.how = UNWIND_STEP_PLAIN;
		s->step.bp_off = r->bp == UNWIND_BP_CFA ? r->bp_off : 0;
		s->step.bx_off = r->bx_off;
	}
	bp = s->regs[UNWIND_BP];
	if (r->bp == UNWIND_BP_CFA && r->bp_off == -16 && r->ra == UNWIND_RA_CFA && r->ra_off == -8) {
		/* by far the most common way to save rbp: one read of user memory instead of two */
		if (bpf_probe_read_user(frame, sizeof(frame), (void *)(cfa - 16)))
			return end(s, END_BAD_READ);
		s->flags &= ~UNWIND_BP_LOST;
		return step_to(s, cfa, frame[1], frame[0]);
	}
	if (r->ra == UNWIND_RA_CFA) {
		if (!read_u64(&frame[1], cfa + r->ra_off))
			return end(s, END_BAD_READ);
	} else if (!leaf_reg(s, r->ra_off & 15, &frame[1])) {
		return end(s, END_EXPRESSION);
	}
	if (rule_bp(s, r, cfa, &bp))
		return 1;
	return step_to(s, cfa, frame[1], bp);
}

/* Record the frame at hand and step to its caller. Returns nonzero when the stack has ended. */
__attribute__((noinline)) int unwind_step(__u32 slot)
{
	struct unwind_scratch *s = scratch_get(slot);
	bool is_exact, is_mapped, is_behind;
	__u64 pc;
	int rule;

	if (!s)
		return 1;
	if (s->memo_at < s->memo_cnt && unwind_memo_follow(slot))
		return 0;
	if (s->cnt >= s->cnt_max || s->cnt >= WIRE_USER_DEPTH)
		return end(s, END_TRUNCATED);
	is_exact = s->flags & UNWIND_EXACT;
	is_behind = !is_exact || s->flags & UNWIND_IN_SYSCALL;
	pc = s->regs[UNWIND_PC] - is_behind; /* a call may be its function's last instruction, a system call a trampoline's */
	is_mapped = (pc >= s->mapping.start && pc < s->mapping.end) || unwind_find_mapping(slot, pc);
	if (!is_mapped && s->cnt)
		return end(s, END_NO_MAPPING); /* which of "unknown yet" and "a wrong step", the recorder can tell */
	unwind_note_frame(s);
	if (!is_mapped)
		return end(s, END_NO_MAPPING);
	rule = unwind_find_rule(s->mapping.module, pc - s->mapping.bias);
	if (rule)
		return step_rule(s, slot, rule);
	/*
	 * No row before a return address, but one from it on: a function that nobody called, made to be returned to, such as
	 * makecontext()'s end. The language's own unwinder ends there too. But Go has one of them between C and Go.
	 */
	if (!is_exact && unwind_find_rule(s->mapping.module, pc + 1 - s->mapping.bias))
		return unwind_go_back(slot) ? 0 : end(s, END_COMPLETE);
	return unwind_step_bare(slot);
}

/* ---- the current task ----------------------------------------------------------------------------------------------- */

static __always_inline void set_regs(struct unwind_scratch *s, const struct pt_regs *r)
{
	s->regs[0] = r->ax;
	s->regs[1] = r->dx;
	s->regs[2] = r->cx;
	s->regs[3] = r->bx;
	s->regs[4] = r->si;
	s->regs[5] = r->di;
	s->regs[UNWIND_BP] = r->bp;
	s->regs[UNWIND_SP] = r->sp;
	s->regs[8] = r->r8;
	s->regs[9] = r->r9;
	s->regs[10] = r->r10;
	s->regs[11] = r->r11;
	s->regs[12] = r->r12;
	s->regs[13] = r->r13;
	s->regs[14] = r->r14;
	s->regs[15] = r->r15;
	s->regs[UNWIND_PC] = r->ip;
	s->flags = r->cs == 0x33 ? UNWIND_EXACT : 0; /* __USER_CS; else 32-bit code */
	s->syscall = r->orig_ax;
	/* the kernel puts the result there when the call is over; what runs then (signals, preemption) has other places to be at */
	if (s->syscall >= 0 && (long)r->ax == -ENOSYS)
		s->flags |= UNWIND_IN_SYSCALL;
	s->is_newborn = !r->ax && (s->syscall == NR_CLONE || s->syscall == NR_CLONE3 || s->syscall == NR_EXECVE || s->syscall == NR_EXECVEAT);
}

/*
 * The registers the current task entered the kernel with, at the top of its kernel stack: in an interrupt that hit user mode just as
 * in a system call. Returns whether there are any.
 */
__attribute__((noinline)) int unwind_load_regs(__u32 slot)
{
	struct unwind_scratch *s = scratch_get(slot);
	struct task_struct *t;
	struct pt_regs *r;

	if (!s)
		return 0;
	if (cfg.has_task_pt_regs) {
		t = (struct task_struct *)bpf_get_current_task_btf();
		r = (struct pt_regs *)bpf_task_pt_regs(t);
		s->has_memory = BEHIND(t->mm, t, mm) != NULL;
		set_regs(s, r);
	} else {
		void *stack;

		t = (void *)bpf_get_current_task();
		stack = BPF_CORE_READ(t, stack);
		s->has_memory = BPF_CORE_READ(t, mm) != NULL;

		r = (struct pt_regs *)s->addr; /* the addresses come later */
		if (bpf_probe_read_kernel(r, sizeof(*r), stack + cfg.thread_size - sizeof(*r)))
			return 0;
		set_regs(s, r);
	}
	return s->regs[UNWIND_PC] && s->regs[UNWIND_SP];
}

#define WALK_STEPS 27
_Static_assert(WALK_STEPS * WALK_STEPS > WIRE_USER_DEPTH, "a whole stack");

/* A part of a walk: the verifier follows loops turn by turn, so two of 27 are a tenth of its work of one of 513. Nonzero: ended. */
__attribute__((noinline)) int unwind_walk_part(__u32 slot)
{
	KEEP_LOOP
	for (int i = 0; i < WALK_STEPS; i++)
		if (unwind_step(slot))
			return 1;
	return 0;
}

/* How a stack ends that has nothing above its leaf, or -1. */
static __always_inline int leaf_only(struct unwind_scratch *s)
{
	__u64 new_stack = s->regs[4]; /* clone(flags, stack, …) */

	if (!s->has_memory)
		return END_MEMORY_GONE;
	if (!(s->flags & UNWIND_EXACT))
		return END_NO_ROW; /* no tables for 32-bit code */
	if (!s->is_newborn)
		return -1;
	/* a new program before its first instruction, a new thread on a new stack: nobody called it, though a thread's registers are its creator's */
	if (s->syscall == NR_EXECVE || s->syscall == NR_EXECVEAT)
		return END_COMPLETE;
	if (s->syscall == NR_CLONE3 && !read_u64(&new_stack, s->regs[5] + 40)) /* clone_args.stack, if it is there still */
		new_stack = 0;
	return new_stack ? END_COMPLETE : -1;
}

/* Inlined, as is peek(): calls may be eight deep. */
static __always_inline void walk(struct unwind_scratch *s, __u32 slot, __u32 pid)
{
	struct unwind_proc *proc;
	__u64 word;
	int how;

	s->cnt = 0;
	s->has_ended = 0;
	s->end = END_TRUNCATED;
	s->slice_no = 0;
	s->switch_cnt = 0;
	s->is_expression = 0;
	s->bx_at = s->bp_here = s->bp_below = 0;
	s->mapping.start = s->mapping.end = 0;
	s->cnt_max = cfg.user_stack_sz / 8;
	s->memo_at = s->memo_cnt = s->adopted_cnt = 0;
	s->memo_state = UNWIND_MEMO_NONE;
	how = leaf_only(s);
	if (how >= 0) {
		s->addr[0] = s->regs[UNWIND_PC] | WIRE_ADDR_EXACT;
		s->cnt = 1;
		end(s, how);
		return;
	}
	proc = bpf_map_lookup_elem(&unwind_procs, &pid);
	s->proc.mapping_cnt = proc ? proc->mapping_cnt : 0;
	s->proc.mapping_word = proc ? proc->mapping_word : 0;
	s->proc.gen = proc ? proc->gen : 0;
	s->pid = pid;
	if (cfg.has_probe_read && s->proc.mapping_cnt)
		unwind_memo_begin(slot);
	KEEP_LOOP
	for (int i = 0; i < WALK_STEPS; i++)
		if (unwind_walk_part(slot))
			break;
	if (cfg.has_probe_read && s->proc.mapping_cnt)
		unwind_memo_end(slot);
	if (s->is_newborn && s->syscall == NR_CLONE3 && s->end != END_COMPLETE) { /* its creator has overwritten the clone_args */
		s->cnt = 1;
		s->end = END_COMPLETE;
	}
	if (s->end != END_COMPLETE && s->cnt <= 1 && (s->syscall == NR_EXECVE || s->syscall == NR_EXECVEAT) &&
	    !read_u64(&word, s->regs[UNWIND_SP]))
		s->end = END_MEMORY_GONE; /* these registers belong to the program that was */
}

__attribute__((noinline)) int unwind_current(__u32 slot)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct unwind_scratch *s = scratch_get(slot);

	if (!s)
		return 1;
	if (s->in_use) {
		unwind_count(UNWIND_BUSY, 1);
		return 1;
	}
	s->in_use = 1;
	if (!unwind_load_regs(slot)) {
		s->in_use = 0;
		return 1;
	}
	walk(s, slot, pid);
	unwind_count(UNWIND_STACKS, 1);
	unwind_count(UNWIND_FRAMES, s->cnt);
	unwind_count(UNWIND_FOLLOWED, s->adopted_cnt);
	if ((s->end == END_NO_MAPPING || (s->end == END_EXPRESSION && s->is_expression)) && cfg.want_slices && slot != UNWIND_SLOT_OOM)
		unwind_send_slice(slot, pid);
	return 0;
}
