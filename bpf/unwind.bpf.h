/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * User stacks from tables of unwind rows (unwind.bpf.c). A program fills the registers of a scratch slot, calls unwind_user(),
 * and finds the addresses there.
 */
#ifndef VARVE_UNWIND_BPF_H
#define VARVE_UNWIND_BPF_H

#include "kern_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "unwind_wire.h"
#include "wire.h"

/* Programs that may interrupt each other on one CPU have slots of their own. */
enum unwind_slot {
	UNWIND_SLOT_SAMPLER = 0, /* perf interrupt */
	UNWIND_SLOT_SWITCH = 1,	 /* under a run queue's lock */
	UNWIND_SLOT_TASK = 2,	 /* a task's own context: system call exit, OOM */
	UNWIND_SLOT_WAKER = 3,
	UNWIND_SLOT_CNT = 4,
};

enum { UNWIND_BP = 6, UNWIND_SP = 7, UNWIND_PC = 16 }; /* DWARF numbers */

struct unwind_scratch {
	__u64 regs[UNWIND_REGS]; /* of the frame at hand, by DWARF number */
	__u32 flags;		 /* enum unwind_flags, of the frame at hand */
	__u32 cnt;		 /* addresses so far */
	__u32 cnt_max;
	__u32 end;		 /* enum stack_end, once ended */
	__u32 has_ended;
	__u32 in_use;		 /* a program was interrupted between begin and end */
	struct unwind_proc proc;
	struct unwind_mapping mapping; /* the last one found */
	__u8 code[16];
	__u64 addr[WIRE_USER_DEPTH];
};

typedef struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, UNWIND_SLOT_CNT);
	__type(key, __u32);
	__type(value, struct unwind_scratch);
} unwind_scratch_t;
extern unwind_scratch_t unwind_scratch SEC(".maps");

/* Walk the stack of slot's registers. Returns 0; the result is in the slot. */
int unwind_user(__u32 slot, __u32 pid);

#endif
