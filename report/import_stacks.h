/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chunk tries → one trie of recorded stacks. A recorded frame is a (module, offset); names and
 * inlined functions come afterwards (import_names.h), when the symbols and mappings that may stand
 * anywhere in the file have been read. So a stack's id is final as soon as it is met, and samples
 * can go into the database at once.
 */
#ifndef VARVE_IMPORT_STACKS_H
#define VARVE_IMPORT_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/event.h"
#include "formats/idmap.h"
#include "formats/recording.h"
#include "report/strpool.h"
#include "report/table.h"

/* A recorded pc. */
struct recorded_frame {
	uint64_t off;
	uint32_t module; /* import_stacks.modules; 0: off is an address that was in no mapping the
			    recorder knew */
	uint32_t flags;	 /* enum frame_flags */
	uint32_t utid;	 /* module 0 only: whose address, */
	int32_t era;	 /* and when (import_stacks_era()) */
};

struct recorded_node {
	uint32_t parent, frame;
	uint16_t depth; /* in recorded frames */
	uint8_t end;	/* enum stack_end, of the whole stack */
};

struct import_stacks {
	TABLE(struct module) modules; /* strings and segments are the pool's and owned */
	TABLE(struct recorded_frame) frames;
	TABLE(struct recorded_node) nodes;
	struct idmap module_map, frame_map, node_map;
	struct strpool strings;

	uint32_t last_node; /* found or made last */

	/* translation of the reader's ids, per recording, */
	TABLE(uint32_t) reader_modules;
	/* and per chunk: 0 for what holds an address, which depends on whose it is */
	uint64_t chunk_seq;
	bool has_chunk;
	TABLE(uint32_t) chunk_nodes, chunk_frames;
};

/* The reader's ids mean something else from here on. */
void import_stacks_begin(struct import_stacks *s);

/* The module of a reader's id; 0 for none, or UINT32_MAX when out of memory. */
uint32_t import_stacks_module(struct import_stacks *s, const struct recording_reader *r,
			      uint32_t id);

/*
 * *ret: the node of a stack of the reader's current chunk, 0 for no stack. utid and ts are the
 * event's. 0, -ENOMEM, or -EBADMSG for an id the chunk does not have.
 */
int import_stacks_node(struct import_stacks *s, const struct recording_reader *r,
		       const struct event_stack *st, uint32_t utid, int64_t ts, uint32_t *ret);

/* Addresses without a mapping are told apart by thread and by stretches of about a second: mappings
 * come and go. */
static inline int32_t import_stacks_era(int64_t ts)
{
	return (int32_t)(ts >> 30);
}
static inline int64_t import_stacks_era_ts(int32_t era)
{
	return (int64_t)era * (1LL << 30) + (1 << 29);
}

/* A frame's id, made on first sight; 0: out of memory. */
uint32_t import_stacks_frame(struct import_stacks *s, const struct recorded_frame *f);

void import_stacks_deinit(struct import_stacks *s);

#endif
