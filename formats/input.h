/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes of a file, a pipe or memory, through a window that moves forward: look ahead, then skip.
 * Keeps no more than was looked at.
 */
#ifndef VARVE_INPUT_H
#define VARVE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"

struct input {
	int fd;	      /* -1: memory */
	int stop_fd;  /* the caller's, -1: none; see input_open() */
	char *path;   /* for messages; owned */
	uint8_t *buf; /* owned; NULL for memory */
	size_t cap;
	const uint8_t *p; /* here */
	size_t avail;	  /* bytes at p */
	uint64_t off;	  /* of p, from the start of the input */
	bool at_end;	  /* nothing comes behind avail */
};

/*
 * path "-": stdin. stop_fd, if not -1: once it is readable, waiting and reading end with -EINTR. Returns 0 or -errno.
 */
int input_open(struct input *in, const char *path, int stop_fd, struct err *err);
void input_open_memory(struct input *in, const void *data, size_t len);

/*
 * Have at least n bytes at in->p, or all there are. Returns 0, -ENOMEM, -EINTR, or the read's error. Moves
 * in->p's memory, not its place.
 */
int input_look(struct input *in, size_t n, struct err *err);

/* Go forward n <= in->avail bytes. */
static inline void input_skip(struct input *in, size_t n)
{
	in->p += n;
	in->avail -= n;
	in->off += n;
}

void input_close(struct input *in);

#endif
