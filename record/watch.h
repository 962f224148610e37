/* SPDX-License-Identifier: BSD-2-Clause */
/* What makes a flight recorder write its snapshot (--snapshot-on): looked for in the events as they are recorded, and in memory pressure. */
#ifndef VARVE_WATCH_H
#define VARVE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/event.h"
#include "record/options.h"

struct watch {
	struct options_triggers triggers;
	int psi_fd; /* owned; -1: not watched */
	uint64_t psi_ts;
	bool has_fired;
	char text[160]; /* what it was that fired first */
};

/* psi: the file to watch, NULL: the host's. Returns 0, or -errno when memory pressure is to be watched and the kernel does not tell. */
int watch_init(struct watch *w, const struct options_triggers *t, const char *psi, struct err *err);
void watch_deinit(struct watch *w);

/* An event was recorded. */
void watch_event(struct watch *w, const struct event *ev);

/* Once a second or more often. now_ts: CLOCK_MONOTONIC ns. */
void watch_tick(struct watch *w, uint64_t now_ts);

/* True once after it fired, with what fired in text (which is valid until it fires again). */
bool watch_take(struct watch *w, const char **ret_text);

#endif
