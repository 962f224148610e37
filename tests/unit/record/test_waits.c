// SPDX-License-Identifier: BSD-2-Clause
#include "record/waits.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/test.h"

#define MS 1000000ULL

struct got {
	int cnt, code;
	struct {
		uint64_t off_ts, user0, waker0;
		int has_user, has_waker, missing;
	} w[64];
};

static int take(void *ctx, const struct wait_parts *p, struct err *err)
{
	struct got *g = ctx;
	int i = g->cnt++;

	g->w[i].off_ts = p->wait->off_ts;
	g->w[i].has_user = p->user != NULL;
	g->w[i].has_waker = p->waker != NULL;
	g->w[i].missing = p->user_missing;
	g->w[i].user0 = p->user && p->user->stack.user_cnt ? *(const uint64_t *)(p->user + 1) : 0;
	g->w[i].waker0 = p->waker && p->waker->stack.kernel_cnt ? *(const uint64_t *)(p->waker + 1) : 0;
	return g->code;
}

/* Exact allocations, so that a sanitizer sees a read past the record. */
static int add_wait(struct waits *w, uint32_t tid, uint64_t off_ts, uint64_t in_ts, uint32_t epoch, uint32_t flags)
{
	struct wire_wait *r = calloc(1, sizeof(*r) + 8);
	int code;

	r->head = (struct wire_head){ .ts = in_ts, .kind = WIRE_WAIT, .flags = flags };
	r->task.tid = tid;
	r->off_ts = off_ts;
	r->epoch = epoch;
	r->stack.kernel_cnt = 1;
	code = waits_add(w, r, sizeof(*r) + 8, NULL);
	free(r);
	return code;
}

static int add_user(struct waits *w, uint32_t tid, uint32_t epoch, uint64_t addr)
{
	struct wire_user_stack *r = calloc(1, sizeof(*r) + 8);
	int code;

	r->tid = tid;
	r->epoch = epoch;
	r->stack.user_cnt = 1;
	memcpy(r + 1, &addr, 8);
	code = waits_add_user_stack(w, r, sizeof(*r) + 8, NULL);
	free(r);
	return code;
}

static int add_waker(struct waits *w, uint32_t tid, uint64_t off_ts, uint64_t addr)
{
	struct wire_waker *r = calloc(1, sizeof(*r) + 8);
	int code;

	r->wakee_tid = tid;
	r->off_ts = off_ts;
	r->stack.kernel_cnt = 1;
	memcpy(r + 1, &addr, 8);
	code = waits_add_waker(w, r, sizeof(*r) + 8);
	free(r);
	return code;
}

TEST(a_wait_is_held_until_its_user_stack_comes)
{
	struct got g = { 0 };
	struct waits *w;

	CHECK_EQ(waits_create(take, &g, &w), 0);
	CHECK_EQ(add_waker(w, 7, 100, 0xabc), 0);
	CHECK_EQ(add_wait(w, 7, 100, 200, 3, WIRE_WAIT_USER_PENDING | WIRE_WAIT_WAKER_SENT), 0);
	CHECK_EQ(g.cnt, 0);
	CHECK_EQ(add_user(w, 8, 3, 0x999), 0); /* another thread's */
	CHECK_EQ(g.cnt, 0);
	CHECK_EQ(add_user(w, 7, 3, 0x111), 0);
	CHECK_EQ(g.cnt, 1);
	CHECK_EQ(g.w[0].user0, 0x111);
	CHECK_EQ(g.w[0].waker0, 0xabc);
	CHECK_EQ(g.w[0].missing, 0);
	waits_destroy(w);
}

TEST(waits_of_one_system_call_share_its_user_stack_and_keep_their_wakers)
{
	struct got g = { 0 };
	struct waits *w;

	CHECK_EQ(waits_create(take, &g, &w), 0);
	for (uint64_t i = 1; i <= 3; i++) {
		CHECK_EQ(add_waker(w, 7, i * 100, i), 0);
		CHECK_EQ(add_wait(w, 7, i * 100, i * 100 + 50, 5, WIRE_WAIT_USER_PENDING | WIRE_WAIT_WAKER_SENT), 0);
	}
	CHECK_EQ(add_user(w, 7, 5, 0x222), 0);
	CHECK_EQ(g.cnt, 3);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(g.w[i].off_ts, (i + 1) * 100);
		CHECK_EQ(g.w[i].user0, 0x222);
		CHECK_EQ(g.w[i].waker0, i + 1);
	}
	/* a later wait of the same call finds the stack that was sent */
	CHECK_EQ(add_wait(w, 7, 900, 950, 5, WIRE_WAIT_USER_SENT), 0);
	CHECK_EQ(g.cnt, 4);
	CHECK_EQ(g.w[3].user0, 0x222);
	waits_destroy(w);
}

TEST(a_stack_of_another_epoch_is_never_used)
{
	struct got g = { 0 };
	struct waits *w;

	CHECK_EQ(waits_create(take, &g, &w), 0);
	CHECK_EQ(add_user(w, 7, 1, 0x111), 0);
	CHECK_EQ(add_wait(w, 7, 100, 200, 2, WIRE_WAIT_USER_SENT), 0); /* epoch 2's was lost */
	CHECK_EQ(g.cnt, 1);
	CHECK_EQ(g.w[0].has_user, 0);
	CHECK_EQ(g.w[0].missing, 1);
	CHECK_EQ(add_wait(w, 7, 300, 400, 3, WIRE_WAIT_USER_PENDING), 0);
	CHECK_EQ(add_user(w, 7, 4, 0x444), 0); /* epoch 3's was lost */
	CHECK_EQ(g.cnt, 2);
	CHECK_EQ(g.w[1].has_user, 0);
	CHECK_EQ(g.w[1].missing, 1);
	waits_destroy(w);
}

TEST(a_waker_belongs_to_its_wait_only)
{
	struct got g = { 0 };
	struct waits *w;

	CHECK_EQ(waits_create(take, &g, &w), 0);
	CHECK_EQ(add_waker(w, 7, 100, 0xabc), 0); /* its WAIT was lost */
	CHECK_EQ(add_wait(w, 7, 300, 400, 0, WIRE_WAIT_WAKER_SENT | WIRE_WAIT_KERNEL), 0);
	CHECK_EQ(g.cnt, 1);
	CHECK_EQ(g.w[0].has_waker, 0);
	waits_destroy(w);
}

TEST(kernel_threads_wait_for_nothing)
{
	struct got g = { 0 };
	struct waits *w;

	CHECK_EQ(waits_create(take, &g, &w), 0);
	CHECK_EQ(add_wait(w, 7, 100, 200, 0, WIRE_WAIT_KERNEL), 0);
	CHECK_EQ(g.cnt, 1);
	CHECK_EQ(g.w[0].missing, 0);
	waits_destroy(w);
}

TEST(patience_ends_and_the_end_gives_out_everything)
{
	struct got g = { 0 };
	struct waits *w;

	CHECK_EQ(waits_create(take, &g, &w), 0);
	CHECK_EQ(add_wait(w, 7, 100, 1 * MS, 1, WIRE_WAIT_USER_PENDING), 0);
	CHECK_EQ(add_wait(w, 8, 100, 3000 * MS, 1, WIRE_WAIT_USER_PENDING), 0);
	CHECK_EQ(waits_flush(w, 1000 * MS, NULL), 0);
	CHECK_EQ(g.cnt, 0);
	CHECK_EQ(waits_flush(w, 2002 * MS, NULL), 0);
	CHECK_EQ(g.cnt, 1);
	CHECK_EQ(g.w[0].missing, 1);
	CHECK_EQ(waits_flush(w, UINT64_MAX, NULL), 0);
	CHECK_EQ(g.cnt, 2);
	waits_destroy(w);
}

TEST(memory_held_for_stacks_that_never_come_is_bounded)
{
	struct got g = { 0 };
	struct waits *w;
	const int n = 250000; /* about 26 MB of records */

	CHECK_EQ(waits_create(take, &g, &w), 0);
	for (int i = 0; i < n; i++) {
		if (g.cnt > 32)
			g.cnt = 0; /* given out early: room in g again */
		CHECK_EQ(add_wait(w, 7, 100, 200, 1, WIRE_WAIT_USER_PENDING), 0);
	}
	CHECK(g.cnt > 0);
	waits_destroy(w);
}

TEST(an_ended_thread_is_forgotten_but_not_its_waits)
{
	struct got g = { 0 };
	struct waits *w;

	CHECK_EQ(waits_create(take, &g, &w), 0);
	CHECK_EQ(add_wait(w, 7, 100, 1 * MS, 1, WIRE_WAIT_USER_PENDING), 0);
	waits_exit(w, 7);
	CHECK_EQ(waits_flush(w, 2 * MS, NULL), 0);
	CHECK_EQ(add_user(w, 7, 1, 0x111), 0);
	CHECK_EQ(g.cnt, 1);
	CHECK_EQ(g.w[0].user0, 0x111);
	waits_exit(w, 7);
	CHECK_EQ(waits_flush(w, 3 * MS, NULL), 0);
	CHECK_EQ(waits_flush(w, 2004 * MS, NULL), 0);
	CHECK_EQ(add_wait(w, 7, 100, 2005 * MS, 1, WIRE_WAIT_USER_SENT), 0); /* the tid is another thread's now */
	CHECK_EQ(g.w[1].has_user, 0);
	waits_destroy(w);
}

/* A thread still gives up its memory after its exit was told, and waits while it does. */
TEST(an_ended_thread_waits_with_the_stack_it_left)
{
	struct got g = { 0 };
	struct waits *w;

	CHECK_EQ(waits_create(take, &g, &w), 0);
	CHECK_EQ(add_user(w, 7, 1, 0x111), 0);
	waits_exit(w, 7);
	CHECK_EQ(waits_flush(w, 2 * MS, NULL), 0);
	CHECK_EQ(add_wait(w, 7, 1 * MS, 5 * MS, 1, WIRE_WAIT_USER_SENT), 0);
	CHECK_EQ(g.w[0].user0, 0x111);
	CHECK_EQ(waits_flush(w, 1900 * MS, NULL), 0);
	CHECK_EQ(add_user(w, 7, 2, 0x222), 0); /* it is not done yet */
	CHECK_EQ(waits_flush(w, 2100 * MS, NULL), 0);
	CHECK_EQ(add_wait(w, 7, 1950 * MS, 2150 * MS, 2, WIRE_WAIT_USER_SENT), 0);
	CHECK_EQ(g.w[1].user0, 0x222);
	waits_destroy(w);
}

TEST(what_the_receiver_says_comes_back)
{
	struct got g = { .code = -ENOSPC };
	struct waits *w;

	CHECK_EQ(waits_create(take, &g, &w), 0);
	CHECK_EQ(add_wait(w, 7, 100, 200, 0, WIRE_WAIT_KERNEL), -ENOSPC);
	CHECK_EQ(add_wait(w, 7, 100, 200, 1, WIRE_WAIT_USER_PENDING), 0);
	CHECK_EQ(add_user(w, 7, 1, 1), -ENOSPC);
	waits_destroy(w);
}

TEST_MAIN()
