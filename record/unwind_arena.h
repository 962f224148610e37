/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words that the BPF unwinder searches: blocks in extents of 2 MiB that are made when needed, up to a cap. BPF programs read
 * them at any moment, so a block is written before anything points to it, and a freed one rests before it is used again.
 */
#ifndef VARVE_UNWIND_ARENA_H
#define VARVE_UNWIND_ARENA_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/unwind_wire.h"

#define ARENA_UNIT_WORDS 64 /* what blocks are multiples of */
/* A BPF program that found a block runs for some 50 us more, but a virtual CPU can be descheduled in the middle of it. */
#define ARENA_REST_NS 2000000000ULL
#define ARENA_UNITS (UNWIND_EXTENT_WORDS / ARENA_UNIT_WORDS)

struct arena_extent {
	int map_fd;	  /* -1: memory of our own (tests) */
	uint32_t *words;  /* mapped now, or NULL */
	uint32_t free_cnt; /* units */
	uint32_t hint;	  /* no unit below it is free */
	uint64_t used[ARENA_UNITS / 64];
};

struct arena_resting {
	uint64_t ts; /* freed at */
	uint32_t word, cnt;
};

struct unwind_arena {
	int outer_fd; /* the array of maps; not owned; -1: none, extents are plain memory */
	uint32_t extent_max;
	uint32_t extent_cnt;
	struct arena_extent *extents[UNWIND_EXTENTS]; /* owned */
	struct arena_resting *resting; /* owned; oldest first */
	size_t resting_cnt, resting_cap;
	uint64_t used_words;
	uint32_t mapped_cnt; /* extents with words, of the kernel's */
};

/* cap_sz: bytes of extents at most. */
void unwind_arena_init(struct unwind_arena *a, int outer_fd, uint64_t cap_sz);
void unwind_arena_deinit(struct unwind_arena *a);

/*
 * A block of cnt words (at most UNWIND_EXTENT_WORDS), in one extent. Returns 0, -ENOSPC (the cap is reached), -ENOMEM, or the
 * kernel's refusal of a map.
 */
int unwind_arena_alloc(struct unwind_arena *a, uint32_t cnt, uint32_t *ret_word);

/* Free a block as allocated. Its words may be given out again two seconds after now_ts. */
void unwind_arena_free(struct unwind_arena *a, uint32_t word, uint32_t cnt, uint64_t now_ts);

/* Let rest what was freed long enough before now_ts become free. */
void unwind_arena_settle(struct unwind_arena *a, uint64_t now_ts);

/* The words from word on, up to its extent's end; valid until unwind_arena_unmap(). NULL when it cannot be mapped or does not exist. */
uint32_t *unwind_arena_words(struct unwind_arena *a, uint32_t word);

/*
 * Give back the address space of more than max mapped extents: they count as resident memory of ours, but mapping one of them costs 0.1 ms.
 */
void unwind_arena_unmap(struct unwind_arena *a, uint32_t max);

#endif
