// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_debugfile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "formats/bundle.h"
#include "formats/cleanup.h"
#include "formats/content_id.h"

#define SYSTEM_DEBUG_DIR "/usr/lib/debug"

struct search {
	const struct module *m;
	struct sym_debugfile *found;
	uint32_t link_crc; /* from .gnu_debuglink */
	bool no_memory;
};

/* How a candidate proves that it belongs to the module. */
enum proof {
	PROOF_BUILD_ID, /* only by its build-id */
	PROOF_LINK,	/* or, having none, by the CRC in the image's .gnu_debuglink */
};

static bool is_same_build(const struct module *m, const struct sym_elf *e)
{
	static const uint8_t zero[BUILD_ID_MAX];

	/* an all-zero id (linkers' --build-id=0x00…) would match unrelated files */
	return m->build_id_sz && e->build_id_sz == m->build_id_sz &&
	       !memcmp(e->build_id, m->build_id, m->build_id_sz) &&
	       memcmp(m->build_id, zero, m->build_id_sz);
}

static void refuse(struct search *s, const char *path)
{
	/* the first refusal is the one to tell: candidates come in the order of the user's interest
	 */
	if (!s->found->reason[0])
		snprintf(s->found->reason, sizeof(s->found->reason), "%s differs: '%s'",
			 s->m->is_content_id ? "content" : "build-id", path);
}

/* A file without a build-id is known by a hash of its content. */
static bool is_same_content(const struct module *m, const struct sym_elf *e)
{
	uint8_t id[CONTENT_ID_SZ];

	return e->has_code && m->build_id_sz == sizeof(id) && !content_id_read(e->fd, id, NULL) &&
	       !memcmp(id, m->build_id, sizeof(id));
}

static bool is_accepted(struct search *s, struct sym_elf *e, enum proof proof)
{
	if (s->m->is_content_id ? is_same_content(s->m, e) : is_same_build(s->m, e))
		return true;
	return proof == PROOF_LINK && !e->build_id_sz && sym_elf_crc32(e) == s->link_crc;
}

static bool is_better_debug(const struct sym_debugfile *f, const struct sym_elf *e)
{
	if (f->has_debug)
		return e->has_debug_info && !f->debug.has_debug_info;
	return e->has_debug_info || (e->has_symtab && !e->has_code);
}

/* Keep the accepted file for what it can give and nobody gave before; else close it. */
static void take(struct sym_debugfile *f, struct sym_elf *e)
{
	if (e->has_code && !f->has_image) {
		f->image = *e;
		f->has_image = true;
	} else if (is_better_debug(f, e)) {
		if (f->has_debug)
			sym_elf_close(&f->debug);
		f->debug = *e;
		f->has_debug = true;
	} else {
		sym_elf_close(e);
	}
}

static void consider(struct search *s, const char *path, enum proof proof)
{
	struct sym_elf e;

	if (sym_elf_open(path, &e, NULL))
		return;
	if (is_accepted(s, &e, proof)) {
		take(s->found, &e);
	} else {
		refuse(s, path);
		sym_elf_close(&e);
	}
}

static bool is_complete(const struct search *s)
{
	const struct sym_debugfile *f = s->found;

	return f->has_image &&
	       (f->image.has_debug_info || (f->has_debug && f->debug.has_debug_info));
}

static void __attribute__((format(printf, 3, 4)))
try_path(struct search *s, enum proof proof, const char *fmt, ...)
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
	consider(s, path, proof);
}

static void try_build_id(struct search *s, const char *root)
{
	const struct module *m = s->m;
	char hex[2 * BUILD_ID_MAX + 1] = "";

	for (unsigned i = 0; i < m->build_id_sz && i < BUILD_ID_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", m->build_id[i]);
	if (m->build_id_sz < 2 || m->is_content_id)
		return;
	try_path(s, PROOF_BUILD_ID, "%s/.build-id/%.2s/%s.debug", root, hex, hex + 2);
}

static void try_debug_dir(struct search *s, const char *dir)
{
	const char *path = s->m->path ?: "";
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	try_build_id(s, dir);
	if (!*base)
		return;
	try_path(s, PROOF_BUILD_ID, "%s%s%s.debug", dir, *path == '/' ? "" : "/", path);
	try_path(s, PROOF_BUILD_ID, "%s%s%s", dir, *path == '/' ? "" : "/", path);
	try_path(s, PROOF_BUILD_ID, "%s/%s.debug", dir, base);
	try_path(s, PROOF_BUILD_ID, "%s/%s", dir, base);
}

/* The places .gnu_debuglink of the image means: beside it, in .debug/, and below the debug
 * directories. */
static void try_links(struct search *s, const struct symbolizer_options *o, const char *system)
{
	_cleanup_free_ char *link = NULL, *dir = NULL;
	const char *slash = strrchr(s->m->path ?: "", '/');

	if (!s->found->has_image || is_complete(s))
		return;
	link = sym_elf_debuglink(&s->found->image, &s->link_crc);
	if (!link || strchr(link, '/'))
		return;
	dir = strndup(s->m->path ?: "", slash ? (size_t)(slash - s->m->path) : 0);
	if (!dir) {
		s->no_memory = true;
		return;
	}
	for (size_t i = 0; o->debug_dirs && o->debug_dirs[i]; i++) {
		try_path(s, PROOF_LINK, "%s%s/%s", o->debug_dirs[i], dir, link);
		try_path(s, PROOF_LINK, "%s/%s", o->debug_dirs[i], link);
	}
	if (*dir == '/') {
		try_path(s, PROOF_LINK, "%s%s/%s", o->symfs ?: "", dir, link);
		try_path(s, PROOF_LINK, "%s%s/.debug/%s", o->symfs ?: "", dir, link);
		try_path(s, PROOF_LINK, "%s%s/%s", system, dir, link);
	}
}

/* By key. What is in the file must not contradict it; a file without a build-id was compared when it was packed. */
static void consider_member(struct search *s, enum bundle_role role)
{
	const struct bundle_key key = bundle_module_key(role, s->m);
	const struct bundle_member *m = bundle_find(s->found->bundle, &key);
	struct sym_elf e;
	int code;

	if (!m || is_complete(s))
		return;
	code = sym_elf_open_member(s->found->bundle, m, &e);
	s->no_memory |= code == -ENOMEM;
	if (code)
		return;
	if (!s->m->is_content_id && e.build_id_sz && !is_same_build(s->m, &e)) {
		refuse(s, m->path);
		sym_elf_close(&e);
	} else {
		take(s->found, &e);
	}
}

static void search_bundle(struct search *s, const char *path)
{
	struct sym_debugfile *f = s->found;
	int code = bundle_open(path, &f->bundle, NULL);

	s->no_memory |= code == -ENOMEM;
	if (code)
		return;
	consider_member(s, BUNDLE_IMAGE);
	consider_member(s, BUNDLE_DEBUG);
	if (!f->has_image && !f->has_debug && !f->reason[0])
		snprintf(f->reason, sizeof(f->reason), "not in the bundle");
}

/* Files that were fetched, now or earlier. */
static void try_fetched(struct search *s, const char *dir)
{
	static const char *const kinds[] = {"debuginfo", "executable"};
	char hex[2 * BUILD_ID_MAX + 1] = "";

	for (unsigned i = 0; i < s->m->build_id_sz && i < BUILD_ID_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", s->m->build_id[i]);
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !s->m->is_content_id; i++)
		try_path(s, PROOF_BUILD_ID, "%s/%s/%s", dir, hex, kinds[i]);
}

int sym_debugfile_find(const struct symbolizer_options *o, const struct module *m,
		       struct sym_debugfile *ret)
{
	struct search s = {.m = m, .found = ret};
	const char *root = o->symfs ?: "";
	size_t len = strlen(m->path ?: "");
	const char *deleted = " (deleted)";
	_cleanup_free_ char *system = NULL;

	memset(ret, 0, sizeof(*ret));
	if (!m->build_id_sz) {
		snprintf(ret->reason, sizeof(ret->reason), "%s", SYM_REASON_GONE);
		return 0;
	}
	for (size_t i = 0; o->debug_dirs && o->debug_dirs[i]; i++)
		try_debug_dir(&s, o->debug_dirs[i]);
	if (o->symfs && bundle_is(o->symfs)) {
		search_bundle(&s, o->symfs);
		goto done;
	}
	if (len > strlen(deleted) && !strcmp(m->path + len - strlen(deleted), deleted))
		len -= strlen(deleted);
	if (len && m->path[0] == '/')
		try_path(&s, PROOF_BUILD_ID, "%s%.*s", root, (int)len, m->path);
	if (asprintf(&system, "%s%s", root, SYSTEM_DEBUG_DIR) < 0)
		return -ENOMEM;
	try_build_id(&s, system);
	try_links(&s, o, system);
done:
	if (o->debuginfod_dir)
		try_fetched(&s, o->debuginfod_dir);
	if (ret->has_image && ret->has_debug)
		ret->debug.program = ret->image.path;
	ret->image.root = ret->debug.root = o->symfs;
	ret->image.debug_dirs = ret->debug.debug_dirs = o->debug_dirs;
	ret->image.fetched_dir = ret->debug.fetched_dir = o->debuginfod_dir;
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
	bundle_close(f->bundle);
	f->bundle = NULL;
	f->has_image = f->has_debug = false;
}
