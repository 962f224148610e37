// SPDX-License-Identifier: BSD-2-Clause
/* The second half of sym_builder: from what was collected to the bytes of a sym_index. */
#include <errno.h>

#include "formats/cleanup.h"
#include "formats/elf_symbol.h"
#include "report/sym_builder.h"

/* The tables of the index, ready to be copied. */
struct layout {
	uint64_t base;
	SYM_VEC(struct sym_segment) segments;
	SYM_VEC(struct sym_symbol) symbols;
	SYM_VEC(struct sym_line) lines;
};

static void layout_deinit(struct layout *l)
{
	sym_vec_deinit(&l->segments);
	sym_vec_deinit(&l->symbols);
	sym_vec_deinit(&l->lines);
}

/* Distance from base, saturating: what lies beyond 4 GiB has no names. */
static bool to_rel(const struct layout *l, uint64_t addr, uint32_t *ret)
{
	if (addr < l->base || addr - l->base > UINT32_MAX)
		return false;
	*ret = (uint32_t)(addr - l->base);
	return true;
}

static int layout_segments(struct layout *l, struct sym_builder *b)
{
	_cleanup_free_ struct sym_cut *cuts = NULL;
	size_t n;
	int err;

	err = sym_spans_flatten(b->spans.v, b->spans.cnt, &cuts, &n);
	sym_vec_deinit(&b->spans);
	for (size_t i = 0; !err && i < n; i++) {
		struct sym_segment *s;
		uint32_t start;

		if (!to_rel(l, cuts[i].lo, &start))
			continue;
		s = sym_vec_push(&l->segments);
		if (!s)
			return -ENOMEM;
		*s = (struct sym_segment){start, cuts[i].id};
	}
	return err;
}

static int by_sequence_start(const void *a, const void *b)
{
	const struct sym_sequence *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static bool push_line(struct layout *l, uint64_t addr, uint32_t file, uint32_t line)
{
	struct sym_line *last = l->lines.cnt ? &l->lines.v[l->lines.cnt - 1] : NULL;
	uint32_t rel;

	if (!to_rel(l, addr, &rel))
		return true;
	if (!last || last->addr != rel)
		last = sym_vec_push(&l->lines);
	if (!last)
		return false;
	*last = (struct sym_line){rel, file, line};
	return true;
}

/* Sequences one after the other; of overlapping ones (folded identical code, dropped functions) the
 * first holds. */
static int layout_lines(struct layout *l, struct sym_builder *b)
{
	uint64_t end = 0;

	if (b->sequences.cnt)
		qsort(b->sequences.v, b->sequences.cnt, sizeof(*b->sequences.v), by_sequence_start);
	for (size_t i = 0; i < b->sequences.cnt; i++) {
		const struct sym_sequence *s = &b->sequences.v[i];

		if (s->lo < end)
			continue;
		for (size_t k = 0; k < s->cnt; k++) {
			const struct sym_raw_line *r = &b->raw_lines.v[s->first + k];

			if (!push_line(l, r->addr, r->file, r->line))
				return -ENOMEM;
		}
		if (!push_line(l, s->hi, 0, 0))
			return -ENOMEM;
		end = s->hi;
	}
	sym_vec_deinit(&b->raw_lines);
	sym_vec_deinit(&b->sequences);
	return 0;
}

static int by_address_and_rank(const void *a, const void *b, void *strs)
{
	const struct sym_candidate *x = a, *y = b;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return elf_symbol_compare(x->rank, (char *)strs + x->name, x->source, y->rank,
				  (char *)strs + y->name, y->source);
}

/*
 * Sized symbols as they are; those without a size only where no sized one is, up to the next symbol
 * or the section's end. c is sorted by address and rank.
 */
static void make_symbol_spans(const struct sym_candidate *c, size_t n, struct sym_span *spans)
{
	uint64_t sized_end = 0;

	for (size_t i = 0, next = 0; i < n; i++) {
		uint64_t end = c[i].addr + c[i].size;

		if (end < c[i].addr || end > c[i].limit)
			end = c[i].limit; /* a size that leaves the section is a lie */
		/* a label inside a sized function says nothing about what follows that function */
		if (!c[i].size && c[i].addr < sized_end)
			continue;
		if (c[i].size && end > sized_end)
			sized_end = end;
		if (next <= i)
			next = i + 1;
		while (next < n && c[next].addr == c[i].addr)
			next++;
		if (!c[i].size)
			end = next < n && c[next].addr < c[i].limit ? c[next].addr : c[i].limit;
		/* sized beats unsized; then a later start wins; at one start the better rank, which
		 * sorted first */
		spans[i] = (struct sym_span){c[i].addr, end, c[i].size ? 2 : 1, (uint32_t)i + 1};
	}
}

/* Functions without a symbol, where nothing else is. */
static void make_fde_spans(const struct sym_builder *b, struct sym_span *spans)
{
	for (size_t i = 0; i < b->fdes.cnt; i++)
		spans[i] = (struct sym_span){b->fdes.v[i].lo, b->fdes.v[i].hi, 0,
					     (uint32_t)(b->symbols.cnt + i + 1)};
}

static bool push_fde(struct layout *l, const struct sym_range *fde, uint64_t lo, uint64_t hi)
{
	struct sym_symbol s = {.source = SYMBOL_FDE}, *p;

	if (!to_rel(l, lo, &s.start) || !to_rel(l, hi, &s.end) || !to_rel(l, fde->lo, &s.name))
		return true;
	p = sym_vec_push(&l->symbols);
	if (p)
		*p = s;
	return p != NULL;
}

static bool push_symbol(struct layout *l, const struct sym_candidate *c, uint64_t lo, uint64_t hi)
{
	struct sym_symbol s = {.name = c->name, .source = c->source}, *p;

	if (!to_rel(l, lo, &s.start) || !to_rel(l, hi, &s.end))
		return true;
	s.flags = c->is_func && c->size ? SYM_SYMBOL_FUNC : 0;
	p = sym_vec_push(&l->symbols);
	if (p)
		*p = s;
	return p != NULL;
}

/* By address, and by rank where several have one: few have, so that names are rarely compared. */
static int sort_symbols(struct sym_builder *b)
{
	size_t n = b->symbols.cnt, next;
	struct sym_candidate *sorted = malloc((n + 1) * sizeof(*sorted));
	_cleanup_free_ struct sym_span *order = calloc(n + 1, sizeof(*order));

	if (!sorted || !order) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		order[i] = (struct sym_span){.lo = b->symbols.v[i].addr, .id = (uint32_t)i};
	sym_spans_sort(order, n);
	for (size_t i = 0; i < n; i++)
		sorted[i] = b->symbols.v[order[i].id];
	for (size_t i = 0; i < n; i = next) {
		for (next = i + 1; next < n && sorted[next].addr == sorted[i].addr;)
			next++;
		if (next - i > 1)
			qsort_r(sorted + i, next - i, sizeof(*sorted), by_address_and_rank,
				b->strs.bytes.v);
	}
	free(b->symbols.v);
	b->symbols.v = sorted;
	b->symbols.cap = n + 1;
	return 0;
}

static int layout_symbols(struct layout *l, struct sym_builder *b)
{
	_cleanup_free_ struct sym_span *spans = NULL;
	_cleanup_free_ struct sym_cut *cuts = NULL;
	struct sym_candidate *c;
	size_t n = b->symbols.cnt, all = n + b->fdes.cnt, cut_cnt;
	int err;

	if (!all)
		return 0;
	if (all > UINT32_MAX)
		return -EFBIG;
	if (sort_symbols(b))
		return -ENOMEM;
	c = b->symbols.v;
	spans = calloc(all, sizeof(*spans));
	if (!spans)
		return -ENOMEM;
	make_symbol_spans(c, n, spans);
	make_fde_spans(b, spans + n);
	err = sym_spans_flatten(spans, all, &cuts, &cut_cnt);
	for (size_t i = 0; !err && i + 1 < cut_cnt; i++)
		if (cuts[i].id && !(cuts[i].id <= n ? push_symbol(l, &c[cuts[i].id - 1], cuts[i].lo, cuts[i + 1].lo) :
						      push_fde(l, &b->fdes.v[cuts[i].id - 1 - n], cuts[i].lo, cuts[i + 1].lo)))
			err = -ENOMEM;
	return err;
}

static char *put_table(char *p, const void *table, size_t cnt, size_t entry_sz)
{
	size_t sz = cnt * entry_sz;

	if (sz)
		memcpy(p, table, sz);
	return p + ((sz + 7) & ~7UL);
}

static size_t table_sz(size_t cnt, size_t entry_sz)
{
	return (cnt * entry_sz + 7) & ~7UL;
}

static int write_out(const struct layout *l, const struct sym_builder *b, void **ret,
		     size_t *ret_sz)
{
	struct sym_index_header h = {
		.magic = SYM_INDEX_MAGIC,
		.version = SYM_INDEX_VERSION,
		.base = l->base,
		.load_cnt = b->loads.cnt,
		.segment_cnt = l->segments.cnt,
		.scope_cnt = b->scopes.cnt,
		.func_cnt = b->funcs.cnt,
		.symbol_cnt = l->symbols.cnt,
		.line_cnt = l->lines.cnt,
		.file_cnt = b->files.cnt,
		.strs_sz = b->strs.bytes.cnt,
		.debug_path = b->debug_path,
		.symbols = b->symbols_word,
		.reason = b->reason,
		.key = b->key,
		.flags = b->flags,
	};
	char *data, *p;

	h.total_sz = sizeof(h) + table_sz(h.load_cnt, sizeof(struct sym_load)) +
		     table_sz(h.segment_cnt, sizeof(struct sym_segment)) +
		     table_sz(h.scope_cnt, sizeof(struct sym_scope)) +
		     table_sz(h.func_cnt, sizeof(struct sym_func)) +
		     table_sz(h.symbol_cnt, sizeof(struct sym_symbol)) +
		     table_sz(h.line_cnt, sizeof(struct sym_line)) +
		     table_sz(h.file_cnt, sizeof(struct sym_file)) + table_sz(h.strs_sz, 1);
	data = calloc(1, h.total_sz);
	if (!data)
		return -ENOMEM;
	p = put_table(data, &h, 1, sizeof(h));
	p = put_table(p, b->loads.v, h.load_cnt, sizeof(struct sym_load));
	p = put_table(p, l->segments.v, h.segment_cnt, sizeof(struct sym_segment));
	p = put_table(p, b->scopes.v, h.scope_cnt, sizeof(struct sym_scope));
	p = put_table(p, b->funcs.v, h.func_cnt, sizeof(struct sym_func));
	p = put_table(p, l->symbols.v, h.symbol_cnt, sizeof(struct sym_symbol));
	p = put_table(p, l->lines.v, h.line_cnt, sizeof(struct sym_line));
	p = put_table(p, b->files.v, h.file_cnt, sizeof(struct sym_file));
	put_table(p, b->strs.bytes.v, h.strs_sz, 1);
	*ret = data;
	*ret_sz = h.total_sz;
	return 0;
}

int sym_builder_finish(struct sym_builder *b, void **ret, size_t *ret_sz)
{
	struct layout l = {.base = UINT64_MAX};
	int err;

	for (size_t i = 0; i < b->code.cnt; i++)
		if (b->code.v[i].lo < l.base)
			l.base = b->code.v[i].lo;
	err = layout_segments(&l, b);
	if (!err)
		err = layout_lines(&l, b);
	if (!err)
		err = layout_symbols(&l, b);
	if (!err &&
	    (b->scopes.cnt > UINT32_MAX || b->funcs.cnt > UINT32_MAX || l.lines.cnt > UINT32_MAX ||
	     l.segments.cnt > UINT32_MAX || l.symbols.cnt > UINT32_MAX))
		err = -EFBIG;
	if (!err)
		err = write_out(&l, b, ret, ret_sz);
	layout_deinit(&l);
	return err;
}
