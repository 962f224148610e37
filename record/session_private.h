/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of struct session, for session*.c: session.c is a recording's life, session_open.c what it owns, session_work.c what is done
 * again and again while it lasts, session_segments.c what is done when a file has enough, session_forget.c says what is not kept. Functions return 0 or a negative errno with err set, unless they say otherwise.
 */
#ifndef VARVE_SESSION_PRIVATE_H
#define VARVE_SESSION_PRIVATE_H

#include "record/census.h"
#include "record/events.h"
#include "record/health.h"
#include "record/jit.h"
#include "record/kallsyms.h"
#include "record/kernel.h"
#include "record/launch.h"
#include "record/memsnap.h"
#include "record/programs.h"
#include "record/ring.h"
#include "record/sampler.h"
#include "record/session.h"
#include "record/session_meta.h"
#include "record/sideband.h"
#include "record/symbols.h"
#include "record/unwinder.h"
#include "record/watch.h"

#define SECOND 1000000000ULL
#define TARGETS_NS (SECOND / 4) /* between looks whether targets are still there */

/* --flight: what is to become of what is in memory. */
struct snapshot {
	bool is_asked;	  /* by a signal */
	uint64_t due_ts;  /* 0: none is */
	uint64_t last_ts; /* when the last one was taken; 0: none was */
	char text[192];	  /* what for */
	pid_t pid;	  /* the child that writes; 0: none */
	char *path;	  /* its file; owned */
};

/* Owned by the session, where no other owner is named; NULL, or -1 of descriptors, while not open. */
struct session {
	const struct options *o;
	struct session_result *result;
	struct kernel kernel;
	struct launch launch;
	uint64_t *cgroup_ids; /* -G */
	size_t cgroup_cnt;
	bool cgroup_v1;
	struct programs *programs;
	struct anonymize *anonymize; /* NULL: names stay; the writer's editor */
	struct recording_writer *writer;
	struct bundle_writer *bundle; /* --bundle */
	struct cgroups *cgroups;
	struct kallsyms *kallsyms;
	struct symbols *symbols;
	struct jit *jit;
	struct modules *modules;
	struct tasks *tasks;
	struct census *census;
	struct memsnap *memsnap;
	struct unwinder *unwinder; /* NULL: frame pointers, or no stacks */
	struct sideband *sideband;
	struct sampler *sampler;
	struct events *events;
	struct health health;
	struct loss loss;
	struct ring rings[RING_CNT];
	struct wire_counters counters;
	uint64_t iterated[EVENT_KIND_CNT]; /* made by the task iterator */
	uint64_t missed[EVENT_KIND_CNT];   /* programs_read_missed() */
	int epoll_fd, signal_fd, timer_fd;
	struct session_facts facts;
	uint64_t targets_ts; /* when it was looked whether there are any left */
	uint64_t space_ts;   /* when --min-free was looked at … */
	uint64_t space_bytes; /* … and what had been written by then */
	uint64_t segment_head; /* bytes the present segment began with, about */
	uint64_t segment_ts; /* when the present segment began */
	uint64_t forget_ts; /* when modules were forgotten last */
	int64_t clock_offset_ns; /* of the wall clock, when the clocks were written last */
	uint64_t start_ts, second_ts, account_ts, clock_ts, names_ts, keyframe_ts;
	uint64_t wakeups;
	struct watch watch; /* --snapshot-on */
	struct snapshot snapshot;
	unsigned interrupts; /* Ctrl-C so far */
	char *old_output;    /* where an older default recording went */
	bool moved_old;
	uint64_t privileges; /* those kept while recording lasts */
	bool stop;
};

/* ---- session_open.c ---------------------------------------------------------------------------------------- */

/*
 * Open all that takes part, in the order in which each can be refused: nothing is written before the kernel took our programs. The command is
 * there when this returns, held. Privileges that are not needed from here on are gone. What was opened before an error stays for session_close().
 */
int session_open(struct session *s, struct err *err);

/* It records: the right to take back what was begun in another user's directory goes, too. */
void session_began(struct session *s);

/* All but the writer and the bundle, which are closed where their results count. A half-opened session is fine. */
void session_close(struct session *s);

/*
 * A recorder that does not get a CPU loses events just when there is most to see. It uses little, so it may go first, while it records; the
 * command was forked before. Not being allowed to is no error.
 */
void session_go_first(bool first);

/* ---- session.c ------------------------------------------------------------------------------------------------ */

/* To be told when all is over, in place of what there was to tell before: err's text and what became of it, or (after being "") its hint. */
void session_warn(struct session *s, const struct err *err, const char *after);

/* ---- session_work.c ---------------------------------------------------------------------------------------- */

/*
 * Take everything that is in the rings and the side-band now. The first error is returned, with the rest having been taken nevertheless.
 */
int session_drain(struct session *s, struct err *err);

/* What is due once a second, or more rarely; to be called when a second is over since s->second_ts. Times are CLOCK_MONOTONIC ns. */
int session_every_second(struct session *s, uint64_t now_ts, struct err *err);

/* All that is alive, so that what follows can be read without what came before. */
int session_keyframe(struct session *s, uint64_t now_ts, struct err *err);

/* The threads' sums (and, at the end, the waits that still last) as events, where they are recorded at all. */
int session_read_accounts(struct session *s, enum wire_iter_mode mode, struct err *err);

/* What was lost since the last call, as events. */
int session_note_losses(struct session *s, uint64_t now_ts, struct err *err);

/* The unwinder's counters as events. Once a second, and at the end, so that the shortest recording has it. */
int session_note_unwinder(struct session *s, uint64_t now_ts, struct err *err);

/* What a segment, or a recording, begins with: facts, clocks, and a keyframe. */
int session_describe(struct session *s, uint64_t now_ts, struct err *err);

/* ---- session_segments.c ------------------------------------------------------------------------------------ */

/*
 * Names of the frames that were recorded in this segment and have none yet. is_last: nothing else is to be done meanwhile; else what comes in
 * is taken, and named as well.
 */
int session_write_names(struct session *s, bool is_last, struct err *err);
/* The kernel's, of frames that are new: so that a recording that ends in no good way has them. No other host could tell them. */
int session_write_kernel_names(struct session *s, struct err *err);

/* Go on in the next segment when this one is large or old enough. */
int session_check_segment(struct session *s, uint64_t now_ts, struct err *err);

/* End the present segment for this reason, and begin the next. */
int session_next_segment(struct session *s, enum end_reason reason, struct err *err);

/* End the recording when --max-size or --min-free say so. */
void session_check_limits(struct session *s, uint64_t now_ts);

/* ---- session_forget.c -------------------------------------------------------------------------------------- */

/* Forget the modules that nobody needs, where they have become many. is_new_segment: everything of the one before has its names. */
void session_forget(struct session *s, uint64_t now_ts, bool is_new_segment);

/* ---- session_flight.c -------------------------------------------------------------------------------------- */

/* --flight: keep memory within its limits, and take a snapshot when one is due. An error of a snapshot ends nothing. */
int session_check_flight(struct session *s, uint64_t now_ts, struct err *err);

/* Wait for a snapshot that is being written. */
void session_finish_flight(struct session *s);

/* Where the losses are counted; points into s. */
struct loss_sources session_loss_sources(struct session *s);

#endif
