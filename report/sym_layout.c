// SPDX-License-Identifier: BSD-2-Clause
/* The second half of sym_builder: from what was collected to the bytes of a sym_index. */
#include <errno.h>

#include "formats/cleanup.h"
#include "report/sym_builder.h"
#include "report/sym_symbols.h"

/* The tables of the index, ready to be copied. */
struct layout {
	uint64_t base;
	SYM_VEC(struct sym_segment) segments;
	struct sym_symbols symbols;
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

/* Mark the scopes of functions that start where one of an earlier unit does. o: room for all spans. */
static bool find_twins(const struct layout *l, const struct sym_builder *b, struct sym_order *o, bool *is_twin)
{
	bool has_any = false;
	size_t n = 0;

	for (size_t i = 0; i < b->spans.cnt; i++)
		if (!b->spans.v[i].prio && to_rel(l, b->spans.v[i].lo, &o[n].at))
			o[n++].id = b->spans.v[i].id;
	if (!sym_order_sort(o, n))
		return false; /* no memory: as if there were none; the flattening will say so */
	for (size_t i = 1; i < n; i++)
		if (o[i].at == o[i - 1].at && o[i].id != o[i - 1].id)
			has_any = is_twin[o[i].id > o[i - 1].id ? o[i].id : o[i - 1].id] = true;
	for (size_t i = 1; has_any && i < b->scopes.cnt; i++)
		is_twin[i] |= is_twin[b->scopes.v[i].parent]; /* which comes before */
	return has_any;
}

/*
 * A COMDAT function is described by each unit that compiled it, perhaps with other inlining, but the linker kept one's code: the first
 * one's, as it does. Mixing both would give chains that are nobody's.
 */
static int drop_twins(const struct layout *l, struct sym_builder *b)
{
	_cleanup_free_ struct sym_order *order = malloc((b->spans.cnt + 1) * sizeof(*order));
	_cleanup_free_ bool *is_twin = calloc(b->scopes.cnt + 1, sizeof(*is_twin));
	size_t n = 0;

	if (!order || !is_twin)
		return -ENOMEM;
	if (!find_twins(l, b, order, is_twin))
		return 0;
	for (size_t i = 0; i < b->spans.cnt; i++)
		if (!is_twin[b->spans.v[i].id])
			b->spans.v[n++] = b->spans.v[i];
	b->spans.cnt = n;
	return 0;
}

static int layout_segments(struct layout *l, struct sym_builder *b)
{
	_cleanup_free_ struct sym_cut *cuts = NULL;
	size_t n;
	int err;

	err = drop_twins(l, b);
	if (err)
		return err;
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

/* The file the index is written to. */
struct sink {
	int fd, err;
};

/* Tables start at multiples of 8. */
static void put_table(struct sink *k, const void *table, size_t cnt, size_t entry_sz)
{
	static const char zeros[8];
	size_t sz = cnt * entry_sz;

	k->err = k->err ?: sym_index_write(k->fd, table, sz);
	k->err = k->err ?: sym_index_write(k->fd, zeros, -sz & 7);
}

static size_t table_sz(size_t cnt, size_t entry_sz)
{
	return (cnt * entry_sz + 7) & ~7UL;
}

static uint64_t index_sz(const struct sym_index_header *h)
{
	return sizeof(*h) + table_sz(h->load_cnt, sizeof(struct sym_load)) +
	       table_sz(h->segment_cnt, sizeof(struct sym_segment)) +
	       table_sz(h->scope_cnt, sizeof(struct sym_scope)) + table_sz(h->func_cnt, sizeof(struct sym_func)) +
	       table_sz(h->symbol_cnt, sizeof(struct sym_symbol)) + table_sz(h->line_cnt, sizeof(struct sym_line)) +
	       table_sz(h->file_cnt, sizeof(struct sym_file)) + table_sz(h->strs_sz, 1);
}

static void make_header(const struct layout *l, const struct sym_builder *b, struct sym_index_header *h)
{
	*h = (struct sym_index_header){
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
		.sought = b->sought,
		.wants = b->wants,
		.flags = b->flags,
	};
	h->total_sz = index_sz(h);
}

static void write_out(const struct layout *l, const struct sym_builder *b, const struct sym_index_header *h, struct sink *k)
{
	put_table(k, h, 1, sizeof(*h));
	put_table(k, b->loads.v, h->load_cnt, sizeof(struct sym_load));
	put_table(k, l->segments.v, h->segment_cnt, sizeof(struct sym_segment));
	put_table(k, b->scopes.v, h->scope_cnt, sizeof(struct sym_scope));
	put_table(k, b->funcs.v, h->func_cnt, sizeof(struct sym_func));
	put_table(k, l->symbols.v, h->symbol_cnt, sizeof(struct sym_symbol));
	put_table(k, l->lines.v, h->line_cnt, sizeof(struct sym_line));
	put_table(k, b->files.v, h->file_cnt, sizeof(struct sym_file));
	put_table(k, b->strs.bytes.v, h->strs_sz, 1);
}

static int lay_out(struct layout *l, struct sym_builder *b)
{
	int err;

	for (size_t i = 0; i < b->code.cnt; i++)
		if (b->code.v[i].lo < l->base)
			l->base = b->code.v[i].lo;
	err = layout_segments(l, b);
	if (!err)
		err = layout_lines(l, b);
	if (!err)
		err = sym_symbols_lay(b, l->base, &l->symbols);
	if (!err && (b->scopes.cnt > UINT32_MAX || b->funcs.cnt > UINT32_MAX || l->lines.cnt > UINT32_MAX ||
		     l->segments.cnt > UINT32_MAX || l->symbols.cnt > UINT32_MAX))
		err = -EFBIG;
	return err;
}

int sym_builder_finish(struct sym_builder *b, int fd)
{
	struct layout l = {.base = UINT64_MAX};
	struct sink k = {.fd = fd};
	struct sym_index_header h;
	int err;

	err = lay_out(&l, b);
	if (!err) {
		make_header(&l, b, &h);
		write_out(&l, b, &h, &k); /* written, not mapped: a page costs half */
		err = k.err;
	}
	layout_deinit(&l);
	return err;
}
