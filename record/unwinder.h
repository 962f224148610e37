/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps the BPF unwinder's tables in step with what runs, and finishes the stacks it could not. One per recording.
 */
#ifndef VARVE_UNWINDER_H
#define VARVE_UNWINDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "record/dwarf_expr.h"
#include "record/modules.h"
#include "record/tasks.h"
#include "record/unwind_procs.h"

#include "bpf/wire.h"

struct unwinder_options {
	struct unwind_maps maps;
	uint64_t cap_sz;	/* of the rows; 0: UNWIND_CAP_SZ */
	struct tasks *tasks;	/* listened to from now on */
	struct modules *modules;
	/*
	 * Asked at the first mapping of a process, and after an exec: whether its rows are made at once, or when it is met. Until then its
	 * stacks come as slices. NULL: all at once.
	 */
	bool (*is_eager)(void *ctx, uint32_t pid);
	void *ctx;
};

struct unwinder_stats {
	struct unwind_table_stats table;
	struct unwind_procs_stats procs;
	uint64_t slices;	/* arrived */
	uint64_t slices_done;	/* brought a stack further … */
	uint64_t slices_complete; /* … and to its end */
	uint64_t exprs[DWARF_EXPR_RESULTS]; /* DWARF expressions run for them, by what came of it */
	uint64_t slices_late;	/* their record never came, or after too many others */
};

struct unwinder;

int unwinder_create(const struct unwinder_options *o, struct unwinder **ret, struct err *err);
/* Before tasks and modules. */
void unwinder_destroy(struct unwinder *u);

/* After the side-band was drained: bring the kernel's tables up to date. Cheap when nothing changed. */
void unwinder_flush(struct unwinder *u, uint64_t now_ts);

/* A record speaks of pid: its rows are made, if they were not. Cheap when they were. */
void unwinder_meet(struct unwinder *u, uint32_t pid);

/* The kernel half gave up its knowledge of pid: it is sent again by the next flush. */
void unwinder_changed(struct unwinder *u, uint32_t pid);

/* Nobody maps the module any more, and it is forgotten: e->user goes. False: a process here still maps it, and nothing changed. */
bool unwinder_forget(struct unwinder *u, struct module_entry *e, uint64_t now_ts);

/* A WIRE_SLICE record; copied. */
void unwinder_add_slice(struct unwinder *u, const struct wire_slice *rec, size_t sz);

/*
 * Finish the user half of a stack whose .slice is set: from CPU cpu, kernel_cnt + user_cnt addresses at addr, which has room for
 * room more. Changes s->user_cnt, s->user_end and s->slice (to 0). Returns the number of addresses added.
 */
uint32_t unwinder_finish(struct unwinder *u, uint16_t cpu, struct wire_stack *s, uint64_t *addr, uint32_t room);

/*
 * Write what the unwinder did so far as EVENT_COUNTER "varve.unwind.*" of scope "varve". counts: what the kernel half counted, by enum
 * unwind_count. Returns 0 or the writer's error.
 */
int unwinder_write_counters(const struct unwinder *u, const uint64_t counts[UNWIND_COUNTS], struct recording_writer *w,
			    uint64_t now_ts, struct err *err);

void unwinder_get_stats(const struct unwinder *u, struct unwinder_stats *ret);

#endif
