// SPDX-License-Identifier: BSD-2-Clause
/* Units, their root DIEs, and single DIEs. */
#include <dwarf.h>
#include <errno.h>

#include "report/sym_dwarf.h"

/* What follows the length and version of a unit header. */
static bool read_header(struct sym_unit *u, struct sym_cursor *c)
{
	u->type = DW_UT_compile;
	if (u->version >= 5) {
		u->type = (uint8_t)sym_cursor_uint(c, 1);
		u->addr_sz = (uint8_t)sym_cursor_uint(c, 1);
		u->abbrev_off = sym_cursor_uint(c, u->off_sz);
		if (u->type == DW_UT_skeleton || u->type == DW_UT_split_compile) {
			u->dwo_id = sym_cursor_uint(c, 8);
			u->has_dwo_id = true;
		} else if (u->type == DW_UT_type || u->type == DW_UT_split_type) {
			sym_cursor_skip(c, 8 + u->off_sz);
		}
	} else {
		u->abbrev_off = sym_cursor_uint(c, u->off_sz);
		u->addr_sz = (uint8_t)sym_cursor_uint(c, 1);
	}
	return !c->failed && (u->addr_sz == 8 || u->addr_sz == 4);
}

int sym_dwarf_scan(struct sym_dwarf *d)
{
	struct sym_bytes info = d->sections[SYM_DEBUG_INFO];
	uint64_t off = 0;

	while (off < info.sz) {
		struct sym_cursor c = sym_cursor_at(info, off);
		struct sym_unit u = {.dwarf = d, .off = off};
		uint64_t len = sym_cursor_length(&c, &u.off_sz);
		struct sym_unit *slot;

		if (c.failed || len > (uint64_t)(c.end - c.p))
			break;
		u.end = (uint64_t)(c.p - info.p) + len;
		off = u.end;
		c.end = info.p + u.end;
		u.version = (uint16_t)sym_cursor_uint(&c, 2);
		if (u.version < 2 || u.version > 5 || !read_header(&u, &c))
			continue; /* its length is known: the next one may be good */
		u.die_off = (uint64_t)(c.p - info.p);
		slot = sym_vec_push(&d->units);
		if (!slot)
			return -ENOMEM;
		*slot = u;
	}
	return 0;
}

void sym_dwarf_deinit(struct sym_dwarf *d)
{
	for (size_t i = 0; i < d->tables.cnt; i++)
		sym_abbrevs_destroy(d->tables.v[i]);
	for (size_t i = 0; i < d->line_files.cnt; i++)
		free(d->line_files.v[i].ids);
	sym_vec_deinit(&d->tables);
	sym_vec_deinit(&d->line_files);
	sym_vec_deinit(&d->units);
	idmap_deinit(&d->table_ids);
	idmap_deinit(&d->line_file_ids);
}

struct sym_unit *sym_dwarf_unit_at(struct sym_dwarf *d, uint64_t off)
{
	size_t lo = 0, hi = d->units.cnt;
	struct sym_unit *u;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (d->units.v[mid].off <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	u = lo ? &d->units.v[lo - 1] : NULL;
	return u && off < u->end ? u : NULL;
}

/* Bases first: an index form may stand before the attribute that says where its table begins. */
static void take_base(struct sym_unit *u, uint16_t name, const struct sym_form_value *v)
{
	bool is_number = v->kind == SYM_FORM_CONST || v->kind == SYM_FORM_OFFSET;

	if (!is_number)
		return;
	switch (name) {
	case DW_AT_str_offsets_base:
		u->str_offsets_base = v->u;
		break;
	case DW_AT_addr_base:
	case DW_AT_GNU_addr_base:
		u->addr_base = v->u;
		break;
	case DW_AT_rnglists_base:
		u->rnglists_base = v->u;
		break;
	case DW_AT_GNU_ranges_base:
		u->ranges_base = v->u;
		break;
	case DW_AT_stmt_list:
		u->stmt_list = v->u;
		u->has_stmt_list = true;
		break;
	case DW_AT_GNU_dwo_id:
		u->dwo_id = v->u;
		u->has_dwo_id = true;
		break;
	}
}

static void take_value(struct sym_unit *u, uint16_t name, const struct sym_form_value *v)
{
	if (v->kind == SYM_FORM_STRING && v->s) {
		if (name == DW_AT_name)
			u->name = v->s;
		else if (name == DW_AT_comp_dir)
			u->comp_dir = v->s;
		else if (name == DW_AT_dwo_name || name == DW_AT_GNU_dwo_name)
			u->dwo_name = v->s;
	} else if (name == DW_AT_low_pc && v->kind == SYM_FORM_ADDR) {
		u->low_pc = v->u;
	}
}

static int read_root(struct sym_unit *u)
{
	for (int pass = 0; pass < 2; pass++) {
		struct sym_cursor c = sym_cursor_at(u->dwarf->sections[SYM_DEBUG_INFO], u->die_off);
		const struct sym_abbrev *a;

		c.end = u->dwarf->sections[SYM_DEBUG_INFO].p + u->end;
		a = sym_unit_abbrev(u, sym_cursor_uleb(&c));
		if (!a)
			return -EBADMSG;
		u->tag = a->tag;
		for (uint32_t i = 0; i < a->cnt; i++) {
			const struct sym_abbrev_attr *attr = &u->abbrevs->attrs.v[a->first + i];
			struct sym_form_value v;

			sym_form_read(u, &c, attr, &v);
			if (pass == 0)
				take_base(u, attr->name, &v);
			else
				take_value(u, attr->name, &v);
		}
		if (c.failed)
			return -EBADMSG;
	}
	return 0;
}

int sym_unit_load(struct sym_unit *u)
{
	if (u->is_loaded)
		return u->is_broken ? -EBADMSG : 0;
	u->is_loaded = u->is_broken = true;
	u->abbrevs = sym_abbrevs_get(u->dwarf, u->abbrev_off, u->addr_sz, u->off_sz);
	if (!u->abbrevs)
		return -EBADMSG;
	if (u->version >=
	    5) /* split files may leave the base out: it is then right after the table's header */
		u->str_offsets_base = u->off_sz == 8 ? 16 : 8;
	if (read_root(u))
		return -EBADMSG;
	u->is_broken = false;
	return 0;
}

static void take_die_number(struct sym_die *d, uint16_t name, const struct sym_form_value *v)
{
	switch (name) {
	case DW_AT_high_pc:
		d->high_pc = v->u; /* a length until sym_die_read() has seen low_pc too */
		d->has_high = true;
		break;
	case DW_AT_ranges:
		d->ranges = v->u;
		d->has_ranges = true;
		break;
	case DW_AT_decl_file:
		d->decl_file = v->u;
		d->has_decl_file = true;
		break;
	case DW_AT_decl_line:
		d->decl_line = v->u;
		break;
	case DW_AT_call_file:
		d->call_file = v->u;
		d->has_call_file = true;
		break;
	case DW_AT_call_line:
		d->call_line = v->u;
		break;
	}
}

static void take_die_attr(struct sym_die *d, uint16_t name, const struct sym_form_value *v,
			  bool *high_is_addr)
{
	if (v->kind == SYM_FORM_STRING) {
		if (name == DW_AT_name)
			d->name = v->s;
		else if (name == DW_AT_linkage_name || name == DW_AT_MIPS_linkage_name)
			d->linkage_name = v->s;
	} else if (v->kind == SYM_FORM_REF) {
		if (name == DW_AT_abstract_origin) {
			d->origin = v->die;
			d->origin_unit = v->die_unit;
		} else if (name == DW_AT_specification) {
			d->specification = v->die;
			d->specification_unit = v->die_unit;
		}
	} else if (v->kind == SYM_FORM_ADDR) {
		if (name == DW_AT_low_pc) {
			d->low_pc = v->u;
			d->has_low = true;
		} else if (name == DW_AT_high_pc) {
			d->high_pc = v->u;
			d->has_high = *high_is_addr = true;
		}
	} else if (v->kind == SYM_FORM_RNGLIST && name == DW_AT_ranges) {
		const struct sym_unit *u = d->unit;
		uint64_t base = u->rnglists_base;
		struct sym_cursor c;

		if (!base) /* a split file: its one list table starts at 0, after a header of 12 or
			      20 bytes */
			base = u->off_sz == 8 ? 20 : 12;
		c = sym_cursor_at(u->dwarf->sections[SYM_DEBUG_RNGLISTS], base);
		if (v->u < UINT32_MAX && sym_cursor_skip(&c, v->u * u->off_sz)) {
			d->ranges = base + sym_cursor_uint(&c, u->off_sz);
			d->has_ranges = !c.failed;
		}
	} else if (v->kind == SYM_FORM_CONST || v->kind == SYM_FORM_OFFSET) {
		take_die_number(d, name, v);
	}
}

bool sym_die_read(struct sym_unit *u, struct sym_cursor *c, const struct sym_abbrev *a,
		  const uint8_t *at, enum sym_die_part part, struct sym_die *ret)
{
	bool high_is_addr = false;

	*ret = (struct sym_die){.unit = u, .abbrev = a, .at = at};
	for (uint32_t i = 0; i < a->cnt && !c->failed; i++) {
		const struct sym_abbrev_attr *attr = &u->abbrevs->attrs.v[a->first + i];
		struct sym_form_value v;

		if (attr->use == SYM_ATTR_NEVER || (attr->use == SYM_ATTR_NAME && part == SYM_DIE_CODE)) {
			sym_attr_skip(u, c, attr);
			continue;
		}
		sym_form_read(u, c, attr, &v);
		take_die_attr(ret, attr->name, &v, &high_is_addr);
	}
	if (ret->has_high && !high_is_addr)
		ret->high_pc += ret->low_pc;
	return !c->failed;
}

bool sym_die_at(struct sym_unit *u, const uint8_t *at, struct sym_die *ret)
{
	struct sym_bytes info = u->dwarf->sections[SYM_DEBUG_INFO];
	struct sym_cursor c = {at, info.p + u->end, false};
	const struct sym_abbrev *a;

	if (sym_unit_load(u) || at < info.p + u->die_off || at >= info.p + u->end)
		return false;
	a = sym_unit_abbrev(u, sym_cursor_uleb(&c));
	return a && sym_die_read(u, &c, a, at, SYM_DIE_ALL, ret);
}
