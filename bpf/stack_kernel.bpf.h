/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Kernel stacks that were walked before (stack_kernel.bpf.c): walking one costs 0.6 to 1 us, seeing that it is the same 0.1. For recordings of
 * waits so short that there are hundreds of thousands a second: cfg.sched_text_sz is 0 in others, and nothing is remembered.
 */
#ifndef VARVE_STACK_KERNEL_BPF_H
#define VARVE_STACK_KERNEL_BPF_H

#include "varve.bpf.h"

#define KSTACK_DEPTH 32	  /* frames of a stack that is remembered; powers of two, all */
#define KSTACK_WORDS 64	  /* words it depends on */
#define KSTACK_REGION 256 /* words between the first frame and the stack's top */
#define KSTACK_STAMPS 4096

/* Programs that may interrupt each other have their own. */
enum kstack_slot { KSTACK_WAIT = 0, KSTACK_WAKER = 1, KSTACK_SLOT_CNT = 2 };

/* One per slot: the region at hand. */
struct kstack_scratch {
	__u64 key;   /* chooses the memo: any number that is often the same when the stack is */
	__u64 base;  /* a place on the stack that is always the same with regard to the first frame, */
	__u64 stack; /* and the task's kernel stack */
	__u64 origin[4]; /* of words, by enum kstack_kind */
	__u32 word_cnt;
	__u32 gen; /* of the stamps */
	__u32 stamp[KSTACK_STAMPS]; /* gen at the hashes of the stack's addresses */
	__u64 word[KSTACK_REGION];
};

typedef struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, KSTACK_SLOT_CNT);
	__type(key, __u32);
	__type(value, struct kstack_scratch);
} kstack_scratch_t;
extern kstack_scratch_t kstack_scratch SEC(".maps");

/* What a word is compared as: itself; a place on the stack, from the base or from the top, whose distance is random in a system call. */
enum kstack_kind { KSTACK_SELF = 0, KSTACK_FROM_BASE = 1, KSTACK_FROM_TOP = 2 };

struct kstack_memo {
	__u64 key;
	__u32 sz;	/* bytes of addr; 0: empty */
	__u32 root;	/* words from the outermost return address to the top */
	__u32 miss_cnt; /* since it last was of use */
	__u32 cnt;	/* words it depends on */
	__u64 value[KSTACK_WORDS];
	__u64 addr[KSTACK_DEPTH];
	__u32 return_cnt; /* of them, return addresses of the walk; */
	__u32 end;	  /* the last one's number + 1 */
	__u16 at[KSTACK_WORDS];
	__u8 kind[KSTACK_WORDS];
};

#define KSTACK_MEMO_BITS 4 /* 16 of each slot */

typedef struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, KSTACK_SLOT_CNT << KSTACK_MEMO_BITS);
	__type(key, __u32);
	__type(value, struct kstack_memo);
} kstack_memos_t;
extern kstack_memos_t kstack_memos SEC(".maps");

static __always_inline __u64 kstack_hash(__u64 v)
{
	return v * 0x9e3779b97f4a7c15ULL;
}

static __always_inline struct kstack_scratch *kstack_scratch_get(__u32 slot)
{
	return bpf_map_lookup_elem(&kstack_scratch, &slot);
}

static __always_inline struct kstack_memo *kstack_memo_get(__u32 slot, __u64 key)
{
	__u32 at = slot << KSTACK_MEMO_BITS | kstack_hash(key) >> (64 - KSTACK_MEMO_BITS);

	return bpf_map_lookup_elem(&kstack_memos, &at);
}

/* Whether the stack of the scratch is the one its memo holds. */
int kstack_find(__u32 slot);
/* The stack of the scratch was walked: kstack_memo.addr and .sz are new. Keep it if it can be told from others. */
int kstack_keep(__u32 slot);

static __always_inline bool kstack_is_on(void)
{
	return cfg.sched_text_sz && cfg.has_probe_read && cfg.has_task_btf;
}

/* System calls from the same place with the same operation often wait at the same one. */
static __always_inline __u64 kstack_key(struct task_struct *t)
{
	struct pt_regs *regs;

	if (!cfg.has_task_pt_regs)
		return t->pid;
	regs = (struct pt_regs *)bpf_task_pt_regs(t);
	return regs->ip ^ regs->orig_ax << 48 ^ (__u64)(regs->si & 0xff) << 40 ^ ((long)regs->ax == -38);
}

/*
 * The kernel stack of t, if it was walked before, into addr (WIRE_KERNEL_DEPTH). base: as kstack_scratch.base. Only where kstack_is_on(). Returns
 * its bytes; 0: it has to be walked, and is for kstack_remember() then.
 */
static __always_inline __u32 kstack_recall(__u32 slot, struct task_struct *t, __u64 base, __u64 *addr)
{
	struct kstack_scratch *k = kstack_scratch_get(slot);
	struct kstack_memo *m;
	__u64 key, sz; /* verifiers until 6.1 lose a bound on half a register */

	if (!k)
		return 0;
	k->base = base;
	k->stack = (__u64)t->stack;
	key = kstack_key(t);
	k->key = key;
	m = kstack_memo_get(slot, key);
	if (!m || !kstack_find(slot))
		return 0;
	sz = m->sz;
	barrier_var(sz);
	if (sz > sizeof(m->addr))
		return 0;
	return bpf_probe_read_kernel(addr, sz, m->addr) ? 0 : sz;
}

/* The stack that kstack_recall() did not know was walked: sz bytes. One that keeps changing is tried again now and then only. */
static __always_inline void kstack_remember(__u32 slot, const __u64 *addr, __u64 sz)
{
	struct kstack_scratch *k = kstack_scratch_get(slot);
	struct kstack_memo *m = k ? kstack_memo_get(slot, k->key) : NULL;

	if (!m || !sz || sz > sizeof(m->addr) || (m->miss_cnt++ > 8 && m->miss_cnt & 15))
		return;
	barrier_var(sz);
	if (sz > sizeof(m->addr) || bpf_probe_read_kernel(m->addr, sz, addr))
		return;
	m->sz = sz;
	kstack_keep(slot);
}

#endif
