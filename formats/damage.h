/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The books of what a recording does not hold: stretches of bytes that are no chunk, and chunk
 * numbers that never came. One stretch is open at a time; the next good chunk closes it.
 */
#ifndef VARVE_DAMAGE_H
#define VARVE_DAMAGE_H

#include "formats/format.h"
#include "formats/recording.h"
#include "formats/seqset.h"

/* What is known of a listed stretch beside what is told. */
struct damage_note {
	uint64_t first_seq; /* of the missing numbers, UINT64_MAX: not known */
	bool is_open_ended; /* its last_ts waits for a chunk with times */
};

/* All zero is empty. Owns everything. */
struct damage_log {
	struct recording_damage *list;
	struct damage_note *notes; /* beside list */
	uint32_t cnt, cap, note_cap;
	uint32_t timed_cnt;	      /* notes before this are not open-ended */
	struct recording_damage open; /* reason[0] is 0 when none is */
	uint64_t open_headers;	      /* proven chunk headers in it, with exact times */
	struct seqset seen;
	uint64_t next_seq; /* behind the highest seen */
	bool has_next_seq;
	uint64_t prev_first_ts, prev_last_ts; /* of the last good chunk with times */
	uint64_t total; /* stretches, also those not listed for their number */
};

#define DAMAGE_LISTED_MAX 65536 /* further ones are counted, not listed */

/*
 * The input is bad at off. The first reason of a stretch stays. h: the chunk's header when that is
 * proven, or NULL.
 */
void damage_begin(struct damage_log *d, uint64_t off, const struct chunk_header *h,
		  const char *reason);

/*
 * A good chunk was found at off: closes the open stretch and looks for numbers that are missing.
 * Returns 1, 0 when a chunk of that number was there before (to be dropped), or -ENOMEM.
 */
int damage_good_chunk(struct damage_log *d, uint64_t off, const struct chunk_header *h);

/* The next good chunk need not be the one after the last. */
void damage_forget_order(struct damage_log *d);

/*
 * The input ends at off, or goes on with something that is neither damage nor a chunk. Returns 0 or
 * -ENOMEM.
 */
int damage_close(struct damage_log *d, uint64_t off);

void damage_deinit(struct damage_log *d);

#endif
