// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The table unwinder. Everything here is a global function of scalar arguments: the verifier looks at each once, by itself, so that
 * its work depends neither on the number of frames nor on what the host maps, and the same code loads from 5.10 on
 * (bpf_loop is from 5.17). State between them lives in the CPU's scratch slot.
 *
 * Cost: 60 to 90 ns a frame. User memory that is not present ends the stack (nothing here may sleep).
 */
#include "unwind.bpf.h"

#include "varve.bpf.h"

/* enum stack_end of formats/event.h, which BPF code must not include; events.c asserts that they agree. */
enum {
	END_COMPLETE = 0, END_TRUNCATED = 1, END_FRAME_POINTERS = 2, END_NO_MAPPING = 3, END_NO_ROW = 4, END_BAD_READ = 5,
	END_BAD_FRAME = 6, END_EXPRESSION = 7, END_TABLE_FULL = 8,
};

enum { BPF_MAP_TYPE_ARRAY_OF_MAPS = 12, BPF_F_MMAPABLE = 1024 };

#define ROW_SEARCH_STEPS 17	/* 65,536 rows of a page */
#define MAPPING_SEARCH_STEPS 13 /* UNWIND_PROC_MAPPINGS */
#define FRAME_POINTER_MAX (1 << 20) /* bytes a frame may have that only its frame pointer tells */
#define PEEK_STEPS 8
#define STACK_SWITCHES 8

struct unwind_extent {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, UNWIND_EXTENT_SZ);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UNWIND_EXTENTS);
	__type(key, __u32);
	__array(values, struct unwind_extent);
} unwind_extents SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_RULES);
	__type(key, __u32);
	__type(value, struct unwind_rule);
} unwind_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_MODULES);
	__type(key, __u32);
	__type(value, struct unwind_module);
} unwind_modules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UNWIND_PROCS);
	__type(key, __u32);
	__type(value, struct unwind_proc);
} unwind_procs SEC(".maps");

/*
 * Return addresses repeat from sample to sample: what was found last for them, by hash, one word each: module << 48 | offset << 16 |
 * rule. A slot's rows never change, so nothing here ever goes stale. Saves the dozen cache misses of a search: see bench.
 */
#define CACHE_SZ 2048

struct unwind_cache {
	__u64 word[CACHE_SZ];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_cache);
} unwind_cache SEC(".maps");

static __always_inline struct unwind_scratch *scratch_get(__u32 slot)
{
	return bpf_map_lookup_elem(&unwind_scratch, &slot);
}

struct unwind_counts {
	__u64 n[UNWIND_COUNTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_counts);
} unwind_counts SEC(".maps");

static __always_inline void unwind_count(enum unwind_count what, __u64 by)
{
	__u32 zero = 0;
	struct unwind_counts *c = bpf_map_lookup_elem(&unwind_counts, &zero);

	if (c)
		__sync_fetch_and_add(&c->n[what], by); /* programs of one CPU may interrupt each other */
}

static __always_inline __u32 *extent_get(__u32 word)
{
	__u32 key = word / UNWIND_EXTENT_WORDS, zero = 0;
	void *extent = bpf_map_lookup_elem(&unwind_extents, &key);

	return extent ? bpf_map_lookup_elem(extent, &zero) : NULL;
}

static __always_inline __u64 extent_u64(const __u32 *extent, __u32 word)
{
	return *(const __u64 *)&extent[word & (UNWIND_EXTENT_WORDS - 2)];
}

/* 1 when a <= b, both below 2^63, without a branch: each would double the verifier's paths through a search. */
static __always_inline __u64 is_le(__u64 a, __u64 b)
{
	return (a - b - 1) >> 63;
}

/* The last of cnt mappings that starts at or below pc, as a word. */
__attribute__((noinline)) int unwind_search_mappings(__u32 word, __u32 cnt, __u64 pc)
{
	__u32 *extent = extent_get(word), n = cnt;

	if (!extent)
		return 0;
	for (int i = 0; i < MAPPING_SEARCH_STEPS && n > 1; i++) {
		__u32 half = n >> 1;

		word += half * UNWIND_MAPPING_WORDS * is_le(extent_u64(extent, word + half * UNWIND_MAPPING_WORDS), pc);
		n -= half;
	}
	return word;
}

/* The mapping of pc into s->mapping. Returns whether there is one. */
static __always_inline bool find_mapping(struct unwind_scratch *s, __u64 pc)
{
	struct unwind_mapping *m = &s->mapping;
	__u32 *extent, word;

	if (pc >= m->start && pc < m->end)
		return true;
	if (!s->proc.mapping_cnt)
		return false;
	word = unwind_search_mappings(s->proc.mapping_word, s->proc.mapping_cnt, pc);
	extent = extent_get(word);
	if (!extent)
		return false;
	m->start = extent_u64(extent, word);
	m->end = extent_u64(extent, word + 2);
	m->bias = extent_u64(extent, word + 4);
	m->module = extent[(word + 6) & (UNWIND_EXTENT_WORDS - 1)];
	return pc >= m->start && pc < m->end;
}

/* The rule number at a file offset of a module; 0 where it has none. */
__attribute__((noinline)) int unwind_search_rows(__u32 module, __u64 off)
{
	struct unwind_module *m = bpf_map_lookup_elem(&unwind_modules, &module);
	__u32 *extent, word, n;
	__u64 page, low = off & ((1 << UNWIND_PAGE_SHIFT) - 1);

	if (!m || !m->flags)
		return 0;
	page = (off >> UNWIND_PAGE_SHIFT) - m->page_first;
	if (page >= m->page_cnt)
		return 0;
	word = m->page_word + 2 * page;
	extent = extent_get(word);
	if (!extent)
		return 0;
	n = extent[(word + 1) & (UNWIND_EXTENT_WORDS - 1)];
	word = extent[word & (UNWIND_EXTENT_WORDS - 1)];
	extent = extent_get(word);
	if (!n || !extent)
		return 0;
	for (int i = 0; i < ROW_SEARCH_STEPS && n > 1; i++) {
		__u32 half = n >> 1;

		word += half * is_le(extent[(word + half) & (UNWIND_EXTENT_WORDS - 1)] >> 16, low);
		n -= half;
	}
	return extent[word & (UNWIND_EXTENT_WORDS - 1)] & 0xffff;
}

static __always_inline int find_rule(__u32 module, __u64 off)
{
	__u32 zero = 0, at = (off ^ off >> 11) & (CACHE_SZ - 1);
	struct unwind_cache *cache = bpf_map_lookup_elem(&unwind_cache, &zero);
	__u64 key = (__u64)module << 32 | (__u32)off, word;
	int rule;

	if (!module || off >> 32 || !cache)
		return 0;
	word = cache->word[at];
	if (word >> 16 == key)
		return word & 0xffff;
	rule = unwind_search_rows(module, off) & 0xffff;
	cache->word[at] = key << 16 | rule;
	return rule;
}

static __always_inline int end(struct unwind_scratch *s, __u32 how)
{
	s->end = how;
	s->has_ended = 1;
	return 1;
}

static __always_inline bool read_u64(__u64 *to, __u64 from)
{
	return !bpf_probe_read_user(to, sizeof(*to), (void *)from);
}

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

/* The caller's frame: what every way of stepping ends with. */
static __always_inline int step_to(struct unwind_scratch *s, __u64 cfa, __u64 pc, __u64 bp)
{
	/* a stack grows down: the caller's frame is above; with the return address in a register a leaf may have none (vfork) */
	if (cfa < s->regs[UNWIND_SP] || (cfa == s->regs[UNWIND_SP] && !(s->flags & UNWIND_EXACT)))
		return end(s, END_BAD_FRAME);
	if (!pc)
		return end(s, END_COMPLETE);
	s->regs[UNWIND_SP] = cfa;
	s->regs[UNWIND_BP] = bp;
	s->regs[UNWIND_PC] = pc;
	s->flags &= ~UNWIND_EXACT;
	return 0;
}

/* rsp points to the ucontext that the kernel pushed: registers start at its 40th byte, in the order of REG_R8 … REG_RIP. */
static __always_inline int step_signal(struct unwind_scratch *s)
{
	__u64 g[17];

	if (bpf_probe_read_user(g, sizeof(g), (void *)(s->regs[UNWIND_SP] + 40)))
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
	s->flags &= ~(UNWIND_BP_LOST | UNWIND_BX_LOST);
	s->bx_at = 0;
	return 0;
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

static __always_inline int step_rule(struct unwind_scratch *s, __u32 rule)
{
	struct unwind_rule *r = bpf_map_lookup_elem(&unwind_rules, &rule);
	__u64 cfa, frame[2], bp;

	if (!r)
		return 1;
	if (r->cfa == UNWIND_CFA_END)
		return end(s, END_COMPLETE);
	if (r->cfa == UNWIND_CFA_SIGNAL)
		return step_signal(s);
	if (rule_cfa(s, r, &cfa))
		return 1;
	if (r->bx_off == UNWIND_BX_GONE) {
		s->flags |= UNWIND_BX_LOST;
	} else if (r->bx_off) { /* where it is costs nothing, reading it is left to who needs it */
		s->flags &= ~UNWIND_BX_LOST;
		s->bx_at = cfa + r->bx_off;
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

enum peek { PEEK_NOTHING = 0, PEEK_RETURN = 1, PEEK_SIGNAL = 2 };

/*
 * What the instructions at the pc will do to the stack, where they are nothing but "add rsp", "pop", "leave" and then "ret": that is
 * how the frame will be left, so it holds without any unwind information. Sets regs rsp (past the return address's place minus 8) and
 * rbp as of the ret. Also knows the instructions of a signal trampoline, and for a leaf those of a prologue.
 */
__attribute__((noinline)) int unwind_peek(__u32 slot)
{
	struct unwind_scratch *s = scratch_get(slot);
	__u64 sp, bp;
	__u32 at = 0;

	if (!s || bpf_probe_read_user(s->code, sizeof(s->code), (void *)s->regs[UNWIND_PC]))
		return PEEK_NOTHING;
	sp = s->regs[UNWIND_SP];
	bp = s->regs[UNWIND_BP];
	for (int i = 0; i < PEEK_STEPS; i++) {
		const __u8 *c = s->code;
		__u8 op = c[at & 15], op1 = c[(at + 1) & 15], op2 = c[(at + 2) & 15];

		if (at > 11)
			return PEEK_NOTHING;
		if (op == 0xc3 || op == 0xc2 || (op == 0xf3 && op1 == 0xc3)) {
			s->regs[UNWIND_SP] = sp;
			s->regs[UNWIND_BP] = bp;
			return PEEK_RETURN;
		}
		if (op == 0x48 && op1 == 0x83 && op2 == 0xc4) { /* add rsp, imm8 */
			sp += (__s8)c[(at + 3) & 15];
			at += 4;
		} else if (op == 0x48 && op1 == 0x81 && op2 == 0xc4 && at < 9) { /* add rsp, imm32 */
			sp += (__u32)c[(at + 3) & 15] | (__u32)c[(at + 4) & 15] << 8 | (__u32)c[(at + 5) & 15] << 16 |
			      (__u32)c[(at + 6) & 15] << 24;
			at += 7;
		} else if (op == 0x5d) { /* pop rbp */
			if (!read_u64(&bp, sp))
				return PEEK_NOTHING;
			sp += 8;
			at += 1;
		} else if (op >= 0x58 && op <= 0x5f && op != 0x5c) { /* pop, not of rsp */
			sp += 8;
			at += 1;
		} else if (op == 0x41 && op1 >= 0x58 && op1 <= 0x5f) { /* pop r8 … r15 */
			sp += 8;
			at += 2;
		} else {
			return PEEK_NOTHING;
		}
	}
	return PEEK_NOTHING;
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

/* Whether the instruction before a return address is a call: e8 rel32, or ff /2 in any of its lengths. */
static __always_inline bool follows_call(__u64 pc)
{
	__u8 c[8];

	if (bpf_probe_read_user(c, sizeof(c), (void *)(pc - 7)))
		return false;
	return c[2] == 0xe8 || (c[5] == 0xff && (c[6] & 0x38) == 0x10) || (c[4] == 0xff && (c[5] & 0x38) == 0x10) ||
	       (c[1] == 0xff && (c[2] & 0x38) == 0x10) || (c[0] == 0xff && (c[1] & 0x38) == 0x10);
}

/*
 * A frame pointer that leads to another stack: Go runs its system code so (systemstack, morestack), with the goroutine's rbp still in
 * place. Believed only within the code that has no rows, where a call really lies before the return address, and a few times.
 */
static __always_inline int step_other_stack(struct unwind_scratch *s)
{
	__u64 frame[2];

	if (!s->mapping.module || s->regs[UNWIND_BP] & 7 || s->switch_cnt >= STACK_SWITCHES)
		return end(s, END_NO_ROW);
	if (bpf_probe_read_user(frame, sizeof(frame), (void *)s->regs[UNWIND_BP]))
		return end(s, END_NO_ROW);
	if (frame[1] < s->mapping.start || frame[1] >= s->mapping.end || !follows_call(frame[1]))
		return end(s, END_NO_ROW);
	s->switch_cnt++;
	s->regs[UNWIND_SP] = s->regs[UNWIND_BP] + 16;
	s->regs[UNWIND_BP] = frame[0];
	s->regs[UNWIND_PC] = frame[1];
	s->flags &= ~UNWIND_EXACT;
	return 0;
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
	if (unwind_peek(slot) == PEEK_RETURN) {
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
	if (!s->regs[UNWIND_BP])
		return end(s, s->cnt > 1 ? END_COMPLETE : END_NO_ROW); /* the ABI's mark of the outermost frame */
	if (s->regs[UNWIND_BP] < old_sp || s->regs[UNWIND_BP] & 7 || s->regs[UNWIND_BP] - old_sp > FRAME_POINTER_MAX)
		return step_other_stack(s);
	if (bpf_probe_read_user(frame, sizeof(frame), (void *)s->regs[UNWIND_BP]))
		return end(s, END_BAD_READ);
	return step_to(s, s->regs[UNWIND_BP] + 16, frame[1], frame[0]);
}

/* Record the frame at hand and step to its caller. Returns nonzero when the stack has ended. */
__attribute__((noinline)) int unwind_step(__u32 slot)
{
	struct unwind_scratch *s = scratch_get(slot);
	bool is_exact, is_mapped;
	__u64 pc;
	int rule;

	if (!s)
		return 1;
	if (s->cnt >= s->cnt_max || s->cnt >= WIRE_USER_DEPTH)
		return end(s, END_TRUNCATED);
	is_exact = s->flags & UNWIND_EXACT;
	pc = s->regs[UNWIND_PC] - !is_exact; /* a call may be its function's last instruction */
	is_mapped = find_mapping(s, pc);
	if (!is_mapped && s->cnt)
		return end(s, END_NO_MAPPING); /* which of "unknown yet" and "a wrong step", the recorder can tell */
	s->addr[s->cnt & (WIRE_USER_DEPTH - 1)] = s->regs[UNWIND_PC] | (is_exact ? WIRE_ADDR_EXACT : 0);
	s->cnt++;
	if (!is_mapped)
		return end(s, END_NO_MAPPING);
	rule = find_rule(s->mapping.module, pc - s->mapping.bias);
	if (rule)
		return step_rule(s, rule);
	/*
	 * No row before a return address, but one from it on: a function that nobody called, made to be returned to, such as
	 * makecontext()'s end. The language's own unwinder ends there too.
	 */
	if (!is_exact && find_rule(s->mapping.module, pc + 1 - s->mapping.bias))
		return end(s, END_COMPLETE);
	return unwind_step_bare(slot);
}

/* ---- slices ------------------------------------------------------------------------------------------------------- */

#define SLICE_PAGES (UNWIND_SLICE_SZ / 4096 + 1)
#define SLICE_WINDOW_NS 100000000
#define SLICES_PER_WINDOW 256 /* of each CPU: 40 MB/s at most, in practice a third of it */
#define SLICE_WAKE_NS 80000000	/* with the recorder's timer no more than 25 wakeups a second on average … */
#define SLICE_WAKE_BURST 12	/* … though a new process, after a quiet second, may ask for several at once */

struct slice_scratch {
	struct wire_slice s;
	__u8 data[UNWIND_SLICE_SZ + 4096]; /* reads of a page begin anywhere in the first UNWIND_SLICE_SZ bytes (verifier) */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, UNWIND_SLOT_CNT);
	__type(key, __u32);
	__type(value, struct slice_scratch);
} slice_scratch SEC(".maps");

struct slice_state {
	__u64 window_ts;
	__u32 sent; /* since window_ts */
	__u32 no;   /* the last one */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct slice_state);
} slice_states SEC(".maps");

static __u64 slice_wake_ts; /* up to when slices have used up their wakeups; CPUs racing for it cost a wakeup, no more */

/*
 * Wake the recorder at once: it will know the mappings, and the next stack of the process needs no slice. A single wakeup for
 * 80 ms left the deep stacks of a process's first 50 ms cut, as its loader maps one file after the other (rec1000: 83 %).
 */
static __always_inline __u64 slice_wake_flags(__u64 now, __u32 sz)
{
	__u64 used = slice_wake_ts > now ? slice_wake_ts : now;

	if (used - now > (SLICE_WAKE_BURST - 1) * (__u64)SLICE_WAKE_NS)
		return ring_wake_flags(&ring_main, sz);
	slice_wake_ts = used + SLICE_WAKE_NS;
	return BPF_RB_FORCE_WAKEUP;
}

/* Copy stack memory from sp on, page by page, until one is not there. Returns the bytes. */
static __always_inline __u32 copy_stack(struct slice_scratch *b, __u64 sp)
{
	__u32 sz = 0;

	for (int i = 0; i < SLICE_PAGES; i++) {
		__u32 len = 4096 - ((sp + sz) & 4095);

		if (sz + len > UNWIND_SLICE_SZ)
			len = UNWIND_SLICE_SZ - sz;
		if (!len || len > 4096 || sz >= UNWIND_SLICE_SZ)
			break;
		if (bpf_probe_read_user(&b->data[sz & (UNWIND_SLICE_SZ - 1)], len, (void *)(sp + sz)))
			break;
		sz += len;
	}
	return sz & ~7U;
}

/* The next slice's number, or 0 when there were too many lately: a process whose mappings stay unknown would fill the ring. */
static __always_inline __u32 slice_number(void)
{
	__u32 zero = 0;
	struct slice_state *st = bpf_map_lookup_elem(&slice_states, &zero);
	__u64 now = bpf_ktime_get_ns();

	if (!st)
		return 0;
	if (now - st->window_ts > SLICE_WINDOW_NS) {
		st->window_ts = now;
		st->sent = 0;
	}
	if (st->sent >= SLICES_PER_WINDOW)
		return 0;
	st->sent++;
	st->no = st->no % 65535 + 1;
	return st->no;
}

/* Send what it takes to go on from the frame at hand. Lost when the ring is full (counted; the stack then ends here). */
__attribute__((noinline)) int unwind_send_slice(__u32 slot, __u32 pid)
{
	struct slice_scratch *b = bpf_map_lookup_elem(&slice_scratch, &slot);
	struct unwind_scratch *s = scratch_get(slot);
	__u32 sz;

	if (!s || !b)
		return 0;
	/* slices are the first to go without when the recorder does not keep up */
	b->s.no = bpf_ringbuf_query(&ring_main, BPF_RB_AVAIL_DATA) < cfg.main_wake ? slice_number() : 0;
	if (!b->s.no) {
		unwind_count(UNWIND_SLICES_LIMITED, 1);
		return 0;
	}
	fill_head(&b->s.head, WIRE_SLICE, bpf_ktime_get_ns());
	b->s.head.flags = s->flags;
	b->s.pid = pid;
	b->s.frame_cnt = s->cnt;
	if (s->cnt == 1 && s->addr[0] == (s->regs[UNWIND_PC] | WIRE_ADDR_EXACT))
		b->s.frame_cnt = 0; /* an unmapped leaf is an address already */
	__builtin_memcpy(b->s.regs, s->regs, sizeof(b->s.regs));
	if (s->bx_at && !read_u64(&b->s.regs[UNWIND_BX], s->bx_at))
		b->s.head.flags |= UNWIND_BX_LOST;
	sz = copy_stack(b, s->regs[UNWIND_SP]);
	b->s.sz = sz;
	sz += sizeof(b->s);
	if (sz > sizeof(b->s) + UNWIND_SLICE_SZ)
		return 0;
	if (bpf_ringbuf_output(&ring_main, b, sz, slice_wake_flags(b->s.head.ts, sz))) {
		unwind_count(UNWIND_SLICES_LOST, 1);
		return 0;
	}
	unwind_count(UNWIND_SLICES, 1);
	s->slice_no = b->s.no;
	return 0;
}

/* ---- changes ---------------------------------------------------------------------------------------------------------- */

__attribute__((noinline)) int unwind_forget(__u32 pid)
{
	struct unwind_proc *proc = bpf_map_lookup_elem(&unwind_procs, &pid);

	if (proc)
		proc->mapping_cnt = 0;
	return 0;
}

/* Until the recorder makes an entry of the child's own, some ms from now, its parent's block stays: freed ones rest for seconds. */
__attribute__((noinline)) int unwind_inherit(__u32 parent, __u32 child)
{
	struct unwind_proc *proc = bpf_map_lookup_elem(&unwind_procs, &parent), copy;

	if (!proc)
		return 0;
	copy = *proc;
	bpf_map_update_elem(&unwind_procs, &child, &copy, BPF_ANY);
	return 0;
}

__attribute__((noinline)) int unwind_unmapped(__u32 pid, __u64 start, __u64 end)
{
	struct unwind_proc *proc = bpf_map_lookup_elem(&unwind_procs, &pid);
	struct wire_unmap u = {};
	__u32 *extent, word;

	if (!proc || !proc->mapping_cnt)
		return 0;
	word = unwind_search_mappings(proc->mapping_word, proc->mapping_cnt, end - 1);
	extent = extent_get(word);
	if (!extent || extent_u64(extent, word) >= end || extent_u64(extent, word + 2) <= start)
		return 0; /* no code there: the common case */
	proc->mapping_cnt = 0;
	fill_head(&u.head, WIRE_UNMAP, bpf_ktime_get_ns());
	u.pid = pid;
	u.start = start;
	u.end = end;
	if (bpf_ringbuf_output(&ring_main, &u, sizeof(u), slice_wake_flags(u.head.ts, sizeof(u))))
		unwind_count(UNWIND_UNMAPS_LOST, 1);
	return 0;
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
}

/*
 * The registers the current task entered the kernel with, at the top of its kernel stack: in an interrupt that hit user mode just as
 * in a system call. Returns whether there are any.
 */
__attribute__((noinline)) int unwind_load_regs(__u32 slot)
{
	struct unwind_scratch *s = scratch_get(slot);
	struct pt_regs *r;

	if (!s)
		return 0;
	if (cfg.has_task_pt_regs) {
		r = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
		set_regs(s, r);
	} else {
		struct task_struct *t = (void *)bpf_get_current_task();
		void *stack = BPF_CORE_READ(t, stack);

		r = (struct pt_regs *)s->addr; /* the addresses come later */
		if (bpf_probe_read_kernel(r, sizeof(*r), stack + cfg.thread_size - sizeof(*r)))
			return 0;
		set_regs(s, r);
	}
	return s->regs[UNWIND_PC] && s->regs[UNWIND_SP];
}

__attribute__((noinline)) int unwind_walk(__u32 slot, __u32 pid)
{
	struct unwind_scratch *s = scratch_get(slot);
	struct unwind_proc *proc;

	if (!s)
		return 0;
	s->cnt = 0;
	s->has_ended = 0;
	s->end = END_TRUNCATED;
	s->slice_no = 0;
	s->switch_cnt = 0;
	s->bx_at = 0;
	s->mapping.start = s->mapping.end = 0;
	s->cnt_max = cfg.user_stack_sz / 8;
	if (!(s->flags & UNWIND_EXACT)) {
		s->addr[0] = s->regs[UNWIND_PC] | WIRE_ADDR_EXACT;
		s->cnt = 1;
		return end(s, END_NO_ROW); /* no tables for 32-bit code */
	}
	proc = bpf_map_lookup_elem(&unwind_procs, &pid);
	s->proc.mapping_cnt = proc ? proc->mapping_cnt : 0;
	s->proc.mapping_word = proc ? proc->mapping_word : 0;
	for (int i = 0; i <= WIRE_USER_DEPTH; i++)
		if (unwind_step(slot))
			break;
	return 0;
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
	unwind_walk(slot, pid);
	unwind_count(UNWIND_STACKS, 1);
	unwind_count(UNWIND_FRAMES, s->cnt);
	if (s->end == END_NO_MAPPING && cfg.want_slices && slot != UNWIND_SLOT_OOM)
		unwind_send_slice(slot, pid);
	return 0;
}
