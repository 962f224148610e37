/* SPDX-License-Identifier: BSD-2-Clause */
/* What the session writes beside events: facts about the recording (META) and clocks (CLOCK). */
#ifndef VARVE_SESSION_META_H
#define VARVE_SESSION_META_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/recording.h"
#include "record/kernel.h"
#include "record/options.h"

/* CLOCK_MONOTONIC, which bpf_ktime_get_ns() is. */
uint64_t session_now(void);

struct session_facts {
	const struct options *options;
	const struct kernel *kernel;
	uint32_t freq;		/* in use; 0: no sampler */
	bool is_hardware;	/* cycles, not cpu-clock */
	const char *missing;	/* programs not attached */
	bool kptr_restricted;
};

int session_meta_write(struct recording_writer *w, const struct session_facts *f, uint64_t now_ts, struct err *err);

/* The three clocks at one instant. *offset_ns (or NULL): of the wall clock from CLOCK_MONOTONIC just then. */
int session_clock_write(struct recording_writer *w, int64_t *offset_ns, struct err *err);

/* Was the wall clock set since then, by more than one that is adjusted gains or loses in a minute? */
bool session_clock_jumped(int64_t offset_ns);

/* Random uuid, boot id (anonymous: 0), machine, this moment: the file header's part of the options. The clocks in it are session_header_start()'s. */
void session_header_fill(struct recording_writer_options *o, bool is_anonymous);

/* Go on in the next segment, which counts from start_ts on. */
int session_segment_start(struct recording_writer *w, uint64_t start_ts, struct err *err);

/* Write the header: the recording counts from start_ts on. */
int session_header_start(struct recording_writer *w, uint64_t start_ts, struct err *err);

#endif
