// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"

#define PAGE_SZ 4096 /* of larger ones those that are not whole are faulted in */

_Static_assert(sizeof(struct sym_index_header) == 96, "cache file layout");
_Static_assert(sizeof(struct sym_symbol) == 16 && sizeof(struct sym_line) == 12,
	       "cache file layout");

struct carve {
	char *p;
	size_t left;
};

/* The next table of cnt entries, 8-byte aligned; NULL when it does not fit. */
static const void *carve(struct carve *c, uint64_t cnt, size_t entry_sz)
{
	uint64_t sz = (cnt * entry_sz + 7) & ~7ULL; /* cnt is 32 bits: no overflow */
	void *p = c->p;

	if (sz > c->left)
		return NULL;
	c->p += sz;
	c->left -= sz;
	return p;
}

static bool carve_all(struct sym_index *x, void *data, size_t sz)
{
	const struct sym_index_header *h = data;
	struct carve c = {(char *)data + sizeof(*h), sz - sizeof(*h)};

	x->h = h;
	return (x->loads = carve(&c, h->load_cnt, sizeof(*x->loads))) &&
	       (x->segments = carve(&c, h->segment_cnt, sizeof(*x->segments))) &&
	       (x->scopes = carve(&c, h->scope_cnt, sizeof(*x->scopes))) &&
	       (x->funcs = carve(&c, h->func_cnt, sizeof(*x->funcs))) &&
	       (x->symbols = carve(&c, h->symbol_cnt, sizeof(*x->symbols))) &&
	       (x->lines = carve(&c, h->line_cnt, sizeof(*x->lines))) &&
	       (x->files = carve(&c, h->file_cnt, sizeof(*x->files))) &&
	       (x->strs = carve(&c, h->strs_sz, 1)) && c.left == 0;
}

/* Every reference a lookup follows stays inside its table; parents come first, so that chains end.
 */
static bool is_consistent(const struct sym_index *x)
{
	const struct sym_index_header *h = x->h;

	if (!h->strs_sz || x->strs[0] || x->strs[h->strs_sz - 1])
		return false;
	if (h->debug_path >= h->strs_sz || h->symbols >= h->strs_sz || h->reason >= h->strs_sz ||
	    h->key >= h->strs_sz || h->sought >= h->strs_sz || h->wants >= h->strs_sz)
		return false;
	for (uint32_t i = 0; i < h->segment_cnt; i++)
		if (x->segments[i].scope && x->segments[i].scope >= h->scope_cnt)
			return false;
	for (uint32_t i = 1; i < h->scope_cnt; i++)
		if (x->scopes[i].parent >= i || x->scopes[i].func >= h->func_cnt ||
		    (x->scopes[i].call_file && x->scopes[i].call_file >= h->file_cnt))
			return false;
	for (uint32_t i = 0; i < h->func_cnt; i++)
		if (x->funcs[i].name >= h->strs_sz ||
		    (x->funcs[i].decl_file && x->funcs[i].decl_file >= h->file_cnt))
			return false;
	for (uint32_t i = 0; i < h->symbol_cnt; i++)
		if (x->symbols[i].source != SYMBOL_FDE && x->symbols[i].name >= h->strs_sz)
			return false;
	for (uint32_t i = 0; i < h->line_cnt; i++)
		if (x->lines[i].file && x->lines[i].file >= h->file_cnt)
			return false;
	for (uint32_t i = 0; i < h->file_cnt; i++)
		if (x->files[i].name >= h->strs_sz)
			return false;
	return true;
}

int sym_index_parse(struct sym_index *ret, void *data, size_t sz, struct err *err)
{
	const struct sym_index_header *h = data;
	struct sym_index x = {.data = data};

	if (sz < sizeof(*h) || h->magic != SYM_INDEX_MAGIC)
		return err_set(err, -EBADMSG, "symbol index: no header (%zu bytes)", sz);
	if (h->version != SYM_INDEX_VERSION)
		return err_set(err, -EPROTONOSUPPORT, "symbol index: version %u, want %u",
			       h->version, SYM_INDEX_VERSION);
	if (h->total_sz != sz || !carve_all(&x, data, sz))
		return err_set(err, -EBADMSG, "symbol index: tables do not fill its %zu bytes", sz);
	if (!is_consistent(&x))
		return err_set(err, -EBADMSG, "symbol index: a reference leaves its table");
	*ret = x;
	return 0;
}

static bool read_all(int fd, char *p, size_t sz, uint64_t off)
{
	while (sz) {
		ssize_t n = pread(fd, p, sz, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		sz -= (size_t)n;
		off += (uint64_t)n;
	}
	return true;
}

/* Get the pages that hold sz bytes, which there is something to fill with: a fault for each would cost more than that. */
static void touch(char *p, size_t sz)
{
	size_t skew = (uintptr_t)p % PAGE_SZ;

	(void)madvise(p - skew, sz + skew, MADV_POPULATE_WRITE); /* kernels that do not know it fault */
}

/* Zeroed. NULL without memory. */
static void *new_block(size_t sz)
{
	void *p = mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, sz, MADV_HUGEPAGE);
	return p;
}

int sym_index_read_bytes(int fd, uint64_t off, void **ret, size_t *ret_sz, struct err *err)
{
	struct sym_index_header h;
	struct stat st;
	uint64_t left;
	void *data;

	if (fstat(fd, &st))
		return err_errno(err, "symbol index");
	left = st.st_size > 0 && (uint64_t)st.st_size > off ? (uint64_t)st.st_size - off : 0;
	if (left < sizeof(h) || !read_all(fd, (char *)&h, sizeof(h), off))
		return err_set(err, -EBADMSG, "symbol index: no header (%llu bytes)", (unsigned long long)left);
	if (h.total_sz > left || h.total_sz < sizeof(h) || h.total_sz > SYM_INDEX_MAX)
		return err_set(err, -EBADMSG, "symbol index: %llu bytes, its header says %llu", (unsigned long long)left,
			       (unsigned long long)h.total_sz);
	data = new_block(h.total_sz);
	if (!data)
		return err_set(err, -ENOMEM, "symbol index: out of memory (%llu bytes)", (unsigned long long)h.total_sz);
	touch(data, h.total_sz);
	if (!read_all(fd, data, h.total_sz, off) || memcmp(data, &h, sizeof(h))) {
		munmap(data, h.total_sz);
		return err_set(err, -EBADMSG, "symbol index: changed while it was read");
	}
	*ret = data;
	*ret_sz = h.total_sz;
	return 0;
}

int sym_index_read(struct sym_index *x, int fd, uint64_t off, struct err *err)
{
	size_t sz;
	void *data;
	int code = sym_index_read_bytes(fd, off, &data, &sz, err);

	if (code)
		return code;
	code = sym_index_parse(x, data, sz, err);
	if (code)
		munmap(data, sz);
	else
		x->mapped_sz = sz;
	return code;
}

int sym_index_write(int fd, const void *bytes, size_t sz)
{
	for (const char *p = bytes; sz;) {
		ssize_t n = write(fd, p, sz);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		sz -= (size_t)n;
	}
	return 0;
}

void sym_index_deinit(struct sym_index *x)
{
	if (x->mapped_sz)
		munmap(x->data, x->mapped_sz);
	else
		free(x->data);
	memset(x, 0, sizeof(*x));
}

const char *sym_index_string(const struct sym_index *x, uint32_t off)
{
	return off && off < x->h->strs_sz ? x->strs + off : NULL;
}

static const char *file_name(const struct sym_index *x, uint32_t file)
{
	return file ? sym_index_string(x, x->files[file].name) : NULL;
}

static inline uint32_t start_at(const void *table, size_t entry_sz, size_t i)
{
	uint32_t start;

	memcpy(&start, (const char *)table + i * entry_sz, sizeof(start));
	return start;
}

/*
 * Index of the last entry whose first field (a uint32_t) is <= addr; -1 none. *hint: what the last search found, for ascending
 * addresses: from there on by growing steps. Within bounds without a branch on what it finds, as half of them would be mispredicted.
 */
static inline ptrdiff_t last_at(const void *table, size_t entry_sz, size_t cnt, uint32_t addr, size_t *hint)
{
	size_t lo = *hint, n = 1;

	if (lo < cnt && start_at(table, entry_sz, lo) <= addr) {
		while (n < cnt - lo && start_at(table, entry_sz, lo + n) <= addr) {
			lo += n;
			n *= 2;
		}
		if (n > cnt - lo)
			n = cnt - lo;
	} else {
		lo = 0;
		n = cnt;
	}
	for (size_t half; n > 1; n -= half) {
		half = n / 2;
		lo += half & -(size_t)(start_at(table, entry_sz, lo + half) <= addr);
	}
	*hint = lo;
	return n && start_at(table, entry_sz, lo) <= addr ? (ptrdiff_t)lo : -1;
}

static void set_line(struct sym_index *x, uint32_t addr, struct sym_hit *hit)
{
	ptrdiff_t i = last_at(x->lines, sizeof(*x->lines), x->h->line_cnt, addr, &x->line_at);

	if (i < 0 || !x->lines[i].file)
		return;
	hit->file = file_name(x, x->lines[i].file);
	hit->line = x->lines[i].line;
}

/* The chain of the scope, innermost first. The line of frame k is the call line of frame k - 1. */
static size_t chain_of(const struct sym_index *x, uint32_t scope, struct sym_hit *hits)
{
	size_t n = 0;

	for (;;) {
		const struct sym_scope *s = &x->scopes[scope];
		const struct sym_func *f = &x->funcs[s->func];

		hits[n].name = sym_index_string(x, f->name);
		hits[n].decl_file = file_name(x, f->decl_file);
		hits[n].decl_line = f->decl_line;
		hits[n].is_inlined = s->parent != 0;
		if (!s->parent)
			return n + 1;
		if (++n == SYM_CHAIN_MAX) /* too deep: drop the innermost, so that the real function
					     stays */
			memmove(hits, hits + 1, --n * sizeof(*hits));
		hits[n] =
			(struct sym_hit){.file = file_name(x, s->call_file), .line = s->call_line};
		scope = s->parent;
	}
}

bool sym_loads_vaddr(const struct sym_load *loads, size_t cnt, uint64_t off, uint64_t *ret)
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

static bool to_rel(const struct sym_index *x, uint64_t vaddr, uint32_t *ret)
{
	*ret = (uint32_t)(vaddr - x->h->base);
	return vaddr >= x->h->base && vaddr - x->h->base <= UINT32_MAX;
}

struct sym_symbol_hit sym_index_symbol(struct sym_index *x, uint64_t vaddr)
{
	struct sym_symbol_hit hit = {0};
	const struct sym_symbol *s;
	uint32_t addr;
	ptrdiff_t i;

	if (!to_rel(x, vaddr, &addr))
		return hit;
	i = last_at(x->symbols, sizeof(*x->symbols), x->h->symbol_cnt, addr, &x->symbol_at);
	if (i < 0 || addr >= x->symbols[i].end)
		return hit;
	s = &x->symbols[i];
	if (s->source == SYMBOL_FDE)
		return (struct sym_symbol_hit){.has_start = true, .start = x->h->base + s->name};
	hit.name = sym_index_string(x, s->name);
	hit.is_function = s->flags & SYM_SYMBOL_FUNC;
	return hit;
}

size_t sym_index_chain(struct sym_index *x, uint64_t vaddr, const struct sym_symbol_hit *symbol, struct sym_hit *hits)
{
	uint32_t addr;
	ptrdiff_t seg;
	size_t n = 0;

	hits[0] = (struct sym_hit){0};
	if (to_rel(x, vaddr, &addr)) {
		set_line(x, addr, &hits[0]);
		seg = last_at(x->segments, sizeof(*x->segments), x->h->segment_cnt, addr, &x->segment_at);
		if (seg >= 0 && x->segments[seg].scope)
			n = chain_of(x, x->segments[seg].scope, hits);
	}
	if (!symbol->name)
		return n && hits[n - 1].name ? n : 0;
	if (!n)
		n = 1;
	/* The linker's name of the real function: the one a recording without debug files shows too. */
	if (!hits[n - 1].name || symbol->is_function) {
		hits[n - 1].name = symbol->name;
		hits[n - 1].is_symbol = true;
	}
	return n;
}

size_t sym_index_lookup(struct sym_index *x, uint64_t vaddr, struct sym_hit *hits)
{
	struct sym_symbol_hit symbol = sym_index_symbol(x, vaddr);

	return sym_index_chain(x, vaddr, &symbol, hits);
}
