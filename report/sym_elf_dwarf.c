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

#define SOUGHT_MAX 16384 /* bytes of paths: of thousands of missing .dwo files the first come, or all do */

static void note_sought(struct sym_elf *e, const char *path)
{
	size_t sz = strlen(path) + 1, at = e->sought.cnt;

	if (sz > SOUGHT_MAX - at || strchr(path, '\n'))
		return;
	sym_vec_reserve(&e->sought, sz);
	if (e->sought.cap - at < sz)
		return; /* no memory for saying where: no harm */
	memcpy(e->sought.v + at, path, sz);
	e->sought.v[at + sz - 1] = '\n';
	e->sought.cnt += sz;
}

bool sym_elf_seek(struct sym_elf *e, struct sym_elf *ret, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&path, fmt, ap);
	va_end(ap);
	if (n < 0) {
		path = NULL;
		return false;
	}
	note_sought(e, path);
	return !sym_elf_open(path, ret, NULL);
}

/* ---- the supplementary file of dwz ---- */

/* Is the file that was opened the one? Else it is closed. */
static bool is_alt(struct sym_elf *alt, struct sym_bytes id)
{
	if (alt->build_id_sz == id.sz && !memcmp(alt->build_id, id.p, id.sz))
		return true;
	sym_elf_close(alt);
	return false;
}

static bool open_alt_member(const struct bundle *b, struct sym_bytes id, struct sym_elf *ret)
{
	struct bundle_key key = {.role = BUNDLE_DEBUG, .id_sz = (uint8_t)id.sz};
	const struct bundle_member *m;

	memcpy(key.id, id.p, id.sz); /* at most BUILD_ID_MAX */
	m = bundle_find(b, &key);
	return m && !sym_elf_open_member(b, m, ret) && is_alt(ret, id);
}

/* What is looked for. */
struct alt_link {
	const char *path; /* as the packager saw it */
	struct sym_bytes id;
	char hex[2 * BUILD_ID_MAX + 1];
};

/* In a debug directory, which may be a copy of /usr/lib/debug: by build-id, and as dwz's own directory has it. */
static bool find_alt_below(struct sym_elf *e, const char *dir, int len, const struct alt_link *l, struct sym_elf *ret)
{
	const char *dwz = strstr(l->path, "/.dwz/");

	return (sym_elf_seek(e, ret, "%.*s/.build-id/%.2s/%s.debug", len, dir, l->hex, l->hex + 2) && is_alt(ret, l->id)) ||
	       (dwz && sym_elf_seek(e, ret, "%.*s%s", len, dir, dwz) && is_alt(ret, l->id));
}

static bool seek_alt_path(struct sym_elf *e, const char *path, struct sym_elf *ret)
{
	const char *slash = strrchr(e->path, '/');

	if (path[0] == '/')
		return sym_elf_seek(e, ret, "%s%s", e->root ?: "", path);
	return sym_elf_seek(e, ret, "%.*s/%s", slash ? (int)(slash - e->path) : 1, slash ? e->path : ".", path);
}

/* The path is looked for as it is, beside the file, and below the debug directories. */
static bool find_alt_file(struct sym_elf *e, const struct alt_link *l, struct sym_elf *ret)
{
	const char *own = strstr(e->path, "/.build-id/");

	for (size_t i = 0; e->debug_dirs && e->debug_dirs[i]; i++)
		if (find_alt_below(e, e->debug_dirs[i], (int)strlen(e->debug_dirs[i]), l, ret))
			return true;
	if (seek_alt_path(e, l->path, ret) && is_alt(ret, l->id))
		return true;
	if (own && find_alt_below(e, e->path, (int)(own - e->path), l, ret))
		return true;
	return sym_elf_seek(e, ret, "%s/usr/lib/debug/.build-id/%.2s/%s.debug", e->root ?: "", l->hex, l->hex + 2) && is_alt(ret, l->id);
}

/* Where libdebuginfod leaves what it fetched. */
static bool find_alt_fetched(struct sym_elf *e, const struct alt_link *l, struct sym_elf *ret)
{
	return e->fetched_dir && sym_elf_seek(e, ret, "%s/%s/debuginfo", e->fetched_dir, l->hex) && is_alt(ret, l->id);
}

/* .gnu_debugaltlink: a path, and the build-id that decides. */
static bool find_alt(struct sym_elf *e, struct sym_elf *ret)
{
	struct sym_bytes link = sym_elf_section(e, ".gnu_debugaltlink");
	struct sym_cursor c = sym_cursor_at(link, 0);
	struct alt_link l = {.path = link.p ? sym_cursor_string(&c) : NULL};

	if (!l.path || c.p == c.end || (size_t)(c.end - c.p) > BUILD_ID_MAX)
		return false;
	l.id = (struct sym_bytes){c.p, (size_t)(c.end - c.p)};
	for (size_t i = 0; i < l.id.sz; i++)
		snprintf(l.hex + 2 * i, 3, "%02x", l.id.p[i]);
	if ((e->bundle ? open_alt_member(e->bundle, l.id, ret) : find_alt_file(e, &l, ret)) || find_alt_fetched(e, &l, ret)) {
		e->sought.cnt = 0;
		return true;
	}
	snprintf(e->missing, sizeof(e->missing), "dwz supplement '%.150s' (%.2s/%s.debug)", l.path, l.hex, l.hex + 2);
	memcpy(e->wants, l.hex, sizeof(e->wants));
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
