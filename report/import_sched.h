/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Switches and wakeups → slices on CPUs and each thread's time; ACCOUNT events → the same sums as
 * the kernel kept them.
 */
#ifndef VARVE_IMPORT_SCHED_H
#define VARVE_IMPORT_SCHED_H

#include <stdbool.h>

#include "formats/event.h"
#include "report/db.h"
#include "report/import_pairs.h"
#include "report/import_runq.h"
#include "report/table.h"

enum sched_state {
	SCHED_UNSEEN = 0,
	SCHED_RUNNING = 1,
	SCHED_RUNNABLE = 2,
	SCHED_BLOCKED = 3,
	SCHED_GONE = 4
};

/* A thread's sums. From switches: first_ts … last_ts is split without a gap. */
struct sched_thread {
	int64_t first_ts, since_ts;
	uint64_t running_ns, runq_ns, blocked_ns, lost_ns;
	uint32_t waker; /* of the present RUNNABLE; 0 none */
	uint8_t state;	/* enum sched_state, since since_ts */
	bool is_target; /* what was recorded could only be of a thread that the recording is about
			 */
};

struct sched_account {
	int64_t first_ts, last_ts; /* last_ts INT64_MIN: no account */
	uint64_t running_ns, runq_ns, blocked_ns, short_ns, short_cnt;
};

/* What runs on a CPU. */
struct sched_cpu {
	int64_t since_ts;
	int64_t runq_ns; /* before this turn; -1 unknown */
	uint32_t utid;	 /* 0: unknown, as at the start or after a loss */
	uint32_t waker, prio;
};

struct import_sched {
	struct db *db;			      /* the caller's */
	TABLE(struct sched_thread) threads;   /* by utid; only when switches were recorded */
	TABLE(struct sched_account) accounts; /* by utid */
	TABLE(struct sched_cpu) cpus;	      /* by CPU + 1 */
	int64_t first_ts, last_ts; /* of the switches and wakeups; first_ts INT64_MAX: none */
	struct import_runq runq;   /* of the slices */
	struct import_pairs on_cpus; /* the same */
	struct db_insert *slices, *migrations;
	bool has_slices;
	uint32_t idle_utid;  /* its slices are left out; 0 until known */
	uint32_t first_utid; /* of this recording */
	uint64_t duplicates; /* slices and migrations dropped; known once they are finished */
	bool has_bystanders; /* some slices in the table are of threads the recording is not about
			      */
};

int import_sched_init(struct import_sched *s, struct db *db, struct err *err);

/* A new recording: nothing runs that is known of. Its threads have other utids. */
void import_sched_begin(struct import_sched *s);

int import_sched_switch(struct import_sched *s, const struct event *ev, int64_t ts, uint32_t prev,
			uint32_t next, struct err *err);
int import_sched_wakeup(struct import_sched *s, const struct event *ev, int64_t ts, uint32_t utid,
			uint32_t waker, struct err *err);
int import_sched_migrate(struct import_sched *s, const struct event *ev, int64_t ts, uint32_t utid,
			 struct err *err);
int import_sched_account(struct import_sched *s, const struct event *ev, int64_t ts,
			 int64_t first_ts, uint32_t utid, struct err *err);

/*
 * The end of a recording: what still runs ends there. has_target: only the switches from and to
 * chosen threads were recorded, so the threads on the other side of them have neither slices nor
 * sums that mean anything.
 */
int import_sched_end(struct import_sched *s, bool has_target, struct err *err);

/* All are in: the slices and migrations are complete, and the sums those of the slices. */
int import_sched_finish(struct import_sched *s, struct err *err);

/* thread_account, of all recordings, and thread_cpu. */
int import_sched_write(struct import_sched *s, struct db *db, struct err *err);

void import_sched_deinit(struct import_sched *s);

/* Deletes the bystanders' slices; after thread_account is written. */
int import_sched_drop_bystanders(struct db *db, struct err *err);

#endif
