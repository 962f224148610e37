// SPDX-License-Identifier: BSD-2-Clause
#include "record/unwind_arena.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "formats/cleanup.h"

void unwind_arena_init(struct unwind_arena *a, int outer_fd, uint64_t cap_sz)
{
	memset(a, 0, sizeof(*a));
	a->outer_fd = outer_fd;
	a->extent_max = cap_sz / UNWIND_EXTENT_SZ < UNWIND_EXTENTS ? cap_sz / UNWIND_EXTENT_SZ : UNWIND_EXTENTS;
}

void unwind_arena_deinit(struct unwind_arena *a)
{
	unwind_arena_unmap(a, 0);
	for (uint32_t i = 0; i < a->extent_cnt; i++) {
		if (a->extents[i]->map_fd < 0)
			free(a->extents[i]->words);
		else
			close(a->extents[i]->map_fd);
		free(a->extents[i]);
	}
	free(a->resting);
	memset(a, 0, sizeof(*a));
}

static int make_map(struct unwind_arena *a, struct arena_extent *e)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	uint32_t key = a->extent_cnt;
	int err;

	e->map_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "unwind_extent", sizeof(uint32_t), UNWIND_EXTENT_SZ, 1, &opts);
	if (e->map_fd < 0)
		return -errno;
	if (!bpf_map_update_elem(a->outer_fd, &key, &e->map_fd, BPF_ANY))
		return 0;
	err = -errno;
	close(e->map_fd);
	return err;
}

static int add_extent(struct unwind_arena *a)
{
	_cleanup_free_ struct arena_extent *e = calloc(1, sizeof(*e));
	int err = 0;

	if (a->extent_cnt == a->extent_max)
		return -ENOSPC;
	if (!e)
		return -ENOMEM;
	e->map_fd = -1;
	e->free_cnt = ARENA_UNITS;
	if (a->outer_fd >= 0)
		err = make_map(a, e);
	else if (!(e->words = calloc(UNWIND_EXTENT_WORDS, sizeof(uint32_t))))
		err = -ENOMEM;
	if (err)
		return err;
	if (!a->extent_cnt) { /* word 0 means "none" */
		e->used[0] = 1;
		e->free_cnt--;
	}
	a->extents[a->extent_cnt++] = take_ptr(e);
	return 0;
}

static void mark(struct arena_extent *e, uint32_t unit, uint32_t cnt, bool is_used)
{
	for (uint32_t i = unit; i < unit + cnt; i++) {
		if (is_used)
			e->used[i / 64] |= 1ULL << (i % 64);
		else
			e->used[i / 64] &= ~(1ULL << (i % 64));
	}
	if (is_used) {
		e->free_cnt -= cnt;
	} else {
		e->free_cnt += cnt;
		if (unit < e->hint)
			e->hint = unit;
	}
}

/* The first run of cnt free units, or ARENA_UNITS. */
static uint32_t find_run(struct arena_extent *e, uint32_t cnt)
{
	uint32_t run = 0;
	bool is_first = true;

	if (e->free_cnt < cnt)
		return ARENA_UNITS;
	for (uint32_t i = e->hint; i < ARENA_UNITS; i++) {
		if (!(i % 64) && e->used[i / 64] == UINT64_MAX) {
			run = 0;
			i += 63;
			continue;
		}
		if (e->used[i / 64] >> (i % 64) & 1) {
			run = 0;
			continue;
		}
		if (is_first)
			e->hint = i;
		is_first = false;
		if (++run == cnt)
			return i + 1 - cnt;
	}
	return ARENA_UNITS;
}

int unwind_arena_alloc(struct unwind_arena *a, uint32_t cnt, uint32_t *ret_word)
{
	uint32_t units = (cnt + ARENA_UNIT_WORDS - 1) / ARENA_UNIT_WORDS;

	if (!units || units > ARENA_UNITS)
		return -ENOSPC;
	for (uint32_t i = 0;; i++) {
		uint32_t unit;

		if (i == a->extent_cnt) {
			int err = add_extent(a);

			if (err)
				return err;
		}
		unit = find_run(a->extents[i], units);
		if (unit == ARENA_UNITS)
			continue;
		mark(a->extents[i], unit, units, true);
		a->used_words += units * ARENA_UNIT_WORDS;
		*ret_word = i * UNWIND_EXTENT_WORDS + unit * ARENA_UNIT_WORDS;
		return 0;
	}
}

static void release(struct unwind_arena *a, uint32_t word, uint32_t cnt)
{
	uint32_t units = (cnt + ARENA_UNIT_WORDS - 1) / ARENA_UNIT_WORDS;

	mark(a->extents[word / UNWIND_EXTENT_WORDS], word % UNWIND_EXTENT_WORDS / ARENA_UNIT_WORDS, units, false);
	a->used_words -= units * ARENA_UNIT_WORDS;
}

void unwind_arena_free(struct unwind_arena *a, uint32_t word, uint32_t cnt, uint64_t now_ts)
{
	if (!cnt)
		return;
	if (a->resting_cnt == a->resting_cap) {
		size_t cap = a->resting_cap ? a->resting_cap * 2 : 64;
		void *p = realloc(a->resting, cap * sizeof(*a->resting));

		if (!p)
			return; /* lost until the end: safer than using it too early */
		a->resting = p;
		a->resting_cap = cap;
	}
	a->resting[a->resting_cnt++] = (struct arena_resting){ now_ts, word, cnt };
}

void unwind_arena_settle(struct unwind_arena *a, uint64_t now_ts)
{
	size_t n = 0;

	while (n < a->resting_cnt && now_ts >= a->resting[n].ts && now_ts - a->resting[n].ts >= ARENA_REST_NS) {
		release(a, a->resting[n].word, a->resting[n].cnt);
		n++;
	}
	if (!n)
		return;
	a->resting_cnt -= n;
	memmove(a->resting, a->resting + n, a->resting_cnt * sizeof(*a->resting));
}

uint32_t *unwind_arena_words(struct unwind_arena *a, uint32_t word)
{
	uint32_t i = word / UNWIND_EXTENT_WORDS;
	struct arena_extent *e;

	if (i >= a->extent_cnt)
		return NULL;
	e = a->extents[i];
	if (!e->words) {
		void *p = mmap(NULL, UNWIND_EXTENT_SZ, PROT_READ | PROT_WRITE, MAP_SHARED, e->map_fd, 0);

		if (p == MAP_FAILED)
			return NULL;
		e->words = p;
		a->mapped_cnt++;
	}
	return e->words + word % UNWIND_EXTENT_WORDS;
}

void unwind_arena_unmap(struct unwind_arena *a, uint32_t max)
{
	if (a->mapped_cnt <= max)
		return;
	for (uint32_t i = 0; i < a->extent_cnt; i++) {
		if (a->extents[i]->map_fd < 0 || !a->extents[i]->words)
			continue;
		munmap(a->extents[i]->words, UNWIND_EXTENT_SZ);
		a->extents[i]->words = NULL;
	}
	a->mapped_cnt = 0;
}
