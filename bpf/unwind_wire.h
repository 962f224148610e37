/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The unwinder's tables as the recorder writes them and the BPF unwinder reads them (the unwinder's part of wire.h:
 * native layout, may change in any commit). Includes nothing; needs __u8 … __s32 from its includer.
 */
#ifndef VARVE_UNWIND_WIRE_H
#define VARVE_UNWIND_WIRE_H

/* How to find the canonical frame address (CFA: rsp before the call that made the frame) at a pc. */
enum unwind_cfa {
	UNWIND_CFA_NONE = 0,	   /* no row: frame pointers, peeks */
	UNWIND_CFA_SP = 1,	   /* rsp + cfa_off */
	UNWIND_CFA_BP = 2,	   /* rbp + cfa_off */
	UNWIND_CFA_REG = 3,	   /* register cfa_reg + cfa_off: where all registers are known (leaf, below a signal) */
	UNWIND_CFA_PLT = 4,	   /* rsp + 8 + (pc & 15 >= cfa_add ? 8 : 0) */
	UNWIND_CFA_DEREF = 5,	   /* *(cfa_reg + cfa_off) + cfa_add */
	UNWIND_CFA_SIGNAL = 6,	   /* a ucontext lies at rsp: every register comes from it */
	/*
	 * What only the half outside the kernel can do: cfa_off is the number of the DWARF expression that gives the CFA. 0: nobody can, the
	 * expression is not known.
	 */
	UNWIND_CFA_EXPRESSION = 7,
	UNWIND_CFA_END = 8,	   /* the return address is undefined: the outermost frame */
};

/* Where the caller's rbp is. */
enum unwind_bp {
	UNWIND_BP_SAME = 0,
	UNWIND_BP_CFA = 1,     /* at CFA + bp_off */
	UNWIND_BP_DEREF = 2,   /* at rbp + bp_off (gcc's realigned frames) */
	UNWIND_BP_VALUE = 3,   /* it is CFA + bp_off */
	UNWIND_BP_REG = 4,     /* in register bp_off (leaf only) */
	UNWIND_BP_UNKNOWN = 5, /* lost: only rsp-based rows can follow */
	/* with UNWIND_CFA_EXPRESSION only; bp_off is the number of an expression that gives … */
	UNWIND_BP_EXPRESSION = 6,	/* … its place */
	UNWIND_BP_VALUE_EXPRESSION = 7, /* … itself */
};

/* Where the return address is. */
enum unwind_ra {
	UNWIND_RA_CFA = 0, /* at CFA + ra_off */
	UNWIND_RA_REG = 1, /* in register ra_off (leaf only) */
	/* with UNWIND_CFA_EXPRESSION only; ra_off is the number of an expression that gives … */
	UNWIND_RA_EXPRESSION = 2,	/* … its place */
	UNWIND_RA_VALUE_EXPRESSION = 3, /* … itself */
};

/* One way to step up a frame; at most 65,535 distinct ones, rule 0 being "no row". */
struct unwind_rule {
	__u8 cfa, cfa_reg, bp, ra; /* the enums above; cfa_reg a DWARF register number; of UNWIND_CFA_SP 0 or UNWIND_SP_GO */
	__s32 cfa_off;
	__s16 bp_off, cfa_add, ra_off;
	__s16 bx_off; /* rbx, which the lazy binder's CFA needs: 0 unchanged, UNWIND_BX_GONE unknown, else saved at CFA + bx_off */
};
#define UNWIND_BX_GONE 1
#define UNWIND_SP_GO 1 /* Go's assembly: when it calls it may be on another stack than the row is about, which its instructions tell */
_Static_assert(sizeof(struct unwind_rule) == 16, "rules are hashed and copied as bytes");

/*
 * The arena: words of 32 bits in extents of 2 MiB, each one element of an inner map that the recorder makes when needed
 * and fills through mmap. Word w is word w % UNWIND_EXTENT_WORDS of extent w / UNWIND_EXTENT_WORDS; no block that is
 * searched crosses an extent. A block is never changed while a table points to it.
 */
#define UNWIND_EXTENT_SZ (2 << 20)
#define UNWIND_EXTENT_WORDS (UNWIND_EXTENT_SZ / 4) /* a power of two (verifier) */
#define UNWIND_EXTENTS 128
#define UNWIND_RULES 65536
#define UNWIND_MODULES 16384 /* slots; 0 is never used */
#define UNWIND_PROCS 32768
#define UNWIND_CACHE_SZ 16384 /* bytes of each CPU's element of map "unwind_cache" */
#define UNWIND_PROC_MAPPINGS 4096 /* executable mappings of one process */

/*
 * Rows of a module: for each 64 KiB of file offsets a page {first word, count of rows}; the rows follow an index of
 * UNWIND_INDEX_WORDS. A row is one word: low 16 bits of the offset << 16 | rule; sorted; the first row of a page that has any begins
 * at 0, so that each search ends in its page.
 *
 * The index: for each 1 KiB the number, in 16 bits, of the last row that begins at or before the KiB's start; then that of the last row. A
 * search among cc1plus's 1,400 rows a page is eleven steps, most to lines that no cache has; among those of a KiB it is four or five in
 * one or two lines.
 */
#define UNWIND_PAGE_SHIFT 16
#define UNWIND_INDEX_SHIFT 10
#define UNWIND_INDEX_CNT ((1 << (UNWIND_PAGE_SHIFT - UNWIND_INDEX_SHIFT)) + 1)
#define UNWIND_INDEX_WORDS ((UNWIND_INDEX_CNT + 1) / 2)

enum unwind_module_flags {
	UNWIND_MODULE_USED = 1,
	UNWIND_MODULE_NO_ROOM = 2, /* its rows did not fit under the cap */
};

struct unwind_module {
	__u32 flags;
	__u32 page_first, page_cnt; /* page numbers: file offset >> UNWIND_PAGE_SHIFT */
	__u32 page_word;	    /* of the pages, two words each */
};

/*
 * A process's mappings: mapping_cnt of struct unwind_mapping, sorted by start, no two overlapping, at mapping_word. gen: another for
 * each state of them.
 */
struct unwind_proc {
	__u32 mapping_word, mapping_cnt;
	__u32 gen, pad;
};

/* Executable [start, end); file offset = address - bias. module 0: no rows (JIT), frame pointers. */
struct unwind_mapping {
	__u64 start, end, bias;
	__u32 module, pad;
};
#define UNWIND_MAPPING_WORDS 8
_Static_assert(sizeof(struct unwind_mapping) == UNWIND_MAPPING_WORDS * 4, "mapping");

#define UNWIND_REGS 17 /* DWARF numbers: rax rdx rcx rbx rsi rdi rbp rsp r8 … r15 rip */

enum unwind_flags {
	UNWIND_EXACT = 1,	  /* regs[16] is the very pc, and all registers are known: a leaf, or below a signal frame */
	UNWIND_BP_LOST = 2,	  /* rbp is not known */
	UNWIND_FRAME_POINTER = 4, /* some step went by frame pointers */
	UNWIND_BX_LOST = 8,	  /* rbx is not known */
	UNWIND_IN_SYSCALL = 16,	  /* of a leaf: regs[16] is behind the system call that runs: what holds is the row before it */
};

/* Per-CPU counters: map "unwind_counts". */
enum unwind_count {
	UNWIND_STACKS = 0,	  /* user stacks taken from tables */
	UNWIND_FRAMES = 1,
	UNWIND_SLICES = 2,	  /* sent */
	UNWIND_SLICES_LOST = 3,	  /* the ring was full */
	UNWIND_SLICES_LIMITED = 4, /* not sent: too many at once */
	UNWIND_BUSY = 5,	  /* stack not taken: interrupted another on its CPU */
	UNWIND_UNMAPS_LOST = 6,	  /* the process's stacks need slices from then on */
	UNWIND_FOLLOWED = 7,	  /* of the FRAMES, those that were known from the memo of an earlier walk */
	UNWIND_KERNEL_KNOWN = 8,  /* kernel stacks of waits and wakers that were not walked: see stack_kernel.bpf.c */
	UNWIND_STACKS_KNOWN = 9,  /* of the STACKS, those that the recorder had: not sent again */
	UNWIND_COUNTS = 10,
};

/*
 * Stacks hardly change between two looks at a thread. The kernel half keeps the last one of a few threads, by CPU, by the program that took
 * it (enum unwind_slot) and at this index; one that is the very same again is sent as WIRE_STACK_USER_SAME. The recorder keeps what
 * came whole from each such place: the ring has the order, and what did not fit into it is sent whole the next time.
 */
#define UNWIND_MEMOS 8 /* a power of two */
#define UNWIND_MEMO_AT(tid) (((tid) ^ (tid) >> 3) & (UNWIND_MEMOS - 1))
#define UNWIND_MEMO_FRAMES 64 /* of a stack that is kept; a power of two */

/* Programs that may interrupt each other on one CPU have slots of their own. */
enum unwind_slot {
	UNWIND_SLOT_SAMPLER = 0, /* perf interrupt */
	UNWIND_SLOT_SWITCH = 1,	 /* under a run queue's lock */
	UNWIND_SLOT_TASK = 2,	 /* a task's own context */
	UNWIND_SLOT_WAKER = 3,
	UNWIND_SLOT_OOM = 4, /* its records go into another ring than slices, and than other stacks: it sends none, and all stacks whole */
	UNWIND_SLOT_RETURN = 5, /* a task on its way to user mode, maybe by an interrupt of UNWIND_SLOT_TASK */
	UNWIND_SLOT_CNT = 6,
};

#define UNWIND_SLICE_SZ (16 << 10) /* stack memory of a slice's part, at most: nearly always all there is */
#define UNWIND_SLICE_PARTS 4	   /* at most: functions with buffers of 8 KiB on the stack call each other (git) */

#endif
