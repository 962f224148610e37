/* SPDX-License-Identifier: BSD-2-Clause */
/* The order in which inputs are read: that of the command line, but the segments of one recording together and by number; and that none is lost. */
#ifndef VARVE_INPUTS_H
#define VARVE_INPUTS_H

#include <stdbool.h>
#include <stddef.h>

#include "formats/err.h"

/* Sorts in place. What cannot be looked at without reading it (a pipe) stays where it is. 0 or -ENOMEM. */
int inputs_order(const char **inputs, size_t cnt, struct err *err);

/*
 * Whether the output may be written at path: an input, and any recording or database, is not replaced by a mistyped -o (is_db: a database is to be made,
 * which may replace another that is no input). 0, or -EEXIST.
 */
int inputs_spare(const char *const *inputs, size_t cnt, const char *path, bool is_db, struct err *err);

#endif
