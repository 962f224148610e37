// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_module.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>

#include "formats/bundle.h"
#include "formats/cleanup.h"
#include "report/sym_cache.h"
#include "report/sym_debugfile.h"
#include "report/sym_sandbox.h"

/* What the files have: for image.symbols. */
struct gain {
	int functions, go;
	bool symtab, minidebug, dynsym;
};

/* A module's files and what becomes of them. */
struct work {
	const struct symbolizer_options *o;
	const struct module *m;
	struct sym_debugfile files;
	char *key; /* what the indexes are made from */
	const uint64_t *offs; /* cnt places of which the symbols are wanted */
	size_t cnt;
	struct sym_elf_tables tables;
	struct gain gain;
};

static const char *symbols_word(const struct gain *g)
{
	if (g->functions)
		return "dwarf";
	if (g->go)
		return "gopclntab";
	if (g->symtab)
		return "symtab";
	return g->minidebug ? "minidebuginfo" : g->dynsym ? "dynsym" : "none";
}

static int note_symbols(struct work *w, struct sym_elf *e)
{
	int err = sym_elf_note_symbols(e, 0, &w->tables);

	return !err && !e->has_symtab ? sym_elf_note_minidebug(e, &w->tables) : err;
}

static int add_functions(struct work *w, struct sym_elf *e, struct sym_builder *b)
{
	return e->has_code ? sym_elf_add_fdes(e, b) ?: sym_elf_add_plt(e, &w->tables, b) : 0;
}

/* The addresses of the places that are asked for, into at. Returns how many. */
static size_t to_addresses(const struct work *w, const struct sym_builder *b, uint64_t *at)
{
	const struct sym_load *loads = w->m->seg_cnt ? (const struct sym_load *)w->m->segs : b->loads.v;
	size_t load_cnt = w->m->seg_cnt ?: b->loads.cnt, n = 0;

	for (size_t i = 0; i < w->cnt; i++)
		n += sym_loads_vaddr(loads, load_cnt, w->offs[i], &at[n]);
	return sym_wanted_sort(at, n);
}

static void note_tables(const struct sym_elf_tables *tables, struct gain *g)
{
	for (size_t i = 0; i < tables->cnt; i++) {
		const struct sym_elf_table *t = &tables->v[i];

		*(t->source == SYMBOL_SYMTAB ? &g->symtab : t->source == SYMBOL_DYNSYM ? &g->dynsym : &g->minidebug) |= t->has_code;
	}
}

/* The symbols at the places that are asked for; where there are none, PLT slots and functions of .eh_frame. */
static int read_symbols(struct work *w, struct sym_builder *b)
{
	struct sym_elf *files[] = {w->files.has_image ? &w->files.image : NULL, w->files.has_debug ? &w->files.debug : NULL};
	_cleanup_free_ uint64_t *places = malloc((2 * w->cnt + 1) * sizeof(*places));
	struct sym_wanted open = {0};
	int err = places ? 0 : -ENOMEM;

	for (size_t i = 0; i < ARRAY_SIZE(files) && !err; i++)
		err = files[i] ? sym_elf_add_layout(files[i], b) ?: note_symbols(w, files[i]) : 0;
	if (!err)
		err = sym_elf_add_symbols(&w->tables, b, places, to_addresses(w, b, places), places + w->cnt, &open);
	b->wanted = &open;
	note_tables(&w->tables, &w->gain);
	for (size_t i = 0; i < ARRAY_SIZE(files) && !err; i++)
		err = files[i] && open.cnt ? add_functions(w, files[i], b) : 0;
	b->wanted = NULL;
	sym_wanted_deinit(&open);
	return err;
}

static int read_dwarf(struct work *w, struct sym_elf *e, struct sym_builder *b)
{
	int got = e->has_debug_info && !w->gain.functions ? sym_elf_add_dwarf(e, b, w->o->no_inline) : 0;

	w->gain.functions += got > 0 ? got : 0;
	return got < 0 ? got : 0;
}

/* What is to be said of the module, now that all was read. */
static int describe(const struct work *w, struct sym_builder *b)
{
	const struct sym_debugfile *f = &w->files;
	const struct sym_elf *file = f->has_debug ? &f->debug : f->has_image ? &f->image : NULL, *half;
	char missing[sizeof(SYMBOLIZE_HALF) + sizeof(file->missing)];
	const char *reason = f->reason;
	const struct gain *g = &w->gain;
	bool ok = true;

	if (file && !g->symtab && !g->dynsym && !g->minidebug && !g->functions && !g->go)
		reason = "no symbols";
	else if (!reason[0] && !g->functions && !g->symtab) /* of a stripped Go program what cgo put in has none */
		reason = g->go ? "no symbols but Go's" : "no symbols but exported ones";
	half = file && !file->missing[0] && f->has_image ? &f->image : file;
	if (half && half->missing[0]) {
		snprintf(missing, sizeof(missing), SYMBOLIZE_HALF "%s", half->missing);
		reason = missing;
		b->sought = sym_builder_bytes(b, half->sought.v, half->sought.cnt, &ok);
		b->wants = sym_builder_string(b, half->wants, &ok);
	}
	b->debug_path = sym_builder_string(b, file ? file->path : NULL, &ok);
	b->symbols_word = sym_builder_string(b, symbols_word(g), &ok);
	b->reason = sym_builder_string(b, reason, &ok);
	return ok ? 0 : -ENOMEM;
}

/* Functions, inlining and lines: after read_symbols(), as what is said of the module depends on its symbols, too. */
static int read_debug_infos(struct work *w, struct sym_builder *b)
{
	struct sym_debugfile *f = &w->files;
	struct gain *g = &w->gain;
	int err = 0;

	if (f->has_image)
		err = sym_elf_add_layout(&f->image, b); /* first: segments of a debug file lie about their place in the image */
	if (!err && f->has_debug)
		err = sym_elf_add_layout(&f->debug, b);
	if (!err && f->has_debug) /* where both have it: the one that was found where the user said */
		err = read_dwarf(w, &f->debug, b);
	if (!err && f->has_image)
		err = read_dwarf(w, &f->image, b);
	if (!err && f->has_image && f->image.is_go)
		b->flags |= SYM_INDEX_GO;
	if (!err && f->has_image && f->image.is_go && !g->functions)
		err = g->go = sym_elf_add_go(&f->image, b, w->o->no_inline);
	return err < 0 ? err : describe(w, b);
}

#define MEMORY_BASE (1ULL << 30) /* address space a worker may add … */
#define MAPPED (8ULL << 30) /* … for the files it looks at, which are mapped: those read instead cost their size in memory … */
#define MEMORY_PER_BYTE                                                                            \
	6 /* … and for each byte of the files (debug sections unpack to 3-5 times their size) */
#define CPU_BASE 10	       /* seconds */
#define CPU_BYTES (8ULL << 20) /* one more second for each so many bytes */

/* What the index will have been made from. NULL without memory. */
static char *make_key(const struct sym_debugfile *f, bool no_inline)
{
	char *key;
	int n;

	n = asprintf(&key, "%s%s:%llu:%llu|%s:%llu:%llu", no_inline ? "no-inline|" : "",
		     f->has_image ? f->image.path : "", (unsigned long long)f->image.size,
		     (unsigned long long)f->image.mtime_ns, f->has_debug ? f->debug.path : "",
		     (unsigned long long)f->debug.size, (unsigned long long)f->debug.mtime_ns);
	return n < 0 ? NULL : key;
}

#define LARGE (16 << 20)  /* bytes of files whose tables take many pages … */
#define HEAP (64UL << 20) /* … that come from so much of address space */
#define HUGE_PAGE (2UL << 20)

/*
 * Half of the faults for pages, and 3.5 of node's 60 ms, were the worker's: let what is allocated next lie in large ones. Blocks
 * above LARGE stay mappings of their own, as those grow without a copy.
 */
static void use_large_pages(void)
{
	uintptr_t start, end;
	char *heap;

	mallopt(M_MMAP_THRESHOLD, LARGE);
	mallopt(M_TRIM_THRESHOLD, HEAP);
	mallopt(M_TOP_PAD, HEAP);
	heap = malloc(LARGE - HUGE_PAGE);
	start = ((uintptr_t)heap + HUGE_PAGE - 1) & -HUGE_PAGE;
	end = ((uintptr_t)heap + HEAP) & -HUGE_PAGE;
	if (heap)
		(void)madvise((void *)start, end - start, MADV_HUGEPAGE); /* as fast as before without */
	free(heap);
}

/* One index of the module, by what reads into it, appended to the file fd. */
static int append(struct work *w, int (*read)(struct work *, struct sym_builder *), int fd)
{
	struct sym_builder b;
	bool ok = sym_builder_init(&b);
	int err;

	if (w->files.has_image || w->files.has_debug)
		b.flags |= SYM_INDEX_CACHEABLE;
	if (ok)
		b.key = sym_builder_string(&b, w->key, &ok);
	err = ok ? read(w, &b) : -ENOMEM;
	if (!err)
		err = sym_builder_finish(&b, fd);
	sym_builder_deinit(&b);
	return err;
}

/* kept: what to return when there is an index of the debug information; 0 when there is none. */
static int build(struct work *w, int kept, int fd)
{
	uint64_t bytes = w->files.image.size + w->files.debug.size;
	int err;

	if (!w->o->no_workers)
		sym_sandbox_limit(MEMORY_BASE + bytes * MEMORY_PER_BYTE, CPU_BASE + bytes / CPU_BYTES);
	if (!w->o->no_workers && bytes >= LARGE)
		use_large_pages();
	err = append(w, read_symbols, fd);
	if (!err)
		err = kept ?: append(w, read_debug_infos, fd);
	sym_elf_tables_deinit(&w->tables);
	return err;
}

int sym_module_build(const struct symbolizer_options *o, const struct module *m, const char *cache_path,
		     const struct sym_ask *ask, int fd)
{
	struct work w = {.o = o, .m = m, .offs = ask->offs, .cnt = ask->cnt};
	int err;

	if (!o->no_workers)
		sym_sandbox_limit(MEMORY_BASE + MAPPED + (o->symfs ? BUNDLE_RAW_MAX : 0), CPU_BASE); /* holes are mapped, too */
	err = sym_debugfile_find(o, m, &w.files);
	if (!err && !(w.key = make_key(&w.files, o->no_inline)))
		err = -ENOMEM;
	if (!err && ask->known_key && !strcmp(ask->known_key, w.key)) {
		w.offs = ask->unknown;
		w.cnt = ask->unknown_cnt;
	}
	if (!err) {
		int kept = ask->has_index ? -EALREADY : cache_path && sym_cache_has(cache_path, w.key) ? -EEXIST : 0;

		err = kept && !w.cnt ? kept : build(&w, kept, fd);
	}
	sym_debugfile_close(&w.files);
	free(w.key);
	return err;
}
