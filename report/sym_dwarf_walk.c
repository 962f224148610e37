// SPDX-License-Identifier: BSD-2-Clause
/*
 * All DIEs once. Never by .debug_aranges (clang writes none), never from an address up (that is
 * what makes others slow).
 */
#include <dwarf.h>
#include <errno.h>

#include "formats/cleanup.h"
#include "report/sym_dwarf.h"

#define DEPTH_MAX 1024 /* nesting of DIEs; a deeper unit is left there */
#define ORIGINS_MAX 16 /* references followed to find a name */
#define WALKED_MAX (16u << 20) /* bytes of .debug_info that stay in memory behind the walk */

/* What surrounds the DIEs of one nesting level. */
struct level {
	uint32_t scope;	  /* function or inlined call; 0 none */
	uint32_t inlines; /* how many inlined calls deep */
	bool is_skipped;  /* nothing in here has code */
};

struct func_key {
	const uint8_t *die;
	uint32_t func;
};

struct walk {
	struct sym_builder *b;
	bool no_inline;
	bool failed; /* no memory */
	SYM_VEC(struct func_key)
	keys; /* functions by their defining DIE: abstract ones are met many times */
	struct idmap key_ids;
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

/* Name and place of a function, from its DIE and those it completes: concrete → abstract →
 * declaration. */
static uint32_t new_func(struct walk *w, const struct sym_die *first)
{
	const char *name = NULL, *linkage = NULL;
	struct sym_func f = {0}, *slot;
	bool ok = true;
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
	f.name = sym_builder_string(w->b, linkage ?: name, &ok);
	slot = sym_vec_push(&w->b->funcs);
	if (!slot || !ok) {
		w->failed = true;
		return 0;
	}
	*slot = f;
	return (uint32_t)(w->b->funcs.cnt - 1);
}

/* The function that an inlined_subroutine's origin is. */
static uint32_t origin_func(struct walk *w, const struct sym_die *d)
{
	uint32_t hash = hash_mix((uintptr_t)d->origin, 0), pos, id, func;
	struct sym_die origin = {.unit = d->origin_unit, .at = d->origin};
	struct func_key *k;

	for (id = idmap_first(&w->key_ids, hash, &pos); id;
	     id = idmap_next(&w->key_ids, hash, &pos))
		if (w->keys.v[id - 1].die == d->origin)
			return w->keys.v[id - 1].func;
	func = new_func(w, d->origin_unit ? &origin : d);
	k = sym_vec_push(&w->keys);
	if (!k || idmap_add(&w->key_ids, hash, (uint32_t)w->keys.cnt)) {
		w->failed = true;
		return 0;
	}
	*k = (struct func_key){d->origin, func};
	return func;
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

static bool may_hold_code(uint16_t tag)
{
	switch (tag) {
	case DW_TAG_lexical_block:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
	case DW_TAG_common_block:
	case DW_TAG_entry_point:
		return true;
	default:
		return false;
	}
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

enum visited { BROKEN, DESCEND, NO_CHILDREN };

/* Over the attributes and, where DW_AT_sibling says where they end, the children too. */
static enum visited skip_die(const struct sym_unit *u, struct sym_cursor *c,
			     const struct sym_abbrev *a)
{
	struct sym_bytes info = u->dwarf->sections[SYM_DEBUG_INFO];
	uint64_t next = 0;

	if (!a->has_children || !a->has_sibling) {
		skip_attrs(u, c, a);
		return c->failed ? BROKEN : DESCEND;
	}
	for (uint32_t i = 0; i < a->cnt && !c->failed; i++) {
		const struct sym_abbrev_attr *attr = &u->abbrevs->attrs.v[a->first + i];

		if (attr->name == DW_AT_sibling && attr->form == DW_FORM_ref4)
			next = u->off + sym_cursor_uint(c, 4);
		else
			sym_attr_skip(u, c, attr);
	}
	if (c->failed)
		return BROKEN;
	if (next <= (uint64_t)(c->p - info.p) || next >= u->end)
		return DESCEND;
	c->p = info.p + next;
	return NO_CHILDREN;
}

/* One DIE. *level holds what surrounds it, and then what surrounds its children. */
static enum visited visit(struct walk *w, struct sym_unit *u, struct sym_cursor *c,
			  const struct sym_abbrev *a, const uint8_t *at, struct level *level)
{
	struct sym_die d;

	if (level->is_skipped) {
		return skip_die(u, c, a);
	} else if (a->tag == DW_TAG_subprogram) {
		if (!sym_die_read(u, c, a, at, SYM_DIE_CODE, &d))
			return BROKEN;
		*level = (struct level){.scope = add_scope(w, &d, 0, 0)};
		w->functions += level->scope != 0;
		return DESCEND;
	} else if (a->tag == DW_TAG_inlined_subroutine && level->scope && !w->no_inline) {
		uint32_t scope;

		if (!sym_die_read(u, c, a, at, SYM_DIE_CODE, &d))
			return BROKEN;
		scope = add_scope(w, &d, level->scope, level->inlines + 1);
		if (scope)
			*level = (struct level){.scope = scope, .inlines = level->inlines + 1};
		return DESCEND;
	} else if (a->tag == DW_TAG_inlined_subroutine || may_hold_code(a->tag)) {
		skip_attrs(u, c, a);
		return c->failed ? BROKEN : DESCEND;
	}
	level->is_skipped = true;
	return skip_die(u, c, a);
}

static void walk_unit(struct walk *w, struct sym_unit *u)
{
	struct sym_bytes info = u->dwarf->sections[SYM_DEBUG_INFO];
	struct sym_cursor c = sym_cursor_at(info, u->die_off);
	size_t depth = 0;

	c.end = info.p + u->end;
	w->levels[0] = (struct level){0};
	while (!w->failed && !c.failed && c.p < c.end) {
		const uint8_t *at = c.p;
		uint64_t code = sym_cursor_uleb(&c);
		const struct sym_abbrev *a;
		struct level inner = w->levels[depth];
		enum visited v = DESCEND;

		if (!code) {
			if (!depth)
				return;
			depth--;
			continue;
		}
		a = sym_unit_abbrev(u, code);
		if (!a || depth + 2 >= DEPTH_MAX)
			return;
		if (!depth) /* the root: only its children matter */
			skip_attrs(u, &c, a);
		else
			v = visit(w, u, &c, a, at, &inner);
		if (v == BROKEN || (!depth && !a->has_children))
			return;
		if (a->has_children && v == DESCEND)
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
	idmap_clear(&w->key_ids);
	w->keys.cnt = 0;
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
	sym_vec_deinit(&w->keys);
	idmap_deinit(&w->key_ids);
	free(w);
	return functions;
}
