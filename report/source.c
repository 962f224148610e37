// SPDX-License-Identifier: BSD-2-Clause
#include "report/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "report/cache.h"
#include "report/cmd.h"
#include "report/import.h"
#include "report/interrupt.h"
#include "report/names_stamp.h"
#include "report/progress.h"
#include "report/questions.h"

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
	if (d->known_input)
		cmd_note(o, "'%s' holds nothing that the inputs before it have not, ignoring it", d->known_input);
	else if (d->known_chunks)
		cmd_note(o, "%llu chunks came twice and were taken once, continuing",
			 (unsigned long long)d->known_chunks);
	if (d->missing_segments)
		cmd_note(o, "%llu segments between those given are not here: info tells from when to when, continuing",
			 (unsigned long long)d->missing_segments);
	if (d->stretches)
		cmd_note(
			o,
			"recovered %llu of %llu chunks: %llu damaged stretch%s, %llu bytes; verify lists %s, continuing",
			(unsigned long long)d->chunks,
			(unsigned long long)(d->chunks + d->missing_chunks),
			(unsigned long long)d->stretches, d->stretches == 1 ? "" : "es",
			(unsigned long long)d->bytes, d->stretches == 1 ? "it" : "them");
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

	progress_init(&progress, !o->quiet && !o->no_progress, !o->quiet && o->verbose);
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

/* A database cannot be here; it may be elsewhere. */
static bool is_of_place(int rc)
{
	return rc == -EACCES || rc == -EROFS || rc == -EPERM || rc == -ENOENT || rc == -ENOSPC || rc == -EDQUOT;
}

/* Beside the recording, in the cache directory, or nowhere: the first that can be written. */
static int import_cached(const struct report_options *o, const char *key, struct db **ret,
			 bool *ret_damaged, struct err *err)
{
	_cleanup_free_ char *beside = o->input_cnt == 1 ? cache_path_beside(o->inputs[0]) : NULL;
	_cleanup_free_ char *cached = o->input_cnt == 1 ? cache_path_elsewhere(o->inputs[0]) : NULL;
	const char *const places[] = { beside, cached, NULL };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (places[i] && (!key || !cache_may_replace(places[i])))
			continue;
		if (places[i] == cached && cached)
			cache_make_parents(cached);
		rc = import_to(o, places[i], key, true, ret, ret_damaged, err);
		if (!places[i] || !is_of_place(rc))
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
	beside = cache_path_beside(o->inputs[0]);
	db = cache_open(o, beside, key);
	if (db)
		return db;
	cached = cache_path_elsewhere(o->inputs[0]);
	return cache_open(o, cached, key);
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

		progress_init(&progress, !o->quiet && !o->no_progress, !o->quiet && o->verbose);
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
