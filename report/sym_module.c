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

/* What the files gave, for image.symbols. */
struct gain {
	int functions, go, symtab, minidebug, dynsym;
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

static int read_dwarf(struct sym_elf *e, struct sym_builder *b, bool no_inline, struct gain *g)
{
	int got = e->has_debug_info && !g->functions ? sym_elf_add_dwarf(e, b, no_inline) : 0;

	if (got < 0)
		return got;
	g->functions += got;
	return 0;
}

static int read_file(struct sym_elf *e, struct sym_builder *b, bool no_inline, struct gain *g)
{
	int got;

	got = sym_elf_add_layout(e, b);
	if (got < 0)
		return got;
	/* before the symbols, which take over its names */
	got = read_dwarf(e, b, no_inline, g);
	if (got < 0)
		return got;
	got = sym_elf_add_symbols(e, b, 0);
	if (got < 0)
		return got;
	if (e->has_symtab)
		g->symtab += got;
	else
		g->dynsym += got;
	if (!e->has_symtab) {
		got = sym_elf_add_minidebug(e, b);
		if (got < 0)
			return got;
		g->minidebug += got;
	}
	if (e->has_code && sym_elf_add_fdes(e, b))
		return -ENOMEM;
	if (e->has_code && sym_elf_add_plt(e, b) < 0)
		return -ENOMEM;
	return 0;
}

static int read_files(struct sym_debugfile *f, struct sym_builder *b, bool no_inline)
{
	const char *path = NULL, *reason = f->reason;
	struct gain g = {0};
	bool ok = true;
	int err = 0;

	/* both have it: the debug file was found first, where the user said. But its segments lie about their place in the image */
	if (f->has_image && f->image.has_debug_info && f->has_debug) {
		err = sym_elf_add_layout(&f->image, b);
		err = err ?: read_dwarf(&f->debug, b, no_inline, &g);
	}
	if (!err && f->has_image) {
		err = read_file(&f->image, b, no_inline, &g);
		path = f->image.path;
	}
	if (!err && f->has_image && f->image.is_go)
		b->flags |= SYM_INDEX_GO;
	if (!err && f->has_debug) {
		err = read_file(&f->debug, b, no_inline, &g);
		path = f->debug.path;
	}
	if (!err && f->has_image && f->image.is_go && !g.functions)
		err = g.go = sym_elf_add_go(&f->image, b, no_inline);
	if (err < 0)
		return err;
	if ((f->has_image || f->has_debug) && !b->symbols.cnt && !g.functions && !g.go)
		reason = "no symbols";
	else if (!reason[0] && !g.functions && !g.go && !g.symtab)
		reason = "no symbols but exported ones";
	b->debug_path = sym_builder_string(b, path, &ok);
	b->symbols_word = sym_builder_string(b, symbols_word(&g), &ok);
	b->reason = sym_builder_string(b, reason, &ok);
	return ok ? 0 : -ENOMEM;
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

/* Where the index goes. */
struct result {
	int fd; /* memory file; -1: data and sz */
	void **data;
	size_t *sz;
};

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

static int build(const struct symbolizer_options *o, struct sym_debugfile *files, const char *key,
		 const struct result *r)
{
	uint64_t bytes = files->image.size + files->debug.size;
	struct sym_builder b;
	bool ok = true;
	int err = 0;

	if (!sym_builder_init(&b)) {
		sym_builder_deinit(&b);
		return -ENOMEM;
	}
	if (files->has_image || files->has_debug)
		b.flags |= SYM_INDEX_CACHEABLE;
	b.may_refer = r->fd >= 0;
	b.key = sym_builder_string(&b, key, &ok);
	if (!o->no_workers)
		sym_sandbox_limit(MEMORY_BASE + bytes * MEMORY_PER_BYTE,
				  CPU_BASE + bytes / CPU_BYTES);
	if (!o->no_workers && bytes >= LARGE)
		use_large_pages();
	err = ok ? read_files(files, &b, o->no_inline) : -ENOMEM;
	if (!err)
		err = r->fd >= 0 ? sym_builder_finish_fd(&b, r->fd) : sym_builder_finish(&b, r->data, r->sz);
	sym_builder_deinit(&b);
	return err;
}

static int find_and_build(const struct symbolizer_options *o, const struct module *m, const char *cache_path,
			  const struct result *r)
{
	_cleanup_free_ char *key = NULL;
	struct sym_debugfile files;
	int err;

	if (!o->no_workers)
		sym_sandbox_limit(MEMORY_BASE + MAPPED + (o->symfs ? BUNDLE_RAW_MAX : 0), CPU_BASE); /* holes are mapped, too */
	err = sym_debugfile_find(o, m, &files);
	if (!err && !(key = make_key(&files, o->no_inline)))
		err = -ENOMEM;
	if (!err && cache_path && sym_cache_has(cache_path, key))
		err = -EEXIST;
	if (!err)
		err = build(o, &files, key, r);
	sym_debugfile_close(&files);
	return err;
}

int sym_module_build(const struct symbolizer_options *o, const struct module *m,
		     const char *cache_path, void **ret, size_t *ret_sz)
{
	return find_and_build(o, m, cache_path, &(struct result){-1, ret, ret_sz});
}

int sym_module_build_fd(const struct symbolizer_options *o, const struct module *m,
			const char *cache_path, int fd)
{
	return find_and_build(o, m, cache_path, &(struct result){.fd = fd});
}
