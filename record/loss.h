/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was seen and what of it was lost, by kind of event: time ranges while recording, and totals at the end, where
 * seen = written + ring_full + map_full + user_dropped.
 */
#ifndef VARVE_LOSS_H
#define VARVE_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "bpf/wire.h"
#include "formats/err.h"
#include "formats/recording.h"
#include "record/events.h"

/* What the totals of the segments before this one said, by stream. */
struct loss_told {
	uint64_t seen, written, ring_full, map_full, stack_error, user_dropped;
};

/* All zero is a start. */
struct loss {
	struct loss_told told[WIRE_STREAM_CNT];
	uint64_t last_ts;
	struct wire_counters last;
	uint64_t last_dropped[EVENT_KIND_CNT], last_missed[EVENT_KIND_CNT], last_stack_errors[EVENT_KIND_CNT];
};

/* Where numbers come from besides the BPF counters. */
struct loss_sources {
	const struct wire_counters *kernel;
	const struct events_stats *events;
	const struct recording_writer_stats *writer;
	const uint64_t *iterated; /* EVENT_KIND_CNT: made by the task iterator, not counted by the kernel */
	const uint64_t *missed;	  /* EVENT_KIND_CNT: programs_read_missed() */
	bool want_task; /* all forks, execs, names and exits belong into the file */
};

/* Write EVENT_LOSS for what was lost since the last call, in [last, now]. Returns 0 or a writer's error. */
int loss_tick(struct loss *l, const struct loss_sources *s, struct recording_writer *w, uint64_t now_ts,
	      struct err *err);

/*
 * Write EVENT_STREAM_TOTAL of every kind the kernel counts: what came since the last call. Call after a flush of the writer. Where a segment follows
 * (!is_last), what is still under way counts there: seen is then what was written or lost by now.
 */
int loss_totals(struct loss *l, const struct loss_sources *s, struct recording_writer *w, uint64_t now_ts, bool is_last, struct err *err);

/* All events that are not in the file, and the share of each reason. */
struct loss_sum {
	uint64_t lost, ring_full, map_full, user_dropped, missed, stack_error;
};
void loss_sum(const struct loss_sources *s, struct loss_sum *ret);

#endif
