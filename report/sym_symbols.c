// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_symbols.h"

#include <errno.h>

#include "formats/cleanup.h"
#include "formats/elf_symbol.h"

#define FEW 8 /* so many are sorted by insertion */

/* What is laid, in order of start: symbols, and functions of .eh_frame between them. Ids: symbols from 1, then functions. */
struct merge {
	const struct sym_builder *b;
	struct sym_span *spans;
	size_t cnt;
	uint64_t end; /* the largest one so far */
	const struct sym_order *fdes;
	size_t fde, fde_cnt; /* next, all */
};

/* By address; what lies beyond 4 GiB of base has no names. NULL without memory. */
static struct sym_order *order_of(const void *table, size_t entry_sz, size_t cnt, uint64_t base, size_t *ret_cnt)
{
	struct sym_order *o = malloc((cnt + 1) * sizeof(*o));
	size_t n = 0;

	for (size_t i = 0; o && i < cnt; i++) {
		uint64_t addr;

		memcpy(&addr, (const char *)table + i * entry_sz, sizeof(addr));
		if (addr >= base && addr - base <= UINT32_MAX)
			o[n++] = (struct sym_order){(uint32_t)(addr - base), (uint32_t)i};
	}
	if (o && !sym_order_sort(o, n)) {
		free(o);
		return NULL;
	}
	*ret_cnt = n;
	return o;
}

static int by_rank(const void *a, const void *b, void *builder)
{
	const struct sym_candidate *x = a, *y = b;

	return elf_symbol_compare(x->rank, sym_candidate_text(builder, x), x->source, y->rank,
				  sym_candidate_text(builder, y), y->source);
}

/* Most groups are a symbol of .symtab and the same one of .dynsym. */
static void sort_group(struct sym_builder *b, struct sym_candidate *c, size_t n)
{
	if (n > FEW) {
		qsort_r(c, n, sizeof(*c), by_rank, b);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		struct sym_candidate one = c[i];
		size_t k = i;

		for (; k && by_rank(&c[k - 1], &one, b) > 0; k--)
			c[k] = c[k - 1];
		c[k] = one;
	}
}

_Static_assert(!offsetof(struct sym_candidate, addr) && !offsetof(struct sym_range, lo), "order_of() reads the first word");

/* By address, and by rank where several have one. */
static int sort_symbols(struct sym_builder *b, uint64_t base)
{
	size_t n, next;
	_cleanup_free_ struct sym_order *order = order_of(b->symbols.v, sizeof(*b->symbols.v), b->symbols.cnt, base, &n);
	struct sym_candidate *sorted = order ? malloc((n + 1) * sizeof(*sorted)) : NULL;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		sorted[i] = b->symbols.v[order[i].id];
	for (size_t i = 0; i < n; i = next) {
		for (next = i + 1; next < n && sorted[next].addr == sorted[i].addr;)
			next++;
		sort_group(b, sorted + i, next - i);
	}
	free(b->symbols.v);
	b->symbols.v = sorted;
	b->symbols.cnt = n;
	b->symbols.cap = n + 1;
	return 0;
}

static void add_span(struct merge *m, uint64_t lo, uint64_t hi, unsigned prio, size_t id)
{
	m->spans[m->cnt++] = (struct sym_span){lo, hi, prio, (uint32_t)id};
	if (hi > m->end)
		m->end = hi;
}

/* Functions that start before addr and that no symbol covers as a whole: those it covers are never seen. */
static void add_fdes(struct merge *m, uint64_t addr)
{
	for (; m->fde < m->fde_cnt; m->fde++) {
		size_t i = m->fdes[m->fde].id;
		const struct sym_range *r = &m->b->fdes.v[i];

		if (r->lo >= addr)
			return;
		if (r->hi > m->end)
			add_span(m, r->lo, r->hi, 0, m->b->symbols.cnt + i + 1);
	}
}

/*
 * Sized symbols as they are; those without a size only where no sized one is, up to the next symbol
 * or the section's end.
 */
static void add_symbols(struct merge *m)
{
	const struct sym_candidate *c = m->b->symbols.v;
	uint64_t sized_end = 0, group_end = 0;

	for (size_t i = 0, next = 0, n = m->b->symbols.cnt; i < n; i++) {
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
		/* of one start the better rank sorted first: another name is seen only where it ends later */
		if (i && c[i - 1].addr == c[i].addr && end <= group_end)
			continue;
		group_end = end;
		add_fdes(m, c[i].addr);
		/* sized beats unsized; then a later start wins; at one start the better rank */
		add_span(m, c[i].addr, end, c[i].size ? 2 : 1, i + 1);
	}
	add_fdes(m, UINT64_MAX);
}

static int push(struct sym_symbols *out, struct sym_builder *b, uint64_t base, uint32_t id, uint64_t lo, uint64_t hi)
{
	struct sym_candidate *c = id <= b->symbols.cnt ? &b->symbols.v[id - 1] : NULL;
	struct sym_symbol *s;
	bool ok = true;

	if (hi - base > UINT32_MAX)
		return 0;
	s = sym_vec_push(out);
	if (!s)
		return -ENOMEM;
	*s = (struct sym_symbol){.start = (uint32_t)(lo - base), .end = (uint32_t)(hi - base), .source = SYMBOL_FDE};
	if (!c) {
		s->name = (uint32_t)(b->fdes.v[id - 1 - b->symbols.cnt].lo - base);
		return 0;
	}
	if (!c->name)
		c->name = sym_builder_once(b, c->text, SYM_NAME_MAX, &ok);
	s->name = c->name;
	s->source = c->source;
	s->flags = c->is_func && c->size ? SYM_SYMBOL_FUNC : 0;
	return ok ? 0 : -ENOMEM;
}

int sym_symbols_lay(struct sym_builder *b, uint64_t base, struct sym_symbols *ret)
{
	_cleanup_free_ struct sym_order *fdes = NULL;
	_cleanup_free_ struct sym_span *spans = NULL;
	_cleanup_free_ struct sym_cut *cuts = NULL;
	struct merge m = {.b = b};
	size_t cut_cnt = 0;
	int err;

	if (b->symbols.cnt + b->fdes.cnt > UINT32_MAX)
		return -EFBIG;
	if (sort_symbols(b, base))
		return -ENOMEM;
	fdes = order_of(b->fdes.v, sizeof(*b->fdes.v), b->fdes.cnt, base, &m.fde_cnt);
	spans = malloc((b->symbols.cnt + b->fdes.cnt + 1) * sizeof(*spans));
	if (!fdes || !spans)
		return -ENOMEM;
	m.fdes = fdes;
	m.spans = spans;
	add_symbols(&m);
	err = sym_spans_flatten(spans, m.cnt, &cuts, &cut_cnt);
	for (size_t i = 0; !err && i + 1 < cut_cnt; i++)
		if (cuts[i].id)
			err = push(ret, b, base, cuts[i].id, cuts[i].lo, cuts[i + 1].lo);
	return err;
}
