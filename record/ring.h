/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our own consumer of BPF ring buffers: unlike libbpf's it stops at a position taken earlier, so that side-band records
 * that belong before can be handled in between.
 */
#ifndef VARVE_RING_H
#define VARVE_RING_H

#include <stddef.h>
#include <stdint.h>

#include "formats/err.h"

struct ring {
	uint64_t *consumer;	  /* page shared with the kernel, ours to write */
	const uint64_t *producer; /* page of the kernel's, followed by the data */
	const uint8_t *data;	  /* mapped once (a second time behind, as libbpf has it, would count as memory twice) … */
	uint8_t *wrapped;	  /* … so a record that goes over the end is put together here; owned */
	size_t wrapped_cap;
	uint64_t size;		  /* of the data, a power of two */
	uint64_t next;		  /* where to read on */
	size_t page_sz;
	int fd;			  /* the map's, not owned; for epoll */
};

/* Map the ring of a BPF_MAP_TYPE_RINGBUF map of `size` bytes. Returns 0 or the errno of mmap(2). */
int ring_init(struct ring *r, int map_fd, uint64_t size, struct err *err);
void ring_deinit(struct ring *r);

/* The position up to which something was reserved; for ring_consume(). */
uint64_t ring_producer(const struct ring *r);

/* How full the ring is, in percent. */
unsigned ring_fill_pct(const struct ring *r);

/*
 * Hand every record below `upto` to fn, in order, aligned to 8 bytes; stops early at one that is still being written. Space is given
 * back as it goes. Returns the number of records, or fn's negative return (that record counts as consumed), or -EBADMSG when a record's
 * length makes no sense, or -ENOMEM.
 */
typedef int (*ring_fn)(void *ctx, const void *data, size_t sz);
int ring_consume(struct ring *r, uint64_t upto, ring_fn fn, void *ctx, struct err *err);

#endif
