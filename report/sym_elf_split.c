// SPDX-License-Identifier: BSD-2-Clause
/* Split DWARF: a skeleton's other half in a .dwo file, or in a .dwp package beside the program. */
#include <dwarf.h>
#include <errno.h>
#include <stdio.h>

#include "formats/bundle.h"
#include "formats/cleanup.h"
#include "report/sym_elf_dwarf.h"

/* Columns of a package's index that matter, by their DW_SECT number; DW_SECT_RNGLISTS is DWARF 5's.
 */
static int section_of_column(uint32_t id, unsigned version)
{
	switch (id) {
	case 1:
		return SYM_DEBUG_INFO;
	case 3:
		return SYM_DEBUG_ABBREV;
	case 4:
		return SYM_DEBUG_LINE;
	case 6:
		return SYM_DEBUG_STR_OFFSETS;
	case 8:
		return version == 5 ? SYM_DEBUG_RNGLISTS : -1;
	default:
		return -1;
	}
}

struct package_index {
	unsigned version;
	uint32_t columns, units, slots;
	struct sym_bytes hashes, rows, ids, offsets, sizes; /* tables of u64 (hashes) and u32 */
};

static bool take_table(struct sym_cursor *c, uint64_t cnt, unsigned entry_sz, struct sym_bytes *ret)
{
	*ret = (struct sym_bytes){c->p, cnt * entry_sz};
	return cnt <= UINT32_MAX && sym_cursor_skip(c, cnt * entry_sz);
}

static bool read_index(struct sym_bytes section, struct package_index *x)
{
	struct sym_cursor c = sym_cursor_at(section, 0);
	uint32_t version = (uint32_t)sym_cursor_uint(&c, 4);

	x->version = version == 2 ? 2 : version & 0xffff;
	x->columns = (uint32_t)sym_cursor_uint(&c, 4);
	x->units = (uint32_t)sym_cursor_uint(&c, 4);
	x->slots = (uint32_t)sym_cursor_uint(&c, 4);
	if (c.failed || (x->version != 2 && x->version != 5) || x->columns > 16 || !x->slots ||
	    x->slots & (x->slots - 1))
		return false;
	return take_table(&c, x->slots, 8, &x->hashes) && take_table(&c, x->slots, 4, &x->rows) &&
	       take_table(&c, x->columns, 4, &x->ids) &&
	       take_table(&c, (uint64_t)x->units * x->columns, 4, &x->offsets) &&
	       take_table(&c, (uint64_t)x->units * x->columns, 4, &x->sizes);
}

/* Row (from 1) of the unit with this id; 0 none. */
static uint32_t find_row(const struct package_index *x, uint64_t id)
{
	uint32_t mask = x->slots - 1, at = (uint32_t)id & mask,
		 step = ((uint32_t)(id >> 32) & mask) | 1;

	for (uint32_t tries = 0; tries < x->slots; tries++, at = (at + step) & mask) {
		uint64_t have = get_le64(x->hashes.p + (size_t)at * 8);
		uint32_t row = get_le32(x->rows.p + (size_t)at * 4);

		if (!row)
			return 0;
		if (have == id)
			return row <= x->units ? row : 0;
	}
	return 0;
}

static bool package_unit(struct sym_split *s, uint64_t id)
{
	struct package_index x;
	uint32_t row;

	if (!s->has_package || !read_index(s->package_sections[SYM_DEBUG_CU_INDEX], &x) ||
	    !(row = find_row(&x, id)))
		return false;
	s->dwarf.sections[SYM_DEBUG_STR] = s->package_sections[SYM_DEBUG_STR];
	for (uint32_t i = 0; i < x.columns; i++) {
		size_t at = ((size_t)(row - 1) * x.columns + i) * 4;
		uint32_t off = get_le32(x.offsets.p + at), sz = get_le32(x.sizes.p + at);
		int n = section_of_column(get_le32(x.ids.p + (size_t)i * 4), x.version);
		const struct sym_bytes *whole = n < 0 ? NULL : &s->package_sections[n];

		if (!whole || !whole->p || off > whole->sz || sz > whole->sz - off)
			continue;
		s->dwarf.sections[n] = (struct sym_bytes){whole->p + off, sz};
	}
	return s->dwarf.sections[SYM_DEBUG_INFO].p != NULL;
}

/* PATH.dwp for PATH or PATH.debug. NULL without memory. */
char *sym_split_package_path(const char *path)
{
	size_t len = strlen(path);
	char *name;

	if (len > 6 && !strcmp(path + len - 6, ".debug"))
		len -= 6;
	return asprintf(&name, "%.*s.dwp", (int)len, path) < 0 ? NULL : name;
}

static bool open_member(const struct sym_split *s, struct bundle_key key, struct sym_elf *ret)
{
	const struct bundle_member *m = bundle_find(s->file->bundle, &key);

	return m && !sym_elf_open_member(s->file->bundle, m, ret);
}

static bool open_package_of(struct sym_split *s, const char *path)
{
	_cleanup_free_ char *name = path ? sym_split_package_path(path) : NULL;

	return name && sym_elf_seek(s->file, &s->package, "%s", name);
}

static void open_package(struct sym_split *s)
{
	s->package_tried = true;
	if (s->file->bundle) {
		struct bundle_key key = s->file->member->key;

		key.role = BUNDLE_DWP;
		s->has_package = open_member(s, key, &s->package);
	} else {
		s->has_package = open_package_of(s, s->file->path) || open_package_of(s, s->file->program);
	}
	if (s->has_package)
		sym_elf_take_sections(&s->package, s->package_sections, ".dwo");
}

/* s->dwo was opened: is it the one the skeleton means? */
static bool take_dwo(struct sym_split *s, uint64_t id)
{
	sym_elf_take_sections(&s->dwo, s->dwarf.sections, ".dwo");
	s->has_dwo = true;
	if (!sym_dwarf_scan(&s->dwarf))
		for (size_t i = 0; i < s->dwarf.units.cnt; i++) {
			struct sym_unit *u = &s->dwarf.units.v[i];

			if (!sym_unit_load(u) && u->has_dwo_id && u->dwo_id == id)
				return true;
		}
	sym_split_close(s);
	return false;
}

/* Where it was made, and beside the file. */
static bool find_dwo(struct sym_split *s, const struct sym_unit *skeleton)
{
	const char *name = skeleton->dwo_name, *base = strrchr(name, '/'), *path = s->file->path,
		   *slash = strrchr(path, '/'), *dir = skeleton->comp_dir ?: ".", *root = s->file->root ?: "";
	uint64_t id = skeleton->dwo_id;

	if (s->file->bundle)
		return open_member(s, (struct bundle_key){.role = BUNDLE_DWO, .dwo_id = id}, &s->dwo) &&
		       take_dwo(s, id);
	if ((name[0] == '/' ? sym_elf_seek(s->file, &s->dwo, "%s%s", root, name)
			    : sym_elf_seek(s->file, &s->dwo, "%s%s/%s", dir[0] == '/' ? root : "", dir, name)) &&
	    take_dwo(s, id))
		return true;
	return sym_elf_seek(s->file, &s->dwo, "%.*s/%s", slash ? (int)(slash - path) : 1, slash ? path : ".", base ? base + 1 : name) &&
	       take_dwo(s, id);
}

struct sym_dwarf *sym_split_open(void *ctx, const struct sym_unit *skeleton)
{
	struct sym_split *s = ctx;
	size_t sought;

	sym_split_close(s);
	if (!s->package_tried)
		open_package(s);
	sought = s->file->sought.cnt;
	if (package_unit(s, skeleton->dwo_id) && !sym_dwarf_scan(&s->dwarf))
		return &s->dwarf;
	memset(s->dwarf.sections, 0, sizeof(s->dwarf.sections));
	if (find_dwo(s, skeleton)) {
		s->file->sought.cnt = sought;
		return &s->dwarf;
	}
	if (!s->missing++)
		snprintf(s->first_missing, sizeof(s->first_missing), "%s", skeleton->dwo_name);
	return NULL;
}

void sym_split_close(struct sym_split *s)
{
	sym_dwarf_deinit(&s->dwarf);
	memset(&s->dwarf, 0, sizeof(s->dwarf));
	if (s->has_dwo)
		sym_elf_close(&s->dwo);
	s->has_dwo = false;
}

void sym_split_deinit(struct sym_split *s)
{
	sym_split_close(s);
	if (s->has_package)
		sym_elf_close(&s->package);
	s->has_package = false;
}
