/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows as aligned columns, for people. */
#ifndef VARVE_PRINT_TABLE_H
#define VARVE_PRINT_TABLE_H

#include <stdio.h>

#include "report/db.h"

/*
 * All rows of st, below their columns' names. width: that of the terminal, in columns, or 0: it does
 * not matter. So that each row is a line of it, names are broken into several lines (after _) and
 * texts are cut (…). Rows that fit in no such way, and a single one that would be cut, are written
 * as records: each column on a line of its own, nothing cut, an empty line between two.
 */
int print_table(struct db_stmt *st, int width, FILE *out, struct err *err);

#endif
