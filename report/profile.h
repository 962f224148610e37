/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What folded stacks, flame graphs, tops and exports print: how much of one kind of event each
 * thread spent in each stack, after the filters. Read from a database or made straight from a
 * recording; both ways give the same entries.
 */
#ifndef VARVE_PROFILE_H
#define VARVE_PROFILE_H

#include <stdint.h>

#include "formats/idmap.h"
#include "report/db.h"
#include "report/filter.h"
#include "report/import.h"
#include "report/stacks.h"
#include "report/tasks.h"

/* A sum over the events with equal utid, stack, waker and waker's stack. */
struct profile_entry {
	uint32_t utid;
	uint32_t stack;	     /* stacks.nodes; 0: no stack was taken */
	uint32_t waker_utid; /* off-CPU kinds: 0 unknown or an interrupt */
	uint32_t waker_stack;
	bool waker_irq;
	uint64_t cnt, ns;
};

struct profile {
	struct stacks *stacks;
	struct tasks *tasks;
	TABLE(struct profile_entry) entries;
	struct idmap map;
	uint64_t cnt, ns;      /* of all entries */
	int64_t duration_ns;   /* of the recording */
	struct import *import; /* owner of stacks and tasks, or NULL: they are ours */
};

void profile_init(struct profile *p);
void profile_deinit(struct profile *p);

/* Add to the entry with e's key. 0 or -ENOMEM. */
int profile_add(struct profile *p, const struct profile_entry *e);

/* Read the stacks, the tasks and the events f takes from a database. */
int profile_read(struct profile *p, struct db *db, const struct filter *f, struct err *err);

/* The same straight from recordings, without a database. f must be streamable. What was damaged
 * goes to *ret_damage. */
int profile_import(struct profile *p, const char *const *paths, size_t path_cnt,
		   const struct symbolizer_options *symbols, const struct filter *f,
		   struct import_damage *ret_damage, struct err *err);

/* Judge one event and add it: what both ways above do with each. from and to: filter_time(). */
int profile_add_sample(struct profile *p, const struct filter *f, int64_t from, int64_t to,
		       const struct import_sample *s);
int profile_add_offcpu(struct profile *p, const struct filter *f, int64_t from, int64_t to,
		       const struct import_offcpu *o);

#endif
