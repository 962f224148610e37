/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words around a picture: what was recorded, when and where, what of it is shown, and what is
 * missing from it.
 */
#ifndef VARVE_FLAME_DESCRIBE_H
#define VARVE_FLAME_DESCRIBE_H

#include "report/db.h"
#include "report/filter.h"

/*
 * "host db1, 30.0 s from 2026-01-02 03:04:05 UTC, kernel 6.1.0, nginx -g daemon". free() it; NULL:
 * out of memory.
 */
char *flame_describe(struct db *db, const struct filter *f);

/*
 * "Lost or incomplete: 5 sample (ring full)"; "" when nothing was. free() it; NULL: out of memory.
 */
char *flame_describe_losses(struct db *db);

#endif
