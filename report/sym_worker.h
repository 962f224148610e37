/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Indexes of several modules, each built in a process of its own with limits: a hostile or broken
 * file costs that module its names and nothing else.
 */
#ifndef VARVE_SYM_WORKER_H
#define VARVE_SYM_WORKER_H

#include "report/sym_index.h"
#include "report/sym_module.h"
#include "report/symbolize.h"

struct sym_job {
	const struct module *m;
	struct sym_ask ask;
	struct sym_index index;	  /* result: of the debug information; data NULL: none, reason says why */
	struct sym_index symbols; /* result: of what was asked for; data NULL: all of that is known */
	char reason[64];	/* "worker died: SIGSEGV", "worker timed out", … */
	bool from_cache;
};

/*
 * Run the jobs, o->jobs at a time. Returns 0 or -ENOMEM (also when no process can be made at all).
 */
int sym_worker_run(const struct symbolizer_options *o, struct sym_job *jobs, size_t cnt);

#endif
