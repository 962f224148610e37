/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows as aligned columns, for people. */
#ifndef VARVE_PRINT_TABLE_H
#define VARVE_PRINT_TABLE_H

#include <stdio.h>

#include "report/db.h"

/*
 * All rows of st, below their columns' names. width: that of the terminal, in columns; the longest
 * texts are cut (…) where that makes each row a line. 0: nothing is cut.
 */
int print_table(struct db_stmt *st, int width, FILE *out, struct err *err);

#endif
