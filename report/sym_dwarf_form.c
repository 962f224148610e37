// SPDX-License-Identifier: BSD-2-Clause
/* Attribute values by form. */
#include <dwarf.h>

#include "formats/dwarf_form.h"
#include "report/sym_dwarf.h"

/* Step over the forms whose size is in the data. */
static void skip_varying(const struct sym_unit *u, struct sym_cursor *c, uint16_t form)
{
	switch (form) {
	case DW_FORM_block1:
		sym_cursor_skip(c, sym_cursor_uint(c, 1));
		break;
	case DW_FORM_block2:
		sym_cursor_skip(c, sym_cursor_uint(c, 2));
		break;
	case DW_FORM_block4:
		sym_cursor_skip(c, sym_cursor_uint(c, 4));
		break;
	case DW_FORM_block:
	case DW_FORM_exprloc:
		sym_cursor_skip(c, sym_cursor_uleb(c));
		break;
	case DW_FORM_string:
		sym_cursor_string(c);
		break;
	case DW_FORM_ref_addr:
		sym_cursor_skip(c, u->version < 3 ? u->addr_sz : u->off_sz);
		break;
	default:
		if (dwarf_form_is_uleb(form))
			sym_cursor_uleb(c);
		else
			c->failed = true; /* its size cannot be known: the rest of the unit is lost */
	}
}

void sym_form_skip(const struct sym_unit *u, struct sym_cursor *c, uint16_t form)
{
	int sz = dwarf_form_sz(form, u->addr_sz, u->off_sz);

	if (form == DW_FORM_indirect) {
		uint64_t real = sym_cursor_uleb(c);

		if (real == DW_FORM_indirect || real > UINT16_MAX)
			c->failed = true;
		else
			sym_form_skip(u, c, (uint16_t)real);
	} else if (sz >= 0) {
		sym_cursor_skip(c, (uint64_t)sz);
	} else {
		skip_varying(u, c, form);
	}
}

/* Entry `index` of a table of words at base in a section; UINT64_MAX outside. */
static uint64_t table_entry(struct sym_bytes b, uint64_t base, uint64_t index, uint8_t entry_sz)
{
	struct sym_cursor c;
	uint64_t at, v;

	if (__builtin_mul_overflow(index, entry_sz, &at) || __builtin_add_overflow(at, base, &at))
		return UINT64_MAX;
	c = sym_cursor_at(b, at);
	v = c.failed ? 0 : sym_cursor_uint(&c, entry_sz);
	return c.failed ? UINT64_MAX : v;
}

static void set_strx(struct sym_unit *u, uint64_t index, struct sym_form_value *ret)
{
	uint64_t off = table_entry(u->dwarf->sections[SYM_DEBUG_STR_OFFSETS], u->str_offsets_base,
				   index, u->off_sz);

	ret->kind = SYM_FORM_STRING;
	ret->s = sym_bytes_string(u->dwarf->sections[SYM_DEBUG_STR], off);
}

/* Addresses of a split unit are in its skeleton's file. */
static void set_addrx(struct sym_unit *u, uint64_t index, struct sym_form_value *ret)
{
	const struct sym_unit *owner = u->skeleton ?: u;

	ret->u = table_entry(owner->dwarf->sections[SYM_DEBUG_ADDR], owner->addr_base, index,
			     u->addr_sz);
	ret->kind = SYM_FORM_ADDR;
}

static void set_ref(struct sym_unit *u, struct sym_dwarf *d, uint64_t off,
		    struct sym_form_value *ret)
{
	ret->kind = SYM_FORM_REF;
	if (d == u->dwarf && off >= u->off && off < u->end) {
		ret->die_unit = u;
		ret->die = sym_dwarf_die(d, off);
	} else if (d) {
		ret->die_unit = sym_dwarf_unit_at(d, off);
		ret->die = ret->die_unit ? sym_dwarf_die(d, off) : NULL;
	}
}

static void set_const(struct sym_form_value *ret, uint64_t v)
{
	ret->kind = SYM_FORM_CONST;
	ret->u = v;
}

static void set_string(struct sym_form_value *ret, const char *s)
{
	ret->kind = SYM_FORM_STRING;
	ret->s = s;
}

/* Strings and addresses; false: another kind of form. */
static bool read_string_or_addr(struct sym_unit *u, struct sym_cursor *c, uint16_t form,
				struct sym_form_value *ret)
{
	const struct sym_bytes *sec = u->dwarf->sections;

	switch (form) {
	case DW_FORM_string:
		set_string(ret, sym_cursor_string(c));
		return true;
	case DW_FORM_strp:
		set_string(ret,
			   sym_bytes_string(sec[SYM_DEBUG_STR], sym_cursor_uint(c, u->off_sz)));
		return true;
	case DW_FORM_line_strp:
		set_string(ret, sym_bytes_string(sec[SYM_DEBUG_LINE_STR],
						 sym_cursor_uint(c, u->off_sz)));
		return true;
	case DW_FORM_GNU_strp_alt:
	case DW_FORM_strp_sup: {
		uint64_t off = sym_cursor_uint(c, u->off_sz);

		set_string(ret, u->dwarf->alt ? sym_bytes_string(
							u->dwarf->alt->sections[SYM_DEBUG_STR], off)
					      : NULL);
		return true;
	}
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
		set_strx(u, sym_cursor_uint(c, (unsigned)dwarf_form_sz(form, 0, 0)), ret);
		return true;
	case DW_FORM_strx:
	case DW_FORM_GNU_str_index:
		set_strx(u, sym_cursor_uleb(c), ret);
		return true;
	case DW_FORM_addrx1:
	case DW_FORM_addrx2:
	case DW_FORM_addrx3:
	case DW_FORM_addrx4:
		set_addrx(u, sym_cursor_uint(c, (unsigned)dwarf_form_sz(form, 0, 0)), ret);
		return true;
	case DW_FORM_addrx:
	case DW_FORM_GNU_addr_index:
		set_addrx(u, sym_cursor_uleb(c), ret);
		return true;
	default:
		return false;
	}
}

static bool read_ref(struct sym_unit *u, struct sym_cursor *c, uint16_t form,
		     struct sym_form_value *ret)
{
	switch (form) {
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref8:
		set_ref(u, u->dwarf, u->off + sym_cursor_uint(c, (unsigned)dwarf_form_sz(form, 0, 0)),
			ret);
		return true;
	case DW_FORM_ref_udata:
		set_ref(u, u->dwarf, u->off + sym_cursor_uleb(c), ret);
		return true;
	case DW_FORM_ref_addr:
		set_ref(u, u->dwarf, sym_cursor_uint(c, u->version < 3 ? u->addr_sz : u->off_sz),
			ret);
		return true;
	case DW_FORM_GNU_ref_alt:
		set_ref(u, u->dwarf->alt, sym_cursor_uint(c, u->off_sz), ret);
		return true;
	case DW_FORM_ref_sup4:
	case DW_FORM_ref_sup8:
		set_ref(u, u->dwarf->alt, sym_cursor_uint(c, form == DW_FORM_ref_sup4 ? 4 : 8),
			ret);
		return true;
	default:
		return false;
	}
}

/* The forms that nearly all values have which a walk reads, each at once; false: another one. */
static inline bool read_frequent(struct sym_unit *u, struct sym_cursor *c, const struct sym_abbrev_attr *a,
				 struct sym_form_value *ret)
{
	switch (a->form) {
	case DW_FORM_data1:
		set_const(ret, sym_cursor_uint(c, 1));
		return true;
	case DW_FORM_data2:
		set_const(ret, sym_cursor_uint(c, 2));
		return true;
	case DW_FORM_data4:
		set_const(ret, sym_cursor_uint(c, 4));
		return true;
	case DW_FORM_implicit_const:
		set_const(ret, (uint64_t)a->implicit);
		return true;
	case DW_FORM_ref4:
		set_ref(u, u->dwarf, u->off + sym_cursor_uint(c, 4), ret);
		return true;
	case DW_FORM_addr:
		ret->kind = SYM_FORM_ADDR;
		ret->u = sym_cursor_uint(c, u->addr_sz);
		return true;
	case DW_FORM_sec_offset:
		ret->kind = SYM_FORM_OFFSET;
		ret->u = sym_cursor_uint(c, u->off_sz);
		return true;
	default:
		return false;
	}
}

void sym_form_read(struct sym_unit *u, struct sym_cursor *c, const struct sym_abbrev_attr *a,
		   struct sym_form_value *ret)
{
	*ret = (struct sym_form_value){.kind = SYM_FORM_OTHER};
	if (read_frequent(u, c, a, ret) || read_string_or_addr(u, c, a->form, ret) || read_ref(u, c, a->form, ret))
		return;
	switch (a->form) {
	case DW_FORM_data8:
	case DW_FORM_flag:
		set_const(ret, sym_cursor_uint(c, (unsigned)dwarf_form_sz(a->form, 0, 0)));
		break;
	case DW_FORM_udata:
		set_const(ret, sym_cursor_uleb(c));
		break;
	case DW_FORM_sdata:
		set_const(ret, (uint64_t)sym_cursor_sleb(c));
		break;
	case DW_FORM_flag_present:
		set_const(ret, 1);
		break;
	case DW_FORM_rnglistx:
		ret->kind = SYM_FORM_RNGLIST;
		ret->u = sym_cursor_uleb(c);
		break;
	case DW_FORM_indirect: {
		struct sym_abbrev_attr real = {.name = a->name,
					       .form = (uint16_t)sym_cursor_uleb(c)};

		if (real.form == DW_FORM_indirect)
			c->failed = true;
		else
			sym_form_read(u, c, &real, ret);
		break;
	}
	default:
		sym_form_skip(u, c, a->form);
	}
}
