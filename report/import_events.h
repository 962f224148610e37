/* SPDX-License-Identifier: BSD-2-Clause */
/* An import's inside: what import.c reads and import_events.c puts where it belongs. */
#ifndef VARVE_IMPORT_EVENTS_H
#define VARVE_IMPORT_EVENTS_H

#include <errno.h>

#include "formats/recording.h"
#include "formats/seqset.h"
#include "report/import.h"
#include "report/import_facts.h"
#include "report/import_maps.h"
#include "report/import_ooms.h"
#include "report/import_rows.h"
#include "report/import_sched.h"
#include "report/import_stacks.h"
#include "report/import_tasks.h"

struct import {
	struct import_options o;
	struct symbolizer *symbolizer;
	struct tasks tasks;
	struct stacks stacks; /* the result */
	struct import_tasks in_tasks;
	struct import_stacks in_stacks;
	struct import_maps maps;
	struct import_facts facts;
	struct import_ooms ooms;
	struct import_rows rows;	 /* only with a database */
	struct import_sched sched;	 /* the same */
	struct recording_reader *reader; /* of the input being read */
	struct seqset chunks; /* of the recording, that were met */
	uint64_t chunk;	      /* the number of the present one */
	bool has_chunk, takes_chunk;
	bool is_over;	      /* of the recording being read: it ended before, and goes on behind another */
	bool took_chunk;      /* of the input being read: it holds something new */
	uint64_t known_chunks, known_bytes; /* of the recording in this input, that came in one before */
	struct import_damage damage;
	uint64_t events; /* read */
	bool is_open;	 /* a recording has begun and not ended */
};

/* One event of the input that is being read. 0, an error of the sink's, or -errno. */
int import_event(struct import *im, const struct event *ev, struct err *err);

static inline int import_no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "import: out of memory");
}

#endif
