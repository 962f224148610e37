// SPDX-License-Identifier: BSD-2-Clause
#include "report/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "formats/idmap.h"
#include "report/cmd.h"
#include "report/import.h"
#include "report/interrupt.h"
#include "report/names_stamp.h"
#include "report/progress.h"
#include "report/questions.h"

/* ---- the cache's key ---------------------------------------------------- */

/* Everything that decides what the database holds. NULL: there is no telling (stdin), or out of
 * memory. */
static char *cache_key(const struct report_options *o)
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

/* NAME.db for NAME.varve */
static char *path_beside(const char *input)
{
	size_t len = strlen(input);
	char *path;

	if (len > 6 && !strcmp(input + len - 6, ".varve"))
		len -= 6;
	return asprintf(&path, "%.*s.db", (int)len, input) < 0 ? NULL : path;
}

/* $XDG_CACHE_HOME/varve/name; NULL: there is no home to keep a cache in, or no memory. */
static char *cache_path(const char *name)
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

static char *path_in_cache_dir(const char *input)
{
	_cleanup_free_ char *real = realpath(input, NULL);
	char name[24];

	if (!real)
		return NULL;
	snprintf(name, sizeof(name), "%08x%08x.db", hash_bytes(real, strlen(real)),
		 hash_mix(hash_bytes(real, strlen(real)), 7));
	return cache_path(name);
}

/* Open the database at path if it was made from this input with these options, and would not get
 * better names now. */
static struct db *open_current(const struct report_options *o, const char *path, const char *key)
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

/* A file at path is not ours to replace, unless we made it for ourselves. */
static bool may_replace(const char *path)
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

/* ---- importing ---------------------------------------------------------- */

static int add_meta(const struct report_options *o, struct db *db, const char *key, bool is_cache,
		    struct err *err)
{
	struct db_insert *in;
	uint64_t stamp;
	int rc = names_stamp(db, &o->symbols, &stamp, err);

	rc = rc ?: db_insert_open(db, "meta", &in, err);
	if (rc)
		return rc;
	if (key) {
		db_insert_text(in, "cache_key");
		db_insert_text(in, key);
		rc = db_insert_row(in, err);
	}
	if (is_cache && !rc) {
		db_insert_text(in, "is_cache");
		db_insert_int(in, 1);
		rc = db_insert_row(in, err);
	}
	if (!rc) {
		db_insert_text(in, "names_stamp");
		db_insert_int(in, (int64_t)stamp);
		rc = db_insert_row(in, err);
	}
	return db_insert_close(in, NULL, rc ? NULL : err) ?: rc;
}

static void say_damage(const struct report_options *o, const struct import_damage *d)
{
	if (d->known_chunks)
		cmd_note(o, "%llu chunks came twice and were taken once, continuing",
			 (unsigned long long)d->known_chunks);
	if (d->missing_segments)
		cmd_note(o, "%llu segments between those given are not here: info tells from when to when, continuing",
			 (unsigned long long)d->missing_segments);
	if (d->stretches)
		cmd_note(
			o,
			"recovered %llu of %llu chunks: %llu damaged stretches, %llu bytes; verify lists them, continuing",
			(unsigned long long)d->chunks,
			(unsigned long long)(d->chunks + d->missing_chunks),
			(unsigned long long)d->stretches, (unsigned long long)d->bytes);
	else if (!d->has_end)
		cmd_note(o,
			 "the recording did not end on purpose; all of it is readable, continuing");
}

static int import_all(const struct report_options *o, struct db *db, struct progress *progress,
		      bool *ret_damaged, struct err *err)
{
	_cleanup_free_ char *cache_dir = cache_path("symbols");
	struct import_options io = { .symbols = o->symbols, .db = db };
	struct import_damage damage;
	struct import *im;
	int rc;

	io.symbols.cache_dir = cache_dir;
	io.symbols.progress = progress;
	rc = import_create(&io, &im, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < o->input_cnt && !rc; i++) {
		progress_begin(progress, "reading", o->inputs[i]);
		rc = import_read(im, o->inputs[i], err);
	}
	progress_begin(progress, "finding the names for", o->inputs[0]);
	rc = rc ?: import_finish(im, err);
	progress_end(progress);
	import_damage(im, &damage);
	import_destroy(im);
	if (rc)
		return rc;
	say_damage(o, &damage);
	*ret_damaged = damage.stretches;
	return 0;
}

static int import_to(const struct report_options *o, const char *path, const char *key,
		     bool is_cache, struct db **ret, bool *ret_damaged, struct err *err)
{
	struct progress progress;
	struct db *db = NULL;
	sigset_t old;
	int rc;

	progress_init(&progress, o->quiet, o->verbose);
	interrupt_hold(&old);
	rc = db_create(path, &db, err);
	rc = rc ?: import_all(o, db, &progress, ret_damaged, err);
	rc = rc ?: add_meta(o, db, key, is_cache, err);
	rc = rc ?: questions_write(db, err);
	progress_begin(&progress, "sorting the indexes", NULL);
	rc = rc ?: db_finish(db, err);
	progress_end(&progress);
	if (rc)
		db_close(db); /* removes what was written */
	else
		*ret = db;
	interrupt_release(&old);
	return rc;
}

int source_import(const struct report_options *o, const char *path, struct db **ret,
		  bool *ret_damaged, struct err *err)
{
	_cleanup_free_ char *key = cache_key(o);

	return import_to(o, path, key, false, ret, ret_damaged, err);
}

/* $XDG_CACHE_HOME and varve's directory in it. What fails here fails again, with its message, when
 * the file is made. */
static void make_parents(const char *path)
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

/* Beside the recording, in the cache directory, or nowhere: the first that can be written. */
static int import_cached(const struct report_options *o, const char *key, struct db **ret,
			 bool *ret_damaged, struct err *err)
{
	_cleanup_free_ char *beside = o->input_cnt == 1 ? path_beside(o->inputs[0]) : NULL;
	_cleanup_free_ char *cached = o->input_cnt == 1 ? path_in_cache_dir(o->inputs[0]) : NULL;
	const char *const places[] = { beside, cached, NULL };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (places[i] && (!key || !may_replace(places[i])))
			continue;
		if (places[i] == cached && cached)
			make_parents(cached);
		rc = import_to(o, places[i], key, true, ret, ret_damaged, err);
		if (!places[i] || (rc != -EACCES && rc != -EROFS && rc != -EPERM && rc != -ENOENT))
			return rc;
	}
	return rc;
}

static struct db *find_cached(const struct report_options *o, const char *key)
{
	_cleanup_free_ char *beside = NULL, *cached = NULL;
	struct db *db;

	if (o->input_cnt != 1 || !key)
		return NULL;
	beside = path_beside(o->inputs[0]);
	db = open_current(o, beside, key);
	if (db)
		return db;
	cached = path_in_cache_dir(o->inputs[0]);
	return open_current(o, cached, key);
}

static bool was_damaged(struct db *db)
{
	return db_query_int(
		       db,
		       "SELECT count(*) FROM loss WHERE stream='recording' AND reason LIKE 'damage:%'",
		       0) > 0;
}

/* 1: *ret is open; 0: recordings are to be imported. */
static int open_existing(const struct report_options *o, const char *key, struct db **ret,
			 bool *ret_damaged, struct err *err)
{
	int rc;

	if (o->input_cnt == 1 && db_is_database(o->inputs[0])) {
		rc = db_open(o->inputs[0], ret, err);
		if (rc)
			return rc;
	} else {
		for (size_t i = 0; i < o->input_cnt; i++)
			if (db_is_database(o->inputs[i]))
				return err_set(err, -EINVAL,
					       "'%s': a database has to be the only input",
					       o->inputs[i]);
		*ret = find_cached(o, key);
	}
	if (!*ret)
		return 0;
	*ret_damaged = was_damaged(*ret);
	if (*ret_damaged)
		cmd_note(
			o,
			"the recording was damaged when it was imported: info tells what is missing, continuing");
	return 1;
}

int source_open(const struct report_options *o, struct db **ret, bool *ret_damaged, struct err *err)
{
	_cleanup_free_ char *key = cache_key(o);
	struct db *db = NULL;
	int rc = open_existing(o, key, &db, ret_damaged, err);

	if (rc == 0)
		rc = import_cached(o, key, &db, ret_damaged, err);
	if (rc >= 0)
		*ret = db;
	return rc < 0 ? rc : 0;
}

int source_profile(const struct report_options *o, struct profile *p, bool *ret_damaged,
		   struct err *err)
{
	_cleanup_free_ char *key = cache_key(o);
	_cleanup_db_ struct db *db = NULL;
	struct import_damage damage;
	int rc = open_existing(o, key, &db, ret_damaged, err);

	if (rc == 0 && filter_is_streamable(&o->filter)) {
		_cleanup_free_ char *cache_dir = cache_path("symbols");
		struct symbolizer_options symbols = o->symbols;
		struct progress progress;

		progress_init(&progress, o->quiet, o->verbose);
		symbols.cache_dir = cache_dir;
		symbols.progress = &progress;
		rc = profile_import(p, o->inputs, o->input_cnt, &symbols, &o->filter, &damage, err);
		progress_end(&progress);
		if (rc)
			return rc;
		say_damage(o, &damage);
		*ret_damaged = damage.stretches;
		return 0;
	}
	if (rc == 0)
		rc = import_cached(o, key, &db, ret_damaged, err);
	return rc < 0 ? rc : profile_read(p, db, &o->filter, err);
}

/* ---- filters in SQL ----------------------------------------------------- */

/* --pid, --comm, … as a JSON array of utids: one judge for all commands (filter.c), whatever the
 * question. */
static char *picked_threads(const struct filter *f, const struct tasks *t)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	const char *sep = "[";

	if (!out)
		return NULL;
	for (uint32_t utid = 1; utid <= t->threads.cnt; utid++) {
		if (!filter_takes_thread(f, t, utid))
			continue;
		fprintf(out, "%s%u", sep, utid);
		sep = ",";
	}
	fputs(*sep == '[' ? "[]" : "]", out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* --time leaves out less than half of the time there is. */
static bool is_most(const struct filter *f, struct db *db, int64_t from, int64_t to)
{
	int64_t start = db_query_int(db, "SELECT min(start_ts) FROM recording", 0);
	int64_t end = db_query_int(db, "SELECT max(start_ts+duration_ns) FROM recording", 0);
	uint64_t inside;

	if (from < start)
		from = start;
	if (to > end)
		to = end;
	if ((!f->has_from && !f->has_to) || from >= to)
		return false;
	inside = (uint64_t)to - (uint64_t)from;
	return inside > (uint64_t)end - (uint64_t)start - inside;
}

int source_bind_filters(const struct filter *f, struct db *db, struct db_stmt *st, struct err *err)
{
	_cleanup_free_ char *threads = NULL;
	struct tasks tasks = { 0 };
	int64_t from, to;
	int rc = 0;

	filter_time(f, db_query_int(db, "SELECT max(start_ts+duration_ns) FROM recording", 0),
		    &from, &to);
	db_bind_int(st, ":from", from);
	db_bind_int(st, ":to", to);
	db_bind_int(st, ":whole", !f->has_from && !f->has_to);
	db_bind_int(st, ":most", is_most(f, db, from, to));
	if (filter_picks_threads(f)) {
		rc = tasks_read(&tasks, db, err);
		threads = rc ? NULL : picked_threads(f, &tasks);
		if (!rc && !threads)
			rc = err_set(err, -ENOMEM, "out of memory");
		if (!rc)
			db_bind_text(st, ":threads", threads);
		tasks_deinit(&tasks);
	}
	return rc;
}
