/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Other tools' formats. Each writer takes the same input and writes one file; what it says is what
 * the database says: the same function has the same self and total in all of them.
 */
#ifndef VARVE_EXPORT_H
#define VARVE_EXPORT_H

#include <stdint.h>
#include <stdio.h>

#include "formats/err.h"
#include "report/db.h"
#include "report/filter.h"
#include "report/stacks.h"
#include "report/tasks.h"

/* Everything is borrowed. */
struct export_input {
	struct db *db;
	const struct filter *filter; /* .event chooses between on-CPU and waits where a format holds
					one kind of thing */
	struct stacks *stacks;
	struct tasks *tasks;
	int64_t duration_ns;
	int64_t t0_unix_ns, t0_mono_ns; /* clocks at ts 0 */
	uint64_t sample_ns;		/* what a sample stands for; 0: there are no samples */
};

/* Ask db for what the writers need to know. */
void export_input_init(struct export_input *in, struct db *db, const struct filter *f,
		       struct stacks *s, struct tasks *t);

/*
 * Each writes the whole file to f and returns 0, -ENOMEM, -EIO when f took an error, or what the
 * database said.
 */

/*
 * Go's and google's profile.proto, gzipped. One of on-CPU (samples, cpu) or waits (waits, delay).
 */
int export_pprof(const struct export_input *in, FILE *f, struct err *err);

/*
 * speedscope.app's JSON: all threads together first, then each thread in time order; on-CPU and
 * off-CPU.
 */
int export_speedscope(const struct export_input *in, FILE *f, struct err *err);

/*
 * Perfetto's protobuf trace: thread states, samples with stacks, OOM kills; ui.perfetto.dev and its
 * SQL read it.
 */
int export_perfetto(const struct export_input *in, FILE *f, struct err *err);

/* profiler.firefox.com's processed format, version 47: samples per thread, waits as markers. */
int export_firefox(const struct export_input *in, FILE *f, struct err *err);

/* The text `perf script` prints, which many tools read. */
int export_perf_script(const struct export_input *in, FILE *f, struct err *err);

/* Nodes of the stack trie from leaf to root into a buffer. */
/*
 * Returns how many of the first cap nodes of the stack were written to nodes[], leaf first; bounded
 * also for damaged tries.
 */
#define EXPORT_DEPTH_MAX 4096
uint32_t export_stack_nodes(const struct stacks *s, uint32_t stack, uint32_t *nodes, uint32_t cap);

/* The function a stack ended in; "[no stack]" for 0. */
const char *export_leaf_name(const struct stacks *s, uint32_t stack);

/* "comm" of a thread for labels, never NULL or "". */
const char *export_thread_name(const struct tasks *t, uint32_t utid);

#endif
