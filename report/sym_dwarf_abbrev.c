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

/* Attributes up to the 0, 0 pair. false: broken or no memory. */
static bool read_attrs(struct sym_abbrevs *t, struct sym_abbrev *a, struct sym_cursor *c)
{
	a->first = (uint32_t)t->attrs.cnt;
	for (;;) {
		uint64_t name = sym_cursor_uleb(c), form = sym_cursor_uleb(c);
		struct sym_abbrev_attr *attr;
		int sz;

		if (c->failed || name > UINT16_MAX || form > UINT16_MAX)
			return false;
		if (!name && !form)
			return true;
		attr = sym_vec_push(&t->attrs);
		if (!attr)
			return false;
		*attr = (struct sym_abbrev_attr){.name = (uint16_t)name, .form = (uint16_t)form};
		if (form == DW_FORM_implicit_const)
			attr->implicit = sym_cursor_sleb(c);
		a->cnt++;
		a->has_sibling |= name == DW_AT_sibling;
		sz = attr->sz = (int8_t)dwarf_form_sz(attr->form, t->addr_sz, t->off_sz);
		a->fixed_sz = a->fixed_sz < 0 || sz < 0 || a->fixed_sz > INT32_MAX - sz
				      ? -1
				      : a->fixed_sz + sz;
	}
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

const struct sym_abbrev *sym_unit_abbrev(const struct sym_unit *u, uint64_t code)
{
	const struct sym_abbrev *v = u->abbrevs->abbrevs.v;
	size_t lo = 0, hi = u->abbrevs->abbrevs.cnt;

	/* compilers number them 1, 2, 3 … */
	if (code - 1 < hi && v[code - 1].code == code)
		return &v[code - 1];
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
