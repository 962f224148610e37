// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Frames in code without rows (JIT, Go, hand-written): their instructions, else frame pointers. */
#include "unwind_step.bpf.h"

#define FRAME_POINTER_MAX (1 << 20) /* bytes a frame may have that only its frame pointer tells */
#define PEEK_STEPS 8
#define STACK_SWITCHES 8
#define ASM_PUSHES 8		    /* words at rsp that are looked at */
#define ASM_FUNCTION_MAX (64 << 10) /* bytes of a function written by hand */

enum peek { PEEK_NOTHING = 0, PEEK_RETURN = 1, PEEK_MORE = 2 };

/*
 * One instruction of peek(). A function of its own, with its state in the scratch slot, so that the verifier looks at it once: as
 * a loop's body it was two thirds of all its work, for each program that unwinds.
 */
__attribute__((noinline)) int unwind_peek_one(__u32 slot)
{
	struct unwind_scratch *s = scratch_get(slot);
	__u32 at;
	__u8 op, op1, op2;
	const __u8 *c;

	if (!s)
		return PEEK_NOTHING;
	at = s->peek_at;
	c = s->code;
	if (at > 11)
		return PEEK_NOTHING;
	op = c[at & 15];
	op1 = c[(at + 1) & 15];
	op2 = c[(at + 2) & 15];
	if (op == 0xc3 || op == 0xc2 || (op == 0xf3 && op1 == 0xc3))
		return PEEK_RETURN;
	if (op == 0x48 && op1 == 0x83 && op2 == 0xc4) { /* add rsp, imm8 */
		s->peek_sp += (__s8)c[(at + 3) & 15];
		s->peek_at = at + 4;
	} else if (op == 0x48 && op1 == 0x81 && op2 == 0xc4 && at < 9) { /* add rsp, imm32 */
		s->peek_sp += (__u32)c[(at + 3) & 15] | (__u32)c[(at + 4) & 15] << 8 | (__u32)c[(at + 5) & 15] << 16 |
			      (__u32)c[(at + 6) & 15] << 24;
		s->peek_at = at + 7;
	} else if (op == 0x5d) { /* pop rbp */
		if (!read_u64(&s->peek_bp, s->peek_sp))
			return PEEK_NOTHING;
		s->peek_sp += 8;
		s->peek_at = at + 1;
	} else if (op >= 0x58 && op <= 0x5f && op != 0x5c) { /* pop, not of rsp */
		s->peek_sp += 8;
		s->peek_at = at + 1;
	} else if (op == 0x41 && op1 >= 0x58 && op1 <= 0x5f) { /* pop r8 … r15 */
		s->peek_sp += 8;
		s->peek_at = at + 2;
	} else {
		return PEEK_NOTHING;
	}
	return PEEK_MORE;
}

/*
 * What the instructions at the pc will do to the stack, where they are nothing but "add rsp", "pop", "leave" and then "ret": that is
 * how the frame will be left, so it holds without any unwind information. Sets regs rsp (past the return address's place minus 8) and
 * rbp as of the ret. Also knows the instructions of a signal trampoline, and for a leaf those of a prologue.
 */
static __always_inline int peek(struct unwind_scratch *s, __u32 slot)
{
	int what = PEEK_MORE;

	if (bpf_probe_read_user(s->code, sizeof(s->code), (void *)s->regs[UNWIND_PC])) {
		__builtin_memset(s->code, 0, sizeof(s->code)); /* another frame's would be taken for this one's */
		return PEEK_NOTHING;
	}
	s->peek_at = 0;
	s->peek_sp = s->regs[UNWIND_SP];
	s->peek_bp = s->regs[UNWIND_BP];
	KEEP_LOOP
	for (int i = 0; i < PEEK_STEPS && what == PEEK_MORE; i++)
		what = unwind_peek_one(slot);
	if (what != PEEK_RETURN)
		return PEEK_NOTHING;
	s->regs[UNWIND_SP] = s->peek_sp;
	s->regs[UNWIND_BP] = s->peek_bp;
	return PEEK_RETURN;
}

static __always_inline bool is_sigreturn(const __u8 *c)
{
	/* mov $15, %rax (7 bytes) or %eax (5), then syscall */
	if (c[0] == 0x48 && c[1] == 0xc7 && c[2] == 0xc0 && c[3] == 0x0f && !c[4] && !c[5] && !c[6] && c[7] == 0x0f && c[8] == 0x05)
		return true;
	return c[0] == 0xb8 && c[1] == 0x0f && !c[2] && !c[3] && !c[4] && c[5] == 0x0f && c[6] == 0x05;
}

/* A leaf interrupted before it has made its frame: how far rsp is from the return address, or -1. Code that has frame pointers. */
static __always_inline int prologue_depth(struct unwind_scratch *s)
{
	const __u8 *c = s->code;
	__u32 before = 0;

	if (c[0] == 0x55 || (c[0] == 0xf3 && c[1] == 0x0f && c[2] == 0x1e && c[3] == 0xfa)) /* push rbp; endbr64 */
		return 0;
	if (c[0] == 0x49 && c[1] == 0x3b && c[2] == 0x66 && c[3] == 0x10) /* Go: cmp rsp, 16(r14) */
		return 0;
	if (c[0] == 0x48 && ((c[1] == 0x89 && c[2] == 0xe5) || (c[1] == 0x8b && c[2] == 0xec))) /* mov rbp, rsp */
		return 8;
	if (bpf_probe_read_user(&before, sizeof(before), (void *)(s->regs[UNWIND_PC] - 4)))
		return -1;
	if (before == 0x10663b49 && (c[0] == 0x76 || (c[0] == 0x0f && c[1] == 0x86))) /* the Go prologue's jbe */
		return 0;
	return -1;
}

/*
 * Whether the instruction before a return address is a call: e8 rel32 (s->call_target is where to), or ff /2 in any of its lengths (0). Overwrites
 * s->code.
 */
__attribute__((noinline)) int unwind_follows_call(__u32 slot, __u64 pc)
{
	struct unwind_scratch *s = scratch_get(slot);
	const __u8 *c;

	if (!s)
		return false;
	c = s->code;
	s->call_target = 0;
	if (bpf_probe_read_user(s->code, 8, (void *)(pc - 7)))
		return false;
	if (c[2] == 0xe8)
		s->call_target = pc + (__s32)((__u32)c[3] | (__u32)c[4] << 8 | (__u32)c[5] << 16 | (__u32)c[6] << 24);
	return c[2] == 0xe8 || (c[5] == 0xff && (c[6] & 0x38) == 0x10) || (c[4] == 0xff && (c[5] & 0x38) == 0x10) ||
	       (c[1] == 0xff && (c[2] & 0x38) == 0x10) || (c[0] == 0xff && (c[1] & 0x38) == 0x10);
}

/* On the other stack, at the frame that called: a few times, back into the same code, and behind a call. */
static __always_inline bool switch_stack(struct unwind_scratch *s, __u32 slot, __u64 sp, __u64 pc, __u64 bp)
{
	if (s->switch_cnt >= STACK_SWITCHES || sp & 7 || pc < s->mapping.start || pc >= s->mapping.end || !unwind_follows_call(slot, pc))
		return false;
	s->switch_cnt++;
	s->regs[UNWIND_SP] = sp;
	s->regs[UNWIND_BP] = bp;
	s->regs[UNWIND_PC] = pc;
	s->flags = (s->flags & ~UNWIND_EXACT) | UNWIND_BX_LOST;
	return true;
}

/*
 * A frame pointer that leads to another stack: Go runs its system code so (systemstack, morestack), with the goroutine's rbp still in
 * place.
 */
__attribute__((noinline)) int unwind_follow_to_stack(__u32 slot, __u64 bp)
{
	struct unwind_scratch *s = scratch_get(slot);
	__u64 frame[2];

	return s && s->mapping.module && bp && !bpf_probe_read_user(frame, sizeof(frame), (void *)bp) &&
	       switch_stack(s, slot, bp + 16, frame[1], frame[0]);
}

static __always_inline int step_other_stack(struct unwind_scratch *s, __u32 slot)
{
	return unwind_follow_to_stack(slot, s->regs[UNWIND_BP]) ? 0 : end(s, END_NO_ROW);
}

static __always_inline __u32 code_u32(const __u8 *c, __u32 at)
{
	return *(const __u32 *)(c + at); /* unaligned, as x86 has it; put together from bytes it is ten instructions */
}

enum { MOV_DI = 0x247c8b48, MOV_SI = 0x24748b48, MOV_SI_0 = 0x24348b48, LOAD_HI = 0x08778b48, SUB_SI = 0x24742b48, SUB_SI_0 = 0x24342b48,
       MOV_TLS = 0x048b4864 }; /* the first four bytes */

/*
 * Where Go's asmcgocall has the stack pointer that it will go back to, seen by the instructions that do it:
 *	mov d(%rsp),%rdi; mov 8(%rdi),%rsi; sub e(%rsp),%rsi	rdi the goroutine: its stack may move, so a depth is kept
 *	mov d(%rsp),%rsi; mov %rsi,%rsp
 */
static __always_inline bool go_saved_sp(struct unwind_scratch *s, __u64 *sp)
{
	__u64 rsp = s->regs[UNWIND_SP], g, depth;
	const __u8 *c = s->code;

	if (code_u32(c, 0) == MOV_SI && c[5] == 0x48 && c[6] == 0x89 && c[7] == 0xf4)
		return read_u64(sp, rsp + c[4]);
	if (code_u32(c, 0) == MOV_SI_0 && c[4] == 0x48 && c[5] == 0x89 && c[6] == 0xf4)
		return read_u64(sp, rsp);
	if (code_u32(c, 0) != MOV_DI || code_u32(c, 5) != LOAD_HI || (code_u32(c, 9) != SUB_SI && code_u32(c, 9) != SUB_SI_0))
		return false;
	if (!read_u64(&g, rsp + c[4]) || !read_u64(&depth, code_u32(c, 9) == SUB_SI ? rsp + c[13] : rsp) || !read_u64(sp, g + 8))
		return false;
	*sp -= depth;
	return true;
}

/*
 * Whether what follows the call says that nobody called this: goexit ("nop; call": its frame goes on behind the nop, all goroutines were
 * made to return there), mcall, which never comes back ("pop %rax; jmp"), a new thread ("mov $111,%edi", to exit with). Changes s->code.
 */
static __always_inline bool is_go_root(struct unwind_scratch *s)
{
	const __u8 *c = s->code;
	__u32 at = c[0] == 0x90; /* a newer mcall */

	if ((at ? c[1] : c[0]) == 0x58 && (at ? c[2] : c[1]) == 0xe9)
		return true;
	if (code_u32(c, 0) == 0x6fbf && !c[4])
		return true;
	return c[0] == 0xe8 && c[5] == 0x90 && !bpf_probe_read_user(s->code, 1, (void *)(s->regs[UNWIND_PC] - 1)) && s->code[0] == 0x90;
}

/*
 * Go calls C on the thread's own stack (asmcgocall), and some of its own code, too (systemstack): their rows know the goroutine's stack
 * only. C keeps rbp, and Go's rows say where it is, so it is the goroutine's here.
 */
__attribute__((noinline)) int unwind_go_call(__u32 slot)
{
	struct unwind_scratch *s = scratch_get(slot);
	__u64 sp, pc;

	if (!s || bpf_probe_read_user(s->code, sizeof(s->code), (void *)s->regs[UNWIND_PC]))
		return -1;
	/* systemstack: mov %fs:-8,%rax; it has kept no stack pointer of the goroutine's that could be found from here */
	if (code_u32(s->code, 0) == MOV_TLS && code_u32(s->code, 4) == 0xfffff825)
		return s->flags & UNWIND_BP_LOST ? end(s, END_NO_ROW) : step_other_stack(s, slot);
	if (is_go_root(s))
		return end(s, END_COMPLETE);
	if (!go_saved_sp(s, &sp))
		return -1;
	if (!read_u64(&pc, sp))
		return end(s, END_BAD_READ);
	s->memo_at++; /* the next frame's rsp does not tell where in the memo it is */
	return switch_stack(s, slot, sp + 8, pc, s->regs[UNWIND_BP]) ? 0 : end(s, END_BAD_FRAME);
}

/*
 * C calls Go (cgocallback): the goroutine's stack goes on as if it had called itself, by way of a function that nobody calls
 * (systemstack_switch, a "ret" or "ud2"), in whose place the C side belongs. cgocallback's rbp is still that of its frame on the C side.
 */
__attribute__((noinline)) int unwind_go_back(__u32 slot)
{
	struct unwind_scratch *s = scratch_get(slot);

	if (!s || !s->cnt || bpf_probe_read_user(s->code, 2, (void *)s->regs[UNWIND_PC]))
		return 0;
	if ((s->code[0] != 0xc3 && (s->code[0] != 0x0f || s->code[1] != 0x0b)) || !unwind_follow_to_stack(slot, s->bp_below))
		return 0;
	s->cnt--;
	s->flags &= ~UNWIND_BP_LOST;
	return 1;
}

/*
 * The i-th word at a leaf's rsp as its return address: a call lies before it, and away from rsp only where that call leads to right before
 * the pc. -1: it is none. A function of its own, for the verifier's sake.
 */
__attribute__((noinline)) int unwind_asm_word(__u32 slot, __u32 i)
{
	struct unwind_scratch *s = scratch_get(slot);
	__u64 pc, word;

	if (!s || i >= ASM_PUSHES)
		return -1;
	pc = s->regs[UNWIND_PC];
	word = s->words[i];
	if (!unwind_follows_call(slot, word) || (i && (s->call_target > pc || pc - s->call_target >= ASM_FUNCTION_MAX)))
		return -1;
	s->flags |= UNWIND_FRAME_POINTER | UNWIND_BX_LOST;
	if (i)
		s->flags |= UNWIND_BP_LOST; /* it may be among what was pushed */
	return step_to(s, s->regs[UNWIND_SP] + 8 * i + 8, word, s->regs[UNWIND_BP]);
}

/*
 * A leaf written in assembly, by people who left the unwind information out (gmp's loops, glibc's clone), or one whose page is only now
 * read in: the return address is at rsp, or above the registers pushed so far. -1: no word looks like it.
 */
__attribute__((noinline)) int unwind_asm_leaf(__u32 slot)
{
	struct unwind_scratch *s = scratch_get(slot);
	int done = -1;

	if (!s || !(s->flags & UNWIND_EXACT) || !s->mapping.module)
		return -1;
	if (bpf_probe_read_user(s->words, ASM_PUSHES * 8, (void *)s->regs[UNWIND_SP]))
		return -1;
	KEEP_LOOP
	for (int i = 0; i < ASM_PUSHES && done < 0; i++)
		done = unwind_asm_word(slot, i);
	return done;
}

static __always_inline int no_row(struct unwind_scratch *s, __u32 slot)
{
	int done = unwind_asm_leaf(slot);

	return done < 0 ? step_other_stack(s, slot) : done;
}

/* Code without rows: what its instructions show, else its frame pointer. */
__attribute__((noinline)) int unwind_step_bare(__u32 slot)
{
	struct unwind_scratch *s = scratch_get(slot);
	__u64 old_sp, frame[2];
	int depth;

	if (!s)
		return 1;
	s->flags |= UNWIND_BX_LOST; /* nobody says what this code does to it */
	old_sp = s->regs[UNWIND_SP];
	if (peek(s, slot) == PEEK_RETURN) {
		__u64 sp = s->regs[UNWIND_SP], pc;

		s->regs[UNWIND_SP] = old_sp;
		if (!read_u64(&pc, sp))
			return end(s, END_BAD_READ);
		return step_to(s, sp + 8, pc, s->regs[UNWIND_BP]);
	}
	if (is_sigreturn(s->code))
		return step_signal(s);
	if (s->flags & UNWIND_EXACT) {
		depth = prologue_depth(s);
		if (depth >= 0) {
			if (bpf_probe_read_user(frame, sizeof(frame), (void *)old_sp))
				return end(s, END_BAD_READ);
			return depth ? step_to(s, old_sp + 16, frame[1], frame[0]) :
				       step_to(s, old_sp + 8, frame[0], s->regs[UNWIND_BP]);
		}
	}
	s->flags |= UNWIND_FRAME_POINTER;
	if (s->flags & UNWIND_BP_LOST)
		return end(s, END_NO_ROW);
	if (!s->regs[UNWIND_BP] && s->cnt > 1)
		return end(s, END_COMPLETE); /* the ABI's mark of the outermost frame */
	if (s->regs[UNWIND_BP] < old_sp || s->regs[UNWIND_BP] & 7 || s->regs[UNWIND_BP] - old_sp > FRAME_POINTER_MAX)
		return no_row(s, slot);
	if (bpf_probe_read_user(frame, sizeof(frame), (void *)s->regs[UNWIND_BP]))
		return end(s, END_BAD_READ);
	/* a leaf that has no frame pointer leaves another's in rbp, or a number that happens to look like one */
	if (s->flags & UNWIND_EXACT && !unwind_follows_call(slot, frame[1])) {
		depth = unwind_asm_leaf(slot);
		if (depth >= 0)
			return depth;
	}
	if (!(s->flags & UNWIND_EXACT)) { /* while a call is out, the code that it returns to stays what it was */
		s->step.how = UNWIND_STEP_PLAIN;
		s->step.bp_off = -16;
		s->step.bx_off = UNWIND_BX_GONE;
	}
	return step_to(s, s->regs[UNWIND_BP] + 16, frame[1], frame[0]);
}
