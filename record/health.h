/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the recorder itself costs, as EVENT_COUNTER with scope "varve", once a second: varve.cpu_us (total so far),
 * varve.rss_kb, and what the caller adds.
 */
#ifndef VARVE_HEALTH_H
#define VARVE_HEALTH_H

#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/recording.h"

struct health {
	struct recording_writer *writer;
	uint64_t last_ts;
	int statm_fd; /* -1 until first used */
};

/* One more number to write, e.g. {"varve.ring_fill_pct", 12}. */
struct health_extra {
	const char *name;
	int64_t value;
};

void health_init(struct health *h, struct recording_writer *w);
void health_deinit(struct health *h);

/* Write the counters if a second has passed since the last time. Returns 1 when it did, 0, or a writer's error. */
int health_tick(struct health *h, uint64_t now_ts, const struct health_extra *extra, size_t extra_cnt, struct err *err);

#endif
