/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a recording says about itself and the host: META, CLOCK, COUNTER, LOSS, MARK, STREAM_TOTAL,
 * END; damage of the file. With a database, rows; without, only what the outputs need.
 */
#ifndef VARVE_IMPORT_FACTS_H
#define VARVE_IMPORT_FACTS_H

#include "formats/recording.h"
#include "report/import_segments.h"
#include "report/import_stacks.h"
#include "report/import_tasks.h"

struct import_fact {
	const char *key, *value;
	uint32_t recording;
};

struct import_recording {
	uint8_t uuid[16];
	uint64_t t0_unix_ns;
	struct import_clock clock;
	int64_t duration_ns;
	const char *host;  /* NULL unknown */
	bool has_target;   /* of some threads only: -p, a command, … */
	const char *ended; /* NULL: it did not end on purpose */
	uint64_t chunks, damaged, missing_chunks, bytes; /* what came twice counts once */
};

struct import_total {
	uint64_t seen, written, ring_full, map_full, stack_error, user_dropped;
	bool is_known;
};

struct import_facts {
	struct strpool strings;
	TABLE(struct import_recording) recordings;
	TABLE(struct import_fact) meta;
	struct import_total totals[EVENT_KIND_CNT];	      /* of the current recording */
	uint64_t imported[EVENT_KIND_CNT];		      /* the same */
	struct import_segments segments;		      /* the same */
	struct db_insert *counters, *clocks, *marks, *losses; /* NULL without a database */
	uint32_t counter_cnt, mark_cnt, loss_cnt;
	uint32_t recording; /* current */
};

int import_facts_init(struct import_facts *f, struct db *db, struct err *err);

/* The current recording's clock, for import_ts(). */
struct import_clock *import_facts_clock(struct import_facts *f);

/* The reader is at the start of a recording (is_new) or of another segment of the current one. */
int import_facts_begin(struct import_facts *f, const struct recording_summary *sum, bool is_new,
		       struct err *err);

/* META, CLOCK, COUNTER, LOSS, MARK, STREAM_TOTAL, END. */
int import_facts_event(struct import_facts *f, const struct event *ev, int64_t ts, struct err *err);

/*
 * A file was read to its end: its damage, and how far the recording goes. known_*: what of it came before, and does not count again.
 */
int import_facts_end_file(struct import_facts *f, const struct recording_summary *sum,
			  uint64_t known_chunks, uint64_t known_bytes, struct err *err);

/*
 * The recording's last file was read: which segments were there, and as losses which not. *ret_missing: how many in between.
 */
int import_facts_end(struct import_facts *f, uint64_t *ret_missing, struct err *err);

/* A loss row of our own. */
int import_facts_loss(struct import_facts *f, int64_t ts, int64_t dur_ns, const char *stream,
		      uint64_t lost, const char *reason, uint64_t bytes, struct err *err);

/* Rows that are complete only at the end: meta, recording. (import_facts_write.c) */
int import_facts_write(struct import_facts *f, struct db *db, struct err *err);

/* The totals of the current recording; call at its end. */
int import_facts_write_totals(struct import_facts *f, struct db *db, struct err *err);

/* No CLOCK comes any more. *ret_duplicates: rows that were dropped, another being of the same time; unchanged without a database. */
int import_facts_end_clocks(struct import_facts *f, uint64_t *ret_duplicates, struct err *err);

/* Every row of the streams is in the database after this. */
int import_facts_close(struct import_facts *f, struct err *err);

void import_facts_deinit(struct import_facts *f);

#endif
