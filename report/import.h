/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recordings → rows: one pass over each, in whatever order their chunks come; then names; then what
 * is known only at the end. With a database the events become its rows; a sink sees them as well,
 * or alone (folded stacks straight from a recording).
 */
#ifndef VARVE_IMPORT_H
#define VARVE_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/err.h"
#include "report/db.h"
#include "report/stacks.h"
#include "report/symbolize.h"
#include "report/tasks.h"

/* Ids are row ids, 0 NULL. */
struct import_sample {
	int64_t ts;
	uint32_t cpu, utid, stack;
	uint64_t weight_ns;
};

struct import_offcpu {
	int64_t ts;
	uint64_t dur_ns, runq_ns; /* runq_ns UNKNOWN_U64: no wakeup seen */
	uint32_t utid, stack, waker_utid, waker_stack;
	uint32_t cpu_out, cpu_in;
	char state;
	bool iowait, waker_irq;
};

/*
 * Called for each event as it is read; NULL members are not interested. Nonzero stops the import
 * with it. (Two samples, or waits, of one thread at one time are both given, though the database
 * keeps one: no recorder writes such.)
 */
struct import_sink {
	void *ctx;
	int (*sample)(void *ctx, const struct import_sample *s, struct err *err);
	int (*offcpu)(void *ctx, const struct import_offcpu *o, struct err *err);
	int (*oom)(void *ctx, int64_t ts, uint32_t trigger_utid, uint32_t cpu, uint32_t stack,
		   struct err *err);
};

struct import_options {
	struct symbolizer_options symbols; /* what it points to is not looked at after import_finish(), or import_destroy() without it */
	struct db *db;			/* the caller's, from db_create(); NULL: none */
	const struct import_sink *sink; /* NULL: none */
};

/* What could not be imported, for exit code 3 and its message. */
struct import_damage {
	uint64_t stretches, bytes, missing_chunks;
	uint64_t chunks;     /* that were good */
	uint64_t duplicates;   /* rows that were there already, and so are neither in a table nor in
				  a sum; found with a database only */
	uint64_t known_chunks; /* that came before as well; passed over */
	const char *known_input; /* the first path given to import_read() that holds nothing else; the caller's */
	uint64_t missing_segments; /* between others: deleted by --keep, or not given */
	bool has_end;	     /* every recording ended on purpose */
};

struct import;

int import_create(const struct import_options *o, struct import **ret, struct err *err);

/*
 * Read one input to its end: a recording, one of its segments (given in order), or another
 * recording, or several joined by cat. Errors as recording_reader_open() and _next(), database errors, -ENOMEM. Damage is no
 * error.
 */
int import_read(struct import *im, const char *path, struct err *err);

/* Symbolize, and write the rest. To be called once, after the last import_read(). Does not
 * db_finish(). */
int import_finish(struct import *im, struct err *err);

/* After import_finish(); owned by the import. */
struct stacks *import_result_stacks(struct import *im);
struct tasks *import_result_tasks(struct import *im);
void import_damage(const struct import *im, struct import_damage *ret);
int64_t import_duration_ns(const struct import *im);

void import_destroy(struct import *im);

#endif
