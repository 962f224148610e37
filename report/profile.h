/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What folded stacks, flame graphs, tops and exports print: how much of one kind of event each thread spent in each stack, after the
 * filters. Read from a database or made straight from a recording; both ways give the same entries.
 */
#ifndef VARVE_PROFILE_H
#define VARVE_PROFILE_H

#include <stdint.h>

#include "formats/idmap.h"
#include "report/db.h"
#include "report/filter.h"
#include "report/stacks.h"
#include "report/tasks.h"

/* A sum over the events with equal utid, stack, waker and waker's stack. */
struct profile_entry {
	uint32_t utid;
	uint32_t stack;	       /* stacks.nodes; 0: no stack was taken */
	uint32_t waker_utid;   /* off-CPU kinds: 0 unknown or an interrupt */
	uint32_t waker_stack;
	bool waker_irq;
	uint64_t cnt, ns;
};

struct profile {
	struct stacks *stacks; /* not owned when it came from an import */
	struct tasks *tasks;
	TABLE(struct profile_entry) entries;
	struct idmap map;
	uint64_t cnt, ns; /* of all entries */
	bool owns;
};

void profile_init(struct profile *p);
void profile_deinit(struct profile *p);

/* Add to the entry with e's key. 0 or -ENOMEM. */
int profile_add(struct profile *p, const struct profile_entry *e);

/* Read the stacks, the tasks and the events f takes. p: profile_init()ed. */
int profile_read(struct profile *p, struct db *db, const struct filter *f, struct err *err);

/*
 * From entries made without a filter on threads: drop those whose thread f does not take (known only when the whole recording was
 * read).
 */
void profile_drop_threads(struct profile *p, const struct filter *f);

#endif
