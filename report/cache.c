// SPDX-License-Identifier: BSD-2-Clause
#include "report/cache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/cleanup.h"
#include "formats/idmap.h"
#include "report/names_stamp.h"

char *cache_key(const struct report_options *o)
{
	const struct symbolizer_options *s = &o->symbols;
	char *key = NULL;
	size_t len;
	FILE *f = open_memstream(&key, &len);
	struct stat st;
	bool ok = f;

	for (size_t i = 0; ok && i < o->input_cnt; i++) {
		ok = strcmp(o->inputs[i], "-") && stat(o->inputs[i], &st) == 0 &&
		     S_ISREG(st.st_mode);
		if (ok)
			fprintf(f, "%llu:%llu:%lld.%09ld ", (unsigned long long)st.st_ino,
				(unsigned long long)st.st_size, (long long)st.st_mtim.tv_sec,
				st.st_mtim.tv_nsec);
	}
	if (f) {
		fprintf(f,
			"schema=%d varve=%s demangle=%d inline=%d symfs=%s kallsyms=%s debuginfod=%d",
			DB_SCHEMA_VERSION, VARVE_VERSION, s->demangle, !s->no_inline,
			s->symfs ?: "", s->kallsyms ?: "", s->debuginfod);
		if (s->symfs && stat(s->symfs, &st) == 0 && S_ISREG(st.st_mode))
			fprintf(f, " bundle=%llu:%lld.%09ld", (unsigned long long)st.st_size,
				(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		for (size_t i = 0; s->debug_dirs && s->debug_dirs[i]; i++)
			fprintf(f, " debug-dir=%s", s->debug_dirs[i]);
		ok &= fclose(f) == 0;
	}
	if (!ok) {
		free(key);
		return NULL;
	}
	return key;
}

char *cache_path_beside(const char *input)
{
	size_t len = strlen(input);
	char *path;

	if (len > 6 && !strcmp(input + len - 6, ".varve"))
		len -= 6;
	return asprintf(&path, "%.*s.db", (int)len, input) < 0 ? NULL : path;
}

char *cache_path(const char *name)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *path;
	int n;

	if (xdg && *xdg == '/')
		n = asprintf(&path, "%s/varve/%s", xdg, name);
	else if (home && *home == '/')
		n = asprintf(&path, "%s/.cache/varve/%s", home, name);
	else
		return NULL;
	return n < 0 ? NULL : path;
}

char *cache_path_elsewhere(const char *input)
{
	_cleanup_free_ char *real = realpath(input, NULL);
	char name[24];

	if (!real)
		return NULL;
	snprintf(name, sizeof(name), "%08x%08x.db", hash_bytes(real, strlen(real)),
		 hash_mix(hash_bytes(real, strlen(real)), 7));
	return cache_path(name);
}

struct db *cache_open(const struct report_options *o, const char *path, const char *key)
{
	uint64_t stamp;
	_cleanup_db_ struct db *db = NULL;
	_cleanup_free_ char *has = NULL;

	if (!path || !key || !db_is_database(path) || db_open(path, &db, NULL))
		return NULL;
	has = db_meta(db, "cache_key");
	if (!has || strcmp(has, key) || names_stamp(db, &o->symbols, &stamp, NULL))
		return NULL;
	if (db_query_int(db, "SELECT value FROM meta WHERE key='names_stamp'", -1) != (int64_t)stamp)
		return NULL;
	return take_ptr(db);
}

bool cache_may_replace(const char *path)
{
	_cleanup_db_ struct db *db = NULL;
	_cleanup_free_ char *is_cache = NULL;
	struct stat st;
	int rc;

	if (lstat(path, &st) < 0)
		return errno == ENOENT;
	if (!S_ISREG(st.st_mode) || !db_is_database(path))
		return false;
	rc = db_open(path, &db, NULL);
	if (rc)
		return false;
	is_cache = db_meta(db, "is_cache");
	return is_cache;
}

void cache_make_parents(const char *path)
{
	_cleanup_free_ char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (!slash)
		return;
	*slash = '\0';
	slash = strrchr(dir, '/');
	if (slash && slash != dir) {
		*slash = '\0';
		(void)mkdir(dir, 0700);
		*slash = '/';
	}
	(void)mkdir(dir, 0700);
}
