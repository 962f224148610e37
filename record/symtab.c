// SPDX-License-Identifier: BSD-2-Clause
#include "record/symtab.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/elf_symbol.h"
#include "formats/fde.h"
#include "record/elf_links.h"
#include "record/symtab_file.h"

#define EH_FRAME_MAX (256ULL << 20)
#define ALL_MAX (4 << 20) /* symbols of one file under --symbols all */

/* Where code is: an unsized symbol does not reach out of its section. */
struct code_range {
	uint64_t start, end;
};

struct code {
	struct code_range *v; /* owned */
	uint32_t cnt, cap;
};

static int add_code(struct code *c, const struct elf_file *f)
{
	for (uint32_t i = 0; i < f->section_cnt; i++) {
		const struct elf_section *s = &f->sections[i];
		struct code_range r = { .start = s->addr };

		if (!(s->flags & SHF_EXECINSTR) || !s->size || __builtin_add_overflow(s->addr, s->size, &r.end))
			continue;
		if (array_grow(&c->v, &c->cap, c->cnt, sizeof(r)))
			return -ENOMEM;
		c->v[c->cnt++] = r;
	}
	return 0;
}

/* Both in one executable section; where sections are unknown anything goes. */
static bool is_one_section(const struct code *c, uint64_t a, uint64_t b)
{
	for (uint32_t i = 0; i < c->cnt; i++)
		if (a >= c->v[i].start && a < c->v[i].end)
			return b >= c->v[i].start && b < c->v[i].end;
	return !c->cnt;
}

static int walk_source(const struct elf_source *src, bool is_image, struct walk *w, struct code *code)
{
	struct elf_file f;
	int r;

	if (src->fd < 0 && !src->data)
		return 0;
	r = elf_file_open(src, &f);
	if (r)
		return r == -ENOEXEC ? 0 : r;
	r = symtab_file_walk(&f, SYMBOL_SYMTAB, w);
	if (!r && is_image)
		r = symtab_plt_walk(&f, w);
	if (!r && is_image && !symtab_file_has_symtab(&f)) /* which has the same names, when it is there */
		r = symtab_go_walk(&f, w);
	if (!r && is_image && !symtab_file_has_symtab(&f))
		r = symtab_minidebug_walk(&f, w);
	if (!r && !code->cnt)
		r = add_code(code, &f);
	elf_file_close(&f);
	return r;
}

/* The debug file's .symtab has what was stripped from the image. */
static int walk_input(const struct symtab_input *in, struct walk *w, struct code *code)
{
	int r = walk_source(&in->image, true, w, code);

	if (r || (in->debug.fd < 0 && !in->debug.data))
		return r;
	if (!in->is_debug_proven && !elf_links_is_meant(&in->debug, in->debug_size, in->id, in->id_sz, &in->link_crc))
		return 0;
	return walk_source(&in->debug, false, w, code);
}

/* ---- names for hits ------------------------------------------------------------------------------------------ */

struct finder {
	const struct symtab_input *in;
	uint64_t *vaddrs; /* of the hits, sorted; owned */
	size_t cnt;
	struct candidate *sized, *unsized; /* the best of each hit; names owned */
	uint64_t *starts; /* the highest symbol start that is <= hit i and > hit i - 1, plus 1; 0: none */
	struct candidate *fdes; /* of each hit; size 0: none */
	char nameless[1];
	struct code code;
};

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool to_vaddr(const struct symtab_input *in, uint64_t off, uint64_t *ret)
{
	for (uint32_t i = 0; i < in->seg_cnt; i++) {
		const struct module_segment *s = &in->segs[i];

		if (off >= s->offset && off - s->offset < s->filesz) {
			*ret = off - s->offset + s->vaddr;
			return true;
		}
	}
	return false;
}

static const struct module_segment *segment_of(const struct symtab_input *in, uint64_t vaddr)
{
	for (uint32_t i = 0; i < in->seg_cnt; i++)
		if (vaddr >= in->segs[i].vaddr && vaddr - in->segs[i].vaddr < in->segs[i].filesz)
			return &in->segs[i];
	return NULL;
}

/* Index of the first hit at or behind vaddr. */
static size_t first_hit(const struct finder *f, uint64_t vaddr)
{
	size_t lo = 0, hi = f->cnt;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->vaddrs[mid] < vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Better of two that cover the same hit: formats/elf_symbol.h. */
static bool is_better(const struct candidate *a, const struct candidate *b)
{
	if (!b->name)
		return true;
	if (a->vaddr != b->vaddr)
		return a->vaddr > b->vaddr;
	return elf_symbol_compare(a->rank, a->name, a->source, b->rank, b->name, b->source) < 0;
}

static int take(struct candidate *slot, const struct candidate *c)
{
	char *name = strdup(c->name);

	if (!name)
		return -ENOMEM;
	free(slot->name);
	*slot = *c;
	slot->name = name;
	return 0;
}

static void note_start(struct finder *f, size_t i, uint64_t vaddr)
{
	if (vaddr >= f->starts[i])
		f->starts[i] = vaddr + 1;
}

/* Any symbol that starts in code bounds the unsized ones before it, whether it is of use or not. */
static bool wants_hit(void *ctx, uint64_t vaddr, uint64_t size)
{
	struct finder *f = ctx;
	size_t i = first_hit(f, vaddr);

	if (i == f->cnt || !segment_of(f->in, vaddr))
		return false;
	if (!size)
		return vaddr + 1 >= f->starts[i]; /* its name decides whether it counts */
	note_start(f, i, vaddr);
	return f->vaddrs[i] - vaddr < size;
}

static int visit_hit(void *ctx, const struct candidate *c)
{
	struct finder *f = ctx;
	size_t i = first_hit(f, c->vaddr);

	if (!c->size) {
		note_start(f, i, c->vaddr);
		return is_better(c, &f->unsized[i]) ? take(&f->unsized[i], c) : 0;
	}
	for (; i < f->cnt && f->vaddrs[i] - c->vaddr < c->size; i++) {
		int r = is_better(c, &f->sized[i]) ? take(&f->sized[i], c) : 0;

		if (r)
			return r;
	}
	return 0;
}

static void finder_deinit(struct finder *f)
{
	for (size_t i = 0; i < f->cnt; i++) {
		if (f->sized)
			free(f->sized[i].name);
		if (f->unsized)
			free(f->unsized[i].name);
	}
	free(f->code.v);
	free(f->sized);
	free(f->unsized);
	free(f->starts);
	free(f->fdes);
	free(f->vaddrs);
}

static int finder_init(struct finder *f, const struct symtab_input *in, const uint64_t *offs, size_t cnt)
{
	*f = (struct finder){ .in = in };
	f->vaddrs = calloc(cnt + 1, sizeof(*f->vaddrs));
	f->sized = calloc(cnt + 1, sizeof(*f->sized));
	f->unsized = calloc(cnt + 1, sizeof(*f->unsized));
	f->starts = calloc(cnt + 1, sizeof(*f->starts));
	f->fdes = calloc(cnt + 1, sizeof(*f->fdes));
	if (!f->vaddrs || !f->sized || !f->unsized || !f->starts || !f->fdes)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i++)
		if (to_vaddr(in, offs[i], &f->vaddrs[f->cnt]))
			f->cnt++;
	qsort(f->vaddrs, f->cnt, sizeof(*f->vaddrs), compare_u64);
	return 0;
}

static int give(const struct symtab_input *in, const struct candidate *c, symtab_fn fn, void *ctx)
{
	const struct module_segment *seg = segment_of(in, c->vaddr);
	struct symtab_symbol s = { .size = c->size, .source = c->source, .name = c->name };

	if (!seg)
		return 0;
	s.off = c->vaddr - seg->vaddr + seg->offset;
	if (s.size > seg->filesz - (c->vaddr - seg->vaddr))
		s.size = seg->filesz - (c->vaddr - seg->vaddr); /* a size that leaves the segment is a lie */
	return fn(ctx, &s);
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int d;

	if (x->vaddr != y->vaddr)
		return x->vaddr < y->vaddr ? -1 : 1;
	d = elf_symbol_compare(x->rank, x->name, x->source, y->rank, y->name, y->source);
	return d ? d : (x->size > y->size) - (x->size < y->size);
}

/* ---- functions without a symbol ------------------------------------------------------------------------------- */

/* The image's .eh_frame. Returns 0, fn's value or -ENOMEM. */
static int walk_fdes(const struct elf_source *src, fde_fn fn, void *ctx)
{
	struct elf_file f;
	char name[ELF_NAME_MAX];
	int r = src->fd < 0 && !src->data ? -ENOEXEC : elf_file_open(src, &f);

	if (r)
		return r == -ENOEXEC ? 0 : r;
	for (uint32_t i = 0; i < f.section_cnt && !r; i++) {
		const struct elf_section *s = &f.sections[i];
		_cleanup_free_ uint8_t *data = NULL;

		elf_file_section_name(&f, s, name);
		if (strcmp(name, ".eh_frame") || s->type == SHT_NOBITS || !(s->flags & SHF_ALLOC) || !s->size || s->size > EH_FRAME_MAX)
			continue;
		data = malloc(s->size);
		if (!data)
			r = -ENOMEM;
		else if (elf_file_read(&f, data, s->size, s->offset))
			r = fde_each(data, s->size, s->addr, f.is_64, fn, ctx);
	}
	elf_file_close(&f);
	return r;
}

/* Of a hit that nothing else names: the function that starts last before it, as the report has it. */
static int visit_fde(void *ctx, uint64_t start, uint64_t end)
{
	struct finder *f = ctx;

	for (size_t i = first_hit(f, start); i < f->cnt && f->vaddrs[i] < end; i++)
		if (!f->fdes[i].size || start > f->fdes[i].vaddr)
			f->fdes[i] = (struct candidate){ .vaddr = start, .size = end - start, .rank = UINT8_MAX,
							 .source = SYMBOL_FDE, .name = f->nameless };
	return 0;
}

/* The winners, each once, in order. Names stay the finder's. */
static int give_found(struct finder *f, symtab_fn fn, void *ctx)
{
	_cleanup_free_ struct candidate *won = calloc(f->cnt + 1, sizeof(*won));
	const struct candidate *near = NULL;
	uint64_t start = 0;
	size_t n = 0;
	int r = 0;

	if (!won)
		return -ENOMEM;
	for (size_t i = 0; i < f->cnt; i++) {
		if (f->starts[i])
			start = f->starts[i] - 1;
		if (f->unsized[i].name)
			near = &f->unsized[i];
		if (f->sized[i].name)
			won[n++] = f->sized[i];
		else if (near && near->vaddr == start && is_one_section(&f->code, start, f->vaddrs[i]))
			won[n++] = *near; /* and no other symbol starts between it and the hit */
		else if (f->fdes[i].size)
			won[n++] = f->fdes[i];
	}
	qsort(won, n, sizeof(*won), compare_candidates);
	for (size_t i = 0; !r && i < n; i++)
		if (!i || compare_candidates(&won[i - 1], &won[i]))
			r = give(f->in, &won[i], fn, ctx);
	return r;
}

int symtab_find(const struct symtab_input *in, const uint64_t *offs, size_t cnt, symtab_fn fn, void *ctx)
{
	struct walk w = { .wants = wants_hit, .visit = visit_hit };
	struct finder f;
	int r = finder_init(&f, in, offs, cnt);

	w.ctx = &f;
	if (!r && f.cnt)
		r = walk_input(in, &w, &f.code) ?: walk_fdes(&in->image, visit_fde, &f);
	if (!r)
		r = give_found(&f, fn, ctx);
	finder_deinit(&f);
	return r;
}

/* ---- all names ----------------------------------------------------------------------------------------------- */

struct collector {
	const struct symtab_input *in;
	struct candidate *all; /* names owned */
	uint32_t cnt, cap;
};

static bool wants_all(void *ctx, uint64_t vaddr, uint64_t size)
{
	const struct collector *c = ctx;

	return c->cnt < ALL_MAX && segment_of(c->in, vaddr);
}

static int visit_all(void *ctx, const struct candidate *c)
{
	struct collector *all = ctx;
	int r;

	if (array_grow(&all->all, &all->cap, all->cnt, sizeof(*c)))
		return -ENOMEM;
	all->all[all->cnt] = (struct candidate){};
	r = take(&all->all[all->cnt], c);
	all->cnt += !r;
	return r;
}

static int visit_all_fde(void *ctx, uint64_t start, uint64_t end)
{
	const struct candidate c = { .vaddr = start, .size = end - start, .rank = UINT8_MAX, .source = SYMBOL_FDE, .name = (char *)"" };

	return wants_all(ctx, start, end - start) ? visit_all(ctx, &c) : 0;
}

int symtab_each(const struct symtab_input *in, symtab_fn fn, void *ctx)
{
	struct collector c = { .in = in };
	struct walk w = { .wants = wants_all, .visit = visit_all, .ctx = &c };
	struct code code = {};
	int r = walk_input(in, &w, &code) ?: walk_fdes(&in->image, visit_all_fde, &c);

	if (!r && c.cnt)
		qsort(c.all, c.cnt, sizeof(*c.all), compare_candidates);
	for (uint32_t i = 0; !r && i < c.cnt; i++)
		if (!i || c.all[i - 1].vaddr != c.all[i].vaddr)
			r = give(in, &c.all[i], fn, ctx);
	for (uint32_t i = 0; i < c.cnt; i++)
		free(c.all[i].name);
	free(c.all);
	free(code.v);
	return r;
}
