/* SPDX-License-Identifier: BSD-2-Clause */
/* One recording from beginning to end; owns everything that takes part in it. */
#ifndef VARVE_SESSION_H
#define VARVE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/event.h"
#include "record/bundle.h"
#include "record/loss.h"
#include "record/options.h"

struct session_result {
	uint64_t duration_ns;
	uint64_t written[EVENT_KIND_CNT];
	struct loss_sum loss;
	uint64_t bytes;
	uint64_t wakeups;
	char output[512]; /* the (last) file; cut where it is longer */
	uint64_t files;	  /* segments, or snapshots */
	unsigned snapshots_failed;
	enum end_reason end;
	bool is_taken;	     /* another recorder writes these segments: nothing was done */
	bool reader_gone;    /* output was a pipe that nobody reads any more */
	bool command_ended;  /* command_status is set */
	int command_status;  /* wait(2) */
	int exec_error;	     /* the command could not be run: ENOENT, EACCES, …; 0 */
	char missing[256];   /* programs that could not be attached, "" */
	struct bundle_stats bundle; /* --bundle; files 0: none was written */
	char warning[512];   /* something to tell even though the recording went well, "" */
	char warning_hint[256]; /* what mends it, "" */
};

/*
 * Record as the options say. Returns 0 with *ret filled, also when the recording had to end early (ret->end says why); or a
 * negative errno: nothing was recorded, and where nothing was written no file is left behind.
 */
int session_run(const struct options *o, struct session_result *ret, struct err *err);

#endif
