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
	UNWIND_CFA_EXPRESSION = 7, /* a DWARF expression of no known form */
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
};

/* Where the return address is. */
enum unwind_ra {
	UNWIND_RA_CFA = 0, /* at CFA + ra_off */
	UNWIND_RA_REG = 1, /* in register ra_off (leaf only) */
};

/* One way to step up a frame; at most 65,535 distinct ones, rule 0 being "no row". */
struct unwind_rule {
	__u8 cfa, cfa_reg, bp, ra; /* the enums above; cfa_reg a DWARF register number */
	__s32 cfa_off, bp_off;
	__s16 cfa_add, ra_off;
};
_Static_assert(sizeof(struct unwind_rule) == 16, "rules are hashed and copied as bytes");

#endif
