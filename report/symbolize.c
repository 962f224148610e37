// SPDX-License-Identifier: BSD-2-Clause
#include "report/symbolize.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "formats/bundle.h"
#include "formats/cleanup.h"
#include "report/sym_cache.h"
#include "report/sym_debugfile.h"
#include "report/sym_jitmap.h"
#include "report/sym_kernel.h"
#include "report/sym_spans.h"
#include "report/sym_wanted.h"
#include "report/symbolize_private.h"

#define CACHE_MAX (2ULL << 30) /* bytes of cache_dir */

static int take_kernel_symbol(void *ctx, uint64_t off, uint64_t size, const char *name)
{
	struct symbolizer *s = ctx;
	const struct sym_name *n = sym_names_add(&s->frames.names, name);

	if (!n || !sym_recorded_add(&s->kallsyms, &(struct sym_recorded_symbol){off, size, n->text,
										SYMBOL_KALLSYMS}))
		return -ENOMEM;
	return 0;
}

int symbolizer_create(const struct symbolizer_options *o, struct symbolizer **ret, struct err *err)
{
	struct symbolizer *s = calloc(1, sizeof(*s));
	int code = 0;

	if (!s)
		return err_set(err, -ENOMEM, "symbolizer: out of memory");
	if (o)
		s->o = *o;
	s->frames.demangle = s->o.demangle;
	s->has_bundle = s->o.symfs && bundle_is(s->o.symfs);
	if (s->o.debuginfod)
		code = sym_fetch_open(&s->fetch, err);
	s->o.debuginfod_dir = s->fetch.dir;
	if (!code && s->o.kallsyms)
		code = sym_kernel_read(s->o.kallsyms, &s->kernel_text, take_kernel_symbol, s, err);
	if (!code)
		code = sym_recorded_sort(&s->kallsyms);
	if (code) {
		symbolizer_destroy(s);
		return code;
	}
	*ret = s;
	return 0;
}

void symbolizer_destroy(struct symbolizer *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->entry_slots; i++) {
		if (!s->entries[i])
			continue;
		symbolizer_keep(s, s->entries[i]);
		sym_answers_deinit(&s->entries[i]->answers);
		sym_displays_close(&s->entries[i]->displays);
		sym_recorded_deinit(&s->entries[i]->recorded);
		sym_recorded_deinit(&s->entries[i]->map);
		sym_index_deinit(&s->entries[i]->index);
		free(s->entries[i]);
	}
	free(s->entries);
	if (s->has_cached && s->o.cache_dir)
		(void)sym_cache_prune(s->o.cache_dir,
				      CACHE_MAX); /* a full cache is no reason to fail */
	sym_recorded_deinit(&s->kallsyms);
	sym_frames_deinit(&s->frames);
	sym_fetch_close(&s->fetch);
	free(s);
}

static struct sym_entry **entry_slot(const struct symbolizer *s, uint32_t id)
{
	size_t at = (id * 2654435761u) & (s->entry_slots - 1);

	while (s->entries[at] && s->entries[at]->id != id)
		at = (at + 1) & (s->entry_slots - 1);
	return &s->entries[at];
}

static bool grow_entries(struct symbolizer *s)
{
	struct sym_entry **old = s->entries;
	size_t n = s->entry_slots;

	s->entries = calloc(n ? n * 2 : 64, sizeof(*s->entries));
	if (!s->entries) {
		s->entries = old;
		return false;
	}
	s->entry_slots = n ? n * 2 : 64;
	for (size_t i = 0; i < n; i++)
		if (old[i])
			*entry_slot(s, old[i]->id) = old[i];
	free(old);
	return true;
}

/* The module's entry, made when new; NULL without memory. */
static struct sym_entry *entry_of(struct symbolizer *s, uint32_t id)
{
	struct sym_entry **slot;

	if (s->entry_cnt * 2 >= s->entry_slots && !grow_entries(s))
		return NULL;
	slot = entry_slot(s, id);
	if (!*slot) {
		*slot = calloc(1, sizeof(**slot));
		if (!*slot)
			return NULL;
		(*slot)->id = id;
		s->entry_cnt++;
	}
	return *slot;
}

int symbolizer_add_symbol(struct symbolizer *s, uint32_t module_id, uint64_t off, uint64_t size,
			  enum symbol_source source, const char *name)
{
	struct sym_recorded_symbol r = {.off = off, .size = size, .source = source};
	struct sym_entry *e = entry_of(s, module_id);
	const struct sym_name *n;

	if (!name || (!*name && source != SYMBOL_FDE))
		return 0;
	n = sym_names_add(&s->frames.names, name);
	if (!e || !n)
		return -ENOMEM;
	r.name = n->text;
	if (source == SYMBOL_PERFMAP || source == SYMBOL_JITDUMP)
		e->recorded.later_wins = true;
	return sym_recorded_add(&e->recorded, &r) ? 0 : -ENOMEM;
}

/* Why an address of the module has no name, as far as the recording alone tells. */
static const char *missing_reason(const struct module *m, bool has_symbols)
{
	if (m->kind == MODULE_ELF)
		return m->build_id_sz ? "no file" : SYM_REASON_GONE;
	if (has_symbols)
		return m->kind == MODULE_JIT ? "in no entry of the perf map"
					     : "address in no symbol";
	switch (m->kind) {
	case MODULE_KERNEL:
	case MODULE_KMOD:
		return "no kernel symbols in the recording (kptr_restrict?)";
	case MODULE_BPF:
		return "no BPF symbols in the recording";
	case MODULE_JIT:
		return "JIT code without a perf map";
	case MODULE_VDSO:
		return "no vdso symbols in the recording";
	default:
		return "no file";
	}
}

/* Where its names are from: the table that says most. Functions that are known by .eh_frame alone have none, and PLT slots are in every file. */
static const char *source_of(const struct sym_recorded *r)
{
	static const enum symbol_source little[] = {SYMBOL_FDE, SYMBOL_PLT, SYMBOL_DYNSYM, SYMBOL_MINIDEBUG};
	enum symbol_source best = SYMBOL_FDE;
	size_t best_rank = 0;

	for (size_t i = 0; i < r->symbols.cnt; i++) {
		size_t rank = 0;

		while (rank < ARRAY_SIZE(little) && r->symbols.v[i].source != little[rank])
			rank++;
		if (rank > best_rank) {
			best = r->symbols.v[i].source;
			best_rank = rank;
		}
	}
	return best == SYMBOL_FDE ? "none" : symbol_source_name(best);
}

static int prepare(struct symbolizer *s, struct sym_entry *e, const struct module *m)
{
	const struct sym_recorded *r = &e->recorded;

	if (sym_recorded_sort(&e->recorded))
		return -ENOMEM;
	if (e->is_loaded)
		return 0;
	if (m->kind == MODULE_JIT && s->o.symfs && !s->o.no_files &&
	    sym_jitmap_read(s->o.symfs, m, &s->frames.names, &e->map) < 0)
		return -ENOMEM;
	if (!r->symbols.cnt)
		r = &e->map;
	e->reason = missing_reason(m, r->symbols.cnt);
	e->info.symbols = source_of(r);
	return 0;
}

/* Where its code is: a return address belongs to the call before it. */
static uint64_t place_of(const struct symbolize_query *q)
{
	return q->exact || !q->off ? q->off : q->off - 1;
}

/* A kernel address as it was, as the recorder was not told where the kernel lay. */
static bool is_hidden(const struct module *m, uint64_t off)
{
	return m->kind == MODULE_KERNEL && off >> 63;
}

/* Of a hidden address, by the --kallsyms of that boot. */
static uint64_t recorded_off(const struct symbolizer *s, struct sym_entry *e, const struct module *m, uint64_t off)
{
	if (!is_hidden(m, off))
		return off;
	e->reason = s->kernel_text ? "address in no symbol" : "kernel addresses were hidden (kptr_restrict)";
	return s->kernel_text && off >= s->kernel_text ? off - s->kernel_text : off;
}

static uint64_t rel_addr(const struct sym_entry *e, const struct module *m,
			 const struct symbolize_query *q)
{
	uint64_t vaddr, back = q->off - place_of(q);

	switch (m->kind) {
	case MODULE_ELF:
	case MODULE_VDSO:
		return symbolizer_vaddr(e, m, q->off - back, &vaddr) ? vaddr + back : UNKNOWN_U64;
	case MODULE_KERNEL:
	case MODULE_KMOD:
		return is_hidden(m, q->off) ? UNKNOWN_U64 : q->off;
	default:
		return UNKNOWN_U64; /* a plain address: it means nothing outside that process's life
				     */
	}
}

/* What travelled, or for a kernel of which nothing did, what the user gave. */
static const struct sym_recorded *recorded_of(const struct symbolizer *s, const struct sym_entry *e,
					      const struct module *m)
{
	return m->kind == MODULE_KERNEL && !e->recorded.symbols.cnt ? &s->kallsyms : &e->recorded;
}

static const struct sym_recorded_symbol *find_symbol(const struct symbolizer *s, struct sym_entry *e,
						     const struct module *m, uint64_t off)
{
	const struct sym_recorded_symbol *r = sym_recorded_find(recorded_of(s, e, m), off);

	if (r)
		return r;
	r = sym_recorded_find(&e->map, off);
	if (r && !r->name) {
		e->reason = "JIT code was overwritten: its name then is not in the perf map";
		return NULL;
	}
	return r;
}

/* Put the chain of n hits into frames.chain; answer: of the symbol tables, NULL none. Returns n, 0 without memory. */
static size_t set_chain(struct symbolizer *s, struct sym_entry *e, size_t n, enum sym_naming naming, struct sym_answer *answer)
{
	for (size_t i = 0; i < n; i++) {
		struct sym_hit *h = &s->hits[i];

		if (h->is_symbol)
			h->display = answer->display;
		if (!sym_frames_set(&s->frames, i, h, naming))
			return 0;
		if (h->is_symbol && naming == SYM_NAMING_MANGLED)
			answer->display = s->frames.chain[i].name;
		if (!s->frames.chain[i].named && !e->info.unnamed_reason)
			e->info.unnamed_reason = "its name is in a debug file that is missing";
	}
	e->info.named++;
	return n;
}

/* One name for all of a function's frames. start: the function's; UNKNOWN_U64 unknown. */
static size_t set_unnamed(struct symbolizer *s, struct sym_entry *e, const struct module *m, uint64_t off, uint64_t start)
{
	e->info.unnamed++;
	e->info.unnamed_reason = e->reason;
	s->hits[0].name = sym_frames_placeholder(&s->frames, m, off, start);
	if (!s->hits[0].name || !sym_frames_set(&s->frames, 0, &s->hits[0], SYM_NAMING_PLAIN))
		return 0;
	s->frames.chain[0].named = false;
	return 1;
}

/* Fills frames.chain. Returns its length, 0 without memory. */
static size_t resolve_one(struct symbolizer *s, struct sym_entry *e, const struct module *m,
			  const struct symbolize_query *q, uint64_t rel)
{
	bool is_go = e->index.data && (e->index.h->flags & SYM_INDEX_GO);
	struct sym_answer *answer = sym_answers_find(&e->answers, place_of(q));
	struct sym_symbol_hit symbol = answer ? answer->symbol : (struct sym_symbol_hit){0};
	const struct sym_recorded_symbol *r;
	size_t n = 0;

	s->hits[0] = (struct sym_hit){0};
	if (e->index.data && rel != UNKNOWN_U64)
		n = sym_index_chain(&e->index, rel - (q->off - place_of(q)), &symbol, s->hits);
	if (n)
		return set_chain(s, e, n, is_go ? SYM_NAMING_GO : SYM_NAMING_MANGLED, answer);
	r = find_symbol(s, e, m, place_of(q));
	if (r && r->source == SYMBOL_FDE) {
		if (!symbol.has_start)
			symbol.has_start = symbolizer_vaddr(e, m, r->off, &symbol.start);
	} else if (r && (r->source == SYMBOL_PERFMAP || r->source == SYMBOL_JITDUMP)) {
		e->info.named++;
		return sym_frames_set_jit(&s->frames, r->name);
	} else if (r) {
		s->hits[0].name = r->name;
		return set_chain(s, e, 1, is_go || r->source == SYMBOL_GOPCLNTAB ? SYM_NAMING_GO : SYM_NAMING_MANGLED, NULL);
	}
	return set_unnamed(s, e, m, q->off, symbol.has_start ? symbol.start : rel);
}

/*
 * The queries by offset: what lies together in the code does so in the index, and in the strings that are interned. Offsets too
 * far apart for 32 bits (JIT code of several mappings) are ordered by their upper bits. NULL without memory.
 */
static struct sym_order *order_queries(const struct symbolize_query *q, size_t n)
{
	struct sym_order *o = n <= UINT32_MAX ? malloc((n + 1) * sizeof(*o)) : NULL;
	uint64_t min = UINT64_MAX, max = 0;
	unsigned shift = 0;

	for (size_t i = 0; o && i < n; i++) {
		min = q[i].off < min ? q[i].off : min;
		max = q[i].off > max ? q[i].off : max;
	}
	while (max >= min && (max - min) >> shift > UINT32_MAX)
		shift++;
	for (size_t i = 0; o && i < n; i++)
		o[i] = (struct sym_order){(uint32_t)((q[i].off - min) >> shift), (uint32_t)i};
	if (o && !sym_order_sort(o, n)) {
		free(o);
		return NULL;
	}
	return o;
}

/* Begin with a module: what it takes to ask its files. Returns 0 or -ENOMEM. r->offs: to be freed. */
static int request(struct symbolizer *s, const struct symbolizer_want *w, const struct sym_order *order, struct sym_request *r)
{
	*r = (struct sym_request){.e = entry_of(s, w->module_id), .m = w->m};
	if (!r->e || !order || prepare(s, r->e, w->m))
		return -ENOMEM;
	if (!symbolizer_reads_files(s, w->m)) {
		r->e->is_loaded = true;
		return 0;
	}
	r->offs = malloc((w->cnt + 1) * sizeof(*r->offs));
	if (!r->offs)
		return -ENOMEM;
	for (size_t i = 0; i < w->cnt; i++)
		r->offs[i] = place_of(&w->queries[order[i].id]);
	r->cnt = sym_wanted_sort(r->offs, w->cnt);
	return 0;
}

int symbolizer_prefetch(struct symbolizer *s, const struct symbolizer_want *wants, size_t n)
{
	_cleanup_free_ struct sym_request *requests = calloc(n + 1, sizeof(*requests));
	size_t cnt = 0;
	int err = requests ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && !err; i++) {
		_cleanup_free_ struct sym_order *order = order_queries(wants[i].queries, wants[i].cnt);

		err = request(s, &wants[i], order, &requests[cnt]);
		cnt += !err && requests[cnt].offs;
	}
	err = err ?: symbolizer_read_files(s, requests, cnt);
	for (size_t i = 0; i < cnt; i++)
		free(requests[i].offs);
	return err;
}

int symbolizer_resolve(struct symbolizer *s, uint32_t module_id, const struct module *m,
		       const struct symbolize_query *queries, size_t n, symbolize_fn fn, void *ctx)
{
	_cleanup_free_ struct sym_order *order = order_queries(queries, n);
	struct symbolizer_want want = {module_id, m, queries, n};
	struct sym_request r;
	int err;

	err = request(s, &want, order, &r);
	if (!err && r.offs)
		err = symbolizer_read_files(s, &r, 1);
	free(r.offs);
	s->frames.displays = err ? NULL : &r.e->displays;
	if (!err)
		sym_names_expect(&s->frames.names, n); /* half of them are known or alike, and each of the others has two forms */
	for (size_t k = 0; k < n && !err; k++) {
		size_t i = order[k].id;
		struct symbolize_query q = {recorded_off(s, r.e, m, queries[i].off), queries[i].exact};
		uint64_t rel = rel_addr(r.e, m, &q);
		size_t cnt = resolve_one(s, r.e, m, &q, rel);

		err = cnt ? fn(ctx, i, s->frames.chain, cnt, rel) : -ENOMEM;
	}
	return err;
}

const struct symbolizer_module_info *symbolizer_module_info(const struct symbolizer *s,
							    uint32_t module_id)
{
	const struct sym_entry *e = s->entry_slots ? *entry_slot(s, module_id) : NULL;

	return e && e->is_loaded ? &e->info : NULL;
}
