/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waits come from the kernel in up to three records: who ended it (WAKER), the wait with its kernel stack (WAIT), and the user
 * stack, which the thread delivers on its way back to user mode or left when it went to sleep (USER_STACK). Here they meet.
 */
#ifndef VARVE_WAITS_H
#define VARVE_WAITS_H

#include <stdbool.h>

#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include "bpf/wire.h"
#include "formats/err.h"

#define WAITS_PATIENCE_NS 2000000000ULL /* how long a wait is held for its user stack */

/* A wait with what was found of it. Valid during the callback. Addresses follow each struct in memory. */
struct wait_parts {
	const struct wire_wait *wait;
	const struct wire_user_stack *user; /* NULL: not delivered, or none to be had (kernel thread) */
	const struct wire_waker *waker;	    /* NULL: none sent, or lost */
	int user_missing;		    /* it should have come and did not */
};

typedef int (*waits_fn)(void *ctx, const struct wait_parts *p, struct err *err);

struct waits;

int waits_create(waits_fn fn, void *ctx, struct waits **ret);
void waits_destroy(struct waits *w);

/*
 * One record of each kind, checked before for its size. Everything needed later is copied. Return 0, -ENOMEM, or what fn
 * returned for a wait that became complete.
 */
int waits_add_waker(struct waits *w, const struct wire_waker *rec, size_t sz);
int waits_add_user_stack(struct waits *w, const struct wire_user_stack *rec, size_t sz, struct err *err);
int waits_add(struct waits *w, const struct wire_wait *rec, size_t sz, struct err *err);

/*
 * The thread ended. It may be off the CPU some more times while it gives up its memory: what is kept of it goes with the first flush
 * WAITS_PATIENCE_NS after it was last heard of.
 */
void waits_exit(struct waits *w, uint32_t tid);
/* The same of each thread that is_known does not know: its exit was lost. */
void waits_exit_unknown(struct waits *w, bool (*is_known)(void *ctx, uint32_t tid), void *ctx);

/*
 * Give out, without their user stack, the waits that ended before now_ts - WAITS_PATIENCE_NS (or all: now_ts UINT64_MAX), and forget
 * ended threads. Returns 0 or fn's error.
 */
int waits_flush(struct waits *w, uint64_t now_ts, struct err *err);

#endif
