// SPDX-License-Identifier: BSD-2-Clause
#include "record/sent_stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/unwind_wire.h"

struct place {
	uint32_t cnt; /* 0: nothing came yet */
	uint64_t addr[UNWIND_MEMO_FRAMES];
};

struct sent_stacks {
	struct cpu_places {
		struct place at[UNWIND_SLOT_CNT][UNWIND_MEMOS];
	} *cpus[WIRE_CPUS]; /* owned; NULL: nothing came from it yet */
};

int sent_stacks_create(struct sent_stacks **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void sent_stacks_destroy(struct sent_stacks *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < WIRE_CPUS; i++)
		free(s->cpus[i]);
	free(s);
}

/* Which program took the record's user half, and of whom; false: of no stack that is kept. */
static bool origin_of(const void *data, const struct wire_stack *stack, enum unwind_slot *ret_slot, uint32_t *ret_tid)
{
	switch (((const struct wire_head *)data)->kind) {
	case WIRE_SAMPLE:
		*ret_slot = UNWIND_SLOT_SAMPLER;
		*ret_tid = ((const struct wire_sample *)data)->task.tid;
		return true;
	case WIRE_USER_STACK:
		*ret_slot = stack->flags & WIRE_STACK_AT_SWITCH ? UNWIND_SLOT_SWITCH :
			    stack->flags & WIRE_STACK_AT_RETURN ? UNWIND_SLOT_RETURN : UNWIND_SLOT_TASK;
		*ret_tid = ((const struct wire_user_stack *)data)->tid;
		return true;
	case WIRE_WAKER:
		*ret_slot = UNWIND_SLOT_WAKER;
		*ret_tid = ((const struct wire_waker *)data)->waker.tid;
		return true;
	default:
		return false;
	}
}

/* NULL: no such CPU, or out of memory, which loses what this place would have known. */
static struct place *place_of(struct sent_stacks *s, uint32_t cpu, enum unwind_slot slot, uint32_t tid)
{
	if (cpu >= WIRE_CPUS)
		return NULL;
	if (!s->cpus[cpu])
		s->cpus[cpu] = calloc(1, sizeof(*s->cpus[cpu]));
	return s->cpus[cpu] ? &s->cpus[cpu]->at[slot][UNWIND_MEMO_AT(tid)] : NULL;
}

const void *sent_stacks_finish(struct sent_stacks *s, const void *data, size_t *sz, size_t stack_off, union events_whole *buf)
{
	struct wire_stack stack;
	enum unwind_slot slot;
	struct place *p;
	uint32_t tid;

	memcpy(&stack, (const char *)data + stack_off, sizeof(stack));
	if (!origin_of(data, &stack, &slot, &tid) || (!stack.user_cnt && !(stack.flags & WIRE_STACK_USER_SAME)))
		return data;
	p = place_of(s, ((const struct wire_head *)data)->cpu, slot, tid);
	if (stack.user_cnt) {
		if (p)
			p->cnt = stack.user_cnt <= UNWIND_MEMO_FRAMES ? stack.user_cnt : 0;
		if (p && p->cnt)
			memcpy(p->addr, (const char *)data + *sz - stack.user_cnt * sizeof(*p->addr), p->cnt * sizeof(*p->addr));
		return data;
	}
	if (!p || !p->cnt)
		stack.user_end = STACK_END_NOT_TAKEN;
	if (*sz + sizeof(p->addr) > sizeof(*buf))
		return data;
	memcpy(buf, data, *sz);
	if (p && p->cnt) {
		memcpy(buf->bytes + *sz, p->addr, p->cnt * sizeof(*p->addr));
		*sz += p->cnt * sizeof(*p->addr);
		stack.user_cnt = (uint16_t)p->cnt;
	}
	memcpy(buf->bytes + stack_off, &stack, sizeof(stack));
	return buf;
}
