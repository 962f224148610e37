/* SPDX-License-Identifier: BSD-2-Clause */
/* The complete segments of a recording that is kept in memory, the oldest first: what a snapshot is made of. Bounded; the oldest go. */
#ifndef VARVE_FLIGHT_H
#define VARVE_FLIGHT_H

#include <stdint.h>

#include "formats/output.h"

struct flight_segment {
	struct output out;
	uint64_t end_ts; /* CLOCK_MONOTONIC when it was completed */
};

/* All zero is empty. */
struct flight {
	struct flight_segment *list; /* owned */
	uint32_t cnt, cap;
	uint64_t bytes; /* of all of them */
};

/* Take *out over. 0 or -ENOMEM: then it stays the caller's. */
int flight_add(struct flight *f, struct output *out, uint64_t end_ts);

/* Let go of the oldest while all are more than max_bytes, and of those that were completed before min_ts. */
void flight_trim(struct flight *f, uint64_t max_bytes, uint64_t min_ts);

/* Append all to out. As output_write(). */
int flight_write(const struct flight *f, struct output *out, struct err *err);

void flight_deinit(struct flight *f);

#endif
