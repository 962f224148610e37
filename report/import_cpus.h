/* SPDX-License-Identifier: BSD-2-Clause */
/* How long each thread was on each CPU over the whole recording: the table thread_cpu. */
#ifndef VARVE_IMPORT_CPUS_H
#define VARVE_IMPORT_CPUS_H

#include "formats/idmap.h"
#include "report/db.h"
#include "report/table.h"

struct cpus_row {
	uint32_t utid, cpu;
	uint64_t ns, cnt;
};

/* All zero is empty. */
struct import_cpus {
	TABLE(struct cpus_row) rows;
	struct idmap map;
};

/* 0 or -ENOMEM. */
int import_cpus_add(struct import_cpus *c, uint32_t utid, uint32_t cpu, uint64_t ns);

/* kind: what was counted, "sample" or "slice". */
int import_cpus_write(const struct import_cpus *c, const char *kind, struct db *db,
		      struct err *err);
void import_cpus_deinit(struct import_cpus *c);

#endif
