// SPDX-License-Identifier: BSD-2-Clause
/* From the sections of a file to sym_dwarf. */
#include "report/sym_elf_dwarf.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>

#include "formats/cleanup.h"

void sym_elf_take_sections(struct sym_elf *e, struct sym_bytes sections[SYM_DWARF_SECTION_CNT], const char *suffix)
{
	for (int i = 0; i < SYM_DWARF_SECTION_CNT; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%s", sym_dwarf_section_names[i], i == SYM_DEBUG_CU_INDEX ? "" : suffix);
		sections[i] = sym_elf_section(e, name);
	}
}

/* ---- the supplementary file of dwz ---- */

static bool open_alt(const char *path, struct sym_bytes id, struct sym_elf *ret)
{
	if (sym_elf_open(path, ret, NULL))
		return false;
	if (ret->build_id_sz && ret->build_id_sz == id.sz && !memcmp(ret->build_id, id.p, id.sz))
		return true;
	sym_elf_close(ret);
	return false;
}

/* .gnu_debugaltlink: a path (as the packager saw it) and the build-id that decides. */
static bool find_alt(struct sym_elf *e, const char *debug_root, struct sym_elf *ret)
{
	struct sym_bytes link = sym_elf_section(e, ".gnu_debugaltlink"), id;
	struct sym_cursor c = sym_cursor_at(link, 0);
	_cleanup_free_ char *beside = NULL, *by_id = NULL;
	char hex[2 * BUILD_ID_MAX + 1] = "";
	const char *path = link.p ? sym_cursor_string(&c) : NULL, *slash = strrchr(e->path, '/');

	if (!path || c.p == c.end || (size_t)(c.end - c.p) > BUILD_ID_MAX)
		return false;
	id = (struct sym_bytes){ c.p, (size_t)(c.end - c.p) };
	if (path[0] == '/' && open_alt(path, id, ret))
		return true;
	if (asprintf(&beside, "%.*s/%s", slash ? (int)(slash - e->path) : 1, slash ? e->path : ".", path) < 0)
		beside = NULL;
	if (path[0] != '/' && beside && open_alt(beside, id, ret))
		return true;
	for (size_t i = 0; i < id.sz; i++)
		snprintf(hex + 2 * i, 3, "%02x", id.p[i]);
	if (asprintf(&by_id, "%s/.build-id/%.2s/%s.debug", debug_root, hex, hex + 2) < 0)
		by_id = NULL;
	return by_id && open_alt(by_id, id, ret);
}

int sym_elf_add_dwarf(struct sym_elf *e, struct sym_builder *b, bool no_inline)
{
	struct sym_split split = { .path = e->path };
	struct sym_dwarf d = { 0 }, alt = { 0 };
	struct sym_elf alt_file;
	bool has_alt;
	int got = 0;

	if (!e->is_little_endian)
		return 0;
	sym_elf_take_sections(e, d.sections, "");
	has_alt = find_alt(e, "/usr/lib/debug", &alt_file);
	if (has_alt) {
		sym_elf_take_sections(&alt_file, alt.sections, "");
		got = sym_dwarf_scan(&alt);
		d.alt = &alt;
	}
	if (!got)
		got = sym_dwarf_scan(&d);
	if (!got)
		got = sym_dwarf_walk(&d, b, no_inline, sym_split_open, &split);
	/* a half that turns up later would not be noticed by the key */
	if (split.missing || split.has_package)
		b->flags &= ~(uint32_t)SYM_INDEX_CACHEABLE;
	sym_split_deinit(&split);
	sym_dwarf_deinit(&d);
	sym_dwarf_deinit(&alt);
	if (has_alt)
		sym_elf_close(&alt_file);
	return got;
}
