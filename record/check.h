/* SPDX-License-Identifier: BSD-2-Clause */
/* --check: try each thing recording needs, and say how to mend what fails. */
#ifndef VARVE_CHECK_H
#define VARVE_CHECK_H

#include <stdio.h>

#include "record/options.h"

/* Print the answers (a line each, or one JSON object with o->json). Returns 0: all there, 1: something less, 2: cannot record. */
int check_run(const struct options *o, FILE *f);

#endif
