/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording as a stream of events: the writer turns events into chunks of a .varve file, the reader turns chunks back.
 * Byte layout: FORMAT.md. Neither prints, exits, or keeps globals.
 */
#ifndef VARVE_RECORDING_H
#define VARVE_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"
#include "formats/event.h"

/* ---- writing ---------------------------------------------------------------------------------------------- */

/* What is left of a recording that is cut into segments: limits on those that are complete, 0 none. The limits leave the newest of them.
 * With any limit, the oldest are deleted as well where the disk is full. */
struct recording_keep {
	uint32_t cnt;
	uint64_t bytes;	 /* of all of them together */
	uint64_t age_ns; /* since it was completed */
};

/* A recording that stays in memory: how much of it. */
struct recording_flight {
	uint64_t bytes;	 /* of complete segments and the present one; 0: the recording goes to files */
	uint64_t age_ns; /* segments completed longer ago go; 0: no such limit */
};

/*
 * What changes events and modules on their way into the file. Each is called with a copy, whose strings it may point elsewhere: these need be valid until the next
 * call. 0 or -ENOMEM: the event or module is not taken then.
 */
struct recording_editor {
	void *ctx;
	int (*event)(void *ctx, struct event *copy);
	int (*module)(void *ctx, struct module *copy);
};

struct recording_writer_options {
	int level;		 /* zstd; 0 means the default, 3 */
	uint32_t chunk_sz;	 /* raw bytes at which a chunk is written; 0 means 1 MiB */
	uint64_t chunk_age_ns;	 /* a chunk older than this is written by recording_writer_tick(); 0 means 2 s */
	uint64_t sync_ns;	 /* fdatasync at most this often, by tick(); 0: only at close; UNKNOWN_U64 means 5 s */
	uint8_t uuid[16], boot_id[16];
	uint64_t realtime_ns, monotonic_ns; /* now, for the file header */
	uint32_t arch;			    /* ELF e_machine of the host */
	bool force;			    /* replace an existing file (unlink and create, never truncate) */
	bool is_segmented; /* path is "NAME.varve" (or "NAME"): files NAME.000001.varve, …, see recording_writer_next_segment() */
	struct recording_keep keep;
	struct recording_flight flight; /* is_segmented; segments are kept in memory and the files are snapshots */
	uint64_t max_bytes; /* recording_position.total_bytes never exceeds it: -EFBIG before that; 0: no limit */
	struct recording_editor editor; /* members NULL: none */
	bool start_later; /* the header waits for recording_writer_start(), which comes before any event */
};

struct recording_writer_stats {
	uint64_t bytes;		/* written to the file, header included */
	uint64_t raw_bytes;	/* before compression */
	uint64_t chunks;
	uint64_t written[EVENT_KIND_CNT]; /* events in chunks that reached the file */
	uint64_t dropped[EVENT_KIND_CNT]; /* events in chunks that could not be written */
};

struct recording_writer;

/*
 * Create the file at path ("-": stdout) with mode 0600, O_EXCL and O_NOFOLLOW, and write its header.
 * Returns 0, or -EEXIST (exists and !force), -EBUSY (segments that another recorder writes), -ELOOP / -EISDIR / ... as open(2); nothing is
 * created then.
 */
int recording_writer_open(const char *path, const struct recording_writer_options *o,
			  struct recording_writer **ret, struct err *err);

/*
 * With start_later: write the header, with the times (both clocks at once) from which the recording counts. As open() when it fails: the
 * caller closes the writer all the same.
 */
int recording_writer_start(struct recording_writer *w, uint64_t realtime_ns, uint64_t monotonic_ns, struct err *err);

/*
 * Intern a module. The writer copies everything. Returns its id (>= 1) for frames, mappings and symbols, the same
 * id for an equal module; or -ENOMEM. segs given later for a module that had none are taken over.
 */
int recording_writer_add_module(struct recording_writer *w, const struct module *m);

/*
 * Forget the modules that is_used (asked about each id) does not want and no open chunk speaks of. Their ids mean other modules from
 * then on. One that is added again is the same module to who reads the recording.
 */
void recording_writer_forget_modules(struct recording_writer *w, bool (*is_used)(void *ctx, uint32_t id), void *ctx);
/* How many are known now. */
uint32_t recording_writer_module_count(const struct recording_writer *w);

/*
 * Append one event; everything is copied. The event's kind decides the chunk type. May write a full chunk.
 * Returns 0; -EINVAL (an event FORMAT.md cannot hold: our own mistake) or -ENOMEM, when it was not taken; or, when it was
 * taken and made a chunk full, that chunk's error: -ENOSPC, -EIO, -EPIPE…, -ENOBUFS (no memory to encode it).
 * After a chunk's error the file ends on a chunk boundary, the chunk's events are counted in stats.dropped, and later calls
 * may be tried again (space can come back). The writer tells of them in the file by itself, with LOSS events of reason
 * LOSS_CHUNK_WRITE, as soon as a chunk can be written again or by close(): callers must not add them too.
 * Strings longer than 65535 bytes are cut.
 */
int recording_writer_add(struct recording_writer *w, const struct event *ev, struct err *err);

/* The same, into a KEYFRAME chunk instead (TASK, MAPPING, CGROUP). Ended, and written, by recording_writer_end_keyframe(). */
int recording_writer_add_keyframe(struct recording_writer *w, const struct event *ev, struct err *err);
int recording_writer_end_keyframe(struct recording_writer *w, struct err *err);

/* Write chunks that are old enough and sync when due. now_ts: CLOCK_MONOTONIC ns. Errors as add(). */
int recording_writer_tick(struct recording_writer *w, uint64_t now_ts, struct err *err);

/* Write every open chunk now (with what they hold). */
int recording_writer_flush(struct recording_writer *w, struct err *err);

/*
 * Everything that was added goes into the present segment, which ends (the caller has added STREAM_TOTAL and END); then the oldest are deleted
 * as options.keep says, and the next one begins, with the times of its beginning as for recording_writer_start(). What a segment needs to be read alone
 * (META, CLOCK, KEYFRAME, names) is the caller's to add.
 * Returns 0, or an error as add(). Where the next could not be made, the present one goes on.
 */
int recording_writer_next_segment(struct recording_writer *w, uint64_t realtime_ns, uint64_t monotonic_ns, struct err *err);

/* Delete the oldest complete segment. Returns 1, 0: there is none, or the error of unlink(2). */
int recording_writer_drop_segment(struct recording_writer *w, struct err *err);

/* ---- in memory (options.flight) ---- */

/*
 * Let go of what is beyond the limits; a segment goes whole. The bytes kept never exceed the limit for longer than it takes to call
 * this: once after each tick, but not between next_segment() and a snapshot, which is then to have it all.
 */
void recording_writer_trim(struct recording_writer *w, uint64_t now_ts);

struct output;

/*
 * A snapshot is all complete segments in one file, the next of NAME.000001.varve, …, which is opened as recording_writer_next_segment() opens one.
 * Writing it and closing *out (whatever happens) may be done in a child process, the file being the same; the parent then closes *out's descriptor
 * and frees its path. When it is done, end_snapshot() is told of its size.
 */
int recording_writer_open_snapshot(struct recording_writer *w, uint64_t now_ts, struct output *ret, struct err *err);
int recording_writer_write_snapshot(const struct recording_writer *w, struct output *out, struct err *err);
int recording_writer_end_snapshot(struct recording_writer *w, uint64_t bytes, uint64_t now_ts);

/* Where it stands. */
struct recording_position {
	const char *path;     /* of the present file, until the next segment; "-" */
	uint64_t segment;     /* of this recording, from 0 */
	uint64_t files;	      /* of this recording so far: segments, or snapshots */
	uint64_t kept;	      /* complete segments in memory */
	uint64_t bytes;	      /* in the present file, or the present segment in memory */
	uint64_t total_bytes; /* in it and all complete segments, those of earlier runs as well */
	uint64_t open_bytes;  /* added and not written yet: about, before compression */
};
struct recording_position recording_writer_position(const struct recording_writer *w);

const struct recording_writer_stats *recording_writer_stats(const struct recording_writer *w);

/*
 * Flush, sync file and directory, close; what is in memory becomes a last snapshot. The caller has added STREAM_TOTAL and END before. Frees w whatever happens;
 * NULL is accepted.
 */
int recording_writer_close(struct recording_writer *w, struct err *err);

/* To standard output: who is to end is not kept by a reader that takes nothing. See output_stop_on(). */
void recording_writer_stop_on(struct recording_writer *w, int stop_fd);

/* Instead of close(): nothing was recorded, and the file goes as well. A pipe keeps what it was given. NULL is accepted. */
void recording_writer_discard(struct recording_writer *w);

/* ---- reading ---------------------------------------------------------------------------------------------- */

/* A stretch of the file that did not hold valid data, and the time that may be missing because of it. */
struct recording_damage {
	uint64_t offset, bytes; /* in the input */
	uint64_t chunks;	/* sequence numbers missing here (0 unknown) */
	/*
	 * When what is missing happened: exactly, when the lost chunk's header was good; else about the time of the chunks
	 * around it. first_ts 0: from the beginning on, last_ts 0: until the end.
	 */
	uint64_t first_ts, last_ts;
	char reason[120];	/* "payload checksum differs", "file ends inside a chunk", … */
};

/* A file header that was seen, and what came behind it. */
struct recording_segment {
	uint64_t number;       /* of the recording, from 0 */
	uint64_t monotonic_ns; /* when it was begun */
	uint64_t last_ts;      /* the newest time in it; 0: none */
};

struct recording_summary {
	uint64_t offset;	/* in the input, where the recording begins */
	uint64_t bytes;		/* read */
	uint64_t chunks;	/* good ones */
	uint64_t chunks_by_type[16];
	uint64_t unknown_chunks; /* of a type this reader does not know, skipped by length */
	uint64_t duplicate_chunks, duplicate_bytes; /* came twice, and were given once */
	uint64_t events[EVENT_KIND_CNT];
	uint64_t first_ts, last_ts; /* over all chunks with times */
	bool has_end;		/* the segment with the highest number has its END */
	uint32_t segments;	/* file headers seen */
	const struct recording_segment *segment; /* the first of them, in the order of the file; owned by the reader */
	size_t segment_cnt;
	uint16_t major, minor;
	uint8_t uuid[16], boot_id[16];
	uint64_t realtime_ns, monotonic_ns; /* of the first header */
	uint32_t arch;
	const struct recording_damage *damage; /* owned by the reader */
	size_t damage_cnt;
	uint64_t unknown_sections, unknown_columns; /* of a later version, passed over in chunks that were read */
};

/* The tables of the chunk the last event came from. Owned by the reader, valid until the next event of another chunk. */
struct chunk_view {
	uint64_t seq;  /* differs whenever the tables do: cache translations of stack ids by it */
	uint32_t type;
	uint64_t sz; /* bytes in the input, with header and padding */
	/* Stack trie, nodes 1..node_cnt-1 (0 is "no stack"). A parent always has a smaller id. */
	const uint32_t *node_parent; /* 0: a root (the outermost frame) */
	const uint32_t *node_frame;  /* index into frames */
	const uint8_t *node_end;     /* enum stack_end; meaningful in root nodes, equal along a chain */
	uint32_t node_cnt;
	const struct frame *frames; /* module: an id for recording_reader_module() */
	uint32_t frame_cnt;
};

struct recording_reader;

/*
 * Open a recording: a file, several joined by cat, or "-" for stdin. Of different recordings joined so, the first. Damage is not an error: it is stepped over and listed in
 * the summary.
 * Returns 0, or -ENOENT/…, -EBADMSG (not a recording: no valid file header in it), -EPROTONOSUPPORT (a newer major version or an
 * unknown incompat flag, named).
 */
int recording_reader_open(const char *path, struct recording_reader **ret, struct err *err);

/*
 * The same, but once stop_fd (the caller's, open as long as the reader) is readable, opening and reading end with -EINTR, however long the input is
 * silent, or holds nothing. -1: none.
 */
int recording_reader_open_until(const char *path, int stop_fd, struct recording_reader **ret, struct err *err);

/*
 * Which recording a regular file belongs to, and which of its segments it begins with, by its header alone. Returns 0, -EBADMSG (no good header),
 * -EINVAL (no regular file), or as open(2).
 */
int recording_peek(const char *path, uint8_t ret_uuid[16], uint64_t *ret_segment);

/*
 * Read from memory instead; the bytes stay the caller's and must outlive the reader.
 */
int recording_reader_open_memory(const void *data, size_t len, struct recording_reader **ret, struct err *err);

/*
 * After _next() gave 0: go on to the next recording in this input, as if it had just been opened; summary, modules and chunks are its own from here
 * on. One that goes on behind another is damage of that one.
 * Returns 1, 0: there is none, or -EPROTONOSUPPORT, -ENOMEM, -EIO.
 */
int recording_reader_next_recording(struct recording_reader *r, struct err *err);

/*
 * The next event, chunk after chunk in file order, within a chunk in time order. Strings and tables of *ev stay
 * valid until the next call.
 * Returns 1 with *ev set, 0 at the end, or -EIO/-ENOMEM/-EPROTONOSUPPORT (a CRITICAL chunk of an unknown type, named).
 */
int recording_reader_next(struct recording_reader *r, struct event *ev, struct err *err);

const struct chunk_view *recording_reader_chunk(const struct recording_reader *r);

/* A module by the id in frames, mappings and symbols (stable over the whole recording, 1..count). NULL for 0 or out of range. */
const struct module *recording_reader_module(const struct recording_reader *r, uint32_t id);
uint32_t recording_reader_module_count(const struct recording_reader *r);

const struct recording_summary *recording_reader_summary(const struct recording_reader *r);

void recording_reader_close(struct recording_reader *r);

#endif
