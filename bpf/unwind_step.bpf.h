/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Inside the unwinder: what its parts (unwind*.bpf.c) share. */
#ifndef VARVE_UNWIND_STEP_BPF_H
#define VARVE_UNWIND_STEP_BPF_H

#include "unwind.bpf.h"

#include "varve.bpf.h"

/* enum stack_end of formats/event.h, which BPF code must not include; events.c asserts that they agree. */
enum {
	END_COMPLETE = 0, END_TRUNCATED = 1, END_FRAME_POINTERS = 2, END_NO_MAPPING = 3, END_NO_ROW = 4, END_BAD_READ = 5,
	END_BAD_FRAME = 6, END_EXPRESSION = 7, END_TABLE_FULL = 8, END_MEMORY_GONE = 10,
};

typedef struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UNWIND_PROCS);
	__type(key, __u32);
	__type(value, struct unwind_proc);
} unwind_procs_t;
extern unwind_procs_t unwind_procs SEC(".maps"); /* by pid */

static __always_inline struct unwind_scratch *scratch_get(__u32 slot)
{
	return bpf_map_lookup_elem(&unwind_scratch, &slot);
}

static __always_inline void unwind_count(enum unwind_count what, __u64 by)
{
	__u32 zero = 0;
	struct unwind_counts *c = bpf_map_lookup_elem(&unwind_counts, &zero);

	if (c)
		__sync_fetch_and_add(&c->n[what], by); /* programs of one CPU may interrupt each other */
}

/* The mapping of pc, in the process that the slot is about, into slot's .mapping. Returns whether there is one. */
int unwind_find_mapping(__u32 slot, __u64 pc);
/* The rule number at a file offset of a module; 0 where it has none. */
int unwind_find_rule(__u32 module, __u64 off);

/* Step from the frame at hand, in code without rows, to its caller. Returns nonzero when the stack has ended. */
int unwind_step_bare(__u32 slot);

/*
 * The frame at hand, whose rule says UNWIND_SP_GO, called something: if it changed stacks, or nobody called it, act on it. Returns -1 when
 * the rule is right, else as unwind_step_bare().
 */
int unwind_go_call(__u32 slot);
/* The frame at hand, noted already, is where Go's stack seems to end: if C called Go there, to the C side. Returns whether it did. */
int unwind_go_back(__u32 slot);

/* Send what it takes to go on from the frame at hand. Lost when the ring is full (counted; the stack then ends here). */
int unwind_send_slice(__u32 slot, __u32 pid);

/* The ring's wakeup flags for a record of sz bytes that the recorder should see soon. */
int unwind_wake_flags(__u64 now, __u32 sz);

static __always_inline int end(struct unwind_scratch *s, __u32 how)
{
	s->end = how;
	s->has_ended = 1;
	return 1;
}

/*
 * The memo of a thread's last walk in this slot: make ready; follow it from the frame at hand (1: there may be more of it; 0: the next step
 * must be a real one); leave this walk for the next.
 */
int unwind_memo_begin(__u32 slot);
int unwind_memo_follow(__u32 slot);
int unwind_memo_end(__u32 slot);

/* The frame at hand belongs to the stack. There is room. */
static __always_inline void unwind_note_frame(struct unwind_scratch *s)
{
	struct unwind_memo_frame *f = &s->frame[s->cnt & (UNWIND_MEMO_FRAMES - 1)];

	if (s->cnt < UNWIND_MEMO_FRAMES) {
		f->sp = s->regs[UNWIND_SP];
		f->bp = s->regs[UNWIND_BP];
		f->pc = s->regs[UNWIND_PC];
		f->flags = s->flags & UNWIND_MEMO_FLAGS;
		f->how = s->step.how;
		f->bp_off = s->step.bp_off;
		f->bx_off = s->step.bx_off;
	}
	s->addr[s->cnt & (WIRE_USER_DEPTH - 1)] = s->regs[UNWIND_PC] | (s->flags & UNWIND_EXACT ? WIRE_ADDR_EXACT : 0);
	s->cnt++;
	s->step.how = UNWIND_STEP_OTHER;
	s->bp_below = s->bp_here;
	s->bp_here = s->flags & UNWIND_BP_LOST ? 0 : s->regs[UNWIND_BP];
}

/* What a row says of the caller's rbx: where it is costs nothing, reading it is left to who needs it. */
static __always_inline void unwind_step_bx(struct unwind_scratch *s, __u64 cfa, __s32 bx_off)
{
	if (bx_off == UNWIND_BX_GONE) {
		s->flags |= UNWIND_BX_LOST;
	} else if (bx_off) {
		s->flags &= ~UNWIND_BX_LOST;
		s->bx_at = cfa + bx_off;
	}
}

static __always_inline bool read_u64(__u64 *to, __u64 from)
{
	return !bpf_probe_read_user(to, sizeof(*to), (void *)from);
}

/* The caller's frame: what every way of stepping ends with. */
static __always_inline int step_to(struct unwind_scratch *s, __u64 cfa, __u64 pc, __u64 bp)
{
	/* a stack grows down: the caller's frame is above; with the return address in a register a leaf may have none (vfork) */
	if (cfa < s->regs[UNWIND_SP] || (cfa == s->regs[UNWIND_SP] && !(s->flags & UNWIND_EXACT)))
		return end(s, END_BAD_FRAME);
	/*
	 * A return address of 0 is the root in code that has frame pointers, if the last of them is 0, too (ABI). Where there are rows, they
	 * say what the root is: 0 is a word that a wrong one has led to.
	 */
	if (!pc)
		return end(s, !bp && s->flags & UNWIND_FRAME_POINTER ? END_COMPLETE : END_BAD_FRAME);
	s->regs[UNWIND_SP] = cfa;
	s->regs[UNWIND_BP] = bp;
	s->regs[UNWIND_PC] = pc;
	s->flags &= ~(UNWIND_EXACT | UNWIND_IN_SYSCALL);
	return 0;
}

/* rsp points to the ucontext that the kernel pushed: registers start at its 40th byte, in the order of REG_R8 … REG_RIP. */
static __always_inline int step_signal(struct unwind_scratch *s)
{
	const __u64 *g = s->words;

	if (bpf_probe_read_user(s->words, sizeof(s->words), (void *)(s->regs[UNWIND_SP] + 40)))
		return end(s, END_BAD_READ);
	s->regs[0] = g[13];
	s->regs[1] = g[12];
	s->regs[2] = g[14];
	s->regs[3] = g[11];
	s->regs[4] = g[9];
	s->regs[5] = g[8];
	s->regs[UNWIND_BP] = g[10];
	s->regs[UNWIND_SP] = g[15];
	s->regs[8] = g[0];
	s->regs[9] = g[1];
	s->regs[10] = g[2];
	s->regs[11] = g[3];
	s->regs[12] = g[4];
	s->regs[13] = g[5];
	s->regs[14] = g[6];
	s->regs[15] = g[7];
	s->regs[UNWIND_PC] = g[16];
	s->flags |= UNWIND_EXACT;
	s->flags &= ~(UNWIND_BP_LOST | UNWIND_BX_LOST | UNWIND_IN_SYSCALL);
	s->bx_at = 0;
	return 0;
}

#endif
