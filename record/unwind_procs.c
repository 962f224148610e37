// SPDX-License-Identifier: BSD-2-Clause
#include "record/unwind_procs.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"

#define HASH_SZ 4096 /* chains of processes; a power of two */

struct entry {
	struct unwind_mapping m; /* as in the kernel */
	struct unwind_module_rows *rows; /* counted; NULL: none */
};

/* Mappings of one or more processes, sorted by start, disjoint. */
struct map_space {
	uint32_t ref_cnt;
	uint32_t cnt, cap;
	struct entry *entries; /* owned */
	uint32_t word;	       /* where the kernel has it; 0: nowhere, or not this state of it */
	uint32_t word_cnt;     /* words there */
};

struct proc {
	uint32_t pid;
	bool is_dirty; /* listed */
	struct map_space *space;
	struct proc *next;
};

struct unwind_procs {
	struct unwind_table *table;
	int procs_fd;
	unwind_module_fn find;
	unwind_done_fn done;
	void *ctx;
	uint64_t now_ts; /* of the last flush */
	uint32_t gen;	 /* of the last entry sent */
	struct proc *hash[HASH_SZ];
	uint32_t *dirty; /* owned: pids to write */
	size_t dirty_cnt, dirty_cap;
	struct unwind_procs_stats stats;
};

int unwind_procs_create(struct unwind_table *t, int procs_fd, unwind_module_fn find, unwind_done_fn done, void *ctx,
			struct unwind_procs **ret, struct err *err)
{
	struct unwind_procs *p = calloc(1, sizeof(*p));

	if (!p)
		return err_code(err, -ENOMEM, "unwind mappings");
	p->table = t;
	p->procs_fd = procs_fd;
	p->find = find;
	p->done = done;
	p->ctx = ctx;
	*ret = p;
	return 0;
}

/* ---- spaces ------------------------------------------------------------------------------------------------------- */

static void drop_entry(struct unwind_procs *p, struct entry *e)
{
	if (e->rows)
		unwind_table_unref(p->table, e->rows, p->now_ts);
}

/* The kernel's copy is out of date. */
static void forget_words(struct unwind_procs *p, struct map_space *s)
{
	if (s->word)
		unwind_arena_free(unwind_table_arena(p->table), s->word, s->word_cnt, p->now_ts);
	s->word = 0;
}

static void space_put(struct unwind_procs *p, struct map_space *s)
{
	if (!s || --s->ref_cnt)
		return;
	for (uint32_t i = 0; i < s->cnt; i++)
		drop_entry(p, &s->entries[i]);
	p->stats.mappings -= s->cnt;
	forget_words(p, s);
	free(s->entries);
	free(s);
}

static struct map_space *space_copy(struct unwind_procs *p, const struct map_space *from)
{
	struct map_space *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ref_cnt = 1;
	if (!from || !from->cnt)
		return s;
	s->entries = malloc(from->cnt * sizeof(*s->entries));
	if (!s->entries) {
		free(s);
		return NULL;
	}
	memcpy(s->entries, from->entries, from->cnt * sizeof(*s->entries));
	s->cnt = s->cap = from->cnt;
	for (uint32_t i = 0; i < s->cnt; i++)
		if (s->entries[i].rows) /* built already: counted without an input */
			unwind_table_ref(p->table, s->entries[i].rows, NULL, p->now_ts);
	p->stats.mappings += s->cnt;
	return s;
}

/* The first entry that ends above addr. */
static uint32_t space_find(const struct map_space *s, uint64_t addr)
{
	uint32_t lo = 0, hi = s->cnt;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->entries[mid].m.end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Insert at index i; e's reference becomes the space's. */
static bool space_insert(struct unwind_procs *p, struct map_space *s, uint32_t i, const struct entry *e)
{
	if (s->cnt == s->cap) {
		uint32_t cap = s->cap ? s->cap * 2 : 16;
		void *n = s->cnt < UNWIND_PROC_MAPPINGS ? realloc(s->entries, cap * sizeof(*s->entries)) : NULL;

		if (!n)
			return false;
		s->entries = n;
		s->cap = cap;
	}
	memmove(&s->entries[i + 1], &s->entries[i], (s->cnt - i) * sizeof(*s->entries));
	s->entries[i] = *e;
	s->cnt++;
	p->stats.mappings++;
	return true;
}

/* Make room: nothing of the space lies in [start, end) afterwards. */
static void space_cut(struct unwind_procs *p, struct map_space *s, uint64_t start, uint64_t end)
{
	uint32_t i = space_find(s, start), gone;

	if (i < s->cnt && s->entries[i].m.start < start) {
		struct entry tail = s->entries[i];

		s->entries[i].m.end = start;
		if (tail.m.end > end) { /* a hole in its middle: its tail is an entry of its own */
			tail.m.start = end;
			if (space_insert(p, s, i + 1, &tail) && tail.rows)
				unwind_table_ref(p->table, tail.rows, NULL, p->now_ts);
			return;
		}
		i++;
	}
	for (gone = i; gone < s->cnt && s->entries[gone].m.end <= end; gone++)
		drop_entry(p, &s->entries[gone]);
	if (gone > i)
		memmove(&s->entries[i], &s->entries[gone], (s->cnt - gone) * sizeof(*s->entries));
	s->cnt -= gone - i;
	p->stats.mappings -= gone - i;
	if (i < s->cnt && s->entries[i].m.start < end)
		s->entries[i].m.start = end;
}

/* ---- processes ------------------------------------------------------------------------------------------------------- */

static uint32_t hash_of(uint32_t pid)
{
	return (pid * 2654435761u) >> 20 & (HASH_SZ - 1);
}

static struct proc **slot_of(struct unwind_procs *p, uint32_t pid)
{
	struct proc **at = &p->hash[hash_of(pid)];

	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	return at;
}

static void set_dirty(struct unwind_procs *p, struct proc *q)
{
	if (q->is_dirty)
		return;
	if (p->dirty_cnt == p->dirty_cap) {
		size_t cap = p->dirty_cap ? p->dirty_cap * 2 : 64;
		void *n = realloc(p->dirty, cap * sizeof(*p->dirty));

		if (!n) {
			p->stats.failed++;
			return;
		}
		p->dirty = n;
		p->dirty_cap = cap;
	}
	p->dirty[p->dirty_cnt++] = q->pid;
	q->is_dirty = true;
}

static struct proc *proc_get(struct unwind_procs *p, uint32_t pid)
{
	struct proc **at = slot_of(p, pid), *q;

	if (*at)
		return *at;
	q = calloc(1, sizeof(*q));
	if (!q || !(q->space = space_copy(p, NULL))) {
		free(q);
		p->stats.failed++;
		return NULL;
	}
	q->pid = pid;
	p->stats.procs++;
	return *at = q;
}

/* The process's own space, to be changed. */
static struct map_space *own_space(struct unwind_procs *p, struct proc *q)
{
	struct map_space *s = q->space;

	set_dirty(p, q);
	if (s->ref_cnt > 1) {
		s = space_copy(p, q->space);
		if (!s) {
			p->stats.failed++;
			return NULL;
		}
		space_put(p, q->space);
		q->space = s;
	}
	forget_words(p, s);
	return s;
}

void unwind_procs_add(struct unwind_procs *p, uint32_t pid, uint64_t start, uint64_t end, uint64_t off_base, uint32_t module)
{
	struct entry e = { .m = { .start = start, .end = end, .bias = start - off_base } };
	struct proc *q = proc_get(p, pid);
	struct map_space *s = q ? own_space(p, q) : NULL;
	struct unwind_input in = { .fd = -1 };

	if (!s || start >= end || end > INT64_MAX) /* the kernel's half is no user mapping (vsyscall) */
		return;
	e.rows = p->find(p->ctx, module, &in);
	e.m.module = unwind_module_slot(e.rows);
	if (e.rows) {
		unwind_table_ref(p->table, e.rows, &in, p->now_ts);
		p->done(p->ctx, &in);
	}
	space_cut(p, s, start, end);
	if (!space_insert(p, s, space_find(s, start), &e)) {
		drop_entry(p, &e);
		p->stats.failed++;
	}
}

void unwind_procs_remove(struct unwind_procs *p, uint32_t pid, uint64_t start, uint64_t end)
{
	struct proc *q = *slot_of(p, pid);
	struct map_space *s = q && start < end ? own_space(p, q) : NULL;

	if (s)
		space_cut(p, s, start, end);
}

void unwind_procs_fork(struct unwind_procs *p, uint32_t pid, uint32_t parent)
{
	struct proc *from = *slot_of(p, parent), *q;

	if (!from || pid == parent)
		return;
	q = proc_get(p, pid);
	if (!q)
		return;
	from->space->ref_cnt++;
	space_put(p, q->space);
	q->space = from->space;
	set_dirty(p, q);
}

void unwind_procs_clear(struct unwind_procs *p, uint32_t pid)
{
	struct proc *q = *slot_of(p, pid);
	struct map_space *s = q ? space_copy(p, NULL) : NULL;

	if (!s)
		return;
	space_put(p, q->space);
	q->space = s;
	set_dirty(p, q);
}

bool unwind_procs_has(const struct unwind_procs *p, uint32_t pid)
{
	const struct proc *q = p->hash[hash_of(pid)];

	while (q && q->pid != pid)
		q = q->next;
	return q;
}

void unwind_procs_touch(struct unwind_procs *p, uint32_t pid)
{
	struct proc *q = *slot_of(p, pid);

	if (q)
		set_dirty(p, q);
}

void unwind_procs_exit(struct unwind_procs *p, uint32_t pid)
{
	struct proc **at = slot_of(p, pid), *q = *at;

	if (!q)
		return;
	if (p->procs_fd >= 0) /* the kernel may have one by itself: unwind_inherit() */
		(void)bpf_map_delete_elem(p->procs_fd, &pid); /* cannot fail for a key that is there */
	*at = q->next;
	space_put(p, q->space);
	free(q);
	p->stats.procs--;
}

void unwind_procs_destroy(struct unwind_procs *p)
{
	if (!p)
		return;
	for (int i = 0; i < HASH_SZ; i++)
		while (p->hash[i])
			unwind_procs_exit(p, p->hash[i]->pid);
	free(p->dirty);
	free(p);
}

/* ---- to the kernel ----------------------------------------------------------------------------------------------------- */

static int send_space(struct unwind_procs *p, struct map_space *s)
{
	struct unwind_arena *a = unwind_table_arena(p->table);
	uint32_t cnt = s->cnt * UNWIND_MAPPING_WORDS, word, *to;
	int err;

	if (s->word || !s->cnt)
		return 0;
	err = unwind_arena_alloc(a, cnt, &word);
	if (err)
		return err;
	to = unwind_arena_words(a, word);
	if (!to) {
		unwind_arena_free(a, word, cnt, p->now_ts);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < s->cnt; i++)
		memcpy(to + i * UNWIND_MAPPING_WORDS, &s->entries[i].m, sizeof(s->entries[i].m));
	s->word = word;
	s->word_cnt = cnt;
	return 0;
}

static int send_proc(struct unwind_procs *p, struct proc *q)
{
	struct unwind_proc wire = { .mapping_cnt = q->space->cnt, .gen = ++p->gen };
	int err = send_space(p, q->space);

	wire.mapping_word = q->space->word;
	if (err) /* nothing is better than what was true before */
		wire.mapping_cnt = 0;
	if (p->procs_fd >= 0 && bpf_map_update_elem(p->procs_fd, &q->pid, &wire, BPF_ANY))
		return -errno;
	return err;
}

void unwind_procs_flush(struct unwind_procs *p, uint64_t now_ts)
{
	p->now_ts = now_ts;
	for (size_t i = 0; i < p->dirty_cnt; i++) {
		struct proc *q = *slot_of(p, p->dirty[i]);

		if (!q || !q->is_dirty)
			continue; /* exited since, or its pid is listed twice */
		q->is_dirty = false;
		p->stats.updates++;
		if (send_proc(p, q))
			p->stats.failed++;
	}
	p->dirty_cnt = 0;
	unwind_table_tick(p->table, now_ts);
}

void unwind_procs_get_stats(const struct unwind_procs *p, struct unwind_procs_stats *ret)
{
	*ret = p->stats;
}

bool unwind_procs_find(const struct unwind_procs *p, uint32_t pid, uint64_t addr, struct unwind_mapping *ret)
{
	const struct proc *q = p->hash[hash_of(pid)];
	uint32_t i;

	while (q && q->pid != pid)
		q = q->next;
	i = q ? space_find(q->space, addr) : 0;
	if (!q || i == q->space->cnt || q->space->entries[i].m.start > addr)
		return false;
	*ret = q->space->entries[i].m;
	return true;
}
