// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_gopclntab.h"

#include <errno.h>

#include "formats/cleanup.h"

#define INLINE_DEPTH_MAX 64
#define INLINE_TREE_MAX 4096 /* entries of one function's tree */
#define PCDATA_INLINE 2
#define FUNCDATA_INLINE 3

enum layout { GO_1_16, GO_1_18, GO_1_20 };

struct go_table {
	enum layout layout;
	uint8_t ptr_sz, min_lc;
	uint64_t nfunc, text;
	struct sym_bytes names, units, files, pcs,
		funcs; /* funcs: the ftab and what it points to */
	const struct sym_go_image *img;
	uint64_t inline_base; /* go:func.*; 0: no inline trees */
	struct sym_builder *b;
	bool failed; /* no memory */
};

struct go_func {
	uint64_t entry, end;
	uint32_t name, pcfile, pcln, npcdata, unit, start_line;
	uint32_t pc_inline;   /* offset in pcs; 0 none */
	uint64_t inline_tree; /* address; 0 none */
	/* of what is being added */
	uint32_t scope;
	uint32_t *inline_scopes; /* by tree index */
};

/* ---- header ---- */

static bool layout_of(uint64_t magic, enum layout *ret)
{
	switch (magic) {
	case 0xfffffffa:
		*ret = GO_1_16;
		return true;
	case 0xfffffff0:
		*ret = GO_1_18;
		return true;
	case 0xfffffff1:
		*ret = GO_1_20;
		return true;
	default:
		return false;
	}
}

static struct sym_bytes part(struct sym_bytes b, uint64_t off)
{
	return off < b.sz ? (struct sym_bytes){b.p + off, b.sz - off} : (struct sym_bytes){0};
}

static bool read_header(struct sym_bytes b, struct go_table *t)
{
	struct sym_cursor c = sym_cursor_at(b, 0);
	bool ok = layout_of(sym_cursor_uint(&c, 4), &t->layout);

	ok = ok && sym_cursor_uint(&c, 2) == 0;
	t->min_lc = (uint8_t)sym_cursor_uint(&c, 1);
	t->ptr_sz = (uint8_t)sym_cursor_uint(&c, 1);
	if (!ok || c.failed || (t->min_lc != 1 && t->min_lc != 2 && t->min_lc != 4) ||
	    (t->ptr_sz != 4 && t->ptr_sz != 8))
		return false;
	t->nfunc = sym_cursor_uint(&c, t->ptr_sz);
	(void)sym_cursor_uint(&c, t->ptr_sz); /* number of files */
	if (t->layout >= GO_1_18)
		t->text = sym_cursor_uint(&c, t->ptr_sz);
	t->names = part(b, sym_cursor_uint(&c, t->ptr_sz));
	t->units = part(b, sym_cursor_uint(&c, t->ptr_sz));
	t->files = part(b, sym_cursor_uint(&c, t->ptr_sz));
	t->pcs = part(b, sym_cursor_uint(&c, t->ptr_sz));
	t->funcs = part(b, sym_cursor_uint(&c, t->ptr_sz));
	return !c.failed && t->names.p && t->pcs.p && t->funcs.p && t->nfunc &&
	       t->nfunc < t->funcs.sz / 8;
}

bool sym_gopclntab_is(struct sym_bytes b)
{
	struct go_table t = {0};

	return read_header(b, &t);
}

uint64_t sym_gopclntab_names_off(struct sym_bytes b)
{
	struct go_table t = {0};

	return read_header(b, &t) ? (uint64_t)(t.names.p - b.p) : 0;
}

/* ---- values that change along a function's code ---- */

struct pc_values {
	struct sym_cursor c;
	uint64_t lo, hi; /* the run in hand */
	int64_t value;
	uint8_t min_lc;
	bool started;
};

static struct pc_values pc_values_begin(const struct go_table *t, const struct go_func *f,
					uint32_t off)
{
	return (struct pc_values){.c = sym_cursor_at(t->pcs, off),
				  .lo = f->entry,
				  .hi = f->entry,
				  .value = -1,
				  .min_lc = t->min_lc};
}

/* The next run; false at the end. */
static bool pc_values_next(struct pc_values *v)
{
	uint64_t delta = sym_cursor_uleb(&v->c), step = sym_cursor_uleb(&v->c);

	if (v->c.failed || (!delta && v->started))
		return false;
	v->started = true;
	v->value = (int64_t)((uint64_t)v->value + unzigzag(delta));
	v->lo = v->hi;
	if (__builtin_mul_overflow(step, v->min_lc, &step) ||
	    __builtin_add_overflow(v->hi, step, &v->hi))
		return false;
	return true;
}

/* The value at pc; -1 none. */
static int64_t pc_value_at(const struct go_table *t, const struct go_func *f, uint32_t off,
			   uint64_t pc)
{
	struct pc_values v = pc_values_begin(t, f, off);

	while (off && pc_values_next(&v))
		if (pc >= v.lo && pc < v.hi)
			return v.value;
	return -1;
}

static uint32_t file_id(struct go_table *t, const struct go_func *f, int64_t index)
{
	uint64_t at = ((uint64_t)f->unit + (uint64_t)index) * 4;
	struct sym_cursor c = sym_cursor_at(t->units, at);
	uint64_t off = index < 0 || index > UINT32_MAX ? UINT32_MAX : sym_cursor_uint(&c, 4);
	const char *path = c.failed || off == UINT32_MAX ? NULL : sym_bytes_string(t->files, off);
	bool ok = true;
	uint32_t id = sym_builder_file(t->b, path, &ok);

	t->failed |= !ok;
	return id;
}

/* ---- functions ---- */

static uint64_t func_entry(const struct go_table *t, uint64_t i, uint64_t *ret_off)
{
	unsigned field = t->layout == GO_1_16 ? t->ptr_sz : 4;
	struct sym_cursor c = sym_cursor_at(t->funcs, i * 2 * field);
	uint64_t entry = sym_cursor_uint(&c, field);

	*ret_off = i < t->nfunc ? sym_cursor_uint(&c, field) : 0;
	if (c.failed)
		return UINT64_MAX;
	return t->layout == GO_1_16 ? entry : t->text + entry;
}

/* Where the function's inline tree is: in a list of pointers, or of offsets from go:func.*. */
static void read_inline_tree(const struct go_table *t, struct go_func *f, struct sym_cursor *c,
			     uint64_t lists_at, unsigned nfuncdata)
{
	if (nfuncdata <= FUNCDATA_INLINE)
		return;
	if (t->layout >= GO_1_18) {
		uint64_t off;

		sym_cursor_skip(c, 4 * FUNCDATA_INLINE);
		off = sym_cursor_uint(c, 4);
		if (!c->failed && off != UINT32_MAX && t->inline_base)
			f->inline_tree = t->inline_base + off;
	} else if (t->img && t->inline_base) { /* there: the address of funcs itself */
		uint64_t at =
			(t->inline_base + lists_at + t->ptr_sz - 1) & ~(uint64_t)(t->ptr_sz - 1);

		(void)t->img->word(t->img->ctx, at + FUNCDATA_INLINE * t->ptr_sz, &f->inline_tree);
	}
}

static bool read_func(const struct go_table *t, uint64_t i, struct go_func *f)
{
	uint64_t off, next_off;
	struct sym_cursor c;
	unsigned nfuncdata;

	*f = (struct go_func){.entry = func_entry(t, i, &off),
			      .end = func_entry(t, i + 1, &next_off)};
	if (f->entry >= f->end || f->end == UINT64_MAX)
		return false;
	c = sym_cursor_at(t->funcs, off);
	sym_cursor_skip(&c, t->layout == GO_1_16 ? t->ptr_sz : 4);
	f->name = (uint32_t)sym_cursor_uint(&c, 4);
	sym_cursor_skip(&c, 4 + 4 + 4); /* args, deferreturn, pcsp */
	f->pcfile = (uint32_t)sym_cursor_uint(&c, 4);
	f->pcln = (uint32_t)sym_cursor_uint(&c, 4);
	f->npcdata = (uint32_t)sym_cursor_uint(&c, 4);
	f->unit = (uint32_t)sym_cursor_uint(&c, 4);
	if (t->layout >= GO_1_20)
		f->start_line = (uint32_t)sym_cursor_uint(&c, 4);
	sym_cursor_skip(&c, 3);
	nfuncdata = (unsigned)sym_cursor_uint(&c, 1);
	if (c.failed)
		return false;
	if (f->npcdata > PCDATA_INLINE) {
		struct sym_cursor d = c;

		sym_cursor_skip(&d, 4 * PCDATA_INLINE);
		f->pc_inline = (uint32_t)sym_cursor_uint(&d, 4);
	}
	if (sym_cursor_skip(&c, (uint64_t)f->npcdata * 4))
		read_inline_tree(t, f, &c, (uint64_t)(c.p - t->funcs.p), nfuncdata);
	return true;
}

/* ---- inlined calls ---- */

struct inlined_call {
	uint32_t name, parent_pc, start_line;
};

static bool read_inlined_call(const struct go_table *t, const struct go_func *f, uint64_t index,
			      struct inlined_call *ret)
{
	unsigned sz = t->layout >= GO_1_20 ? 16 : 20;
	uint8_t e[20];

	if (!t->img || index >= INLINE_TREE_MAX ||
	    !t->img->read(t->img->ctx, f->inline_tree + index * sz, e, sz))
		return false;
	*ret = t->layout >= GO_1_20
		       ? (struct inlined_call){get_le32(e + 4), get_le32(e + 8), get_le32(e + 12)}
		       : (struct inlined_call){get_le32(e + 12), get_le32(e + 16), 0};
	return ret->name && ret->name < t->names.sz && !t->names.p[ret->name - 1] &&
	       ret->parent_pc < f->end - f->entry;
}

static uint32_t add_func(struct go_table *t, uint32_t name, uint32_t file, uint32_t line)
{
	struct sym_func *f = sym_vec_push(&t->b->funcs);
	bool ok = f != NULL;

	if (ok)
		*f = (struct sym_func){
			sym_builder_string(t->b, sym_bytes_string(t->names, name), &ok), file,
			line};
	t->failed |= !ok;
	return ok ? (uint32_t)(t->b->funcs.cnt - 1) : 0;
}

/* Scope of the tree's entry, its callers' first. *depth becomes how deep it is. 0: the tree is
 * broken. */
static uint32_t inline_scope(struct go_table *t, struct go_func *f, int64_t index, unsigned *depth)
{
	struct sym_scope s = {.parent = f->scope};
	struct inlined_call call;
	unsigned outer_depth = *depth;
	int64_t outer, line;
	uint64_t pc;

	if (*depth >= INLINE_DEPTH_MAX || !read_inlined_call(t, f, (uint64_t)index, &call))
		return 0;
	pc = f->entry + call.parent_pc;
	outer = pc_value_at(t, f, f->pc_inline, pc);
	outer_depth++;
	if (outer >= 0) {
		s.parent = outer == index ? 0 : inline_scope(t, f, outer, &outer_depth);
		if (!s.parent)
			return 0;
	}
	*depth = outer_depth;
	if (f->inline_scopes[index])
		return f->inline_scopes[index];
	line = pc_value_at(t, f, f->pcln, pc);
	s.call_file = file_id(t, f, pc_value_at(t, f, f->pcfile, pc));
	s.call_line = line > 0 && line <= UINT32_MAX ? (uint32_t)line : 0;
	s.func = add_func(t, call.name, 0, call.start_line);
	return f->inline_scopes[index] = sym_builder_add_scope(t->b, &s);
}

static void add_inlines(struct go_table *t, struct go_func *f)
{
	struct pc_values v = pc_values_begin(t, f, f->pc_inline);
	_cleanup_free_ uint32_t *scopes = NULL;

	if (!f->pc_inline || !f->inline_tree)
		return;
	f->inline_scopes = scopes = calloc(INLINE_TREE_MAX, sizeof(*scopes));
	t->failed |= !scopes;
	while (!t->failed && pc_values_next(&v)) {
		unsigned depth = 0;
		uint32_t scope;

		if (v.value < 0 || v.value >= INLINE_TREE_MAX || v.hi > f->end)
			continue;
		scope = inline_scope(t, f, v.value, &depth);
		if (scope && !sym_builder_add_span(t->b, scope, depth, v.lo, v.hi))
			t->failed = true;
	}
	f->inline_scopes = NULL;
}

/* ---- lines ---- */

static void add_lines(struct go_table *t, struct go_func *f)
{
	struct pc_values files = pc_values_begin(t, f, f->pcfile),
			 lines = pc_values_begin(t, f, f->pcln);
	uint64_t at = f->entry;
	uint32_t file = 0;

	if (!f->pcfile || !f->pcln || !sym_builder_begin_sequence(t->b))
		return;
	while (at < f->end && !t->failed) {
		while (files.hi <= at) {
			if (!pc_values_next(&files))
				goto end;
			file = file_id(t, f, files.value);
		}
		while (lines.hi <= at)
			if (!pc_values_next(&lines))
				goto end;
		if (!sym_builder_add_line(t->b, at, file,
					  lines.value > 0 && lines.value <= UINT32_MAX
						  ? (uint32_t)lines.value
						  : 0))
			t->failed = true;
		at = files.hi < lines.hi ? files.hi : lines.hi;
	}
end:
	sym_builder_end_sequence(t->b, at < f->end ? at : f->end);
}

static bool add_one(struct go_table *t, struct go_func *f, bool no_inline)
{
	uint32_t file = file_id(t, f, pc_value_at(t, f, f->pcfile, f->entry));
	struct sym_scope s = {.func = add_func(t, f->name, file, f->start_line)};

	if (t->failed)
		return false;
	f->scope = sym_builder_add_scope(t->b, &s);
	if (!f->scope || !sym_builder_add_span(t->b, f->scope, 0, f->entry, f->end)) {
		t->failed = true;
		return false;
	}
	add_lines(t, f);
	if (!no_inline)
		add_inlines(t, f);
	return !t->failed;
}

/* ---- where the inline trees are ---- */

/* How many of the first functions with inlining have a sound first tree entry; *ret_cnt: how many
 * have inlining at all. */
static unsigned sound_trees(const struct go_table *t, unsigned *ret_cnt)
{
	unsigned sound = 0, cnt = 0;

	for (uint64_t i = 0; i < t->nfunc && cnt < 64; i++) {
		struct inlined_call call;
		struct go_func f;

		if (!read_func(t, i, &f) || !f.pc_inline || !f.inline_tree)
			continue;
		cnt++;
		sound += read_inlined_call(t, &f, 0, &call);
	}
	*ret_cnt = cnt;
	return sound;
}

/*
 * moduledata.gofunc has moved with the versions, which share a magic: word 38 in Go 1.18, 40
 * in 1.20, 43 in 1.27. The right word is the one that makes the trees sound.
 */
static void find_inline_base(struct go_table *t, uint64_t moduledata)
{
	for (unsigned word = 36; word < 56; word++) {
		unsigned sound, cnt;
		uint64_t base;

		if (!t->img->word(t->img->ctx, moduledata + word * t->ptr_sz, &base) || !base)
			continue;
		t->inline_base = base;
		sound = sound_trees(t, &cnt);
		if (cnt && sound * 20 >= cnt * 19)
			return;
	}
	t->inline_base = 0;
}

int sym_gopclntab_add(struct sym_bytes tab, uint64_t addr, const struct sym_go_image *img,
		      uint64_t moduledata, struct sym_builder *b, bool no_inline)
{
	struct go_table t = {.b = b, .img = img};
	int added = 0;

	if (!read_header(tab, &t))
		return 0;
	/* Go 1.26 leaves the header's textStart empty, and relocation may have to fill it;
	 * moduledata.text is word 22 */
	if (t.layout >= GO_1_18 && moduledata)
		(void)img->word(img->ctx, moduledata + 22u * t.ptr_sz, &t.text);
	if (t.layout >= GO_1_18 && !t.text && img)
		(void)img->word(img->ctx, addr + 8 + 2u * t.ptr_sz, &t.text);
	if (t.layout >= GO_1_18 && moduledata)
		find_inline_base(&t, moduledata);
	else if (t.layout == GO_1_16)
		t.inline_base = addr + (uint64_t)(t.funcs.p - tab.p);
	for (uint64_t i = 0; i < t.nfunc && !t.failed; i++) {
		struct go_func f;

		if (read_func(&t, i, &f) && sym_builder_is_code(b, f.entry))
			added += add_one(&t, &f, no_inline);
	}
	return t.failed ? -ENOMEM : added;
}
