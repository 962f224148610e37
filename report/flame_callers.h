/* SPDX-License-Identifier: BSD-2-Clause */
/* A flame graph turned round: each frame stands on what it called, so that what costs most is one frame whoever called it. */
#ifndef VARVE_FLAME_CALLERS_H
#define VARVE_FLAME_CALLERS_H

#include "report/flame_tree.h"

/*
 * The tree of t's stacks from the leaf to the root; self values (and those of the recording compared with) go with their stacks, so both
 * trees have the same total. t is not settled yet and is not changed. Returns 0 or -ENOMEM; *ret is the caller's.
 */
int flame_callers(const struct flame_tree *t, struct flame_tree **ret);

#endif
