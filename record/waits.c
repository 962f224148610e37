// SPDX-License-Identifier: BSD-2-Clause
#include "record/waits.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"

#define BUCKETS 4096
#define PENDING_MAX (16UL << 20) /* bytes of waits held for their user stack */

struct pending {
	struct pending *next;
	struct wire_waker *waker; /* owned; NULL: none */
	size_t sz;
	struct wire_wait wait; /* addresses follow */
};

struct waiting_thread {
	struct waiting_thread *next;
	uint32_t tid;
	bool ended;
	uint64_t quiet_ts; /* of an ended one: the first flush since it was last heard of; 0: none yet */
	struct wire_user_stack *user; /* the last one delivered; owned */
	size_t user_cap;
	struct wire_waker *waker; /* of the wait to come; owned */
	struct pending *first, **last;
};

struct waits {
	waits_fn fn;
	void *ctx;
	size_t pending_sz;
	bool any_ended;
	struct waiting_thread *buckets[BUCKETS];
};

int waits_create(waits_fn fn, void *ctx, struct waits **ret)
{
	struct waits *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->fn = fn;
	w->ctx = ctx;
	*ret = w;
	return 0;
}

static void thread_destroy(struct waiting_thread *t)
{
	while (t->first) {
		struct pending *p = t->first;

		t->first = p->next;
		free(p->waker);
		free(p);
	}
	free(t->user);
	free(t->waker);
	free(t);
}

void waits_destroy(struct waits *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (w->buckets[i]) {
			struct waiting_thread *t = w->buckets[i];

			w->buckets[i] = t->next;
			thread_destroy(t);
		}
	free(w);
}

static struct waiting_thread *find(struct waits *w, uint32_t tid, bool create)
{
	struct waiting_thread **slot = &w->buckets[tid % BUCKETS], *t;

	for (t = *slot; t; t = t->next) {
		if (t->tid == tid) {
			t->quiet_ts = 0;
			return t;
		}
	}
	t = create ? calloc(1, sizeof(*t)) : NULL;
	if (!t)
		return NULL;
	t->tid = tid;
	t->last = &t->first;
	t->next = *slot;
	*slot = t;
	return t;
}

static int give(struct waits *w, const struct wire_wait *wait, const struct wire_user_stack *user,
		const struct wire_waker *waker, struct err *err)
{
	const struct wait_parts parts = {
		.wait = wait,
		.user = user,
		.waker = waker,
		.user_missing = !user && wait->head.flags & (WIRE_WAIT_USER_PENDING | WIRE_WAIT_USER_SENT),
	};

	return w->fn(w->ctx, &parts, err);
}

/* Give out the oldest wait that is held. */
static int give_first(struct waits *w, struct waiting_thread *t, struct err *err)
{
	struct pending *p = t->first;
	const struct wire_user_stack *user = t->user && t->user->epoch == p->wait.epoch ? t->user : NULL;
	int code;

	t->first = p->next;
	if (!t->first)
		t->last = &t->first;
	w->pending_sz -= p->sz;
	code = give(w, &p->wait, user, p->waker, err);
	free(p->waker);
	free(p);
	return code;
}

int waits_add_waker(struct waits *w, const struct wire_waker *rec, size_t sz)
{
	struct waiting_thread *t = find(w, rec->wakee_tid, true);
	struct wire_waker *copy = t ? realloc(t->waker, sz) : NULL;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, rec, sz);
	t->waker = copy;
	return 0;
}

int waits_add_user_stack(struct waits *w, const struct wire_user_stack *rec, size_t sz, struct err *err)
{
	struct waiting_thread *t = find(w, rec->tid, true);
	int code = 0, ret = 0;

	if (!t)
		return -ENOMEM;
	if (sz > t->user_cap) {
		struct wire_user_stack *copy = realloc(t->user, sz);

		if (!copy)
			return -ENOMEM;
		t->user = copy;
		t->user_cap = sz;
	}
	memcpy(t->user, rec, sz);
	/* every wait held is of this epoch, or of one whose stack was lost */
	while (t->first) {
		code = give_first(w, t, err);
		ret = ret ?: code;
	}
	return ret;
}

static int hold(struct waits *w, struct waiting_thread *t, const struct wire_wait *rec, size_t sz,
		struct wire_waker *waker)
{
	struct pending *p = malloc(offsetof(struct pending, wait) + sz);

	if (!p)
		return -ENOMEM;
	p->next = NULL;
	p->waker = waker;
	p->sz = sz;
	memcpy(&p->wait, rec, sz);
	*t->last = p;
	t->last = &p->next;
	w->pending_sz += sz;
	return 0;
}

int waits_add(struct waits *w, const struct wire_wait *rec, size_t sz, struct err *err)
{
	struct waiting_thread *t = find(w, rec->task.tid, false);
	_cleanup_free_ struct wire_waker *waker = NULL;
	const struct wire_user_stack *user = NULL;
	bool must_hold = rec->head.flags & WIRE_WAIT_USER_PENDING;
	int code;

	if (must_hold && !t) {
		t = find(w, rec->task.tid, true);
		if (!t)
			return -ENOMEM;
	}
	if (t && t->waker && t->waker->off_ts == rec->off_ts && rec->head.flags & WIRE_WAIT_WAKER_SENT)
		waker = take_ptr(t->waker);
	if (t && t->user && t->user->epoch == rec->epoch && rec->head.flags & WIRE_WAIT_USER_SENT)
		user = t->user;
	if (!must_hold)
		return give(w, rec, user, waker, err);
	code = hold(w, t, rec, sz, waker);
	if (!code)
		waker = NULL;
	if (!code && w->pending_sz > PENDING_MAX)
		code = give_first(w, t, err);
	return code;
}

void waits_exit(struct waits *w, uint32_t tid)
{
	struct waiting_thread *t = find(w, tid, false);

	if (t)
		t->ended = w->any_ended = true;
}

void waits_exit_unknown(struct waits *w, bool (*is_known)(void *ctx, uint32_t tid), void *ctx)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct waiting_thread *t = w->buckets[i]; t; t = t->next)
			if (!t->ended && !is_known(ctx, t->tid))
				t->ended = w->any_ended = true;
}

static int flush_thread(struct waits *w, struct waiting_thread *t, uint64_t now_ts, struct err *err)
{
	int ret = 0;

	while (t->first && (now_ts == UINT64_MAX || t->first->wait.head.ts + WAITS_PATIENCE_NS < now_ts)) {
		int code = give_first(w, t, err);

		ret = ret ?: code;
	}
	return ret;
}

/* Whether nothing more will be heard of the thread. */
static bool is_over(struct waiting_thread *t, uint64_t now_ts)
{
	if (!t->ended || t->first)
		return false;
	if (!t->quiet_ts)
		t->quiet_ts = now_ts;
	return now_ts == UINT64_MAX || t->quiet_ts + WAITS_PATIENCE_NS < now_ts;
}

int waits_flush(struct waits *w, uint64_t now_ts, struct err *err)
{
	bool ended_left = false;
	int ret = 0;

	if (!w->pending_sz && !w->any_ended)
		return 0;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct waiting_thread **slot = &w->buckets[i], *t;

		while ((t = *slot)) {
			int code = flush_thread(w, t, now_ts, err);

			ret = ret ?: code;
			if (is_over(t, now_ts)) {
				*slot = t->next;
				thread_destroy(t);
			} else {
				ended_left |= t->ended;
				slot = &t->next;
			}
		}
	}
	w->any_ended = ended_left;
	return ret;
}
