// SPDX-License-Identifier: BSD-2-Clause
#include "report/symbolize.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "formats/bundle.h"
#include "formats/cleanup.h"
#include "report/sym_cache.h"
#include "report/sym_debugfile.h"
#include "report/sym_fetch.h"
#include "report/sym_frames.h"
#include "report/sym_index.h"
#include "report/sym_jitmap.h"
#include "report/sym_kernel.h"
#include "report/sym_module.h"
#include "report/sym_recorded.h"
#include "report/sym_spans.h"
#include "report/sym_worker.h"

#define PAGE_SZ 4096
#define CACHE_MAX (2ULL << 30) /* bytes of cache_dir */

struct sym_entry {
	uint32_t id;
	bool is_loaded; /* index and info are settled */
	struct sym_recorded recorded;
	struct sym_recorded map; /* of JIT code, from --symfs: where recorded has no name */
	struct sym_index index; /* data NULL: none */
	struct sym_displays displays; /* of its names */
	struct symbolizer_module_info info;
	char failure[64];   /* what the worker died of */
	char fetched[300];  /* reason, with what --debuginfod came to */
	const char *reason; /* for info.unnamed_reason once something has no name */
};

struct symbolizer {
	struct sym_recorded kallsyms; /* of --kallsyms, */
	uint64_t kernel_text;	      /* and where the kernel lay then; 0 without */
	bool has_cached;	      /* indexes were added to the cache */
	bool has_bundle;	      /* o.symfs is one */
	struct sym_fetch fetch;	      /* --debuginfod */
	struct symbolizer_options o;  /* strings are the caller's and must outlive this */
	struct sym_entry **entries;   /* hash by id */
	size_t entry_slots, entry_cnt;
	struct sym_hit hits[SYM_CHAIN_MAX];
	struct sym_frames frames;
};

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

/* Is there work for a worker? Names of other kinds of modules can only be in the recording. */
static bool needs_index(const struct symbolizer *s, const struct sym_entry *e,
			const struct module *m)
{
	return !e->is_loaded && !s->o.no_files &&
	       (m->kind == MODULE_ELF || (m->kind == MODULE_VDSO && s->has_bundle));
}

static int run_here(const struct symbolizer *s, struct sym_job *j)
{
	_cleanup_free_ void *data = NULL;
	size_t sz = 0;
	int err = sym_module_build(&s->o, j->m, NULL, &data, &sz);

	if (err == -ENOMEM)
		return err;
	if (!err && !sym_index_parse(&j->index, data, sz, NULL))
		(void)take_ptr(data);
	return 0;
}

/* What the index, or its absence, means for the module. */
static void settle(const struct symbolizer *s, struct sym_entry *e, struct sym_job *j)
{
	e->index = j->index;
	if (e->index.data && s->o.demangle == DEMANGLE_FULL)
		sym_displays_open(&e->displays, s->o.cache_dir, j->m, &e->index);
	if (e->index.data) {
		const struct sym_index_header *h = e->index.h;

		/* the vdso is no file, be its image in a bundle or not */
		if (j->m->kind != MODULE_VDSO)
			e->info.debug_path = sym_index_string(&e->index, h->debug_path);
		e->reason = sym_index_string(&e->index, h->reason) ?: "address in no symbol";
		if (e->info.debug_path)
			e->info.symbols = sym_index_string(&e->index, h->symbols) ?: "none";
		return;
	}
	memcpy(e->failure, j->reason, sizeof(e->failure));
	e->reason = e->failure[0] ? e->failure : "index could not be built";
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

static int run_jobs(const struct symbolizer *s, struct sym_job *jobs, size_t cnt)
{
	int err = 0;

	if (!s->o.no_workers)
		return sym_worker_run(&s->o, jobs, cnt);
	for (size_t i = 0; i < cnt && !err; i++)
		err = run_here(s, &jobs[i]);
	return err;
}

static bool has_debug_info(const struct sym_job *j)
{
	const char *word = j->index.data ? sym_index_string(&j->index, j->index.h->symbols) : NULL;

	return word && (!strcmp(word, "dwarf") || !strcmp(word, "gopclntab"));
}

static const char *file_of(const struct sym_job *j)
{
	return j->index.data ? sym_index_string(&j->index, j->index.h->debug_path) : NULL;
}

/* Put the index made with fetched files in the first one's place, if it was made of them. */
static const char *take_fetched(const struct symbolizer *s, struct sym_job *j,
				struct sym_job *again)
{
	const char *path = file_of(again);

	if (path && !strncmp(path, s->fetch.dir, strlen(s->fetch.dir))) {
		sym_index_deinit(&j->index);
		*j = *again;
		return NULL;
	}
	sym_index_deinit(&again->index);
	sym_fetch_forget(&s->fetch, j->m);
	return "another build's file, or a broken one";
}

/* --debuginfod: ask for what is missing, and index once more where something came. notes[i] becomes
 * what is to be said of job i. */
static int fetch_missing(const struct symbolizer *s, struct sym_job *jobs, size_t cnt,
			 const char **notes)
{
	_cleanup_free_ struct sym_fetch_want *wants = calloc(cnt + 1, sizeof(*wants));
	_cleanup_free_ struct sym_job *again = calloc(cnt + 1, sizeof(*again));
	_cleanup_free_ size_t *of_want = calloc(cnt + 1, sizeof(*of_want));
	size_t want_cnt = 0, came = 0, at = 0;
	int err;

	if (!wants || !again || !of_want)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i++)
		if (!has_debug_info(&jobs[i]) && sym_fetch_knows(jobs[i].m)) {
			wants[want_cnt].m = jobs[i].m;
			wants[want_cnt].has_image = file_of(&jobs[i]);
			of_want[want_cnt++] = i;
		}
	sym_fetch_run(&s->fetch, wants, want_cnt);
	for (size_t k = 0; k < want_cnt; k++) {
		if (!wants[k].result)
			again[came++].m = wants[k].m;
		else
			notes[of_want[k]] = sym_fetch_says(wants[k].result);
	}
	err = run_jobs(s, again, came);
	for (size_t k = 0; k < want_cnt; k++)
		if (!wants[k].result)
			notes[of_want[k]] = take_fetched(s, &jobs[of_want[k]], &again[at++]);
	return err;
}

/* Index the files of the jobs' modules, and settle what that means for each. */
static int index_jobs(struct symbolizer *s, struct sym_job *jobs, struct sym_entry **entries,
		      size_t cnt)
{
	_cleanup_free_ const char **notes = calloc(cnt + 1, sizeof(*notes));
	int err;

	if (!notes)
		return -ENOMEM;
	err = run_jobs(s, jobs, cnt);
	if (!err && s->o.debuginfod)
		err = fetch_missing(s, jobs, cnt, notes);
	for (size_t i = 0; i < cnt; i++) {
		s->has_cached |= jobs[i].index.data && !jobs[i].from_cache;
		settle(s, entries[i], &jobs[i]);
		if (!notes[i])
			continue;
		snprintf(entries[i]->fetched, sizeof(entries[i]->fetched), "%s; debuginfod: %s",
			 entries[i]->reason, notes[i]);
		entries[i]->reason = entries[i]->fetched;
	}
	return err;
}

int symbolizer_prefetch(struct symbolizer *s, const struct symbolizer_want *wants, size_t n)
{
	_cleanup_free_ struct sym_job *jobs = calloc(n + 1, sizeof(*jobs));
	_cleanup_free_ struct sym_entry **entries = calloc(n + 1, sizeof(*entries));
	size_t cnt = 0;

	if (!jobs || !entries)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct sym_entry *e = entry_of(s, wants[i].module_id);

		if (!e || prepare(s, e, wants[i].m))
			return -ENOMEM;
		if (needs_index(s, e, wants[i].m)) {
			entries[cnt] = e;
			jobs[cnt++].m = wants[i].m;
		}
		e->is_loaded = true; /* named twice in wants: one job */
	}
	return cnt ? index_jobs(s, jobs, entries, cnt) : 0;
}

/* The ELF virtual address of a file offset: by the segment that holds it, or that shares its page.
 * Never "pc - base". */
static bool to_vaddr(const struct sym_load *loads, size_t cnt, uint64_t off, uint64_t *ret)
{
	for (size_t i = 0; i < cnt; i++) {
		if (off < loads[i].offset || off - loads[i].offset >= loads[i].filesz)
			continue;
		*ret = off - loads[i].offset + loads[i].vaddr;
		return true;
	}
	for (size_t i = 0; i < cnt; i++) {
		uint64_t skew = loads[i].offset % PAGE_SZ;

		if (off < loads[i].offset - skew ||
		    off - (loads[i].offset - skew) >= loads[i].filesz + skew + PAGE_SZ)
			continue;
		*ret = off - loads[i].offset + loads[i].vaddr;
		return true;
	}
	return false;
}

_Static_assert(sizeof(struct sym_load) == sizeof(struct module_segment), "the same three numbers");

static bool module_vaddr(const struct sym_entry *e, const struct module *m, uint64_t off,
			 uint64_t *ret)
{
	if (m->seg_cnt && to_vaddr((const struct sym_load *)m->segs, m->seg_cnt, off, ret))
		return true;
	return !m->seg_cnt && e->index.data &&
	       to_vaddr(e->index.loads, e->index.h->load_cnt, off, ret);
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
	uint64_t vaddr, back = q->exact || !q->off ? 0 : 1;

	switch (m->kind) {
	case MODULE_ELF:
	case MODULE_VDSO:
		return module_vaddr(e, m, q->off - back, &vaddr) ? vaddr + back : UNKNOWN_U64;
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

/* Fills frames.chain. Returns its length, 0 without memory. */
static size_t resolve_one(struct symbolizer *s, struct sym_entry *e, const struct module *m,
			  const struct symbolize_query *q, uint64_t rel)
{
	uint64_t back = q->exact || !q->off ? 0 : 1;
	enum sym_naming naming = e->index.data && (e->index.h->flags & SYM_INDEX_GO)
					 ? SYM_NAMING_GO
					 : SYM_NAMING_MANGLED;
	const struct sym_recorded_symbol *r;
	size_t n = 0;

	s->hits[0] = (struct sym_hit){0};
	if (e->index.data && rel != UNKNOWN_U64)
		n = sym_index_lookup(&e->index, rel - back, s->hits);
	r = n ? NULL : find_symbol(s, e, m, q->off - back);
	if (r && r->source == SYMBOL_FDE) {
		if (!s->hits[0].has_start)
			s->hits[0].has_start = module_vaddr(e, m, r->off, &s->hits[0].start);
	} else if (r) {
		if (r->source == SYMBOL_PERFMAP || r->source == SYMBOL_JITDUMP) {
			e->info.named++;
			return sym_frames_set_jit(&s->frames, r->name);
		}
		s->hits[0].name = r->name;
		naming = r->source == SYMBOL_GOPCLNTAB ? SYM_NAMING_GO : naming;
		n = 1;
	}
	for (size_t i = 0; i < n; i++) {
		if (!sym_frames_set(&s->frames, i, &s->hits[i], naming))
			return 0;
		if (!s->frames.chain[i].named && !e->info.unnamed_reason)
			e->info.unnamed_reason = "its name is in a debug file that is missing";
	}
	if (n) {
		e->info.named++;
		return n;
	}
	e->info.unnamed++;
	e->info.unnamed_reason = e->reason;
	/* one name for all of a function's frames */
	s->hits[0].name = sym_frames_placeholder(&s->frames, m, q->off,
						 s->hits[0].has_start ? s->hits[0].start : rel);
	if (!s->hits[0].name || !sym_frames_set(&s->frames, 0, &s->hits[0], SYM_NAMING_PLAIN))
		return 0;
	s->frames.chain[0].named = false;
	return 1;
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

int symbolizer_resolve(struct symbolizer *s, uint32_t module_id, const struct module *m,
		       const struct symbolize_query *queries, size_t n, symbolize_fn fn, void *ctx)
{
	_cleanup_free_ struct sym_order *order = order_queries(queries, n);
	struct sym_entry *e = entry_of(s, module_id);
	int err;

	if (!e || !order)
		return -ENOMEM;
	err = symbolizer_prefetch(s, &(struct symbolizer_want){module_id, m}, 1);
	if (err)
		return err;
	s->frames.displays = &e->displays;
	sym_names_expect(&s->frames.names, n); /* half of them are known or alike, and each of the others has two forms */
	for (size_t k = 0; k < n; k++) {
		size_t i = order[k].id;
		struct symbolize_query q = {recorded_off(s, e, m, queries[i].off), queries[i].exact};
		uint64_t rel = rel_addr(e, m, &q);
		size_t cnt = resolve_one(s, e, m, &q, rel);

		if (!cnt)
			return -ENOMEM;
		err = fn(ctx, i, s->frames.chain, cnt, rel);
		if (err)
			return err;
	}
	return 0;
}

const struct symbolizer_module_info *symbolizer_module_info(const struct symbolizer *s,
							    uint32_t module_id)
{
	const struct sym_entry *e = s->entry_slots ? *entry_slot(s, module_id) : NULL;

	return e && e->is_loaded ? &e->info : NULL;
}
