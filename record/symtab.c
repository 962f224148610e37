// SPDX-License-Identifier: BSD-2-Clause
#include "record/symtab.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"

#define SECTION_MAX 65536
#define CHUNK_SYMS 4096	       /* entries read at a time */
#define ALL_MAX (4 << 20)      /* symbols of one file under --symbols all */
#define ENTRY64 24
#define ENTRY32 16

/* A section header, whichever the class. */
struct section {
	uint32_t type, link;
	uint64_t flags, addr, offset, size;
};

/* One file's tables. */
struct table_file {
	const struct elf_source *src; /* borrowed */
	bool is_64;
	struct section *sections; /* owned */
	uint32_t section_cnt;
};

/* A symbol that could name an address. */
struct candidate {
	uint64_t vaddr, size;
	uint8_t rank;
	uint8_t source;
	char *name; /* owned by the finder's arena; NULL: no candidate */
};

/* Called for each function symbol of a table, with its name. Returns 0, or ends the walk. */
typedef int (*visit_fn)(void *ctx, const struct candidate *c);

/* ---- headers ------------------------------------------------------------------------------------------------- */

static void section_parse(const uint8_t *p, bool is_64, struct section *ret)
{
	ret->type = get_le32(p + 4);
	if (is_64) {
		ret->flags = get_le64(p + 8);
		ret->addr = get_le64(p + 16);
		ret->offset = get_le64(p + 24);
		ret->size = get_le64(p + 32);
		ret->link = get_le32(p + 40);
	} else {
		ret->flags = get_le32(p + 8);
		ret->addr = get_le32(p + 12);
		ret->offset = get_le32(p + 16);
		ret->size = get_le32(p + 20);
		ret->link = get_le32(p + 24);
	}
}

static bool read_whole(const struct elf_source *s, void *buf, size_t len, uint64_t off)
{
	return elf_source_read(s, buf, len, off) == (ssize_t)len;
}

/* -ENOEXEC: no section headers to be had; that is not an error of ours. */
static int table_file_open(const struct elf_source *src, struct table_file *ret)
{
	struct table_file f = { .src = src };
	_cleanup_free_ uint8_t *raw = NULL;
	uint64_t off, cnt;
	uint8_t h[64];
	uint32_t entsz;

	if (!read_whole(src, h, 52, 0) || memcmp(h, ELFMAG, SELFMAG) || h[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	f.is_64 = h[EI_CLASS] == ELFCLASS64;
	entsz = f.is_64 ? 64 : 40;
	if (f.is_64 && !read_whole(src, h, sizeof(h), 0))
		return -ENOEXEC;
	off = f.is_64 ? get_le64(h + 40) : get_le32(h + 32);
	cnt = get_le16(h + (f.is_64 ? 60 : 48));
	if (!off || get_le16(h + (f.is_64 ? 58 : 46)) != entsz)
		return -ENOEXEC;
	if (!cnt) { /* more than 65279: the number is in the first one */
		uint8_t first[64];
		struct section s;

		if (!read_whole(src, first, entsz, off))
			return -ENOEXEC;
		section_parse(first, f.is_64, &s);
		cnt = s.size;
	}
	if (!cnt || cnt > SECTION_MAX)
		return -ENOEXEC;
	raw = malloc((size_t)cnt * entsz);
	f.sections = calloc((size_t)cnt, sizeof(*f.sections));
	if (!raw || !f.sections || !read_whole(src, raw, (size_t)cnt * entsz, off)) {
		free(f.sections);
		return raw && f.sections ? -ENOEXEC : -ENOMEM;
	}
	f.section_cnt = (uint32_t)cnt;
	for (uint32_t i = 0; i < f.section_cnt; i++)
		section_parse(raw + (size_t)i * entsz, f.is_64, &f.sections[i]);
	*ret = f;
	return 0;
}

static bool has_symtab(const struct table_file *f)
{
	for (uint32_t i = 0; i < f->section_cnt; i++)
		if (f->sections[i].type == SHT_SYMTAB)
			return true;
	return false;
}

/* ---- symbols ------------------------------------------------------------------------------------------------- */

static uint8_t rank_of(uint8_t info, bool is_sized, const char *name)
{
	unsigned type = ELF64_ST_TYPE(info), bind = ELF64_ST_BIND(info);
	unsigned lines = (unsigned)strspn(name, "_");
	unsigned rank = is_sized ? 0 : 1;

	rank = rank * 3 + (type == STT_FUNC ? 0 : type == STT_GNU_IFUNC ? 1 : 2);
	rank = rank * 3 + (bind == STB_GLOBAL || bind == STB_GNU_UNIQUE ? 0 : bind == STB_WEAK ? 1 : 2);
	rank = rank * 4 + (lines < 3 ? lines : 3);
	return (uint8_t)(rank * 2 + (strchr(name, '@') ? 1 : 0));
}

/* The string at off of the table, in buf. False: none, or a place inside a function rather than one. */
static bool read_name(const struct table_file *f, const struct section *strs, uint32_t off, char *buf)
{
	size_t want = SYMTAB_NAME_MAX - 1;
	ssize_t n;

	if (off >= strs->size)
		return false;
	if (want > strs->size - off)
		want = (size_t)(strs->size - off);
	if (__builtin_add_overflow(strs->offset, off, &(uint64_t){ 0 }))
		return false;
	n = elf_source_read(f->src, buf, want < 256 ? want : 256, strs->offset + off);
	if (n == 256 && want > 256 && !memchr(buf, '\0', 256))
		n = elf_source_read(f->src, buf, want, strs->offset + off);
	if (n <= 0)
		return false;
	buf[n] = '\0'; /* longer names are cut */
	return *buf && *buf != '$' && strncmp(buf, ".L", 2);
}

struct raw_symbol {
	uint32_t name;
	uint8_t info;
	uint16_t shndx;
	uint64_t value, size;
};

static void symbol_parse(const uint8_t *p, bool is_64, struct raw_symbol *ret)
{
	ret->name = get_le32(p);
	if (is_64) {
		ret->info = p[4];
		ret->shndx = get_le16(p + 6);
		ret->value = get_le64(p + 8);
		ret->size = get_le64(p + 16);
	} else {
		ret->value = get_le32(p + 4);
		ret->size = get_le32(p + 8);
		ret->info = p[12];
		ret->shndx = get_le16(p + 14);
	}
}

static bool names_code(const struct raw_symbol *s, bool is_dynsym)
{
	unsigned type = ELF64_ST_TYPE(s->info);

	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
		return false;
	if (s->shndx == SHN_UNDEF || s->shndx == SHN_ABS || s->shndx == SHN_COMMON)
		return false;
	return s->size || !is_dynsym; /* a stripped file does not say where a symbol without size ends */
}

/* What a walk over the tables wants: is this address of interest at all? Spares reading names. */
typedef bool (*wants_fn)(void *ctx, uint64_t vaddr, uint64_t size);

struct walk {
	wants_fn wants;
	visit_fn visit;
	void *ctx;
	char name[SYMTAB_NAME_MAX];
};

static int visit_symbol(const struct table_file *f, const struct section *strs, const uint8_t *p,
			bool is_dynsym, struct walk *w)
{
	struct raw_symbol raw;
	struct candidate c;

	symbol_parse(p, f->is_64, &raw);
	if (!names_code(&raw, is_dynsym) || !w->wants(w->ctx, raw.value, raw.size))
		return 0;
	if (!read_name(f, strs, raw.name, w->name))
		return 0;
	c = (struct candidate){ .vaddr = raw.value, .size = raw.size, .name = w->name,
				.rank = rank_of(raw.info, raw.size, w->name),
				.source = is_dynsym ? SYMBOL_DYNSYM : SYMBOL_SYMTAB };
	return w->visit(w->ctx, &c);
}

static int walk_table(const struct table_file *f, const struct section *t, struct walk *w)
{
	size_t entsz = f->is_64 ? ENTRY64 : ENTRY32;
	_cleanup_free_ uint8_t *buf = malloc(CHUNK_SYMS * entsz);
	uint64_t at = entsz; /* the first entry is no symbol */
	int r = 0;

	if (!buf)
		return -ENOMEM;
	if (t->link >= f->section_cnt || f->sections[t->link].type != SHT_STRTAB ||
	    t->offset > INT64_MAX || t->size > INT64_MAX)
		return 0;
	while (!r && at < t->size) {
		size_t want = CHUNK_SYMS * entsz;
		ssize_t n;

		if (want > t->size - at)
			want = (size_t)(t->size - at);
		n = elf_source_read(f->src, buf, want, t->offset + at);
		if (n < (ssize_t)entsz)
			break; /* the file ends before its table does */
		for (size_t i = 0; !r && i + entsz <= (size_t)n; i += entsz)
			r = visit_symbol(f, &f->sections[t->link], buf + i,
					 t->type == SHT_DYNSYM, w);
		at += (uint64_t)n / entsz * entsz;
	}
	return r;
}

static int walk_file(const struct table_file *f, struct walk *w)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < f->section_cnt; i++)
		if (f->sections[i].type == SHT_SYMTAB || f->sections[i].type == SHT_DYNSYM)
			r = walk_table(f, &f->sections[i], w);
	return r;
}

/* Image first, then the debug file, whose .symtab has what was stripped. */
static int walk_input(const struct symtab_input *in, struct walk *w)
{
	const struct elf_source *const sources[] = { &in->image, &in->debug };
	int r = 0;

	for (int i = 0; !r && i < 2; i++) {
		struct table_file f;

		if (sources[i]->fd < 0 && !sources[i]->data)
			continue;
		r = table_file_open(sources[i], &f);
		if (r == -ENOEXEC) {
			r = 0;
			continue;
		}
		if (r)
			break;
		r = walk_file(&f, w);
		if (has_symtab(&f))
			i = 2;
		free(f.sections);
	}
	return r;
}

/* ---- names for hits ------------------------------------------------------------------------------------------ */

struct finder {
	const struct symtab_input *in;
	uint64_t *vaddrs; /* of the hits, sorted; owned */
	size_t cnt;
	struct candidate *sized, *unsized; /* the best of each hit; names owned */
	uint64_t *starts; /* the highest symbol start that is <= hit i and > hit i - 1, plus 1; 0: none */
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

/* Better of two that cover the same hit. */
static bool is_better(const struct candidate *a, const struct candidate *b)
{
	int d;

	if (!b->name)
		return true;
	if (a->vaddr != b->vaddr)
		return a->vaddr > b->vaddr;
	if (a->rank != b->rank)
		return a->rank < b->rank;
	d = strcmp(a->name, b->name);
	return d ? d < 0 : a->source < b->source;
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
	free(f->sized);
	free(f->unsized);
	free(f->starts);
	free(f->vaddrs);
}

static int finder_init(struct finder *f, const struct symtab_input *in, const uint64_t *offs, size_t cnt)
{
	*f = (struct finder){ .in = in };
	f->vaddrs = calloc(cnt + 1, sizeof(*f->vaddrs));
	f->sized = calloc(cnt + 1, sizeof(*f->sized));
	f->unsized = calloc(cnt + 1, sizeof(*f->unsized));
	f->starts = calloc(cnt + 1, sizeof(*f->starts));
	if (!f->vaddrs || !f->sized || !f->unsized || !f->starts)
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
	if (x->rank != y->rank)
		return x->rank - y->rank;
	d = strcmp(x->name, y->name);
	return d ? d : (x->size > y->size) - (x->size < y->size);
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
		else if (near && near->vaddr == start)
			won[n++] = *near; /* and no other symbol starts between it and the hit */
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
		r = walk_input(in, &w);
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

int symtab_each(const struct symtab_input *in, symtab_fn fn, void *ctx)
{
	struct collector c = { .in = in };
	struct walk w = { .wants = wants_all, .visit = visit_all, .ctx = &c };
	int r = walk_input(in, &w);

	if (!r && c.cnt)
		qsort(c.all, c.cnt, sizeof(*c.all), compare_candidates);
	for (uint32_t i = 0; !r && i < c.cnt; i++)
		if (!i || c.all[i - 1].vaddr != c.all[i].vaddr)
			r = give(in, &c.all[i], fn, ctx);
	for (uint32_t i = 0; i < c.cnt; i++)
		free(c.all[i].name);
	free(c.all);
	return r;
}
