// SPDX-License-Identifier: BSD-2-Clause
#include "report/symbolize.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/sym_index.h"
#include "report/sym_kernel.h"
#include "report/sym_module.h"
#include "report/sym_names.h"
#include "report/sym_perfmap.h"
#include "report/sym_recorded.h"
#include "report/sym_worker.h"

#define PAGE_SZ 4096
#define FIXED_BITS 12

struct sym_entry {
	uint32_t id;
	bool is_loaded; /* index and info are settled */
	struct sym_recorded recorded;
	struct sym_index index; /* data NULL: none */
	struct symbolizer_module_info info;
	char failure[64];   /* what the worker died of */
	const char *reason; /* for info.unnamed_reason once something has no name */
};

struct symbolizer {
	struct sym_recorded kallsyms; /* of --kallsyms */
	struct symbolizer_options o; /* strings are the caller's and must outlive this */
	struct sym_names names;
	struct sym_entry **entries; /* hash by id */
	size_t entry_slots, entry_cnt;
	struct fixed_name {
		const char *text;
		struct sym_name *name;
	} fixed[1 << FIXED_BITS]; /* a cache: the last string of each hash */
	struct sym_hit hits[SYM_CHAIN_MAX];
	struct symbolized_frame chain[SYM_CHAIN_MAX];
};

static int take_kernel_symbol(void *ctx, uint64_t off, uint64_t size, const char *name)
{
	struct symbolizer *s = ctx;
	const struct sym_name *n = sym_names_add(&s->names, name);

	if (!n || !sym_recorded_add(&s->kallsyms, &(struct sym_recorded_symbol){ off, size, n->text, SYMBOL_KALLSYMS }))
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
	if (s->o.kallsyms)
		code = sym_kernel_read(s->o.kallsyms, take_kernel_symbol, s, err);
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
		sym_recorded_deinit(&s->entries[i]->recorded);
		sym_index_deinit(&s->entries[i]->index);
		free(s->entries[i]);
	}
	free(s->entries);
	sym_recorded_deinit(&s->kallsyms);
	sym_names_deinit(&s->names);
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

int symbolizer_add_symbol(struct symbolizer *s, uint32_t module_id, uint64_t off, uint64_t size, enum symbol_source source,
			  const char *name)
{
	struct sym_recorded_symbol r = { .off = off, .size = size, .source = source };
	struct sym_entry *e = entry_of(s, module_id);
	const struct sym_name *n;

	if (!name || !*name)
		return 0;
	n = sym_names_add(&s->names, name);
	if (!e || !n)
		return -ENOMEM;
	r.name = n->text;
	if (source == SYMBOL_PERFMAP || source == SYMBOL_JITDUMP)
		e->recorded.later_wins = true;
	return sym_recorded_add(&e->recorded, &r) ? 0 : -ENOMEM;
}

static const char *missing_reason(const struct module *m)
{
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
static bool needs_index(const struct symbolizer *s, const struct sym_entry *e, const struct module *m)
{
	return !e->is_loaded && !s->o.no_files && m->kind == MODULE_ELF;
}

static int run_here(struct symbolizer *s, struct sym_job *j)
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
static void settle(struct sym_entry *e, struct sym_job *j)
{
	e->index = j->index;
	if (e->index.data) {
		const struct sym_index_header *h = e->index.h;

		e->info.debug_path = sym_index_string(&e->index, h->debug_path);
		e->reason = sym_index_string(&e->index, h->reason) ?: "address in no symbol";
		if (e->info.debug_path)
			e->info.symbols = sym_index_string(&e->index, h->symbols) ?: "none";
		return;
	}
	memcpy(e->failure, j->reason, sizeof(e->failure));
	e->reason = e->failure[0] ? e->failure : "index could not be built";
}

static int prepare(struct sym_entry *e, const struct module *m)
{
	if (sym_recorded_sort(&e->recorded))
		return -ENOMEM;
	if (e->is_loaded)
		return 0;
	e->reason = missing_reason(m);
	e->info.symbols = e->recorded.symbols.cnt ? symbol_source_name(e->recorded.symbols.v[0].source) : "none";
	return 0;
}

int symbolizer_prefetch(struct symbolizer *s, const struct symbolizer_want *wants, size_t n)
{
	_cleanup_free_ struct sym_job *jobs = calloc(n + 1, sizeof(*jobs));
	_cleanup_free_ struct sym_entry **entries = calloc(n + 1, sizeof(*entries));
	size_t cnt = 0;
	int err = 0;

	if (!jobs || !entries)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct sym_entry *e = entry_of(s, wants[i].module_id);

		if (!e || prepare(e, wants[i].m))
			return -ENOMEM;
		if (needs_index(s, e, wants[i].m)) {
			entries[cnt] = e;
			jobs[cnt++].m = wants[i].m;
		}
		e->is_loaded = true; /* named twice in wants: one job */
	}
	if (s->o.no_workers)
		for (size_t i = 0; i < cnt && !err; i++)
			err = run_here(s, &jobs[i]);
	else
		err = sym_worker_run(&s->o, jobs, cnt);
	for (size_t i = 0; i < cnt; i++)
		settle(entries[i], &jobs[i]);
	return err;
}

/* The ELF virtual address of a file offset: by the segment that holds it, or that shares its page. Never "pc - base". */
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

		if (off < loads[i].offset - skew || off - (loads[i].offset - skew) >= loads[i].filesz + skew + PAGE_SZ)
			continue;
		*ret = off - loads[i].offset + loads[i].vaddr;
		return true;
	}
	return false;
}

_Static_assert(sizeof(struct sym_load) == sizeof(struct module_segment), "the same three numbers");

static bool module_vaddr(const struct sym_entry *e, const struct module *m, uint64_t off, uint64_t *ret)
{
	if (m->seg_cnt && to_vaddr((const struct sym_load *)m->segs, m->seg_cnt, off, ret))
		return true;
	return !m->seg_cnt && e->index.data && to_vaddr(e->index.loads, e->index.h->load_cnt, off, ret);
}

static uint64_t rel_addr(const struct sym_entry *e, const struct module *m, const struct symbolize_query *q)
{
	uint64_t vaddr, back = q->exact || !q->off ? 0 : 1;

	switch (m->kind) {
	case MODULE_ELF:
	case MODULE_VDSO:
		return module_vaddr(e, m, q->off - back, &vaddr) ? vaddr + back : UNKNOWN_U64;
	case MODULE_KERNEL:
	case MODULE_KMOD:
		return q->off;
	default:
		return UNKNOWN_U64; /* a plain address: it means nothing outside that process's life */
	}
}

/* A name that says it is none, and tells places apart. */
static const char *placeholder(struct symbolizer *s, const struct module *m, uint64_t off, uint64_t rel)
{
	const char *path = m->path ?: "", *base = strrchr(path, '/');
	const struct sym_name *n;
	char text[300];
	size_t len;

	base = base && base[1] ? base + 1 : path;
	len = strlen(base);
	if (len > 2 && base[0] == '[' && base[len - 1] == ']') {
		base++;
		len -= 2;
	}
	if (m->kind == MODULE_JIT || m->kind == MODULE_BPF)
		snprintf(text, sizeof(text), "[unknown %s 0x%llx]", m->kind == MODULE_JIT ? "jit" : "bpf", (long long)off);
	else if (m->kind == MODULE_KERNEL)
		snprintf(text, sizeof(text), "[unknown kernel+0x%llx]", (long long)off);
	else
		snprintf(text, sizeof(text), "[unknown %.*s%s0x%llx]", len > 200 ? 200 : (int)len, base,
			 rel == UNKNOWN_U64 ? "@" : "+", (long long)(rel == UNKNOWN_U64 ? off : rel));
	n = sym_names_add(&s->names, text);
	return n ? n->text : NULL;
}

/* As sym_names_add() for a string that stays where it is (an index's): its place is looked up, and only once its bytes. */
static struct sym_name *intern_fixed(struct symbolizer *s, const char *text)
{
	struct fixed_name *f = &s->fixed[((uintptr_t)text * 0x9e3779b97f4a7c15ULL) >> (64 - FIXED_BITS)];

	if (f->text != text) {
		f->name = sym_names_add(&s->names, text);
		f->text = f->name ? text : NULL;
	}
	return f->name;
}

static const char *intern_text(struct symbolizer *s, const char *text, bool *ok)
{
	const struct sym_name *n = text ? sym_names_add(&s->names, text) : NULL;

	*ok &= !text || n;
	return n ? n->text : NULL;
}

static const char *intern(struct symbolizer *s, const char *text, bool *ok)
{
	const struct sym_name *n = text ? intern_fixed(s, text) : NULL;

	*ok &= !text || n;
	return n ? n->text : NULL;
}

/* How a module's names are to be shown. */
enum naming { NAMING_MANGLED, NAMING_GO, NAMING_PLAIN };

static bool set_names(struct symbolizer *s, struct symbolized_frame *f, const char *raw, enum naming naming)
{
	struct sym_name *n = intern_fixed(s, raw);

	if (!n)
		return false;
	f->raw_name = f->name = n->text;
	f->named = true;
	if (naming == NAMING_MANGLED) {
		f->language = sym_language_of(raw);
		f->name = sym_names_display(&s->names, n, s->o.demangle);
	} else if (naming == NAMING_GO) {
		size_t len = strlen(raw);

		f->language = "go";
		if (len > 5 && !strcmp(raw + len - 5, ".abi0") && s->o.demangle != DEMANGLE_NONE)
			f->name = sym_names_display(&s->names, n, s->o.demangle);
	}
	return f->name != NULL;
}

static bool set_frame(struct symbolizer *s, struct symbolized_frame *f, const struct sym_hit *h, enum naming naming)
{
	bool ok = true;

	*f = (struct symbolized_frame){ .decl_line = h->decl_line, .line = h->line, .inlined = h->is_inlined };
	f->decl_file = intern(s, h->decl_file, &ok);
	f->file = intern(s, h->file, &ok);
	if (!ok || !set_names(s, f, h->name ?: "[unknown function]", h->name ? naming : NAMING_PLAIN))
		return false;
	f->named = h->name != NULL; /* an inlined function's name may be in a file we do not have */
	return true;
}

/* A name that a runtime wrote. */
static bool set_jit_frame(struct symbolizer *s, struct symbolized_frame *f, const char *raw)
{
	struct sym_perfmap_name n;
	bool ok = true;

	if (sym_perfmap_clean(raw, s->o.demangle, &n))
		return false;
	*f = (struct symbolized_frame){ .raw_name = raw, .decl_line = n.line, .language = n.language, .named = true };
	f->name = intern_text(s, n.name, &ok);
	f->decl_file = intern_text(s, n.file, &ok);
	sym_perfmap_name_deinit(&n);
	return ok;
}

/* What travelled, or for a kernel of which nothing did, what the user gave. */
static const struct sym_recorded *recorded_of(const struct symbolizer *s, const struct sym_entry *e, const struct module *m)
{
	return m->kind == MODULE_KERNEL && !e->recorded.symbols.cnt ? &s->kallsyms : &e->recorded;
}

/* Fills s->chain. Returns its length, 0 without memory. */
static size_t resolve_one(struct symbolizer *s, struct sym_entry *e, const struct module *m, const struct symbolize_query *q,
			  uint64_t rel)
{
	uint64_t back = q->exact || !q->off ? 0 : 1;
	enum naming naming = e->index.data && (e->index.h->flags & SYM_INDEX_GO) ? NAMING_GO : NAMING_MANGLED;
	const struct sym_recorded_symbol *r;
	size_t n = 0;

	s->hits[0] = (struct sym_hit){ 0 };
	if (e->index.data && rel != UNKNOWN_U64)
		n = sym_index_lookup(&e->index, rel - back, s->hits);
	r = n ? NULL : sym_recorded_find(recorded_of(s, e, m), q->off - back);
	if (r) {
		if (r->source == SYMBOL_PERFMAP || r->source == SYMBOL_JITDUMP) {
			e->info.named++;
			return set_jit_frame(s, &s->chain[0], r->name);
		}
		s->hits[0].name = r->name;
		naming = r->source == SYMBOL_GOPCLNTAB ? NAMING_GO : naming;
		n = 1;
	}
	for (size_t i = 0; i < n; i++)
		if (!set_frame(s, &s->chain[i], &s->hits[i], naming))
			return 0;
	if (n) {
		e->info.named++;
		return n;
	}
	e->info.unnamed++;
	e->info.unnamed_reason = e->reason;
	s->hits[0].name = placeholder(s, m, q->off, rel);
	if (!s->hits[0].name || !set_frame(s, &s->chain[0], &s->hits[0], NAMING_PLAIN))
		return 0;
	s->chain[0].named = false;
	return 1;
}

int symbolizer_resolve(struct symbolizer *s, uint32_t module_id, const struct module *m, const struct symbolize_query *queries,
		       size_t n, symbolize_fn fn, void *ctx)
{
	struct sym_entry *e = entry_of(s, module_id);
	int err;

	if (!e)
		return -ENOMEM;
	err = symbolizer_prefetch(s, &(struct symbolizer_want){ module_id, m }, 1);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		uint64_t rel = rel_addr(e, m, &queries[i]);
		size_t cnt = resolve_one(s, e, m, &queries[i], rel);

		if (!cnt)
			return -ENOMEM;
		err = fn(ctx, i, s->chain, cnt, rel);
		if (err)
			return err;
	}
	return 0;
}

const struct symbolizer_module_info *symbolizer_module_info(const struct symbolizer *s, uint32_t module_id)
{
	const struct sym_entry *e = s->entry_slots ? *entry_slot(s, module_id) : NULL;

	return e && e->is_loaded ? &e->info : NULL;
}
