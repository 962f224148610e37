// SPDX-License-Identifier: BSD-2-Clause
#include "report/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "report/naming.h"
#include "report/source.h"
#include "report/print.h"

/* Only a database of ours is replaced: never a recording or something else because of a mistyped
 * -o. */
static int check_target(const char *path, struct err *err)
{
	_cleanup_db_ struct db *db = NULL;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_errno(err, "'%s'", path);
	if (S_ISREG(st.st_mode) && st.st_size == 0)
		return 0;
	if (!S_ISREG(st.st_mode) || !db_is_database(path) || db_open(path, &db, NULL) == -EBADMSG) {
		err_set(err, -EEXIST, "'%s' exists and is not a varve database", path);
		err_hint(err, "give another name with -o");
		return -EEXIST;
	}
	return 0;
}

static char *default_name(const struct report_options *o)
{
	size_t len = strlen(o->inputs[0]);
	char *name;

	if (!strcmp(o->inputs[0], "-"))
		return strdup("recording.db");
	if (len > 6 && !strcmp(o->inputs[0] + len - 6, ".varve"))
		len -= 6;
	return asprintf(&name, "%.*s.db", (int)len, o->inputs[0]) < 0 ? NULL : name;
}

static int copy_to_stdout(const char *path, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[65536];
	ssize_t n;

	if (fd < 0)
		return err_errno(err, "open '%s'", path);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (fwrite(buf, 1, (size_t)n, stdout) != (size_t)n)
			break;
	return n < 0 ? err_errno(err, "read '%s'", path) : print_close(stdout, NULL, err);
}

/* --min-named. 1: below it. */
static int judge_names(const struct report_options *o, struct db *db, struct err *err)
{
	struct naming g = { 0 };
	int rc = o->min_named > 0 ? naming_read(&g, db, NULL, err) : 0;

	if (!rc && o->min_named > 0)
		rc = naming_is_below(&g, o);
	naming_deinit(&g);
	return rc;
}

/* SQLite needs a file to write to; it is made in a private directory and copied. */
static int to_stdout(const struct report_options *o, bool *ret_damaged, struct err *err)
{
	_cleanup_free_ char *dir = NULL, *path = NULL;
	_cleanup_db_ struct db *db = NULL;
	int rc;

	if (isatty(STDOUT_FILENO)) {
		err_set(err, -EINVAL, "a database is not written to a terminal");
		err_hint(err, "give -o FILE.db");
		return -EINVAL;
	}
	if (asprintf(&dir, "%s/varve-report-XXXXXX", getenv("TMPDIR") ?: "/tmp") < 0 ||
	    !mkdtemp(dir))
		return err_errno(err, "temporary directory");
	if (asprintf(&path, "%s/out.db", dir) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	rc = source_import(o, path, &db, ret_damaged, err);
	rc = rc ?: copy_to_stdout(path, err);
	rc = rc ?: judge_names(o, db, err);
	unlink(path);
	rmdir(dir);
	return rc;
}

static int to_file(const struct report_options *o, const char *path, bool *ret_damaged,
		   struct err *err)
{
	_cleanup_db_ struct db *db = NULL;
	int rc = check_target(path, err);

	rc = rc ?: source_import(o, path, &db, ret_damaged, err);
	if (rc)
		return rc;
	cmd_note(o, "%lld samples, %lld waits, %lld threads → %s",
		 (long long)db_query_int(db, "SELECT count(*) FROM sample", 0),
		 (long long)db_query_int(db, "SELECT count(*) FROM offcpu", 0),
		 (long long)db_query_int(db, "SELECT count(*) FROM thread", 0), path);
	return judge_names(o, db, err);
}

int cmd_db(const struct report_options *o, struct err *err)
{
	_cleanup_free_ char *name = NULL;
	bool damaged = false;
	int rc;

	for (size_t i = 0; i < o->input_cnt; i++)
		if (db_is_database(o->inputs[i]))
			return err_set(err, -EINVAL, "'%s' is a database already", o->inputs[i]);
	if (o->output && !strcmp(o->output, "-")) {
		rc = to_stdout(o, &damaged, err);
	} else {
		name = o->output ? strdup(o->output) : default_name(o);
		rc = name ? to_file(o, name, &damaged, err) :
			    err_set(err, -ENOMEM, "out of memory");
	}
	if (rc < 0)
		return rc;
	return damaged ? EXIT_DAMAGED : rc ? EXIT_UNNAMED : EXIT_OK;
}
