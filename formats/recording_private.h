/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of a recording_writer: recording_writer.c takes events and says when chunks are written, recording_chunk.c writes one,
 * recording_file.c has the files they go to, recording_flight.c those that are made of what is in memory.
 */
#ifndef VARVE_RECORDING_PRIVATE_H
#define VARVE_RECORDING_PRIVATE_H

#include <zstd.h>

#include "formats/chunk_writer.h"
#include "formats/flight.h"
#include "formats/format.h"
#include "formats/output.h"
#include "formats/recording.h"
#include "formats/segments.h"

/* Events of chunks that could not be written, until a LOSS chunk tells of them. */
struct unwritten {
	uint64_t cnt, first_ts, last_ts;
};

struct recording_writer {
	struct output out;
	struct segments segments; /* where options.is_segmented */
	uint64_t segment;	  /* of this recording, from 0 */
	struct flight flight;	  /* where options.flight.bytes; out is in memory then, too */
	uint64_t snapshots;
	struct recording_writer_options options;
	struct recording_writer_stats stats;
	ZSTD_CCtx *zstd;
	struct modtab modules;
	struct chunk_writer chunks[CHUNK_TYPE_CNT];
	uint64_t opened_ts[CHUNK_TYPE_CNT]; /* when the chunk got its first event */
	bool after_loss[CHUNK_TYPE_CNT];
	struct unwritten unwritten[EVENT_KIND_CNT];
	struct buffer raw, packed;
	uint64_t seq, now_ts, synced_ts, synced_bytes;
	uint64_t newest_ts; /* of all events */
	uint32_t rec32;
};

/* The order chunks are written in when several are due: what others refer to comes first. */
extern const uint8_t recording_write_order[];
extern const size_t recording_write_order_cnt;

/* ---- recording_file.c ---- */

int recording_open_file(struct recording_writer *w, const char *path, struct err *err);
/* As output_write(), but a full disk costs the oldest complete segments, all but `keep`, where any may be deleted at all. */
int recording_write(struct recording_writer *w, const void *data, size_t sz, bool use_reserve, uint32_t keep, struct err *err);
int recording_write_file_header(struct recording_writer *w, struct err *err);

/* Everything but LOSS and END, then these into the room that was kept for them. */
int recording_write_rest(struct recording_writer *w, struct err *err);

/* ---- recording_flight.c ---- */

int recording_open_in_memory(struct recording_writer *w, const char *path, struct err *err);

/* As recording_writer_next_segment(), when all is written. */
int recording_begin_in_memory(struct recording_writer *w, uint64_t realtime_ns, uint64_t monotonic_ns, struct err *err);

/* The last snapshot, when all is written. */
int recording_close_in_memory(struct recording_writer *w, struct err *err);

void recording_destroy(struct recording_writer *w);

/* ---- recording_chunk.c ---- */

/*
 * Write the chunk of this type, if it holds anything, and empty it; what cannot be written is counted. use_reserve: a small one may go into the room
 * kept for the end. Returns 0, or an error as recording_writer_add() has it.
 */
int recording_write_chunk(struct recording_writer *w, unsigned type, bool use_reserve, struct err *err);

/* Tell of chunks that could not be written. Called when one could, and at the end. */
int recording_add_unwritten(struct recording_writer *w);

#endif
