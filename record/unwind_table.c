// SPDX-License-Identifier: BSD-2-Clause
#include "record/unwind_table.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "formats/cleanup.h"

#define PAGE_OFFSETS (1u << UNWIND_PAGE_SHIFT)
#define MAPPED_MAX 6 /* extents that stay mapped: of a busy recorder, mapping them for each batch was two fifths of its CPU */
#define RECYCLE_MIN 64 /* slots made ready at once */
#define BLOCK_WORDS (64u << 10) /* rows are stored in blocks of about this size: large ones would find no place */

struct block {
	uint32_t word, cnt;
};

struct unwind_module_rows {
	uint32_t slot;
	uint32_t ref_cnt;
	uint64_t unused_ts; /* when ref_cnt became 0 */
	bool is_built, has_no_room;
	struct unwind_module wire; /* as the BPF side has it */
	struct block *blocks;	   /* owned; the pages' block is the last */
	uint32_t block_cnt;
};

/* A slot whose module was forgotten. */
struct free_slot {
	uint32_t slot;
	uint64_t ts; /* since when */
};

struct unwind_table {
	struct unwind_maps maps;
	struct unwind_arena arena;
	struct rule_set rules;
	struct expr_set exprs; /* of the rules */
	size_t rules_sent;
	struct unwind_module_rows **modules; /* owned, by slot - 1; NULL: free */
	uint32_t module_cnt; /* slots that were ever used */
	uint32_t *ready;	   /* slots to be used again. Owned, as is resting; room for UNWIND_MODULES */
	struct free_slot *resting; /* oldest first */
	uint32_t ready_cnt, resting_cnt;
	struct unwind_table_stats stats;
};

int unwind_table_create(const struct unwind_maps *maps, uint64_t cap_sz, struct unwind_table **ret, struct err *err)
{
	struct unwind_table *t = calloc(1, sizeof(*t));
	const struct unwind_rule none = { .cfa = UNWIND_CFA_NONE };
	uint32_t id;

	if (!t)
		return err_code(err, -ENOMEM, "unwind tables");
	t->maps = *maps;
	unwind_arena_init(&t->arena, maps->extents_fd, cap_sz);
	t->modules = calloc(UNWIND_MODULES, sizeof(*t->modules));
	t->ready = calloc(UNWIND_MODULES, sizeof(*t->ready));
	t->resting = calloc(UNWIND_MODULES, sizeof(*t->resting));
	if (!t->modules || !t->ready || !t->resting || rule_set_add(&t->rules, &none, &id)) {
		unwind_table_destroy(t);
		return err_code(err, -ENOMEM, "unwind tables");
	}
	*ret = t;
	return 0;
}

void unwind_table_destroy(struct unwind_table *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->module_cnt; i++) {
		if (t->modules[i])
			free(t->modules[i]->blocks);
		free(t->modules[i]);
	}
	free(t->modules);
	free(t->ready);
	free(t->resting);
	unwind_arena_deinit(&t->arena);
	rule_set_deinit(&t->rules);
	expr_set_deinit(&t->exprs);
	free(t);
}

/* ---- storing rows --------------------------------------------------------------------------------------------- */

/* All at once: there are a thousand to begin with, at a microsecond a system call. */
static int send_rules(struct unwind_table *t)
{
	uint32_t cnt = (uint32_t)(t->rules.cnt - t->rules_sent);
	_cleanup_free_ uint32_t *keys = NULL;

	if (!cnt || t->maps.rules_fd < 0)
		return 0;
	keys = malloc(cnt * sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	for (uint32_t i = 0; i < cnt; i++)
		keys[i] = (uint32_t)t->rules_sent + i;
	if (bpf_map_update_batch(t->maps.rules_fd, keys, &t->rules.rules[t->rules_sent], &cnt, NULL))
		return -errno;
	t->rules_sent += cnt;
	return 0;
}

static int send_module(struct unwind_table *t, const struct unwind_module_rows *m)
{
	uint32_t key = m->slot;

	if (t->maps.modules_fd >= 0 && bpf_map_update_elem(t->maps.modules_fd, &key, &m->wire, BPF_ANY))
		return -errno;
	return 0;
}

/* One expression of the module's, by its number there, as the table's. */
static int translate_expr(struct unwind_table *t, const struct unwind_rows *rows, uint32_t number, uint16_t *ret)
{
	const struct expr *e = expr_set_get(&rows->exprs, number);

	*ret = 0;
	return e ? expr_set_add(&t->exprs, e->bytes, e->sz, ret) : 0;
}

/* Changes *r, which is UNWIND_CFA_EXPRESSION. What finds no room makes it a rule that nobody can follow. */
static int translate_exprs(struct unwind_table *t, const struct unwind_rows *rows, struct unwind_rule *r)
{
	bool has_bp = r->bp == UNWIND_BP_EXPRESSION || r->bp == UNWIND_BP_VALUE_EXPRESSION;
	bool has_ra = r->ra == UNWIND_RA_EXPRESSION || r->ra == UNWIND_RA_VALUE_EXPRESSION;
	uint16_t cfa, bp = 0, ra = 0;
	int err = translate_expr(t, rows, r->cfa_off, &cfa);

	if (!err && has_bp)
		err = translate_expr(t, rows, r->bp_off, &bp);
	if (!err && has_ra)
		err = translate_expr(t, rows, r->ra_off, &ra);
	if (err)
		return err;
	if (!cfa || (has_bp && !bp) || (has_ra && !ra)) {
		*r = (struct unwind_rule){ .cfa = UNWIND_CFA_EXPRESSION };
		return 0;
	}
	r->cfa_off = cfa;
	if (has_bp)
		r->bp_off = bp;
	if (has_ra)
		r->ra_off = ra;
	return 0;
}

/* The module's rule numbers as the table's. */
static int translate_rules(struct unwind_table *t, const struct unwind_rows *rows, uint32_t **ret)
{
	_cleanup_free_ uint32_t *ids = calloc(rows->rule_cnt, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < rows->rule_cnt; i++) {
		struct unwind_rule r = rows->rules[i];

		if (r.cfa == UNWIND_CFA_EXPRESSION && translate_exprs(t, rows, &r))
			return -ENOMEM;
		if (rule_set_add(&t->rules, &r, &ids[i]))
			return -ENOMEM;
	}
	*ret = take_ptr(ids);
	return send_rules(t);
}

struct store {
	struct unwind_table *t;
	struct unwind_module_rows *m;
	const struct unwind_rows *rows;
	uint32_t *ids;	 /* owned */
	uint32_t *pages; /* owned; {word in the block, later in the arena; count} */
	uint32_t *buf;	 /* owned; rows of the block at hand */
	uint32_t buf_cnt;
	uint32_t first_page; /* whose rows are in buf */
	uint32_t block_cap;
};

static int alloc_block(struct store *s, const uint32_t *words, uint32_t cnt, uint32_t *ret_word)
{
	struct unwind_module_rows *m = s->m;
	uint32_t *to, word;
	int err;

	if (m->block_cnt == s->block_cap) {
		uint32_t cap = s->block_cap ? s->block_cap * 2 : 4;
		void *p = realloc(m->blocks, cap * sizeof(*m->blocks));

		if (!p)
			return -ENOMEM;
		m->blocks = p;
		s->block_cap = cap;
	}
	err = unwind_arena_alloc(&s->t->arena, cnt, &word);
	if (err)
		return err;
	m->blocks[m->block_cnt++] = (struct block){ word, cnt };
	to = unwind_arena_words(&s->t->arena, word);
	if (!to)
		return -ENOMEM;
	memcpy(to, words, cnt * sizeof(*words));
	*ret_word = word;
	return 0;
}

/* Store the rows of pages [first_page, end_page). */
static int store_block(struct store *s, uint32_t end_page)
{
	uint32_t word;
	int err;

	if (s->buf_cnt) {
		err = alloc_block(s, s->buf, s->buf_cnt, &word);
		if (err)
			return err;
		for (uint32_t p = s->first_page; p < end_page; p++)
			if (s->pages[2 * p + 1])
				s->pages[2 * p] += word;
	}
	s->buf_cnt = 0;
	s->first_page = end_page;
	return 0;
}

/* The index before a page's cnt rows: see UNWIND_INDEX_SHIFT. */
static void fill_index(uint32_t *page, uint32_t cnt)
{
	const uint32_t *rows = page + UNWIND_INDEX_WORDS;
	uint32_t row = 0;

	memset(page, 0, UNWIND_INDEX_WORDS * sizeof(*page));
	for (uint32_t i = 0; i < UNWIND_INDEX_CNT; i++) {
		while (row + 1 < cnt && rows[row + 1] >> 16 <= i << UNWIND_INDEX_SHIFT)
			row++;
		page[i / 2] |= row << (i & 1) * 16;
	}
}

static uint32_t index_get(const uint32_t *page, uint32_t i)
{
	return page[i / 2] >> (i & 1) * 16 & 0xffff;
}

/* Fill one page from row i on; returns the first row of the next page. rule: what holds at the page's start. */
static size_t fill_page(struct store *s, uint32_t page, size_t i, uint32_t *rule)
{
	uint64_t start = (uint64_t)(s->m->wire.page_first + page) << UNWIND_PAGE_SHIFT;
	const struct unwind_row *r = s->rows->rows;
	uint32_t begin = s->buf_cnt;

	s->buf_cnt += UNWIND_INDEX_WORDS;
	if (i >= s->rows->row_cnt || r[i].off >= start + PAGE_OFFSETS ? *rule : r[i].off != start)
		s->buf[s->buf_cnt++] = s->ids[*rule];
	for (; i < s->rows->row_cnt && r[i].off < start + PAGE_OFFSETS; i++) {
		*rule = r[i].rule;
		s->buf[s->buf_cnt++] = (uint32_t)(r[i].off - start) << 16 | s->ids[*rule];
	}
	s->pages[2 * page] = begin;
	s->pages[2 * page + 1] = s->buf_cnt - begin - UNWIND_INDEX_WORDS;
	if (s->pages[2 * page + 1])
		fill_index(s->buf + begin, s->pages[2 * page + 1]);
	else
		s->buf_cnt = begin;
	return i;
}

static int store_pages(struct store *s)
{
	struct unwind_module *w = &s->m->wire;
	uint32_t rule = 0;
	size_t i = 0;
	int err;

	for (uint32_t page = 0; page < w->page_cnt; page++) {
		i = fill_page(s, page, i, &rule);
		if (s->buf_cnt < BLOCK_WORDS)
			continue;
		err = store_block(s, page + 1);
		if (err)
			return err;
	}
	err = store_block(s, w->page_cnt);
	return err ? err : alloc_block(s, s->pages, 2 * w->page_cnt, &w->page_word);
}

static int store_rows(struct unwind_table *t, struct unwind_module_rows *m, const struct unwind_rows *rows)
{
	struct store s = { .t = t, .m = m, .rows = rows };
	uint32_t last;
	int err;

	last = rows->rows[rows->row_cnt - 1].off >> UNWIND_PAGE_SHIFT;
	m->wire.page_first = rows->rows[0].off >> UNWIND_PAGE_SHIFT;
	m->wire.page_cnt = last - m->wire.page_first + 1;
	s.pages = calloc(m->wire.page_cnt, 2 * sizeof(*s.pages));
	/* A block is stored once it holds BLOCK_WORDS: one page more fits, with a row for each offset. */
	s.buf = malloc((BLOCK_WORDS + UNWIND_INDEX_WORDS + PAGE_OFFSETS + 1) * sizeof(*s.buf));
	err = s.pages && s.buf ? translate_rules(t, rows, &s.ids) : -ENOMEM;
	if (!err)
		err = store_pages(&s);
	free(s.ids);
	free(s.pages);
	free(s.buf);
	return err;
}

static void drop_rows(struct unwind_table *t, struct unwind_module_rows *m, uint64_t now_ts)
{
	memset(&m->wire, 0, sizeof(m->wire));
	(void)send_module(t, m); /* with the slot unused nothing leads to the blocks; should it fail, they rest first anyway */
	for (uint32_t i = 0; i < m->block_cnt; i++)
		unwind_arena_free(&t->arena, m->blocks[i].word, m->blocks[i].cnt, now_ts);
	free(m->blocks);
	m->blocks = NULL;
	m->block_cnt = 0;
}

/* Throw out the module that nobody has mapped for longest. Its words are free only after their rest. */
static bool evict(struct unwind_table *t, uint64_t now_ts)
{
	struct unwind_module_rows *oldest = NULL;

	for (uint32_t i = 0; i < t->module_cnt; i++) {
		struct unwind_module_rows *m = t->modules[i];

		if (m && !m->ref_cnt && m->block_cnt && (!oldest || m->unused_ts < oldest->unused_ts))
			oldest = m;
	}
	if (!oldest)
		return false;
	drop_rows(t, oldest, now_ts);
	oldest->is_built = false;
	t->stats.evicted++;
	return true;
}

/* ---- slots ------------------------------------------------------------------------------------------------------ */

/* What BPF programs remember of rows by slot and offset: of all CPUs, some 10 us each. False: not to be done. */
static bool clear_cache(const struct unwind_table *t)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ void *zeros = cpus > 0 ? calloc((size_t)cpus, UNWIND_CACHE_SZ) : NULL;
	uint32_t key = 0;

	return t->maps.cache_fd < 0 || (zeros && !bpf_map_update_elem(t->maps.cache_fd, &key, zeros, BPF_ANY));
}

/* Slots that nothing leads to for long enough may be used again, once nothing is remembered of them. Many at a time. */
static void recycle_slots(struct unwind_table *t, uint64_t now_ts)
{
	uint32_t n = 0;

	while (n < t->resting_cnt && now_ts >= t->resting[n].ts && now_ts - t->resting[n].ts >= ARENA_REST_NS)
		n++;
	if (n < RECYCLE_MIN || !clear_cache(t))
		return;
	for (uint32_t i = 0; i < n; i++)
		t->ready[t->ready_cnt++] = t->resting[i].slot;
	t->resting_cnt -= n;
	memmove(t->resting, t->resting + n, t->resting_cnt * sizeof(*t->resting));
}

/* ---- modules ---------------------------------------------------------------------------------------------------- */

struct unwind_module_rows *unwind_table_add(struct unwind_table *t)
{
	struct unwind_module_rows *m;

	if (!t->ready_cnt && t->module_cnt + 1 >= UNWIND_MODULES)
		return NULL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->slot = t->ready_cnt ? t->ready[--t->ready_cnt] : ++t->module_cnt;
	t->modules[m->slot - 1] = m;
	return m;
}

bool unwind_table_remove(struct unwind_table *t, struct unwind_module_rows *m, uint64_t now_ts)
{
	if (m->ref_cnt)
		return false;
	drop_rows(t, m, now_ts);
	t->modules[m->slot - 1] = NULL;
	t->resting[t->resting_cnt++] = (struct free_slot){ m->slot, now_ts };
	free(m);
	return true;
}

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void build_rows(struct unwind_table *t, struct unwind_module_rows *m, const struct unwind_input *in, uint64_t now_ts)
{
	struct unwind_rows rows = { .rows = NULL };
	int err;

	m->is_built = true;
	m->has_no_room = false;
	if (eh_frame_compile(in, &rows, NULL)) {
		t->stats.failed++;
		return;
	}
	t->stats.fdes += rows.fde_cnt;
	t->stats.bad_fdes += rows.bad_fde_cnt;
	if (!rows.row_cnt) {
		t->stats.no_info++;
		unwind_rows_deinit(&rows);
		return;
	}
	err = store_rows(t, m, &rows);
	m->wire.flags = UNWIND_MODULE_USED;
	if (!err)
		err = send_module(t, m);
	if (!err) {
		t->stats.rows += rows.row_cnt;
	} else {
		drop_rows(t, m, now_ts);
		m->has_no_room = true;
		m->is_built = false; /* the next first mapping tries again */
		t->stats.no_room++;
		(void)evict(t, now_ts);
	}
	unwind_rows_deinit(&rows);
}

static void build(struct unwind_table *t, struct unwind_module_rows *m, const struct unwind_input *in, uint64_t now_ts)
{
	uint64_t start = clock_ns(), spent;

	unwind_arena_settle(&t->arena, now_ts);
	build_rows(t, m, in, now_ts);
	spent = clock_ns() - start;
	t->stats.built++;
	t->stats.build_ns += spent;
	if (spent > t->stats.build_max_ns)
		t->stats.build_max_ns = spent;
}

void unwind_table_ref(struct unwind_table *t, struct unwind_module_rows *m, const struct unwind_input *in, uint64_t now_ts)
{
	if (!m->ref_cnt++ && !m->is_built)
		build(t, m, in, now_ts);
}

void unwind_table_unref(struct unwind_table *t, struct unwind_module_rows *m, uint64_t now_ts)
{
	if (!--m->ref_cnt)
		m->unused_ts = now_ts;
}

bool unwind_module_wants_input(const struct unwind_module_rows *m)
{
	return !m->ref_cnt && !m->is_built;
}

uint32_t unwind_module_slot(const struct unwind_module_rows *m)
{
	return m ? m->slot : 0;
}

bool unwind_module_has_no_room(const struct unwind_module_rows *m)
{
	return m->has_no_room;
}

const struct unwind_rule *unwind_table_find(struct unwind_table *t, const struct unwind_module_rows *m, uint64_t off)
{
	uint64_t page = (off >> UNWIND_PAGE_SHIFT) - m->wire.page_first;
	const uint32_t *p, *rows;
	uint32_t low = off & (PAGE_OFFSETS - 1), lo, hi;

	if (!m->wire.flags || page >= m->wire.page_cnt)
		return NULL;
	p = unwind_arena_words(&t->arena, m->wire.page_word + 2 * page);
	rows = p && p[1] ? unwind_arena_words(&t->arena, p[0]) : NULL;
	if (!rows)
		return NULL;
	lo = index_get(rows, low >> UNWIND_INDEX_SHIFT);
	hi = index_get(rows, (low >> UNWIND_INDEX_SHIFT) + 1) + 1;
	rows += UNWIND_INDEX_WORDS;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (rows[mid] >> 16 <= low)
			lo = mid;
		else
			hi = mid;
	}
	return rows[lo] & 0xffff ? &t->rules.rules[rows[lo] & 0xffff] : NULL;
}

const struct expr_set *unwind_table_exprs(const struct unwind_table *t)
{
	return &t->exprs;
}

void unwind_table_tick(struct unwind_table *t, uint64_t now_ts)
{
	const struct unwind_arena *a = &t->arena;
	uint64_t cap = (uint64_t)a->extent_max * UNWIND_EXTENT_WORDS;

	unwind_arena_settle(&t->arena, now_ts);
	recycle_slots(t, now_ts);
	/* What is evicted rests before it is room, and there is no waiting for that when a process maps something new. */
	if (a->used_words > cap / 8 * 7 && !a->resting_cnt)
		(void)evict(t, now_ts);
	unwind_arena_unmap(&t->arena, MAPPED_MAX);
}

struct unwind_arena *unwind_table_arena(struct unwind_table *t)
{
	return &t->arena;
}

void unwind_table_get_stats(const struct unwind_table *t, struct unwind_table_stats *ret)
{
	*ret = t->stats;
	ret->modules = t->module_cnt - t->ready_cnt - t->resting_cnt;
	ret->rules = t->rules.cnt;
	ret->arena_sz = (uint64_t)t->arena.extent_cnt * UNWIND_EXTENT_SZ;
}
