/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folded stacks: `comm;root;…;leaf N`, one line for each distinct chain of names, in an order that
 * depends on nothing but the names. Marks as stackcollapse's: _[k] kernel, _[i] inlined, _[j] JIT,
 * _[w] waker.
 */
#ifndef VARVE_FOLDED_H
#define VARVE_FOLDED_H

#include <stdio.h>

#include "report/profile.h"

/* Lines of value 0 are left out. 0, -ENOMEM, or the write's error. */
int folded_write(const struct profile *p, const struct filter *f, FILE *out, struct err *err);

#endif
