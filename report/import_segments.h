/* SPDX-License-Identifier: BSD-2-Clause */
/* Which segments of a recording were read, and which not: those deleted while it went on (--keep), or not given. */
#ifndef VARVE_IMPORT_SEGMENTS_H
#define VARVE_IMPORT_SEGMENTS_H

#include <stdbool.h>

#include "formats/recording.h"
#include "report/table.h"

/* All zero is empty. */
struct import_segments {
	TABLE(struct recording_segment) list;
};

/* Take over what a reader saw. 0 or -ENOMEM. */
int import_segments_add(struct import_segments *s, const struct recording_summary *sum);

/* Sort by number, each once. After the last add(), before the questions. */
void import_segments_sort(struct import_segments *s);

/* A stretch that was not read between two that were. */
struct import_segments_gap {
	uint64_t first, last;	   /* numbers */
	uint64_t from_ts, until_ts; /* CLOCK_MONOTONIC: the end of the one before, the begin of the one behind */
};

/* The next gap; *at is 0 at first. False: there are no more. */
bool import_segments_gap(const struct import_segments *s, uint32_t *at, struct import_segments_gap *ret);

/* "2-5, 8", of very many the first ones; the caller frees it. NULL: out of memory. */
char *import_segments_text(const struct import_segments *s);

/* Whether the recording is one that was cut: else there is nothing to tell. */
bool import_segments_is_cut(const struct import_segments *s);

void import_segments_deinit(struct import_segments *s);

#endif
