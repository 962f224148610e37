// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_symbols.h"

#include <elf.h>
#include <errno.h>
#include <sys/types.h>

#include "formats/cleanup.h"
#include "formats/elf_symbol.h"

#define AHEAD 12 /* symbols: names lie anywhere in their table, and come from memory */
#define FEW 8 /* symbols of one address: more are none of a compiler's */

/* A symbol as it is sorted: with all that laying needs, as a look at the candidates in order of address would be one at memory. */
struct key {
	uint32_t at, size; /* distance from base; larger sizes are cut, as the code range they may not leave is not longer */
	uint32_t ref;	   /* name; with IS_TEXT the candidate's id */
	uint8_t source, info, rank, flags;
};
_Static_assert(sizeof(struct key) == 16, "sym_order_sort16()");

enum key_flags { IS_TEXT = 1, IS_TAKEN = 2 };

/*
 * What is laid, in order of start: symbols, and functions of .eh_frame between them. Ids of spans: symbols from 1 by their place
 * in keys, then functions.
 */
struct merge {
	struct sym_builder *b;
	struct key *keys; /* by address, then the better first */
	size_t key_cnt;
	const struct sym_order *fdes;
	size_t fde, fde_cnt; /* next, all */
	SYM_VEC(struct sym_span) spans; /* of the present cluster: they overlap, and nothing before them does */
	uint64_t end, base; /* end: the largest one so far */
	const struct sym_range *code;
	struct sym_symbols *out;
};

static bool to_place(uint64_t addr, uint64_t base, uint32_t *ret)
{
	*ret = (uint32_t)(addr - base);
	return addr >= base && addr - base <= UINT32_MAX; /* what lies beyond 4 GiB of base has no names */
}

/* By address. NULL without memory. */
static struct key *sorted_keys(const struct sym_builder *b, uint64_t base, size_t *ret_cnt)
{
	struct key *keys = malloc((b->symbols.cnt + 1) * sizeof(*keys));
	size_t n = 0;

	for (size_t i = 0; keys && i < b->symbols.cnt; i++) {
		const struct sym_candidate *c = &b->symbols.v[i];
		struct key k = {.size = c->size > UINT32_MAX ? UINT32_MAX : (uint32_t)c->size,
				.ref = c->text ? (uint32_t)i : c->name,
				.source = c->source,
				.info = c->info,
				.rank = c->rank,
				.flags = c->text ? IS_TEXT : 0};

		if (to_place(c->addr, base, &k.at))
			keys[n++] = k;
	}
	if (keys && !sym_order_sort16(keys, n)) {
		free(keys);
		return NULL;
	}
	*ret_cnt = n;
	return keys;
}

/* By address. NULL without memory. */
static struct sym_order *sorted_fdes(const struct sym_builder *b, uint64_t base, size_t *ret_cnt)
{
	struct sym_order *o = malloc((b->fdes.cnt + 1) * sizeof(*o));
	size_t n = 0;

	for (size_t i = 0; o && i < b->fdes.cnt; i++)
		if (to_place(b->fdes.v[i].lo, base, &o[n].at))
			o[n++].id = (uint32_t)i;
	if (o && !sym_order_sort(o, n)) {
		free(o);
		return NULL;
	}
	*ret_cnt = n;
	return o;
}

/*
 * A .symtab has what .dynsym has: one of .dynsym that starts, ends and is typed and bound like one of .symtab is that one again, and
 * its name need not be looked at. Unless that one's has a version, which .dynsym keeps elsewhere. Returns how many are left.
 */
static size_t drop_twins(struct key *g, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		size_t k = g[i].flags & IS_TEXT ? 0 : n;

		for (; k < n; k++)
			if (g[k].source == SYMBOL_SYMTAB && !(g[k].flags & IS_TAKEN) && g[k].size == g[i].size &&
			    g[k].info == g[i].info && !elf_symbol_rank_is_versioned(g[k].rank))
				break;
		if (k < n)
			g[k].flags |= IS_TAKEN;
		else
			g[left++] = g[i];
	}
	return left;
}

/* Fetch the name of one whose name was not needed so far. Returns 1, 0 when that names no function, or -ENOMEM. */
static int take_name(struct sym_builder *b, struct key *k)
{
	const char *text;
	bool ok = true;

	if (!(k->flags & IS_TEXT))
		return 1;
	text = b->symbols.v[k->ref].text;
	if (!elf_symbol_is_function_name(text))
		return 0;
	k->ref = sym_builder_once(b, text, SYM_NAME_MAX, &ok);
	k->rank = elf_symbol_rank(k->info, k->size != 0, text);
	k->flags &= ~IS_TEXT;
	return ok ? 1 : -ENOMEM;
}

static int by_rank(const void *v, const void *w, void *builder)
{
	const struct sym_builder *b = builder;
	const struct key *x = v, *y = w;

	return elf_symbol_compare(x->rank, b->strs.bytes.v + x->ref, x->source, y->rank, b->strs.bytes.v + y->ref, y->source);
}

/* Most groups are a few aliases. */
static void sort_aliases(struct key *g, size_t n, struct sym_builder *b)
{
	if (n > FEW) {
		qsort_r(g, n, sizeof(*g), by_rank, b);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		struct key one = g[i];
		size_t k = i;

		for (; k && by_rank(&g[k - 1], &one, b) > 0; k--)
			g[k] = g[k - 1];
		g[k] = one;
	}
}

/* Fetch the names of those that are (not) of .dynsym. Returns how many are left, or -ENOMEM. */
static ssize_t take_names(struct sym_builder *b, struct key *g, size_t n, bool dynamic)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		int got = (g[i].source == SYMBOL_DYNSYM) == dynamic ? take_name(b, &g[i]) : 1;

		if (got < 0)
			return got;
		if (got)
			g[left++] = g[i];
	}
	return (ssize_t)left;
}

/* The symbols of one address, the better name first. Returns how many are left, or -ENOMEM. */
static ssize_t sort_group(struct sym_builder *b, struct key *g, size_t n)
{
	ssize_t left = take_names(b, g, n, false);

	if (left > 1 && left <= FEW)
		left = (ssize_t)drop_twins(g, (size_t)left);
	if (left > 0)
		left = take_names(b, g, (size_t)left, true);
	if (left > 1)
		sort_aliases(g, (size_t)left, b);
	return left;
}

/* By address, and by rank where several have one. */
static int sort_symbols(struct merge *m)
{
	struct key *k = m->keys;
	size_t n = 0, next;

	for (size_t i = 0; i < m->key_cnt; i = next) {
		ssize_t left;

		if (i + AHEAD < m->key_cnt && (k[i + AHEAD].flags & IS_TEXT))
			__builtin_prefetch(m->b->symbols.v[k[i + AHEAD].ref].text);

		for (next = i + 1; next < m->key_cnt && k[next].at == k[i].at;)
			next++;
		left = sort_group(m->b, k + i, next - i);
		if (left < 0)
			return (int)left;
		if (n != i)
			memmove(k + n, k + i, (size_t)left * sizeof(*k));
		n += (size_t)left;
	}
	m->key_cnt = n;
	return 0;
}

static int push(struct merge *m, uint32_t id, uint64_t lo, uint64_t hi)
{
	const struct key *k = id <= m->key_cnt ? &m->keys[id - 1] : NULL;
	struct sym_symbol *s;

	if (hi - m->base > UINT32_MAX)
		return 0;
	s = sym_vec_push(m->out);
	if (!s)
		return -ENOMEM;
	s->start = (uint32_t)(lo - m->base);
	s->end = (uint32_t)(hi - m->base);
	s->source = k ? k->source : SYMBOL_FDE;
	s->name = k ? k->ref : (uint32_t)(m->b->fdes.v[id - 1 - m->key_cnt].lo - m->base);
	s->flags = k && ELF64_ST_TYPE(k->info) == STT_FUNC && k->size ? SYM_SYMBOL_FUNC : 0;
	return 0;
}

/* Nothing that comes now overlaps the cluster. */
static int end_cluster(struct merge *m)
{
	_cleanup_free_ struct sym_cut *cuts = NULL;
	size_t n = 0;
	int err;

	if (!m->spans.cnt)
		return 0;
	if (m->spans.cnt == 1) {
		const struct sym_span *s = &m->spans.v[0];

		m->spans.cnt = 0;
		return push(m, s->id, s->lo, s->hi);
	}
	err = sym_spans_flatten(m->spans.v, m->spans.cnt, &cuts, &n);
	for (size_t i = 0; !err && i + 1 < n; i++)
		if (cuts[i].id)
			err = push(m, cuts[i].id, cuts[i].lo, cuts[i + 1].lo);
	m->spans.cnt = 0;
	return err;
}

/* Spans come by their start. */
static int add_span(struct merge *m, uint64_t lo, uint64_t hi, unsigned prio, size_t id)
{
	struct sym_span *s;
	int err = 0;

	if (lo >= hi)
		return 0;
	if (lo >= m->end)
		err = end_cluster(m);
	s = err ? NULL : sym_vec_push(&m->spans);
	if (!s)
		return -ENOMEM;
	*s = (struct sym_span){lo, hi, prio, (uint32_t)id};
	if (hi > m->end)
		m->end = hi;
	return 0;
}

/* Functions that start before addr and that no symbol covers as a whole: those it covers are never seen. */
static int add_fdes(struct merge *m, uint64_t addr)
{
	int err = 0;

	for (; !err && m->fde < m->fde_cnt; m->fde++) {
		size_t i = m->fdes[m->fde].id;
		const struct sym_range *r = &m->b->fdes.v[i];

		if (r->lo >= addr)
			break;
		if (r->hi > m->end)
			err = add_span(m, r->lo, r->hi, 0, m->key_cnt + i + 1);
	}
	return err;
}

/* End of the code range that holds addr, which all symbols start in. */
static uint64_t code_end(struct merge *m, uint64_t addr)
{
	if (!m->code || addr < m->code->lo || addr >= m->code->hi)
		m->code = sym_builder_code(m->b, addr);
	return m->code ? m->code->hi : addr;
}

/*
 * Sized symbols as they are; those without a size only where no sized one is, up to the next symbol
 * or the section's end.
 */
static int add_symbols(struct merge *m)
{
	uint64_t sized_end = 0, group_end = 0;
	const struct key *k = m->keys;
	int err = 0;

	for (size_t i = 0, next = 0, n = m->key_cnt; !err && i < n; i++) {
		uint64_t addr = m->base + k[i].at, end = addr + k[i].size, limit = code_end(m, addr);

		if (end < addr || end > limit)
			end = limit; /* a size that leaves the section is a lie */
		/* a label inside a sized function says nothing about what follows that function */
		if (!k[i].size && addr < sized_end)
			continue;
		if (k[i].size && end > sized_end)
			sized_end = end;
		if (next <= i)
			next = i + 1;
		while (next < n && k[next].at == k[i].at)
			next++;
		if (!k[i].size)
			end = next < n && m->base + k[next].at < limit ? m->base + k[next].at : limit;
		/* of one start the better rank sorted first: another name is seen only where it ends later */
		if (i && k[i - 1].at == k[i].at && end <= group_end)
			continue;
		group_end = end;
		err = add_fdes(m, addr);
		/* sized beats unsized; then a later start wins; at one start the better rank */
		err = err ?: add_span(m, addr, end, k[i].size ? 2 : 1, i + 1);
	}
	err = err ?: add_fdes(m, UINT64_MAX);
	return err ?: end_cluster(m);
}

int sym_symbols_lay(struct sym_builder *b, uint64_t base, struct sym_symbols *ret)
{
	_cleanup_free_ struct sym_order *fdes = NULL;
	_cleanup_free_ struct key *keys = NULL;
	struct merge m = {.b = b, .base = base, .out = ret};
	int err;

	if (b->symbols.cnt + b->fdes.cnt > UINT32_MAX)
		return -EFBIG;
	m.keys = keys = sorted_keys(b, base, &m.key_cnt);
	m.fdes = fdes = sorted_fdes(b, base, &m.fde_cnt);
	if (!keys || !fdes)
		return -ENOMEM;
	err = sort_symbols(&m);
	if (!err)
		sym_vec_reserve(ret, m.key_cnt);
	err = err ?: add_symbols(&m);
	sym_vec_deinit(&m.spans);
	return err;
}
