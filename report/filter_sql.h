/* SPDX-License-Identifier: BSD-2-Clause */
/* Filters as the parameters of a statement. */
#ifndef VARVE_FILTER_SQL_H
#define VARVE_FILTER_SQL_H

#include "report/db.h"
#include "report/filter.h"

/*
 * Where st has them: :threads, a JSON array of the utids that pass (NULL: all); :from and :to, ns;
 * :whole, 1 without --time; :most, 1 where --time leaves out less than half of the time there is.
 */
int filter_bind(const struct filter *f, struct db *db, struct db_stmt *st, struct err *err);

#endif
