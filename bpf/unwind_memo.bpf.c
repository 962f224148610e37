// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Stacks hardly change between two looks at the same thread. So each walk leaves a memo of its frames, and the next one that comes to a
 * frame of it (same rsp, rbp and pc) goes on along the memo, for as long as the words on the stack that those steps were read from are
 * the same: 10 ns a frame instead of 50 to 90.
 *
 * That is as good as walking. A step's outcome depends on the tables, which the key names (the process, and the generation of its
 * mappings), on the frame, and on the words it reads. Steps that depend on more (a leaf's instructions, other registers, a signal's
 * frame) are marked and always walked.
 */
#include "unwind_step.bpf.h"

#define MEMO_PART 8    /* frames that are looked at at once */
#define FOLLOW_PART 16 /* frames that are followed at once */

struct unwind_memo {
	__u32 pid, gen;
	__u32 cnt;
	/* of what was sent last: how it ended; whether its leaf was exact; that it is this memo's stack, once it is in the ring; that it is there */
	__u8 end, is_exact, is_due, is_sent;
	struct unwind_memo_frame frame[UNWIND_MEMO_FRAMES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, UNWIND_SLOT_CNT * UNWIND_MEMOS);
	__type(key, __u32);
	__type(value, struct unwind_memo);
} unwind_memos SEC(".maps");

static __always_inline struct unwind_memo *memo_get(__u32 slot)
{
	__u32 tid = bpf_get_current_pid_tgid(), at = slot * UNWIND_MEMOS + UNWIND_MEMO_AT(tid);

	return bpf_map_lookup_elem(&unwind_memos, &at);
}

/* A word of the stack, by way of a window on it: one read of user memory serves several frames. */
static __always_inline bool window_read(struct unwind_scratch *s, __u64 at, __u64 *ret)
{
	__u64 off = at - s->window_at;
	__u32 len;

	if (at & 7)
		return false;
	if (off >= s->window_sz) {
		len = 4096 - (at & 4095); /* not into a page that may not be there */
		if (len > sizeof(s->window))
			len = sizeof(s->window);
		s->window_sz = 0;
		if (bpf_probe_read_user(s->window, len, (void *)at))
			return false;
		s->window_at = at;
		s->window_sz = len;
		off = 0;
	}
	*ret = s->window[off >> 3 & (UNWIND_WINDOW_WORDS - 1)];
	return true;
}

/* Whether the step that led to this frame would lead there again. */
static __always_inline bool is_same_step(struct unwind_scratch *s, const struct unwind_memo_frame *f)
{
	__u64 word;

	if (f->how != UNWIND_STEP_PLAIN)
		return false;
	if (f->bp_off && (!window_read(s, f->sp + f->bp_off, &word) || word != f->bp))
		return false;
	return window_read(s, f->sp - 8, &word) && word == f->pc;
}

static __always_inline bool is_at(const struct unwind_scratch *s, const struct unwind_memo_frame *f)
{
	return f->sp == s->regs[UNWIND_SP] && f->pc == s->regs[UNWIND_PC] && f->flags == (s->flags & UNWIND_MEMO_FLAGS) &&
	       (f->bp == s->regs[UNWIND_BP] || f->flags & UNWIND_BP_LOST);
}

__attribute__((noinline)) int unwind_memo_begin(__u32 slot)
{
	struct unwind_scratch *s = scratch_get(slot);
	struct unwind_memo *m = memo_get(slot);

	if (!s || !m)
		return 0;
	s->memo_at = 0;
	s->memo_cnt = 0;
	s->adopted_cnt = 0;
	s->window_sz = 0;
	s->step.how = UNWIND_STEP_OTHER;
	if (m->pid == s->pid && m->gen == s->proc.gen && s->proc.mapping_cnt)
		s->memo_cnt = m->cnt;
	return 0;
}

enum memo_seek { SEEK_NOWHERE = 0, SEEK_HERE = 1, SEEK_MORE = 2 };

/*
 * A part of the way to the first frame of the memo that is not below the frame at hand; there, whether it is the frame at hand. The
 * place is in memory, so that all turns look alike to the verifier, which follows each of them all the same: hence parts.
 */
__attribute__((noinline)) int unwind_memo_seek(__u32 slot)
{
	struct unwind_scratch *s = scratch_get(slot);
	struct unwind_memo *m = memo_get(slot);

	if (!s || !m)
		return SEEK_NOWHERE;
	for (int i = 0; i < MEMO_PART; i++) {
		if (s->memo_at >= s->memo_cnt)
			return SEEK_NOWHERE;
		if (m->frame[s->memo_at & (UNWIND_MEMO_FRAMES - 1)].sp >= s->regs[UNWIND_SP])
			return is_at(s, &m->frame[s->memo_at & (UNWIND_MEMO_FRAMES - 1)]) ? SEEK_HERE : SEEK_NOWHERE;
		s->memo_at++;
	}
	return SEEK_MORE;
}

/* One frame: record the one at hand and go to its caller. Returns 1 when that was not possible. */
__attribute__((noinline)) int unwind_memo_one(__u32 slot)
{
	struct unwind_scratch *s = scratch_get(slot);
	struct unwind_memo *m = memo_get(slot);
	const struct unwind_memo_frame *f;

	if (!s || !m || s->memo_at + 1 >= s->memo_cnt || s->cnt + 1 >= s->cnt_max)
		return 1;
	f = &m->frame[(s->memo_at + 1) & (UNWIND_MEMO_FRAMES - 1)];
	if (!is_same_step(s, f))
		return 1;
	unwind_note_frame(s);
	s->step.how = UNWIND_STEP_PLAIN;
	s->step.bp_off = f->bp_off;
	s->step.bx_off = f->bx_off;
	s->regs[UNWIND_SP] = f->sp;
	s->regs[UNWIND_BP] = f->bp;
	s->regs[UNWIND_PC] = f->pc;
	s->flags = (s->flags & ~UNWIND_MEMO_FLAGS) | f->flags;
	unwind_step_bx(s, f->sp, f->bx_off);
	s->adopted_cnt++;
	s->memo_at++;
	return 0;
}

/* For as many frames as the memo holds for, but for the last one, or the first so many of them. */
__attribute__((noinline)) int unwind_memo_follow(__u32 slot)
{
	int how = SEEK_MORE;

	KEEP_LOOP
	for (int i = 0; i < UNWIND_MEMO_FRAMES / MEMO_PART && how == SEEK_MORE; i++)
		how = unwind_memo_seek(slot);
	if (how != SEEK_HERE)
		return 0;
	KEEP_LOOP
	for (int i = 0; i < FOLLOW_PART; i++)
		if (unwind_memo_one(slot))
			return 0;
	return 1;
}

__attribute__((noinline)) int unwind_memo_end(__u32 slot)
{
	struct unwind_scratch *s = scratch_get(slot);
	struct unwind_memo *m = memo_get(slot);
	__u32 cnt;

	if (!s || !m)
		return 0;
	cnt = s->cnt;
	if (cnt > UNWIND_MEMO_FRAMES)
		cnt = UNWIND_MEMO_FRAMES;
	if (m->pid == s->pid && m->gen == s->proc.gen && m->cnt == cnt && s->adopted_cnt + 1 >= cnt) {
		s->memo_state = UNWIND_MEMO_SAME;
		return 0;
	}
	m->is_sent = 0;
	m->pid = s->pid;
	m->gen = s->proc.gen;
	m->cnt = cnt;
	barrier_var(cnt); /* the verifier's bound must be of what is used */
	if (cnt > UNWIND_MEMO_FRAMES)
		return 0;
	if (bpf_probe_read_kernel(m->frame, cnt * sizeof(m->frame[0]), s->frame))
		m->cnt = 0;
	else
		s->memo_state = UNWIND_MEMO_NEW;
	return 0;
}

__attribute__((noinline)) int unwind_memo_is_known(__u32 slot, bool is_exact)
{
	struct unwind_scratch *s = scratch_get(slot);
	struct unwind_memo *m = memo_get(slot);

	if (!s || !m)
		return 0;
	/* a memo of a deep stack's leaf end, or one that was cut since, is not the stack */
	m->is_due = s->memo_state != UNWIND_MEMO_NONE && m->cnt == s->cnt && !s->slice_no && slot != UNWIND_SLOT_OOM;
	if (m->is_due && m->is_sent && s->memo_state == UNWIND_MEMO_SAME && m->end == s->end && m->is_exact == is_exact) {
		unwind_count(UNWIND_STACKS_KNOWN, 1);
		return 1;
	}
	m->is_sent = 0;
	m->end = s->end;
	m->is_exact = is_exact;
	return 0;
}

__attribute__((noinline)) int unwind_memo_sent(__u32 slot)
{
	struct unwind_memo *m = memo_get(slot);

	if (m)
		m->is_sent = m->is_due;
	return 0;
}
