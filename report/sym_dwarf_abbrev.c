// SPDX-License-Identifier: BSD-2-Clause
#include <dwarf.h>

#include "formats/dwarf_form.h"
#include "report/sym_dwarf.h"

const char *const sym_dwarf_section_names[SYM_DWARF_SECTION_CNT] = {
	[SYM_DEBUG_INFO] = ".debug_info",
	[SYM_DEBUG_ABBREV] = ".debug_abbrev",
	[SYM_DEBUG_STR] = ".debug_str",
	[SYM_DEBUG_LINE] = ".debug_line",
	[SYM_DEBUG_LINE_STR] = ".debug_line_str",
	[SYM_DEBUG_RANGES] = ".debug_ranges",
	[SYM_DEBUG_RNGLISTS] = ".debug_rnglists",
	[SYM_DEBUG_ADDR] = ".debug_addr",
	[SYM_DEBUG_STR_OFFSETS] = ".debug_str_offsets",
	[SYM_DEBUG_CU_INDEX] = ".debug_cu_index",
};

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

/* What attributes say of the DIE's code. */
struct traits {
	bool has_places, is_declaration;
};

/*
 * Three of four DIEs of a large C++ library are declarations of member functions and their parameters: these end here, and nothing of
 * their attributes is read.
 */
static enum sym_role role_of(uint16_t tag, const struct traits *t)
{
	if (tag == DW_TAG_subprogram && !t->has_places)
		return t->is_declaration ? SYM_ROLE_NONE : SYM_ROLE_BODILESS;
	if (tag == DW_TAG_subprogram)
		return SYM_ROLE_FUNCTION;
	if (tag == DW_TAG_inlined_subroutine)
		return t->has_places ? SYM_ROLE_INLINED : SYM_ROLE_HOLDER;
	return may_hold_code(tag) ? SYM_ROLE_HOLDER : SYM_ROLE_NONE;
}

static void note_attr(struct sym_abbrev *a, struct traits *t, const struct sym_abbrev_attr *attr)
{
	switch (attr->name) {
	case DW_AT_low_pc:
	case DW_AT_ranges:
		t->has_places = true;
		break;
	case DW_AT_declaration:
		t->is_declaration = attr->form == DW_FORM_flag_present; /* else its value is in the DIE */
		break;
	case DW_AT_sibling:
		if (attr->form == DW_FORM_ref4)
			a->sibling_at = a->fixed_sz;
		break;
	}
	a->fixed_sz = a->fixed_sz < 0 || attr->sz < 0 || a->fixed_sz > INT32_MAX - attr->sz ? -1 : a->fixed_sz + attr->sz;
}

static uint8_t use_of(uint16_t name)
{
	switch (name) {
	case DW_AT_low_pc:
	case DW_AT_high_pc:
	case DW_AT_ranges:
	case DW_AT_abstract_origin:
	case DW_AT_call_file:
	case DW_AT_call_line:
		return SYM_ATTR_CODE;
	case DW_AT_name:
	case DW_AT_linkage_name:
	case DW_AT_MIPS_linkage_name:
	case DW_AT_decl_file:
	case DW_AT_decl_line:
	case DW_AT_specification:
		return SYM_ATTR_NAME;
	default:
		return SYM_ATTR_NEVER;
	}
}

static int8_t attr_sz(const struct sym_abbrevs *t, uint16_t form)
{
	int sz = dwarf_form_sz(form, t->addr_sz, t->off_sz);

	if (form == DW_FORM_exprloc || form == DW_FORM_block)
		return SYM_ATTR_BLOCK;
	return dwarf_form_is_uleb(form) ? SYM_ATTR_ULEB : sz < 0 ? SYM_ATTR_VARIES : (int8_t)sz;
}

/* Attributes up to the 0, 0 pair. false: broken or no memory. */
static bool read_attrs(struct sym_abbrevs *t, struct sym_abbrev *a, struct sym_cursor *c)
{
	struct traits traits = {0};

	a->first = (uint32_t)t->attrs.cnt;
	a->sibling_at = -1;
	for (;;) {
		uint64_t name = sym_cursor_uleb(c), form = sym_cursor_uleb(c);
		struct sym_abbrev_attr *attr;

		if (c->failed || name > UINT16_MAX || form > UINT16_MAX)
			return false;
		if (!name && !form)
			break;
		attr = sym_vec_push(&t->attrs);
		if (!attr)
			return false;
		*attr = (struct sym_abbrev_attr){.name = (uint16_t)name, .form = (uint16_t)form};
		if (form == DW_FORM_implicit_const)
			attr->implicit = sym_cursor_sleb(c);
		a->cnt++;
		attr->use = use_of(attr->name);
		attr->sz = attr_sz(t, attr->form);
		note_attr(a, &traits, attr);
	}
	a->role = role_of(a->tag, &traits);
	return true;
}

static bool read_table(struct sym_abbrevs *t, struct sym_cursor *c)
{
	for (;;) {
		uint64_t code = sym_cursor_uleb(c), tag;
		struct sym_abbrev *a;

		if (!code)
			return !c->failed;
		tag = sym_cursor_uleb(c);
		a = sym_vec_push(&t->abbrevs);
		if (!a)
			return false;
		a->code = code;
		a->tag = tag > UINT16_MAX ? 0 : (uint16_t)tag;
		a->has_children = sym_cursor_uint(c, 1) != 0;
		if (!read_attrs(t, a, c))
			return false;
	}
}

static int by_code(const void *a, const void *b)
{
	const struct sym_abbrev *x = a, *y = b;

	return x->code < y->code ? -1 : x->code > y->code;
}

const struct sym_abbrevs *sym_abbrevs_get(struct sym_dwarf *d, uint64_t off, uint8_t addr_sz,
					  uint8_t off_sz)
{
	uint32_t hash = hash_mix(off, (uint64_t)addr_sz << 8 | off_sz), pos, id;
	struct sym_cursor c = sym_cursor_at(d->sections[SYM_DEBUG_ABBREV], off);
	struct sym_abbrevs *t, **slot;

	for (id = idmap_first(&d->table_ids, hash, &pos); id;
	     id = idmap_next(&d->table_ids, hash, &pos)) {
		t = d->tables.v[id - 1];
		if (t->off == off && t->addr_sz == addr_sz && t->off_sz == off_sz)
			return t;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->off = off;
	t->addr_sz = addr_sz;
	t->off_sz = off_sz;
	slot = read_table(t, &c) ? sym_vec_push(&d->tables) : NULL;
	if (!slot || idmap_add(&d->table_ids, hash, (uint32_t)d->tables.cnt)) {
		d->tables.cnt -= slot != NULL;
		sym_abbrevs_destroy(t);
		return NULL;
	}
	if (t->abbrevs.cnt)
		qsort(t->abbrevs.v, t->abbrevs.cnt, sizeof(*t->abbrevs.v), by_code);
	return *slot = t;
}

void sym_abbrevs_destroy(struct sym_abbrevs *t)
{
	if (!t)
		return;
	sym_vec_deinit(&t->abbrevs);
	sym_vec_deinit(&t->attrs);
	free(t);
}

const struct sym_abbrev *sym_abbrevs_find(const struct sym_abbrevs *t, uint64_t code)
{
	const struct sym_abbrev *v = t->abbrevs.v;
	size_t lo = 0, hi = t->abbrevs.cnt;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (v[mid].code == code)
			return &v[mid];
		if (v[mid].code < code)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}
