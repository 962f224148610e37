/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chunks of an input, proven by their checksums, one after another; whatever lies between is
 * booked as damage. An input may hold several recordings, one behind the other.
 */
#ifndef VARVE_CHUNK_SCAN_H
#define VARVE_CHUNK_SCAN_H

#include "formats/damage.h"
#include "formats/input.h"

#define SEGMENTS_LISTED_MAX 65536
#define RECORDINGS_MAX 1024 /* in one input; others behind them are damage */

struct chunk_scan {
	struct input in;
	struct damage_log damage;
	struct file_header file; /* the recording's first one */
	bool has_file_header;
	bool has_rec32; /* file.rec32 is known: from a file header, else from the first chunk */
	uint32_t segments, chunks, duplicates;
	struct recording_segment *segment; /* owned; of the first SEGMENTS_LISTED_MAX file headers */
	uint32_t segment_cnt, segment_cap;
	uint64_t segment_no, newest_segment; /* of the last file header; the highest of all */
	uint64_t duplicate_bytes;
	uint64_t begin_off;	    /* where this recording begins in the input */
	struct file_header next;    /* of another recording, the last one seen */
	bool has_next;		    /* next is set */
	bool is_at_next;	    /* and begins here: this one is at its end */
	uint32_t *ended;	    /* owned; rec32 of the recordings before this one */
	uint32_t ended_cnt, ended_cap;
	uint64_t wasted;	    /* bytes of payloads whose checksum was computed and differed */
	struct chunk_header header; /* of the present chunk */
	const uint8_t *payload;	    /* stored_len bytes in the window */
	uint64_t off;		    /* of its header */
	uint64_t skip;		    /* bytes of the present chunk, to be passed by the next call */
	unsigned padding;	    /* zero bytes that may follow them */
};

/*
 * The next chunk that belongs to the recording and did not come before: s->header, s->payload
 * (until the next call). Returns 1, 0 at its end, -EPROTONOSUPPORT (a file header of a newer major
 * version or with unknown incompat flags), -EIO …, -ENOMEM.
 */
int chunk_scan_next(struct chunk_scan *s, struct err *err);

/*
 * After the end: go on to the next recording of the input, as if it had just been opened. Returns 1, 0: there is none, -EPROTONOSUPPORT (as
 * above), -ENOMEM.
 */
int chunk_scan_next_recording(struct chunk_scan *s, struct err *err);

/* The present chunk's content is bad though its checksum is good. */
void chunk_scan_reject(struct chunk_scan *s, const char *reason);

void chunk_scan_deinit(struct chunk_scan *s);

#endif
