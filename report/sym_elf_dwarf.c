// SPDX-License-Identifier: BSD-2-Clause
/* From the sections of a file to sym_dwarf. */
#include "report/sym_elf_dwarf.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "formats/bundle.h"
#include "formats/cleanup.h"

void sym_elf_take_sections(struct sym_elf *e, struct sym_bytes sections[SYM_DWARF_SECTION_CNT],
			   const char *suffix)
{
	for (int i = 0; i < SYM_DWARF_SECTION_CNT; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%s", sym_dwarf_section_names[i],
			 i == SYM_DEBUG_CU_INDEX ? "" : suffix);
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

static bool __attribute__((format(printf, 3, 4)))
try_alt(struct sym_elf *ret, struct sym_bytes id, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&path, fmt, ap);
	va_end(ap);
	if (n < 0)
		path = NULL;
	return path && open_alt(path, id, ret);
}

static bool open_alt_member(const struct bundle *b, struct sym_bytes id, struct sym_elf *ret)
{
	struct bundle_key key = {.role = BUNDLE_DEBUG, .id_sz = (uint8_t)id.sz};
	const struct bundle_member *m;

	memcpy(key.id, id.p, id.sz); /* at most BUILD_ID_MAX */
	m = bundle_find(b, &key);
	if (!m || sym_elf_open_member(b, m, ret))
		return false;
	if (ret->build_id_sz == id.sz && !memcmp(ret->build_id, id.p, id.sz))
		return true;
	sym_elf_close(ret);
	return false;
}

/* In a debug directory, which may be a copy of /usr/lib/debug: by build-id, and as dwz's own directory has it. */
static bool find_alt_below(const char *dir, int len, struct sym_bytes id, const char *hex, const char *path, struct sym_elf *ret)
{
	const char *dwz = strstr(path, "/.dwz/");

	return try_alt(ret, id, "%.*s/.build-id/%.2s/%s.debug", len, dir, hex, hex + 2) ||
	       (dwz && try_alt(ret, id, "%.*s%s", len, dir, dwz));
}

/* The path (as the packager saw it) is looked for as it is, beside the file, and below the debug directories. */
static bool find_alt_file(const struct sym_elf *e, const char *path, struct sym_bytes id, const char *hex, struct sym_elf *ret)
{
	const char *slash = strrchr(e->path, '/'), *own = strstr(e->path, "/.build-id/");

	for (size_t i = 0; e->debug_dirs && e->debug_dirs[i]; i++)
		if (find_alt_below(e->debug_dirs[i], (int)strlen(e->debug_dirs[i]), id, hex, path, ret))
			return true;
	if (path[0] == '/' ? try_alt(ret, id, "%s%s", e->root ?: "", path)
			   : try_alt(ret, id, "%.*s/%s", slash ? (int)(slash - e->path) : 1, slash ? e->path : ".", path))
		return true;
	if (own && find_alt_below(e->path, (int)(own - e->path), id, hex, path, ret))
		return true;
	return try_alt(ret, id, "%s/usr/lib/debug/.build-id/%.2s/%s.debug", e->root ?: "", hex, hex + 2);
}

/* .gnu_debugaltlink: a path, and the build-id that decides. */
static bool find_alt(struct sym_elf *e, struct sym_elf *ret)
{
	struct sym_bytes link = sym_elf_section(e, ".gnu_debugaltlink"), id;
	struct sym_cursor c = sym_cursor_at(link, 0);
	char hex[2 * BUILD_ID_MAX + 1] = "";
	const char *path = link.p ? sym_cursor_string(&c) : NULL;

	if (!path || c.p == c.end || (size_t)(c.end - c.p) > BUILD_ID_MAX)
		return false;
	id = (struct sym_bytes){c.p, (size_t)(c.end - c.p)};
	for (size_t i = 0; i < id.sz; i++)
		snprintf(hex + 2 * i, 3, "%02x", id.p[i]);
	if (e->bundle ? open_alt_member(e->bundle, id, ret) : find_alt_file(e, path, id, hex, ret))
		return true;
	snprintf(e->missing, sizeof(e->missing), "dwz supplement '%.150s' (%.2s/%s.debug)", path, hex, hex + 2);
	return false;
}

int sym_elf_add_dwarf(struct sym_elf *e, struct sym_builder *b, bool no_inline)
{
	struct sym_split split = {.file = e};
	struct sym_dwarf d = {0}, alt = {0};
	struct sym_elf alt_file;
	bool has_alt;
	int got = 0;

	if (!e->is_little_endian)
		return 0;
	sym_elf_take_sections(e, d.sections, "");
	d.is_mapped = sym_elf_is_mapped(e, d.sections[SYM_DEBUG_INFO]);
	has_alt = find_alt(e, &alt_file);
	if (has_alt) {
		sym_elf_take_sections(&alt_file, alt.sections, "");
		got = sym_dwarf_scan(&alt);
		d.alt = &alt;
	}
	if (!got)
		got = sym_dwarf_scan(&d);
	if (!got)
		got = sym_dwarf_walk(&d, b, no_inline, sym_split_open, &split);
	if (split.missing && !e->missing[0])
		snprintf(e->missing, sizeof(e->missing), "%u split unit%s, first '%s'", split.missing, split.missing > 1 ? "s" : "", split.first_missing);
	/* a half that turns up later would not be noticed by the key */
	if (split.missing || split.has_package || e->missing[0])
		b->flags &= ~(uint32_t)SYM_INDEX_CACHEABLE;
	sym_split_deinit(&split);
	sym_dwarf_deinit(&d);
	sym_dwarf_deinit(&alt);
	if (has_alt)
		sym_elf_close(&alt_file);
	return got;
}

/* ---- for bundles: which files are they? ---- */

static int each_split(struct sym_elf *e, struct sym_dwarf *d, sym_related_fn fn, void *ctx)
{
	struct sym_split split = {.file = e};
	bool told_package = false;
	int code = sym_dwarf_scan(d);

	for (size_t i = 0; i < d->units.cnt && !code; i++) {
		struct sym_unit *u = &d->units.v[i];
		struct sym_related r = {.kind = SYM_RELATED_DWO};

		if (sym_unit_load(u) || !u->dwo_name || !sym_split_open(&split, u))
			continue;
		r.dwo_id = u->dwo_id;
		r.path = split.dwo.path;
		if (split.has_package && !told_package) {
			struct sym_related p = {.kind = SYM_RELATED_DWP, .path = split.package.path};

			told_package = true;
			code = fn(ctx, &p);
		}
		if (split.has_dwo && !code)
			code = fn(ctx, &r);
	}
	sym_split_deinit(&split);
	return code;
}

int sym_elf_each_related(struct sym_elf *e, sym_related_fn fn, void *ctx)
{
	struct sym_dwarf d = {0};
	struct sym_elf alt;
	int code = 0;

	if (!e->is_little_endian)
		return 0;
	if (find_alt(e, &alt)) {
		struct sym_related r = {.kind = SYM_RELATED_ALT,
					.path = alt.path,
					.id = alt.build_id,
					.id_sz = alt.build_id_sz};

		code = fn(ctx, &r);
		sym_elf_close(&alt);
	}
	sym_elf_take_sections(e, d.sections, "");
	code = code ?: each_split(e, &d, fn, ctx);
	sym_dwarf_deinit(&d);
	return code;
}
