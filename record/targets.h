/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether those whom -p and -t named, and the children that were followed from them, are still there. */
#ifndef VARVE_TARGETS_H
#define VARVE_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

struct programs;

/* A process (all of its threads), or a thread, that has ended. Ended is also who waits for its parent to ask: nothing of it will be recorded. */
bool targets_has_ended(uint32_t id);

/* None left? Reads /proc of the first that is. False where the recording was not asked for by ids. */
bool targets_have_ended(const struct programs *p);

#endif
