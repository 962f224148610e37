// SPDX-License-Identifier: BSD-2-Clause
/*
 * All DIEs once. Never by .debug_aranges (clang writes none), never from an address up (that is
 * what makes others slow).
 */
#include <dwarf.h>
#include <errno.h>

#include "formats/cleanup.h"
#include "report/sym_dwarf.h"
#include "report/sym_memo.h"

#define DEPTH_MAX 1024 /* nesting of DIEs; a deeper unit is left there */
#define ORIGINS_MAX 16 /* references followed to find a name */
#define WALKED_MAX (16u << 20) /* bytes of .debug_info that stay in memory behind the walk */

/* What surrounds the DIEs of one nesting level. */
struct level {
	uint32_t scope;	  /* function or inlined call; 0 none */
	uint32_t inlines; /* how many inlined calls deep */
};

struct walk {
	struct sym_builder *b;
	bool no_inline;
	bool failed; /* no memory */
	/* Functions by their defining DIE: abstract ones are met many times. Those of the present unit, which fit into the CPU's cache, and
	 * those that other units refer to. */
	struct sym_memo unit_funcs, funcs;
	struct sym_memo names; /* strings of b by where the section has them: linkers leave one of each, and units name the same functions */
	int functions;
	struct level levels[DEPTH_MAX];
	/* for add_span() */
	uint32_t scope, parent;
	unsigned inlines;
	const struct sym_die *die;
};

static uint32_t decl_file(struct walk *w, const struct sym_die *d)
{
	const struct sym_line_files *f = sym_unit_files(d->unit, w->b);

	return f && d->decl_file < f->cnt ? f->ids[d->decl_file] : 0;
}

/* Offset of a function's name; 0: it has none. */
static uint32_t add_name(struct walk *w, const char *name)
{
	uint32_t *off = name ? sym_memo_at(&w->names, name) : NULL;
	bool ok = off || !name;

	if (off && !*off)
		*off = sym_builder_string(w->b, name, &ok);
	w->failed |= !ok;
	return off ? *off : 0;
}

/* Name and place of a function, from its DIE and those it completes: concrete → abstract →
 * declaration. */
static uint32_t new_func(struct walk *w, const struct sym_die *first)
{
	const char *name = NULL, *linkage = NULL;
	struct sym_func f = {0}, *slot;
	struct sym_die d;

	if (!sym_die_at(first->unit, first->at, &d))
		d = *first;
	for (int i = 0; i < ORIGINS_MAX; i++) {
		const uint8_t *next = d.origin ?: d.specification;
		struct sym_unit *unit = d.origin ? d.origin_unit : d.specification_unit;

		name = name ?: d.name;
		linkage = linkage ?: d.linkage_name;
		if (!f.decl_file && d.has_decl_file)
			f.decl_file = decl_file(w, &d);
		if (!f.decl_line && d.decl_line <= UINT32_MAX)
			f.decl_line = (uint32_t)d.decl_line;
		if (!next || !unit || !sym_die_at(unit, next, &d))
			break;
	}
	f.name = add_name(w, linkage ?: name);
	slot = sym_vec_push(&w->b->funcs);
	if (!slot || w->failed) {
		w->failed = true;
		return 0;
	}
	*slot = f;
	return (uint32_t)(w->b->funcs.cnt - 1);
}

/* The function that an inlined_subroutine's origin is. */
static uint32_t origin_func(struct walk *w, const struct sym_die *d)
{
	struct sym_die origin = {.unit = d->origin_unit, .at = d->origin};
	uint32_t *func = sym_memo_at(d->origin_unit == d->unit ? &w->unit_funcs : &w->funcs, d->origin);

	if (!func)
		w->failed = true;
	else if (!*func)
		*func = new_func(w, d->origin_unit ? &origin : d);
	return func ? *func : 0;
}

static uint32_t call_file(struct walk *w, const struct sym_die *d)
{
	const struct sym_line_files *f = d->has_call_file ? sym_unit_files(d->unit, w->b) : NULL;

	return f && d->call_file < f->cnt ? f->ids[d->call_file] : 0;
}

/* The scope is made with its first range of code: abstract instances have none. */
static bool add_range(void *ctx, uint64_t lo, uint64_t hi)
{
	struct walk *w = ctx;

	if (!sym_builder_is_code(w->b, lo))
		return true;
	if (!w->scope) {
		struct sym_scope s = {.parent = w->parent};

		s.func = w->parent && w->die->origin ? origin_func(w, w->die) : new_func(w, w->die);
		if (w->parent) {
			s.call_file = call_file(w, w->die);
			s.call_line =
				w->die->call_line <= UINT32_MAX ? (uint32_t)w->die->call_line : 0;
		}
		w->scope = w->failed ? 0 : sym_builder_add_scope(w->b, &s);
	}
	if (!w->scope || !sym_builder_add_span(w->b, w->scope, w->inlines, lo, hi))
		w->failed = true;
	return !w->failed;
}

/* A scope for the DIE if it has code, else 0. */
static uint32_t add_scope(struct walk *w, const struct sym_die *d, uint32_t parent,
			  unsigned inlines)
{
	w->scope = 0;
	w->parent = parent;
	w->inlines = inlines;
	w->die = d;
	sym_die_ranges(d, add_range, w);
	return w->scope;
}

static void skip_attrs(const struct sym_unit *u, struct sym_cursor *c, const struct sym_abbrev *a)
{
	if (a->fixed_sz >= 0) {
		sym_cursor_skip(c, (uint64_t)a->fixed_sz);
		return;
	}
	for (uint32_t i = 0; i < a->cnt && !c->failed; i++)
		sym_attr_skip(u, c, &u->abbrevs->attrs.v[a->first + i]);
}

/* To where DW_AT_sibling says that the children end; c stands after the DIE's code. false: it does not say. */
static bool skip_to_sibling(const struct sym_unit *u, struct sym_cursor *c, const struct sym_abbrev *a)
{
	const uint8_t *info = u->dwarf->sections[SYM_DEBUG_INFO].p;
	uint64_t next;

	if (a->sibling_at < 0 || c->end - c->p < (int64_t)a->sibling_at + 4)
		return false;
	next = u->off + get_le32(c->p + a->sibling_at);
	if (next <= (uint64_t)(c->p - info) + (uint64_t)a->sibling_at || next >= u->end)
		return false;
	c->p = info + next;
	return true;
}

/* Over the attributes of a DIE at this depth and all below it. false: broken. */
static bool skip_tree(const struct sym_unit *u, struct sym_cursor *c, const struct sym_abbrev *a, size_t depth)
{
	size_t below = depth;

	for (;;) {
		uint64_t code;

		if (!a->has_children) {
			skip_attrs(u, c, a);
		} else if (!skip_to_sibling(u, c, a)) {
			skip_attrs(u, c, a);
			below++;
		}
		do {
			if (below == depth || c->failed || c->p >= c->end)
				return !c->failed;
			code = sym_cursor_uleb(c);
			below -= !code;
		} while (!code);
		a = sym_unit_abbrev(u, code);
		if (!a || below + 2 >= DEPTH_MAX)
			return false;
	}
}

/* A DIE that may have code. *level holds what surrounds it, and then what surrounds its children. false: broken. */
static bool visit(struct walk *w, struct sym_unit *u, struct sym_cursor *c, const struct sym_abbrev *a, const uint8_t *at,
		  struct level *level)
{
	struct sym_die d;
	uint32_t scope;

	switch (a->role) {
	case SYM_ROLE_FUNCTION:
		if (!sym_die_read(u, c, a, at, SYM_DIE_CODE, &d))
			return false;
		*level = (struct level){.scope = add_scope(w, &d, 0, 0)};
		w->functions += level->scope != 0;
		return true;
	case SYM_ROLE_INLINED:
		if (!level->scope || w->no_inline)
			break;
		if (!sym_die_read(u, c, a, at, SYM_DIE_CODE, &d))
			return false;
		scope = add_scope(w, &d, level->scope, level->inlines + 1);
		if (scope)
			*level = (struct level){.scope = scope, .inlines = level->inlines + 1};
		return true;
	case SYM_ROLE_BODILESS:
		*level = (struct level){0};
		break;
	}
	skip_attrs(u, c, a);
	return !c->failed;
}

static void walk_unit(struct walk *w, struct sym_unit *u)
{
	struct sym_bytes info = u->dwarf->sections[SYM_DEBUG_INFO];
	struct sym_cursor c = sym_cursor_at(info, u->die_off);
	const struct sym_abbrev *a;
	size_t depth = 0;

	sym_memo_clear(&w->unit_funcs);
	c.end = info.p + u->end;
	a = sym_unit_abbrev(u, sym_cursor_uleb(&c));
	if (!a || !a->has_children)
		return;
	skip_attrs(u, &c, a); /* of the root: only its children matter */
	w->levels[0] = (struct level){0};
	while (!w->failed && !c.failed && c.p < c.end) {
		const uint8_t *at = c.p;
		uint64_t code = sym_cursor_uleb(&c);
		struct level inner = w->levels[depth];

		if (!code) {
			if (!depth)
				return;
			depth--;
			continue;
		}
		a = sym_unit_abbrev(u, code);
		if (!a || depth + 3 >= DEPTH_MAX ||
		    !(a->role == SYM_ROLE_NONE ? skip_tree(u, &c, a, depth + 1) : visit(w, u, &c, a, at, &inner)))
			return;
		if (a->has_children && a->role != SYM_ROLE_NONE)
			w->levels[++depth] = inner;
	}
}

static bool is_wanted(const struct sym_unit *u)
{
	return u->type != DW_UT_type && u->type != DW_UT_split_type &&
	       u->tag != DW_TAG_partial_unit && u->tag != DW_TAG_type_unit;
}

/* A split unit's DIEs, with addresses and lines from the skeleton. */
static void walk_split(struct walk *w, struct sym_unit *skeleton, sym_split_fn split, void *ctx)
{
	struct sym_dwarf *d = split ? split(ctx, skeleton) : NULL;

	for (size_t i = 0; d && i < d->units.cnt && !w->failed; i++) {
		struct sym_unit *u = &d->units.v[i];

		u->skeleton = skeleton;
		if (!sym_unit_load(u) && is_wanted(u) &&
		    (!u->has_dwo_id || u->dwo_id == skeleton->dwo_id))
			walk_unit(w, u);
	}
	/* its bytes go away, and the next file's may come to lie where they were */
	sym_memo_clear(&w->funcs);
	sym_memo_clear(&w->names);
}

/*
 * Give back what was walked, from *from to the unit's end: a large program has a GB of it. References that lead there, from a
 * unit to an earlier one, have it read again.
 */
static void give_back(const struct sym_dwarf *d, uint64_t *from, const struct sym_unit *u)
{
	if (!d->is_mapped || u->end < *from + WALKED_MAX)
		return;
	sym_bytes_give_back((struct sym_bytes){d->sections[SYM_DEBUG_INFO].p + *from, u->end - *from});
	*from = u->end;
}

int sym_dwarf_walk(struct sym_dwarf *d, struct sym_builder *b, bool no_inline, sym_split_fn split,
		   void *split_ctx)
{
	struct walk *w = calloc(1, sizeof(*w));
	uint64_t given = 0;
	int functions;

	if (!w)
		return -ENOMEM;
	w->b = b;
	w->no_inline = no_inline;
	for (size_t i = 0; i < d->units.cnt && !w->failed; i++) {
		struct sym_unit *u = &d->units.v[i];

		if (sym_unit_load(u) || !is_wanted(u))
			continue;
		if (sym_unit_add_lines(u, b)) {
			w->failed = true;
			break;
		}
		if (u->dwo_name)
			walk_split(w, u, split, split_ctx);
		else
			walk_unit(w, u);
		give_back(d, &given, u);
	}
	functions = w->failed ? -ENOMEM : w->functions;
	sym_memo_deinit(&w->unit_funcs);
	sym_memo_deinit(&w->funcs);
	sym_memo_deinit(&w->names);
	free(w);
	return functions;
}
