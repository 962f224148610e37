// SPDX-License-Identifier: BSD-2-Clause
#include "report/names_stamp.h"

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

static uint64_t add_file(uint64_t h, const char *dir, const char *id, const char *path)
{
	_cleanup_free_ char *full = NULL;
	struct stat st = {0};
	int n = id ? asprintf(&full, "%s/.build-id/%.2s/%s.debug", dir, id, id + 2)
		   : asprintf(&full, "%s%s", dir, path);

	if (n < 0) {
		full = NULL;
		return h;
	}
	if (stat(full, &st))
		return mix(h, 1);
	h = mix(h, (uint64_t)st.st_size);
	return mix(mix(h, (uint64_t)st.st_mtim.tv_sec), (uint64_t)st.st_mtim.tv_nsec);
}

static uint64_t add_image(uint64_t h, const struct symbolizer_options *o, const char *path,
			  const char *id)
{
	_cleanup_free_ char *system = NULL;

	if (id && strlen(id) > 2)
		for (size_t i = 0; o->debug_dirs && o->debug_dirs[i]; i++)
			h = add_file(h, o->debug_dirs[i], id, NULL);
	if (asprintf(&system, "%s/usr/lib/debug", o->symfs ?: "") < 0) {
		system = NULL;
		return h;
	}
	if (id && strlen(id) > 2)
		h = add_file(h, system, id, NULL);
	return add_file(h, o->symfs ?: "", NULL, path);
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
	if (o->debuginfod && h != 1) /* a server may have it by now */
		h = mix(mix(h, (uint64_t)time(NULL)), (uint64_t)getpid());
	if (o->symfs)
		h = add_file(h, o->symfs, NULL, "/perf-maps"); /* a directory, if there: see sym_jitmap.h */
	if (!rc)
		*ret = h >> 1; /* a non-negative number in SQL */
	return rc;
}
