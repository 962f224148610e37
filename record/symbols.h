/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names that travel with the recording (--symbols). During the recording: the set of distinct frames. At the end (of each segment):
 * kernel names from kallsyms, user names from symbol tables and perf maps, read by a child process without privileges and
 * with limits, so that a hostile file costs its own names and nothing else.
 */
#ifndef VARVE_SYMBOLS_H
#define VARVE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/recording.h"
#include "record/jit.h"
#include "record/kallsyms.h"
#include "record/modules.h"
#include "record/names_worker.h"
#include "record/options.h"

struct symbols;

/* keeps_modules: symbols_modules() is wanted in the end. */
int symbols_create(enum options_symbols mode, bool keeps_modules, struct symbols **ret);
void symbols_destroy(struct symbols *s);

/* A frame was recorded. For each frame of each event: a few ns when it is known already. Never fails: over the cap it counts. */
void symbols_hit(struct symbols *s, const struct frame *f);

struct symbols_stats {
	uint64_t frames;	/* distinct */
	uint64_t over_cap;	/* hits of frames that found no room */
	uint64_t written;	/* EVENT_SYMBOL of user modules */
	uint64_t modules_failed; /* whose file could not be read, or whose reader died */
};

/* The first two, now. */
void symbols_get_stats(const struct symbols *s, struct symbols_stats *ret);

/* Where names come from, and go to. Borrowed. */
struct symbols_sources {
	struct modules *modules;      /* NULL: no user names; their frames wait for a call with */
	const struct jit *jit;	      /* may be NULL */
	struct kallsyms *kallsyms;    /* NULL: no kernel names */
	struct recording_writer *writer;
	const struct names_idle *idle; /* called while files are read; may be NULL. What is hit then is for the next call */
};

/*
 * Write EVENT_SYMBOL for what was hit (or all) and has no names in this segment yet. Takes at most about timeout_ns (0: 20 s); what is not named by
 * then stays unnamed. Returns the number of frames that were to be named, or a writer's error.
 */
int64_t symbols_emit(struct symbols *s, const struct symbols_sources *src, uint64_t timeout_ns, struct symbols_stats *ret, struct err *err);

/* A new segment, in which nothing has a name yet. What was not hit in the last `keep` segments, or since, is forgotten. */
void symbols_next_segment(struct symbols *s, uint16_t keep);

/* Each module whose names, or file, are still to be asked for, in no order, some many times. */
void symbols_each_module(const struct symbols *s, void (*fn)(void *ctx, uint32_t module), void *ctx);

/* After symbols_emit(), which need not have gone well: the modules that were hit, once each. Owned by s; NULL without any. */
const uint32_t *symbols_modules(const struct symbols *s, uint32_t *ret_cnt);

#endif
