/* SPDX-License-Identifier: BSD-2-Clause */
/* The order in which inputs are read: that of the command line, but the segments of one recording together and by number. */
#ifndef VARVE_INPUTS_H
#define VARVE_INPUTS_H

#include <stddef.h>

#include "formats/err.h"

/* Sorts in place. What cannot be looked at without reading it (a pipe) stays where it is. 0 or -ENOMEM. */
int inputs_order(const char **inputs, size_t cnt, struct err *err);

#endif
