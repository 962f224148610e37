/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file (or pipe, or memory) a recording is written to: whole pieces or nothing, and room kept for the last
 * one.
 */
#ifndef VARVE_OUTPUT_H
#define VARVE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"

/* Kept allocated behind the end, so that END fits on a disk that filled up. */
#define OUTPUT_RESERVE_SZ 65536

struct output {
	int fd;
	char *path;	/* for messages; owned */
	uint64_t pos;	/* bytes written */
	bool is_stream; /* no seeking: a piece cut short cannot be taken back */
	bool can_reserve;
	bool is_name_synced; /* its directory was synced since it was created */
	uint8_t *memory; /* no file: owned, of memory_cap bytes; pos of them are written */
	size_t memory_cap;
	bool is_broken; /* a stream that holds half a piece, or whose reader went away */
	int stop_fd;	/* a stream: see output_stop_on(); -1 none */
	int grace_ms;	/* the same */
	bool is_to_stop; /* the same */
};

/*
 * Create path ("-": stdout), mode 0600, never following a link, never into an existing file. force
 * unlinks a regular file or link first. Returns 0, or -EEXIST, or as open(2); nothing was created
 * then.
 */
int output_open(struct output *o, const char *path, bool force, struct err *err);

/*
 * As output_open() of path without force; its last part is created in the directory dir_fd, whatever the rest of path names by now. *ret is
 * untouched when it fails.
 */
int output_open_at(struct output *ret, int dir_fd, const char *path, struct err *err);

/* Bytes in memory instead, which are handed back by closing it. path is for messages. 0 or -ENOMEM; *ret is untouched then. */
int output_open_memory(struct output *ret, const char *path, struct err *err);

/*
 * Append len bytes, all or none. use_reserve: into the room kept for the end, too.
 * Returns 0, or -ENOSPC, -EIO, -EFBIG, -EPIPE … and then a file ends where it did before.
 */
int output_write(struct output *o, const void *data, size_t len, bool use_reserve, struct err *err);

/*
 * A reader that takes nothing is waited for, however long; but once stop_fd (the caller's; -1: now) is readable, no longer than some 10 s for each
 * piece: then the stream is broken, with -ETIMEDOUT. So that who is to end does. Nothing for a file, whose disk cannot be waited for so.
 */
void output_stop_on(struct output *o, int stop_fd);

/* Ask the disk to keep what was written. Nothing for a pipe. */
int output_sync(struct output *o, struct err *err);

/*
 * Give the reserve back, sync the file and its directory, close. o is closed whatever is returned.
 */
int output_close(struct output *o, struct err *err);

#endif
