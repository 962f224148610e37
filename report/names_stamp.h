/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Could a database that was made before get better names today? Its images that have no debug
 * information, or not all of it, are looked up again, by size and time only, where their debug files
 * (dwz supplements, .dwo and .dwp files) would be.
 */
#ifndef VARVE_NAMES_STAMP_H
#define VARVE_NAMES_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "report/db.h"
#include "report/symbolize.h"

/*
 * A number that changes when one of those files comes, goes or changes. Kept in the database's meta
 * as 'names_stamp'; different from what is kept there: symbolize anew. Returns 0 or what reading the
 * database gives.
 */
int names_stamp(struct db *db, const struct symbolizer_options *o, uint64_t *ret, struct err *err);

#endif
