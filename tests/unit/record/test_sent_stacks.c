// SPDX-License-Identifier: BSD-2-Clause
/* Stacks that travel as "the same again". */
#include "record/sent_stacks.h"

#include <string.h>

#include "bpf/unwind_wire.h"
#include "tests/test.h"

struct sample {
	struct wire_sample s;
	uint64_t addr[80];
};

static struct sample sample(uint32_t cpu, uint32_t tid, uint16_t kernel_cnt, uint16_t user_cnt, uint64_t first)
{
	struct sample r = {
		.s.head = { .kind = WIRE_SAMPLE, .cpu = (uint16_t)cpu },
		.s.task = { .pid = 1, .tid = tid },
		.s.stack = { .kernel_cnt = kernel_cnt, .user_cnt = user_cnt, .user_end = STACK_END_COMPLETE },
	};

	for (int i = 0; i < kernel_cnt + user_cnt; i++)
		r.addr[i] = first + (uint64_t)i;
	if (!user_cnt)
		r.s.stack.flags |= WIRE_STACK_USER_SAME;
	return r;
}

static const struct wire_sample *finish(struct sent_stacks *s, const struct sample *r, union events_whole *buf, size_t *ret_sz)
{
	*ret_sz = sizeof(r->s) + (r->s.stack.kernel_cnt + r->s.stack.user_cnt) * 8UL;
	return sent_stacks_finish(s, r, ret_sz, offsetof(struct wire_sample, stack), buf);
}

TEST(the_same_again_is_the_last_whole_stack_of_its_place)
{
	struct sample first = sample(0, 10, 2, 3, 100), other = sample(1, 10, 0, 2, 500), again = sample(0, 10, 1, 0, 900);
	const struct wire_sample *got;
	union events_whole buf;
	struct sent_stacks *s;
	uint64_t addr[4];
	size_t sz;

	CHECK_EQ(sent_stacks_create(&s), 0);
	CHECK(finish(s, &first, &buf, &sz) == &first.s);
	CHECK(finish(s, &other, &buf, &sz) == &other.s); /* another CPU */
	got = finish(s, &again, &buf, &sz);
	CHECK(got != &again.s);
	CHECK_EQ(sz, sizeof(*got) + 4 * 8);
	CHECK_EQ(got->stack.kernel_cnt, 1);
	CHECK_EQ(got->stack.user_cnt, 3);
	CHECK_EQ(got->stack.user_end, STACK_END_COMPLETE);
	memcpy(addr, got + 1, sizeof(addr));
	CHECK_EQ(addr[0], 900);
	CHECK_EQ(addr[1], 102);
	CHECK_EQ(addr[3], 104);
	sent_stacks_destroy(s);
}

TEST(programs_and_threads_have_places_of_their_own)
{
	struct { struct wire_user_stack u; uint64_t addr[1]; } at_switch = { .u = { .head.kind = WIRE_USER_STACK, .tid = 10 } };
	struct sample first = sample(0, 10, 0, 1, 100), neighbour = sample(0, 11, 0, 1, 200), again = sample(0, 10, 0, 0, 0);
	union events_whole buf;
	struct sent_stacks *s;
	uint64_t addr;
	size_t sz = sizeof(at_switch);

	CHECK_EQ(sent_stacks_create(&s), 0);
	(void)finish(s, &first, &buf, &sz);
	(void)finish(s, &neighbour, &buf, &sz);
	sz = sizeof(at_switch);
	at_switch.u.stack.user_cnt = 1;
	at_switch.u.stack.flags = WIRE_STACK_AT_SWITCH;
	at_switch.addr[0] = 300;
	(void)sent_stacks_finish(s, &at_switch, &sz, offsetof(struct wire_user_stack, stack), &buf);
	memcpy(&addr, finish(s, &again, &buf, &sz) + 1, sizeof(addr));
	CHECK_EQ(addr, 100);

	/* neither sys_exit() nor return_to_user() has sent any */
	at_switch.u.stack.flags = WIRE_STACK_USER_SAME | WIRE_STACK_AT_RETURN;
	at_switch.u.stack.user_cnt = 0;
	sz = sizeof(at_switch.u);
	CHECK_EQ(((const struct wire_user_stack *)sent_stacks_finish(s, &at_switch, &sz, offsetof(struct wire_user_stack, stack), &buf))->stack.user_end,
		 STACK_END_NOT_TAKEN);
	at_switch.u.stack.flags = WIRE_STACK_USER_SAME;
	at_switch.u.stack.user_cnt = 0;
	sz = sizeof(at_switch.u);
	CHECK_EQ(((const struct wire_user_stack *)sent_stacks_finish(s, &at_switch, &sz, offsetof(struct wire_user_stack, stack), &buf))->stack.user_end,
		 STACK_END_NOT_TAKEN);
	sent_stacks_destroy(s);
}

TEST(what_is_not_known_is_not_made_up)
{
	struct sample again = sample(0, 10, 0, 0, 0), deep = sample(0, 10, 0, UNWIND_MEMO_FRAMES + 1, 100), far = sample(65535, 10, 0, 0, 0);
	struct sample first = sample(0, 10, 0, 2, 100);
	const struct wire_sample *got;
	union events_whole buf;
	struct sent_stacks *s;
	size_t sz;

	CHECK_EQ(sent_stacks_create(&s), 0);
	got = finish(s, &again, &buf, &sz);
	CHECK_EQ(got->stack.user_cnt, 0);
	CHECK_EQ(got->stack.user_end, STACK_END_NOT_TAKEN);
	got = finish(s, &far, &buf, &sz);
	CHECK_EQ(got->stack.user_end, STACK_END_NOT_TAKEN);
	(void)finish(s, &first, &buf, &sz);
	(void)finish(s, &deep, &buf, &sz); /* the kernel half keeps none of these, so nothing is the same as one */
	got = finish(s, &again, &buf, &sz);
	CHECK_EQ(got->stack.user_end, STACK_END_NOT_TAKEN);
	sent_stacks_destroy(s);
}

TEST_MAIN()
