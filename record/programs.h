/* SPDX-License-Identifier: BSD-2-Clause */
/* The BPF programs: configured for one recording, loaded, attached. The only file that sees the skeleton. */
#ifndef VARVE_PROGRAMS_H
#define VARVE_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include "bpf/wire.h"
#include "formats/err.h"
#include "formats/event.h"
#include "record/kallsyms.h"
#include "record/kernel.h"
#include "record/options.h"
#include "record/unwind_table.h"

enum programs_ring { RING_MAIN = 0, RING_SCHED = 1, RING_TASK = 2, RING_OOM = 3, RING_CNT = 4 };

struct programs_config {
	const struct options *options;
	const struct kernel *kernel;
	bool cgroup_v1;		     /* tasks' cgroup is that of the v1 cpu controller */
	const uint64_t *cgroup_ids;  /* -G, resolved */
	size_t cgroup_cnt;
	uint32_t child_pid;	     /* the command's process, a target; 0: none */
};

struct programs;

/*
 * Open, configure and load. Nothing runs yet. Returns 0, -EINVAL (a bad pattern), or the errno of bpf(2) with what the kernel
 * refused.
 */
int programs_load(const struct programs_config *c, struct programs **ret, struct err *err);

/* Attach everything but the sampler. What is optional and refused is left out (programs_missing() says so). */
int programs_attach(struct programs *p, struct err *err);

void programs_destroy(struct programs *p);

/* Whether not everybody is recorded (the recorder itself aside). */
bool programs_have_targets(const struct programs *p);

/* Whether targets were named by their ids; and those that there are now, children included, one after another: *id is the last (in) and the next (out). */
bool programs_have_target_ids(const struct programs *p);
bool programs_next_target_id(const struct programs *p, bool is_first, uint32_t *id);

/* Names of what could not be attached, "" when nothing is missing: for -v and --check. */
const char *programs_missing(const struct programs *p);

/* Events from `ts` on are recorded; before programs_start() none are. */
void programs_start(struct programs *p, uint64_t ts);
void programs_stop(struct programs *p, uint64_t ts);

/* The sampler on one CPU's perf event (whose fd stays the caller's). Returns an opaque link, or NULL with *err set. */
void *programs_attach_sampler(struct programs *p, int perf_fd, struct err *err);
void programs_detach_sampler(void *link);

int programs_ring_fd(const struct programs *p, enum programs_ring r, uint64_t *ret_size);

/*
 * Runs the kernel left out because the same program was under way on that CPU, by kind of the event that was lost (EVENT_OFFCPU for
 * the scheduler hooks: a switch or wakeup went unaccounted). ret has EVENT_KIND_CNT entries. Zero on kernels before 5.12, which do
 * not count them.
 */
void programs_read_missed(const struct programs *p, uint64_t *ret);

/* Sums over CPUs. To be called about once a second: the kernel half's means of interrupting itself are renewed here. */
int programs_read_counters(struct programs *p, struct wire_counters *ret, struct err *err);

/*
 * Run the task iterator and hand each of its records to fn. Returns the number of records, fn's negative return, or -errno.
 */
typedef int (*programs_record_fn)(void *ctx, const void *data, size_t sz);
int programs_iterate(struct programs *p, enum wire_iter_mode mode, programs_record_fn fn, void *ctx,
		     struct err *err);

/* The unwinder's tables, to be filled. Returns whether user stacks are taken from them (--call-graph auto). */
bool programs_unwind_maps(const struct programs *p, struct unwind_maps *ret);

/* What the unwinder counted, by enum unwind_count, summed over CPUs. Returns 0, -ENOMEM or -errno. */
int programs_read_unwind_counts(const struct programs *p, uint64_t ret[UNWIND_COUNTS]);

/*
 * kallsyms_lookup.find; ctx is the programs. Only where programs_can_find_symbols(): kernels since 5.13.
 */
bool programs_find_symbol(void *programs, uint64_t addr, struct kallsyms_found *ret);
bool programs_can_find_symbols(const struct programs *p);

#endif
