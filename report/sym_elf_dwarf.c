// SPDX-License-Identifier: BSD-2-Clause
/*
 * The DWARF of one file in one walk over all DIEs. Never by .debug_aranges (clang writes none), never by dwarf_getscopes (it gives
 * abstract parents for inlined code).
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>

#include "formats/cleanup.h"
#include "report/sym_elf.h"

#define DEPTH_MAX 512 /* nesting of DIEs; deeper trees are cut there */

struct func_slot {
	const void *die; /* address of the defining DIE's bytes; NULL free */
	uint32_t func;
};

struct walk {
	struct sym_builder *b;
	bool no_inline, failed;
	struct func_slot *slots; /* which function a DIE is: abstract ones are met many times */
	size_t slot_cnt, used;
	Dwarf_Files *files;  /* of the unit in hand */
	size_t file_cnt;
	uint32_t *file_ids;  /* our ids + 1; 0 not looked up yet */
	int functions;
};

static size_t slot_of(const struct walk *w, const void *die)
{
	size_t at = ((uintptr_t)die * 0x9e3779b97f4a7c15ULL) >> 20 & (w->slot_cnt - 1);

	while (w->slots[at].die && w->slots[at].die != die)
		at = (at + 1) & (w->slot_cnt - 1);
	return at;
}

static bool grow_slots(struct walk *w)
{
	struct func_slot *old = w->slots;
	size_t old_cnt = w->slot_cnt;

	w->slot_cnt = old_cnt ? old_cnt * 2 : 4096;
	w->slots = calloc(w->slot_cnt, sizeof(*w->slots));
	if (!w->slots) {
		w->slots = old;
		w->slot_cnt = old_cnt;
		return false;
	}
	for (size_t i = 0; i < old_cnt; i++)
		if (old[i].die)
			w->slots[slot_of(w, old[i].die)] = old[i];
	free(old);
	return true;
}

static const char *linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute attr;

	if (!dwarf_attr_integrate(die, DW_AT_linkage_name, &attr) &&
	    !dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr))
		return NULL;
	return dwarf_formstring(&attr);
}

static uint32_t new_func(struct walk *w, Dwarf_Die *die)
{
	const char *name = linkage_name(die) ?: dwarf_diename(die);
	struct sym_func *f = sym_vec_push(&w->b->funcs);
	bool ok = f != NULL;
	int line = 0;

	if (ok) {
		f->name = sym_builder_string(w->b, name, &ok);
		f->decl_file = sym_builder_file(w->b, dwarf_decl_file(die), &ok);
		if (!dwarf_decl_line(die, &line) && line > 0)
			f->decl_line = (uint32_t)line;
	}
	w->failed |= !ok;
	return ok ? (uint32_t)(w->b->funcs.cnt - 1) : 0;
}

/* The function a subprogram or inlined_subroutine DIE stands for. */
static uint32_t func_of(struct walk *w, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die origin = *die;
	size_t at;

	for (int i = 0; i < 8 && dwarf_attr(&origin, DW_AT_abstract_origin, &attr); i++)
		if (!dwarf_formref_die(&attr, &origin))
			break;
	if (w->used * 2 >= w->slot_cnt && !grow_slots(w)) {
		w->failed = true;
		return 0;
	}
	at = slot_of(w, origin.addr);
	if (!w->slots[at].die) {
		w->slots[at].die = origin.addr;
		w->slots[at].func = new_func(w, &origin);
		w->used++;
	}
	return w->slots[at].func;
}

static uint32_t call_file(struct walk *w, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Word n;
	bool ok = true;

	if (!dwarf_attr(die, DW_AT_call_file, &attr) || dwarf_formudata(&attr, &n) || n >= w->file_cnt)
		return 0;
	if (!w->file_ids[n]) {
		w->file_ids[n] = sym_builder_file(w->b, dwarf_filesrc(w->files, n, NULL, NULL), &ok) + 1;
		w->failed |= !ok;
	}
	return w->file_ids[n] - 1;
}

static uint32_t call_line(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Word n;

	if (!dwarf_attr(die, DW_AT_call_line, &attr) || dwarf_formudata(&attr, &n) || n > UINT32_MAX)
		return 0;
	return (uint32_t)n;
}

/* A scope for the DIE if it has code; else 0. */
static uint32_t add_scope(struct walk *w, Dwarf_Die *die, uint32_t parent, unsigned depth)
{
	Dwarf_Addr base, lo, hi;
	uint32_t scope = 0;
	ptrdiff_t off = 0;

	while ((off = dwarf_ranges(die, off, &base, &lo, &hi)) > 0) {
		if (!scope) {
			struct sym_scope s = { .parent = parent, .func = func_of(w, die) };

			if (parent) {
				s.call_file = call_file(w, die);
				s.call_line = call_line(die);
			}
			scope = sym_builder_add_scope(w->b, &s);
			w->failed |= !scope;
		}
		if (!scope || !sym_builder_add_span(w->b, scope, depth, lo, hi)) {
			w->failed = true;
			return scope;
		}
	}
	return scope;
}

static bool may_hold_code(int tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
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

/* scope: the function or inlined call around `first`; inlines: how many inlined calls deep. */
static void walk_siblings(struct walk *w, Dwarf_Die *first, uint32_t scope, unsigned inlines, unsigned depth)
{
	Dwarf_Die die = *first, child;

	do {
		int tag = dwarf_tag(&die);
		uint32_t inner = scope;
		unsigned level = inlines;

		if (!may_hold_code(tag))
			continue;
		if (tag == DW_TAG_subprogram) {
			inner = add_scope(w, &die, 0, 0);
			w->functions += inner != 0;
			level = 0;
		} else if (tag == DW_TAG_inlined_subroutine && scope) {
			uint32_t got = w->no_inline ? 0 : add_scope(w, &die, scope, inlines + 1);

			inner = got ?: scope;
			level = got ? inlines + 1 : inlines;
		}
		if (depth < DEPTH_MAX && dwarf_haschildren(&die) > 0 && !dwarf_child(&die, &child))
			walk_siblings(w, &child, inner, level, depth + 1);
	} while (!w->failed && !dwarf_siblingof(&die, &die));
}

static void add_lines(struct walk *w, Dwarf_Die *cu)
{
	const char *last_path = NULL;
	uint32_t last_file = 0;
	bool open = false, ok = true;
	Dwarf_Lines *lines;
	size_t n;

	if (dwarf_getsrclines(cu, &lines, &n))
		return;
	for (size_t i = 0; ok && i < n; i++) {
		Dwarf_Line *l = dwarf_onesrcline(lines, i);
		bool end = false;
		Dwarf_Addr addr;
		int line = 0;
		const char *path;

		if (dwarf_lineaddr(l, &addr) || dwarf_lineendsequence(l, &end))
			continue;
		if (!open)
			open = ok = sym_builder_begin_sequence(w->b);
		if (end) {
			sym_builder_end_sequence(w->b, addr);
			open = false;
			continue;
		}
		path = dwarf_linesrc(l, NULL, NULL);
		dwarf_lineno(l, &line);
		if (path != last_path)
			last_file = sym_builder_file(w->b, path, &ok);
		last_path = path;
		ok = ok && sym_builder_add_line(w->b, addr, last_file, line > 0 ? (uint32_t)line : 0);
	}
	if (open)
		sym_builder_end_sequence(w->b, 0);
	w->failed |= !ok;
}

static void walk_unit(struct walk *w, Dwarf_Die *cu)
{
	Dwarf_Die child;

	w->files = NULL;
	w->file_cnt = 0;
	if (dwarf_getsrcfiles(cu, &w->files, &w->file_cnt))
		w->file_cnt = 0;
	w->file_ids = calloc(w->file_cnt + 1, sizeof(*w->file_ids));
	w->failed |= !w->file_ids;
	if (!w->failed && !dwarf_child(cu, &child))
		walk_siblings(w, &child, 0, 0, 0);
	free(w->file_ids);
	w->file_ids = NULL;
}

int sym_elf_add_dwarf(struct sym_elf *e, struct sym_builder *b, bool no_inline)
{
	struct walk w = { .b = b, .no_inline = no_inline };
	Dwarf_Die cu, split;
	uint8_t unit_type;
	Dwarf_CU *at = NULL;

	if (!e->dwarf)
		e->dwarf = (struct Dwarf *)dwarf_begin_elf((Elf *)e->elf, DWARF_C_READ, NULL);
	if (!e->dwarf)
		return 0;
	while (!w.failed && !dwarf_get_units((Dwarf *)e->dwarf, at, &at, NULL, &unit_type, &cu, &split)) {
		if (unit_type == DW_UT_type || unit_type == DW_UT_split_type)
			continue;
		add_lines(&w, &cu);
		walk_unit(&w, unit_type == DW_UT_skeleton && split.addr ? &split : &cu);
	}
	free(w.slots);
	return w.failed ? -ENOMEM : w.functions;
}
