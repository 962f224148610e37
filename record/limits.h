/* SPDX-License-Identifier: BSD-2-Clause */
/* The resource limits that recording needs, of this process. */
#ifndef VARVE_LIMITS_H
#define VARVE_LIMITS_H

#include "formats/err.h"

/*
 * Make room for the files a recording opens (BPF maps and programs, events of each CPU, the files that are mapped), as far as is allowed:
 * children forked from now on have that limit too. Returns 0, or -EMFILE with the hint when what is allowed cannot be enough.
 */
int limits_raise_files(struct err *err);

#endif
