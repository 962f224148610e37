/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is recorded: from the options to what the BPF programs look at. */
#ifndef VARVE_TARGET_H
#define VARVE_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "bpf/wire.h"
#include "formats/err.h"

/*
 * Compile a fnmatch(3) pattern (*, ?, [a-z], [!x], \c) into the automaton of wire.h.
 * Returns 0, or -EINVAL: too long (more than 31 positions), or a bracket without its end.
 */
int target_compile_glob(const char *pattern, struct wire_glob *ret, struct err *err);

/* What the BPF program answers for a name: for tests, and for tasks that are matched in user space. */
bool target_glob_matches(const struct wire_glob *g, const char *comm);

#endif
