/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The perf side-band: one dummy event per CPU that reports executable mappings, names, forks and exits of every process.
 * The rings are emptied on demand, by the session before it takes BPF events, so that mappings are known before the
 * samples that need them.
 */
#ifndef VARVE_SIDEBAND_H
#define VARVE_SIDEBAND_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/recording.h"
#include "record/modules.h"
#include "record/tasks.h"

struct sideband;

struct sideband_options {
	struct recording_writer *writer; /* EVENT_MAPPING and LOSS go here; NULL: tasks only */
	struct modules *modules;
	struct tasks *tasks;
	uint32_t ring_pages; /* per CPU, a power of two; 0: 128, fewer on large machines or when the kernel refuses */
	/* Whether a process's mappings belong into the file (targets); NULL: all do. tasks learn of all of them anyway. */
	bool (*wants_pid)(void *ctx, uint32_t pid);
	void *ctx;
};

/*
 * Open on every online CPU; records flow at once. Returns 0, -EACCES / -EPERM (perf_event_paranoid, said with a hint),
 * or the errno of perf_event_open(2) or mmap(2).
 */
int sideband_open(const struct sideband_options *o, struct sideband **ret, struct err *err);

/*
 * EVENT_MAPPING of records older than ts is not written: a process that ended before the recording began is nobody's, and one that
 * lives is in the keyframe.
 */
void sideband_write_from(struct sideband *s, uint64_t ts);

/*
 * Bring the events in line with the CPUs that are online; about once a second. After a change sideband_take_lost() is true: what tasks did
 * meanwhile was not told.
 */
void sideband_check_cpus(struct sideband *s);

/*
 * Take everything the rings hold now, merge by time, apply to tasks, write EVENT_MAPPING. Returns the number of records,
 * or a writer's error (records are applied all the same).
 */
int sideband_drain(struct sideband *s, struct err *err);

/* One epoll fd that becomes readable when some ring is half full; owned by s. Nothing wakes it for single records. */
int sideband_fd(const struct sideband *s);

struct sideband_stats {
	uint64_t records; /* applied */
	uint64_t lost;	  /* told by PERF_RECORD_LOST */
	uint64_t bad;	  /* records that contradicted the ABI, skipped */
};
void sideband_get_stats(const struct sideband *s, struct sideband_stats *ret);

/* True once after records were lost: the caller scans /proc again (procscan_run()). */
bool sideband_take_lost(struct sideband *s);

void sideband_close(struct sideband *s);

/* ---- for tests: the parser of one record, and of a ring's bytes -------------------------------------------- */

enum sideband_kind {
	SIDEBAND_NONE = 0, SIDEBAND_FORK = 1, SIDEBAND_EXIT = 2, SIDEBAND_COMM = 3, SIDEBAND_EXEC = 4, SIDEBAND_MMAP = 5,
	SIDEBAND_LOST = 6,
};

struct sideband_record {
	enum sideband_kind kind;
	uint64_t ts;
	uint32_t cpu;
	uint32_t pid, tid, ppid, ptid;
	uint64_t lost;
	bool is_exec; /* MMAP: the protection asks for execution */
	struct mapping_desc map; /* MMAP; path points into the record's bytes */
	const char *comm;	 /* COMM, EXEC; into the record's bytes */
};

/*
 * Parse one record of len bytes (header included). Returns 1 with *ret set, 0 for a type we do not use (only ts and cpu are set),
 * -EBADMSG when it
 * contradicts perf_event_open(2).
 */
int sideband_parse(const void *data, size_t len, struct sideband_record *ret);

#endif
