// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * A walk of a kernel stack goes by the kernel's ORC tables: from where it begins, each step depends on the frame's pc, sp and bp and on the words
 * it reads, which are the return address and the caller's bp. So as long as the words that a walk has read are the same, so is its result. In a
 * system call the stack begins at a random distance from its top (hundreds of bytes, made by a frame that is found by bp), so words are
 * compared at their places from where the walk begins, the outermost return address at its place from the top. Which words a walk has read is not
 * told; kept are
 * - return addresses: each that the walk gave must be in the region exactly once, and in order, or the stack is not kept;
 * - those into the scheduler's functions, which the kernel leaves out of a sleeper's stack: every word that points there;
 * - bp: it matters only where a frame is found by it, whose return address is then beside what bp points to: every such word. Places above the
 *   random part are kept as distances from the top, others as distances from where the walk begins.
 * By induction from the first frame, a walk along the same words takes the same steps. Not kept are stacks with an exception in the middle (any
 * saved register may matter), and such as have exchanged return addresses (return probes, the function graph tracer).
 *
 * Not proved: that compilers have no other frames found by bp than those, and that what lies below the region, a waker's own program,
 * is the same whenever its arguments are. There is one way only from the tracepoint to the walk.
 */
#include "stack_kernel.bpf.h"
#include "unwind_step.bpf.h"

#define BLOCK 16
#define GLUE_FRAMES 1 /* the innermost of a waker's: the program itself, below the region */
#define REGS_WORDS 21 /* of struct pt_regs, at the stack's top; there are up to four words of padding */

/* 1 when a < b, at most 2^63 apart, as a number that the compiler makes no branch of: it would double the verifier's paths with each word. */
static __always_inline __u64 is_below(__u64 a, __u64 b)
{
	__u64 d = a - b;

	barrier_var(d);
	d >>= 63;
	barrier_var(d);
	return d;
}

/* The same for a == b. */
static __always_inline __u64 is_same(__u64 a, __u64 b)
{
	__u64 d = a ^ b;

	barrier_var(d);
	d = (d | -d) >> 63;
	barrier_var(d);
	return d ^ 1;
}

/* Read the region from base to the stack's top. Returns whether it is one. */
static __always_inline bool read_region(struct kstack_scratch *k)
{
	__u64 off = k->base - k->stack;
	__u32 sz;

	k->word_cnt = 0;
	k->origin[KSTACK_SELF] = 0;
	k->origin[KSTACK_FROM_BASE] = k->base;
	k->origin[KSTACK_FROM_TOP] = k->stack + cfg.thread_size;
	if (off >= cfg.thread_size || off & 7)
		return false; /* on an interrupt's stack */
	sz = cfg.thread_size - off;
	barrier_var(sz);
	if (sz > sizeof(k->word) || bpf_probe_read_kernel(k->word, sz, (void *)k->base))
		return false;
	k->word_cnt = sz / 8;
	return true;
}

__attribute__((noinline)) int kstack_find(__u32 slot)
{
	struct kstack_scratch *k = kstack_scratch_get(slot);
	struct kstack_memo *m;
	__u64 differ = 0;

	if (!k)
		return 0;
	m = kstack_memo_get(slot, k->key);
	if (!m || !read_region(k) || !m->sz || m->key != k->key || m->root >= k->word_cnt ||
	    k->word[(k->word_cnt - m->root) & (KSTACK_REGION - 1)] != m->addr[(m->sz / 8 - 1) & (KSTACK_DEPTH - 1)])
		return 0;
	/* the rest of the last block repeats the first word; no branch within a block, for the verifier's sake */
	for (int b = 0; b < KSTACK_WORDS; b += BLOCK) {
		if (b >= m->cnt)
			break;
		for (int i = b; i < b + BLOCK; i++)
			differ |= (k->word[m->at[i & (KSTACK_WORDS - 1)] & (KSTACK_REGION - 1)] -
				   k->origin[m->kind[i & (KSTACK_WORDS - 1)] & 3]) ^
				  m->value[i & (KSTACK_WORDS - 1)];
	}
	if (differ)
		return 0;
	m->miss_cnt = 0;
	unwind_count(UNWIND_KERNEL_KNOWN, 1);
	return 1;
}

static __always_inline __u32 *stamp_of(struct kstack_scratch *k, __u64 addr)
{
	return &k->stamp[kstack_hash(addr) >> 32 & (KSTACK_STAMPS - 1)];
}

/* Whether a word is a return address of the walk (or, hardly ever, another address of kernel code with the same hash). */
static __always_inline __u64 is_return_word(struct kstack_scratch *k, __u64 w)
{
	return is_same(*stamp_of(k, w), k->gen) & is_same(w >> 31, 0x1ffffffff);
}

/* Whether the word at an address of the region is a return address of the walk. */
static __always_inline __u64 is_return_at(struct kstack_scratch *k, __u64 addr)
{
	return is_return_word(k, k->word[(addr - k->base) >> 3 & (KSTACK_REGION - 1)]);
}

/* Of one block of the region, the words the walk may have used: appended to the memo. */
__attribute__((noinline)) int kstack_keep_block(__u32 slot, __u32 block)
{
	struct kstack_scratch *k = kstack_scratch_get(slot);
	struct kstack_memo *m = k ? kstack_memo_get(slot, k->key) : NULL;
	__u64 n, top;

	if (!m)
		return 0;
	n = m->cnt;
	top = k->stack + cfg.thread_size;
	for (int i = 0; i < BLOCK; i++) {
		__u64 at = block * BLOCK + i;
		__u64 w = k->word[at & (KSTACK_REGION - 1)];
		__u64 is_below_root = is_below(at, k->word_cnt - m->root);
		__u64 is_return = is_return_word(k, w) & is_below_root;
		__u64 is_sched = is_below(w, cfg.sched_text + cfg.sched_text_sz) & ~is_below(w, cfg.sched_text);
		__u64 is_up = is_below(w, top) & ~is_below(w, k->base + at * 8);
		__u64 is_beside = is_up & (is_return_at(k, w + 8) | is_return_at(k, w - 8));
		__u64 is_bp = is_beside & is_below(w, top - m->root * 8 - 8);
		__u64 is_root_bp = is_beside & ~is_bp;

		m->at[n & (KSTACK_WORDS - 1)] = at;
		m->kind[n & (KSTACK_WORDS - 1)] = is_bp * KSTACK_FROM_BASE + is_root_bp * KSTACK_FROM_TOP;
		m->value[n & (KSTACK_WORDS - 1)] = w - (-is_bp & k->base) - (-is_root_bp & top);
		n += (is_return | is_sched | is_bp | is_root_bp) & is_below_root;
		m->return_cnt += is_return;
		m->end += is_return * (n - m->end);
	}
	m->cnt = n;
	return 0;
}

/* Whether an exception came in between: what the walk then goes by is not beside return addresses. */
static __always_inline __u64 has_exception(const struct kstack_memo *m)
{
	__u64 ret = 0;

	for (int i = 0; i < KSTACK_DEPTH; i++)
		ret |= is_below(i * 8 + 8, m->sz) & is_below(m->addr[i], cfg.entry_text + cfg.entry_text_sz) &
		       ~is_below(m->addr[i], cfg.entry_text);
	return ret & 1;
}

/* How many addresses but the outermost, from the root on, are among the words, in order. */
static __always_inline __u32 found_cnt(const struct kstack_memo *m)
{
	__u64 cnt = m->sz / 8 - 1, left = cnt;

	for (int i = 0; i < KSTACK_WORDS; i++) {
		__u64 j = KSTACK_WORDS - 1 - i;

		left -= is_below(0, left) & is_below(j, m->end) &
			is_same(m->value[j & (KSTACK_WORDS - 1)], m->addr[(left - 1) & (KSTACK_DEPTH - 1)]);
	}
	return cnt - left;
}

/* Find the outermost address where the kernel was entered, below the registers at the stack's top: m->root, 0 when it is not there. */
static __always_inline void find_root(const struct kstack_scratch *k, struct kstack_memo *m)
{
	__u64 root = m->addr[(m->sz / 8 - 1) & (KSTACK_DEPTH - 1)];

	m->root = 0;
	for (__u32 n = REGS_WORDS + 1; n <= REGS_WORDS + 5; n++)
		if (n < k->word_cnt && k->word[(k->word_cnt - n) & (KSTACK_REGION - 1)] == root)
			m->root = n;
}

static __always_inline void stamp_addresses(struct kstack_scratch *k, const struct kstack_memo *m)
{
	k->gen++;
	for (int i = 0; i < KSTACK_DEPTH; i++) {
		if (i * 8 >= m->sz)
			break;
		*stamp_of(k, m->addr[i]) = k->gen;
	}
}

__attribute__((noinline)) int kstack_keep(__u32 slot)
{
	struct kstack_scratch *k = kstack_scratch_get(slot);
	struct kstack_memo *m = k ? kstack_memo_get(slot, k->key) : NULL;
	__u32 cnt, found;

	if (!m)
		return 0;
	m->cnt = m->return_cnt = m->end = 0;
	m->key = k->key;
	stamp_addresses(k, m);
	find_root(k, m);
	for (int b = 0; b < KSTACK_REGION / BLOCK; b++) {
		if (b * BLOCK >= k->word_cnt || !m->root)
			break;
		kstack_keep_block(slot, b);
	}
	found = found_cnt(m);
	cnt = m->end;
	if (!cnt || m->cnt > KSTACK_WORDS || has_exception(m) || found != m->return_cnt || found + (slot == KSTACK_WAKER ? GLUE_FRAMES : 0) + 1 < m->sz / 8) {
		m->sz = 0;
		return 0;
	}
	for (int i = 0; i < KSTACK_WORDS; i++)
		if (i >= cnt) {
			m->at[i & (KSTACK_WORDS - 1)] = m->at[0];
			m->kind[i & (KSTACK_WORDS - 1)] = m->kind[0];
			m->value[i & (KSTACK_WORDS - 1)] = m->value[0];
		}
	m->cnt = cnt;
	return 0;
}
