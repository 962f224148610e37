/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of a wire stack into frames (module, offset). */
#ifndef VARVE_FRAMES_H
#define VARVE_FRAMES_H

#include <stdint.h>

#include <linux/types.h>

#include "bpf/wire.h"
#include "formats/event.h"
#include "record/jit.h"
#include "record/kallsyms.h"
#include "record/symbols.h"
#include "record/tasks.h"

#define FRAMES_MEMO_SLOTS 64  /* by thread; a power of two */
#define FRAMES_MEMO_DEPTH 128 /* longer stacks are resolved each time */

/*
 * The last user stack of some threads, as addresses and as frames. A thread's next one mostly has its root, if not all, in common: those
 * frames need no search, and symbols were told of them. All zero is empty.
 */
struct frames_memo {
	struct frames_memo_slot {
		uint64_t state; /* tasks_state(); 0: empty */
		uint32_t jit_state, cnt;
		uint64_t addr[FRAMES_MEMO_DEPTH];
		struct frame f[FRAMES_MEMO_DEPTH];
	} slots[FRAMES_MEMO_SLOTS];
};

struct frames_sources {
	struct tasks *tasks;
	struct kallsyms *kallsyms; /* NULL: kernel frames stay addresses */
	struct symbols *symbols;   /* told of each frame; may be NULL */
	const struct jit *jit;	   /* may be NULL */
	struct frames_memo *memo;  /* may be NULL */
};

#define FRAMES_MAX (WIRE_KERNEL_DEPTH + WIRE_USER_DEPTH)

struct frames {
	struct frame f[FRAMES_MAX];
	uint32_t cnt;
};

/* skip: frames at the leaf to leave out, see frames_tracing(). */
void frames_add_kernel(struct frames *fs, const struct frames_sources *src, const struct wire_stack *s,
		       const uint64_t *addr, uint32_t skip);

/* The user half of thread tid as pid had it mapped at ts. addr: past the kernel half. */
void frames_add_user(struct frames *fs, const struct frames_sources *src, const struct wire_stack *s,
		     const uint64_t *addr, uint32_t pid, uint32_t tid, uint64_t ts);

/* What a kernel function tells about how its caller came there. */
enum frames_class {
	FRAMES_PLAIN = 0,
	FRAMES_GLUE = 1,	/* between a tracepoint and our program, the program itself included */
	FRAMES_INTERRUPT = 2,	/* an interrupt's entry: behind it lies what was interrupted */
	FRAMES_OWN_SOFTIRQ = 3, /* the thread runs softirqs of its own making (local_bh_enable() after sending to a local socket) */
	FRAMES_KSOFTIRQD = 4,	/* the thread that runs others' softirqs */
};

/* Classes by address, so that names are looked up once. All zero is empty. */
#define FRAMES_CACHE_SZ 1024
struct frames_cache {
	uint64_t addr[FRAMES_CACHE_SZ];
	uint8_t class[FRAMES_CACHE_SZ];
};

/*
 * Frames at the leaf that are the tracing itself: 0 for a stack without. For stacks taken in a tracepoint by the running thread. k
 * may be NULL: nothing is known then.
 */
uint32_t frames_tracing(struct frames_cache *c, const struct kallsyms *k, const uint64_t *addr, uint32_t cnt);

/*
 * How many of a waker's kernel frames belong to the wakeup: all, or, when it came in an interrupt, those down to the interrupt's
 * entry. *ret_irq says which.
 */
uint32_t frames_cut_interrupt(struct frames_cache *c, const struct kallsyms *k, const uint64_t *addr, uint32_t cnt,
			      int *ret_irq);

#endif
