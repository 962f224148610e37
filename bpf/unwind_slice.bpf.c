// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The hand-off: a frame the tables cannot do, and the stack above it, for record/slice.c to go on with. 2-5 us each.
 */
#include "unwind_step.bpf.h"

#define SLICE_PAGES (UNWIND_SLICE_SZ / 4096 + 1)
#define SLICE_WINDOW_NS 100000000
#define SLICES_PER_WINDOW 256 /* of each CPU: 40 MB/s at most, in practice a third of it */
#define SLICE_WAKE_NS 10000000	/* where processes come and go no more than 100 wakeups a second on average … */
#define SLICE_WAKE_BURST 12	/* … though a new process may ask for several at once */

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
 * Wake the recorder at once: it will know the mappings, and the next stack of the process needs no slice. One wakeup every 80 ms left
 * processes that live 40 ms without rows to their end: half of git's stacks were slices, and those that had no room for a further
 * part ended before their root. At 10 ms a tenth are. Nobody asks where everybody is known, be the switches ever so many.
 */
__attribute__((noinline)) int unwind_wake_flags(__u64 now, __u32 sz)
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

/* One part: the stack memory from off bytes above rsp on. Returns the bytes sent. */
__attribute__((noinline)) int unwind_send_part(__u32 slot, __u32 off)
{
	struct slice_scratch *b = bpf_map_lookup_elem(&slice_scratch, &slot);
	struct unwind_scratch *s = scratch_get(slot);
	__u64 wake = BPF_RB_NO_WAKEUP;
	__u32 sz;

	if (!b || !s)
		return 0;
	sz = copy_stack(b, b->s.regs[UNWIND_SP] + off);
	b->s.sz = sz;
	b->s.off = off;
	sz += sizeof(b->s);
	if (sz > sizeof(b->s) + UNWIND_SLICE_SZ)
		return 0;
	/* from an expression the recorder learns nothing that would save it the next slice: it is woken for room only */
	if (!s->is_expression || bpf_ringbuf_query(&ring_main, BPF_RB_AVAIL_DATA) > cfg.main_wake / 2)
		wake = unwind_wake_flags(b->s.head.ts, sz);
	if (bpf_ringbuf_output(&ring_main, b, sz, wake)) {
		unwind_count(UNWIND_SLICES_LOST, 1);
		return 0;
	}
	return b->s.sz;
}

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
	b->s.pad = 0;
	b->s.frame_cnt = s->cnt;
	if (s->cnt == 1 && s->addr[0] == (s->regs[UNWIND_PC] | WIRE_ADDR_EXACT))
		b->s.frame_cnt = 0; /* an unmapped leaf is an address already */
	if (s->is_expression)
		b->s.frame_cnt = s->cnt - 1; /* so is every frame that has a rule */
	__builtin_memcpy(b->s.regs, s->regs, sizeof(b->s.regs));
	if (s->bx_at && !read_u64(&b->s.regs[UNWIND_BX], s->bx_at))
		b->s.head.flags |= UNWIND_BX_LOST;
	sz = unwind_send_part(slot, 0);
	if (!sz)
		return 0;
	unwind_count(UNWIND_SLICES, 1);
	s->slice_no = b->s.no;
	/* what needs more than a part is rare: it must not leave others without */
	if (bpf_ringbuf_query(&ring_main, BPF_RB_AVAIL_DATA) > cfg.main_wake / 2)
		return 0;
	KEEP_LOOP
	for (int i = 1; i < UNWIND_SLICE_PARTS && sz == UNWIND_SLICE_SZ; i++)
		sz = unwind_send_part(slot, i * UNWIND_SLICE_SZ);
	return 0;
}
