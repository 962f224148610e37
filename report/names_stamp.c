// SPDX-License-Identifier: BSD-2-Clause
#include "report/names_stamp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "formats/cleanup.h"

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x9e3779b97f4a7c15ULL ^ h >> 29;
}

static uint64_t __attribute__((format(printf, 2, 3))) add_file(uint64_t h, const char *fmt, ...)
{
	_cleanup_free_ char *full = NULL;
	struct stat st = {0};
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&full, fmt, ap);
	va_end(ap);
	if (n < 0) {
		full = NULL;
		return h;
	}
	if (stat(full, &st))
		return mix(h, 1);
	h = mix(h, (uint64_t)st.st_size);
	return mix(mix(h, (uint64_t)st.st_mtim.tv_sec), (uint64_t)st.st_mtim.tv_nsec);
}

static uint64_t add_by_id(uint64_t h, const char *root, const char *id)
{
	return id && strlen(id) > 2 ? add_file(h, "%s/.build-id/%.2s/%s.debug", root, id, id + 2) : h;
}

/* sym_debugfile.h's candidates; for .gnu_debuglink, which only the image knows, the names that are usual. */
static uint64_t add_image(uint64_t h, const struct symbolizer_options *o, const char *path,
			  const char *id)
{
	const char *root = o->symfs ?: "", *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	int dir = slash ? (int)(slash - path) : 0;
	_cleanup_free_ char *system = NULL;

	for (size_t i = 0; o->debug_dirs && o->debug_dirs[i]; i++) {
		h = add_by_id(h, o->debug_dirs[i], id);
		for (int suffix = 0; suffix < 2; suffix++) {
			h = add_file(h, "%s%s%s", o->debug_dirs[i], path, suffix ? ".debug" : "");
			h = add_file(h, "%s/%s%s", o->debug_dirs[i], base, suffix ? ".debug" : "");
		}
	}
	if (asprintf(&system, "%s/usr/lib/debug", root) < 0) {
		system = NULL;
		return h;
	}
	h = add_by_id(h, system, id);
	h = add_file(h, "%s%s", root, path);
	h = add_file(h, "%s%s.debug", root, path);
	h = add_file(h, "%s%.*s/.debug/%s.debug", root, dir, path, base);
	return add_file(h, "%s%s.debug", system, path);
}

/* Where parts of images' debug information were looked for that were not found; .dwp packages that did not have them, too. */
static uint64_t add_sought(uint64_t h, struct db *db)
{
	_cleanup_free_ char *sought = db_meta(db, "sought");
	char *rest = sought, *path;

	while ((path = strsep(&rest, "\n")))
		if (*path)
			h = add_file(h, "%s", path);
	return h;
}

int names_stamp(struct db *db, const struct symbolizer_options *o, uint64_t *ret, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	uint64_t h = 1;
	int rc = db_query(
		db,
		"SELECT path, build_id FROM image WHERE kind='elf' AND coalesce(symbols,'none') NOT IN('dwarf','gopclntab') ORDER BY id",
		&st, err);

	while (!rc && (rc = db_step(st, err)) == 1) {
		h = add_image(h, o, db_column_text(st, 0, NULL) ?: "",
			      db_column_text(st, 1, NULL));
		rc = 0;
	}
	h = add_sought(h, db);
	if (o->debuginfod && h != 1) /* a server may have it by now */
		h = mix(mix(h, (uint64_t)time(NULL)), (uint64_t)getpid());
	if (o->symfs)
		h = add_file(h, "%s/perf-maps", o->symfs); /* a directory, if there: see sym_jitmap.h */
	if (!rc)
		*ret = h >> 1; /* a non-negative number in SQL */
	return rc;
}
