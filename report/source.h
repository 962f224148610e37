/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INPUT → an open database, or a profile: a database as it is; a recording imported first, once,
 * into a cache beside it (or in $XDG_CACHE_HOME), which is used again while recording, schema and
 * symbol options are the same.
 */
#ifndef VARVE_SOURCE_H
#define VARVE_SOURCE_H

#include <stdbool.h>

#include "report/db.h"
#include "report/options.h"
#include "report/profile.h"

/* *ret_damaged: the recording had damage: exit status 3. */
int source_open(const struct report_options *o, struct db **ret, bool *ret_damaged,
		struct err *err);

/*
 * The profile o->filter asks for: from a database or a current cache when there is one, else
 * straight from the recording where the filter allows it. p: profile_init()ed, to be deinitialized
 * whatever is returned.
 */
int source_profile(const struct report_options *o, struct profile *p, bool *ret_damaged,
		   struct err *err);

/* Import recordings into a database at path (replacing only a database of ours); NULL: a private
 * one. It stays open. */
int source_import(const struct report_options *o, const char *path, struct db **ret,
		  bool *ret_damaged, struct err *err);

#endif
