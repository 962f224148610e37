/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of a recording that is cut into segments: NAME.000001.varve, NAME.000002.varve, … in one directory, and NAME.lock, which
 * keeps a second recorder out. Numbers go on where an earlier run stopped. Only what is complete is ever deleted, the oldest first.
 */
#ifndef VARVE_SEGMENTS_H
#define VARVE_SEGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/output.h"
#include "formats/recording.h"

/* A complete segment, of this run or of one before. */
struct segment_file {
	uint64_t number, bytes;
	uint64_t end_ts; /* CLOCK_MONOTONIC when it was closed; of an earlier run's file by its age, 0: older than the boot */
};

struct segments {
	int dir_fd, lock_fd; /* owned; -1 while not open */
	char *dir, *stem;    /* owned; dir "" is the working directory, else ends in '/' */
	struct recording_keep keep;
	struct segment_file *complete; /* owned; oldest first */
	uint32_t cnt, cap;
	uint64_t bytes;	 /* of the complete ones */
	uint64_t number; /* of the last one begun; 0: none */
};

/*
 * Take the lock of path ("dir/NAME" or "dir/NAME.varve") and find what is there. force deletes the segments of earlier runs.
 * now_ts and realtime_ns: this moment on CLOCK_MONOTONIC and CLOCK_REALTIME.
 * Returns 0; -EBUSY: another recorder has the lock; -EINVAL: path names no file; or as open(2).
 */
int segments_open(struct segments *s, const char *path, const struct recording_keep *keep, bool force, uint64_t now_ts,
		  uint64_t realtime_ns, struct err *err);

/*
 * Begin the next segment: delete complete ones, the oldest first, until the rest is within the limits, and only then create its file. Returns 0
 * with *ret open; or the error of unlink(2) or open(2), *ret being untouched.
 */
int segments_next(struct segments *s, uint64_t now_ts, struct output *ret, struct err *err);

/* The last one begun is complete, or (with bytes and end_ts of what it has so far) is about to be. */
int segments_complete(struct segments *s, uint64_t bytes, uint64_t end_ts);

/* What segments_complete() said last was too early: that segment goes on. */
void segments_reopen(struct segments *s);

/* Delete the oldest complete segment. Returns 1, 0: there is none, or an error of unlink(2). */
int segments_drop_oldest(struct segments *s, struct err *err);

/* "dir/NAME.000001.varve"; the caller frees it, NULL: out of memory. */
char *segments_path(const struct segments *s, uint64_t number);

/* Give the lock back and its file away. */
void segments_close(struct segments *s);

#endif
