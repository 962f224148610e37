// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_debugfile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "formats/cleanup.h"

#define SYSTEM_DEBUG_DIR "/usr/lib/debug"

struct search {
	const struct module *m;
	struct sym_debugfile *found;
	bool no_memory;
};

static bool is_same_build(const struct module *m, const struct sym_elf *e)
{
	static const uint8_t zero[BUILD_ID_MAX];

	/* an all-zero id (linkers' --build-id=0x00…) would match unrelated files */
	return m->build_id_sz && e->build_id_sz == m->build_id_sz &&
	       !memcmp(e->build_id, m->build_id, m->build_id_sz) && memcmp(m->build_id, zero, m->build_id_sz);
}

static void refuse(struct search *s, const char *path)
{
	/* the first refusal is the one to tell: candidates come in the order of the user's interest */
	if (!s->found->reason[0])
		snprintf(s->found->reason, sizeof(s->found->reason), "build-id differs: '%s'", path);
}

/* Take the file for what it can give and nobody gave before. */
static void consider(struct search *s, const char *path)
{
	struct sym_debugfile *f = s->found;
	struct sym_elf e;

	if (sym_elf_open(path, &e, NULL))
		return;
	if (!is_same_build(s->m, &e)) {
		refuse(s, path);
		sym_elf_close(&e);
	} else if (e.has_code && !f->has_image) {
		f->image = e;
		f->has_image = true;
	} else if (!f->has_debug && (e.has_debug_info || (e.has_symtab && !e.has_code))) {
		f->debug = e;
		f->has_debug = true;
	} else {
		sym_elf_close(&e);
	}
}

static bool is_complete(const struct search *s)
{
	const struct sym_debugfile *f = s->found;

	return f->has_image && (f->image.has_debug_info || (f->has_debug && f->debug.has_debug_info));
}

static void __attribute__((format(printf, 2, 3))) try_path(struct search *s, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	va_list ap;
	int n;

	if (is_complete(s) || s->no_memory)
		return;
	va_start(ap, fmt);
	n = vasprintf(&path, fmt, ap);
	va_end(ap);
	if (n < 0) {
		path = NULL;
		s->no_memory = true;
		return;
	}
	consider(s, path);
}

static void try_build_id(struct search *s, const char *root)
{
	const struct module *m = s->m;
	char hex[2 * BUILD_ID_MAX + 1] = "";

	for (unsigned i = 0; i < m->build_id_sz && i < BUILD_ID_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", m->build_id[i]);
	if (m->build_id_sz < 2)
		return;
	try_path(s, "%s/.build-id/%.2s/%s.debug", root, hex, hex + 2);
}

static void try_debug_dir(struct search *s, const char *dir)
{
	const char *path = s->m->path ?: "";
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	try_build_id(s, dir);
	if (!*base)
		return;
	try_path(s, "%s%s%s.debug", dir, *path == '/' ? "" : "/", path);
	try_path(s, "%s%s%s", dir, *path == '/' ? "" : "/", path);
	try_path(s, "%s/%s.debug", dir, base);
	try_path(s, "%s/%s", dir, base);
}

/* .gnu_debuglink of the image is looked at by its build-id twin first; the link's own places come last. */
static void try_links(struct search *s, const char *root)
{
	const char *path = s->m->path ?: "";

	if (*path == '/')
		try_path(s, "%s%s%s.debug", root, SYSTEM_DEBUG_DIR, path);
}

int sym_debugfile_find(const struct symbolizer_options *o, const struct module *m, struct sym_debugfile *ret)
{
	struct search s = { .m = m, .found = ret };
	const char *root = o->symfs ?: "";
	size_t len = strlen(m->path ?: "");
	const char *deleted = " (deleted)";
	_cleanup_free_ char *system = NULL;

	memset(ret, 0, sizeof(*ret));
	if (!m->build_id_sz) {
		snprintf(ret->reason, sizeof(ret->reason), "no build-id was recorded");
		return 0;
	}
	for (size_t i = 0; o->debug_dirs && o->debug_dirs[i]; i++)
		try_debug_dir(&s, o->debug_dirs[i]);
	if (len > strlen(deleted) && !strcmp(m->path + len - strlen(deleted), deleted))
		len -= strlen(deleted);
	if (len && m->path[0] == '/')
		try_path(&s, "%s%.*s", root, (int)len, m->path);
	if (asprintf(&system, "%s%s", root, SYSTEM_DEBUG_DIR) < 0)
		return -ENOMEM;
	try_build_id(&s, system);
	try_links(&s, root);
	if (ret->has_image || ret->has_debug)
		ret->reason[0] = '\0';
	else if (!ret->reason[0])
		snprintf(ret->reason, sizeof(ret->reason), "no file");
	return s.no_memory ? -ENOMEM : 0;
}

void sym_debugfile_close(struct sym_debugfile *f)
{
	if (f->has_image)
		sym_elf_close(&f->image);
	if (f->has_debug)
		sym_elf_close(&f->debug);
	f->has_image = f->has_debug = false;
}
