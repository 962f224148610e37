/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of a recording_writer: recording_writer.c takes events and says when chunks are written, recording_chunk.c writes one.
 */
#ifndef VARVE_RECORDING_PRIVATE_H
#define VARVE_RECORDING_PRIVATE_H

#include <zstd.h>

#include "formats/chunk_writer.h"
#include "formats/format.h"
#include "formats/output.h"
#include "formats/recording.h"

/* Events of chunks that could not be written, until a LOSS chunk tells of them. */
struct unwritten {
	uint64_t cnt, first_ts, last_ts;
};

struct recording_writer {
	struct output out;
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

/*
 * Write the chunk of this type, if it holds anything, and empty it; what cannot be written is counted. use_reserve: a small one may go into the room
 * kept for the end. Returns 0, or an error as recording_writer_add() has it.
 */
int recording_write_chunk(struct recording_writer *w, unsigned type, bool use_reserve, struct err *err);

/* Tell of chunks that could not be written. Called when one could, and at the end. */
int recording_add_unwritten(struct recording_writer *w);

#endif
