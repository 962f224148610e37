// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The tables of unwind rows and mappings, which the recorder fills: finding the rule at a place in a process, and what the kernel half does to
 * them itself when mappings go.
 */
#include "unwind_step.bpf.h"

enum { BPF_MAP_TYPE_ARRAY_OF_MAPS = 12 };

#define ROW_SEARCH_STEPS 11	/* 1,025 rows of a KiB */
#define MAPPING_SEARCH_STEPS 13 /* UNWIND_PROC_MAPPINGS */

struct unwind_extent {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, UNWIND_EXTENT_SZ);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UNWIND_EXTENTS);
	__type(key, __u32);
	__array(values, struct unwind_extent);
} unwind_extents SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_MODULES);
	__type(key, __u32);
	__type(value, struct unwind_module);
} unwind_modules SEC(".maps");

/*
 * Return addresses repeat from sample to sample: what was found last for them, by hash, one word each: module << 48 | offset << 16 |
 * rule. A slot's rows never change, and the recorder clears all of it before a slot becomes another module's, so nothing here ever goes
 * stale. Saves the dozen cache misses of a search: see bench.
 */
#define CACHE_SZ (UNWIND_CACHE_SZ / 8)

struct unwind_cache {
	__u64 word[CACHE_SZ];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_cache);
} unwind_cache SEC(".maps");

static __always_inline __u32 *extent_get(__u32 word)
{
	__u32 key = word / UNWIND_EXTENT_WORDS, zero = 0;
	void *extent = bpf_map_lookup_elem(&unwind_extents, &key);

	return extent ? bpf_map_lookup_elem(extent, &zero) : NULL;
}

static __always_inline __u64 extent_u64(const __u32 *extent, __u32 word)
{
	return *(const __u64 *)&extent[word & (UNWIND_EXTENT_WORDS - 2)];
}

/* 1 when a <= b, both below 2^63, without a branch: each would double the verifier's paths through a search. */
static __always_inline __u64 is_le(__u64 a, __u64 b)
{
	return (a - b - 1) >> 63;
}

/* The last of cnt mappings that starts at or below pc, as a word. */
__attribute__((noinline)) int unwind_search_mappings(__u32 word, __u32 cnt, __u64 pc)
{
	__u32 *extent = extent_get(word), n = cnt;

	if (!extent)
		return 0;
	for (int i = 0; i < MAPPING_SEARCH_STEPS && n > 1; i++) {
		__u32 half = n >> 1;

		word += half * UNWIND_MAPPING_WORDS * is_le(extent_u64(extent, word + half * UNWIND_MAPPING_WORDS), pc);
		n -= half;
	}
	return word;
}

__attribute__((noinline)) int unwind_find_mapping(__u32 slot, __u64 pc)
{
	struct unwind_scratch *s = scratch_get(slot);
	struct unwind_mapping *m;
	__u32 *extent, word;

	if (!s || !s->proc.mapping_cnt)
		return 0;
	m = &s->mapping;
	word = unwind_search_mappings(s->proc.mapping_word, s->proc.mapping_cnt, pc);
	extent = extent_get(word);
	if (!extent)
		return 0;
	m->start = extent_u64(extent, word);
	m->end = extent_u64(extent, word + 2);
	m->bias = extent_u64(extent, word + 4);
	m->module = extent[(word + 6) & (UNWIND_EXTENT_WORDS - 1)];
	return pc >= m->start && pc < m->end;
}

static __always_inline __u32 index_get(const __u32 *extent, __u32 word, __u32 at)
{
	return extent[(word + at / 2) & (UNWIND_EXTENT_WORDS - 1)] >> (at & 1) * 16 & 0xffff;
}

/* As unwind_find_rule(), without the cache. */
__attribute__((noinline)) int unwind_search_rows(__u32 module, __u64 off)
{
	struct unwind_module *m = bpf_map_lookup_elem(&unwind_modules, &module);
	__u32 *extent, word, n, first;
	__u64 page, low = off & ((1 << UNWIND_PAGE_SHIFT) - 1);

	if (!m || !m->flags)
		return 0;
	page = (off >> UNWIND_PAGE_SHIFT) - m->page_first;
	if (page >= m->page_cnt)
		return 0;
	word = m->page_word + 2 * page;
	extent = extent_get(word);
	if (!extent)
		return 0;
	n = extent[(word + 1) & (UNWIND_EXTENT_WORDS - 1)];
	word = extent[word & (UNWIND_EXTENT_WORDS - 1)];
	extent = extent_get(word);
	if (!n || !extent)
		return 0;
	first = index_get(extent, word, low >> UNWIND_INDEX_SHIFT);
	n = index_get(extent, word, (low >> UNWIND_INDEX_SHIFT) + 1) - first + 1;
	word += UNWIND_INDEX_WORDS + first;
	for (int i = 0; i < ROW_SEARCH_STEPS && n > 1; i++) {
		__u32 half = n >> 1;

		word += half * is_le(extent[(word + half) & (UNWIND_EXTENT_WORDS - 1)] >> 16, low);
		n -= half;
	}
	return extent[word & (UNWIND_EXTENT_WORDS - 1)] & 0xffff;
}

__attribute__((noinline)) int unwind_find_rule(__u32 module, __u64 off)
{
	__u32 zero = 0, at = (off ^ off >> 11) & (CACHE_SZ - 1);
	struct unwind_cache *cache = bpf_map_lookup_elem(&unwind_cache, &zero);
	__u64 key = (__u64)module << 32 | (__u32)off, word;
	int rule;

	if (!module || off >> 32 || !cache)
		return 0;
	word = cache->word[at];
	if (word >> 16 == key)
		return word & 0xffff;
	rule = unwind_search_rows(module, off) & 0xffff;
	cache->word[at] = key << 16 | rule;
	return rule;
}

/* ---- changes ------------------------------------------------------------------------------------------------------------- */

__attribute__((noinline)) int unwind_forget(__u32 pid)
{
	struct unwind_proc *proc = bpf_map_lookup_elem(&unwind_procs, &pid);

	if (proc)
		proc->mapping_cnt = 0;
	return 0;
}

/* Until the recorder makes an entry of the child's own, some ms from now, its parent's block stays: freed ones rest for seconds. */
__attribute__((noinline)) int unwind_inherit(__u32 parent, __u32 child)
{
	struct unwind_proc *proc = bpf_map_lookup_elem(&unwind_procs, &parent), copy;

	if (!proc)
		return 0;
	copy = *proc;
	bpf_map_update_elem(&unwind_procs, &child, &copy, BPF_ANY);
	return 0;
}

__attribute__((noinline)) int unwind_unmapped(__u32 pid, __u64 start, __u64 end)
{
	struct unwind_proc *proc = bpf_map_lookup_elem(&unwind_procs, &pid);
	struct wire_unmap u = {};
	__u32 *extent, word;

	if (!proc || !proc->mapping_cnt)
		return 0;
	word = unwind_search_mappings(proc->mapping_word, proc->mapping_cnt, end - 1);
	extent = extent_get(word);
	if (!extent || extent_u64(extent, word) >= end || extent_u64(extent, word + 2) <= start)
		return 0; /* no code there: the common case */
	proc->mapping_cnt = 0;
	fill_head(&u.head, WIRE_UNMAP, bpf_ktime_get_ns());
	u.pid = pid;
	u.start = start;
	u.end = end;
	if (bpf_ringbuf_output(&ring_main, &u, sizeof(u), unwind_wake_flags(u.head.ts, sizeof(u))))
		unwind_count(UNWIND_UNMAPS_LOST, 1);
	return 0;
}
