/* SPDX-License-Identifier: BSD-2-Clause */
/* How much of what was sampled and waited in has names, image by image, and what would mend the
 * rest. */
#ifndef VARVE_NAMING_H
#define VARVE_NAMING_H

#include "report/options.h"
#include "report/profile.h"
#include "report/table.h"

struct naming_share {
	uint64_t frames, named;
};

/* [0]: on CPU, [1]: off CPU. */
struct naming {
	struct profile p; /* the one read last: for its images */
	struct naming_share total[2], leaves[2];
	TABLE(struct naming_image { struct naming_share of[2]; }) images; /* by image id */
};

/*
 * Count all stacks of the database. *ret: all zero before, to be released with naming_deinit()
 * whatever is returned. out: print the shares there (for `info`); NULL: count only.
 */
int naming_read(struct naming *ret, struct db *db, FILE *out, struct err *err);
void naming_deinit(struct naming *g);

/* `info --missing`. symfs: the root whose package database is asked; NULL: this machine's. */
int naming_print_missing(const struct naming *g, const char *symfs, FILE *out, struct err *err);

/* Has less than --min-named of the frames on or off the CPU a name? Says so on stderr. */
bool naming_is_below(const struct naming *g, const struct report_options *o);

#endif
