// SPDX-License-Identifier: BSD-2-Clause
#include "report/names_stamp.h"

#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "fixture.h"

#define RICH "UPDATE image SET symbols = 'dwarf';"
#define BARE RICH "UPDATE image SET path = '/bin/bare', build_id = 'abcdef01', symbols = 'symtab' WHERE id = 1;"

static char dir[64];

static void make(const char *name, const char *text)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[200], cmd[300];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(cmd, sizeof(cmd), "mkdir -p $(dirname %s)", path);
	CHECK_EQ(system(cmd), 0);
	f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0);
}

static void begin(struct fixture *x, const char *images)
{
	strcpy(dir, "/tmp/varve-stamp-XXXXXX");
	CHECK(mkdtemp(dir));
	fixture_init(x, images);
}

static void end(struct fixture *x)
{
	char cmd[128];

	fixture_deinit(x);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	CHECK_EQ(system(cmd), 0);
}

static uint64_t stamp(struct fixture *x, const struct symbolizer_options *o)
{
	struct err err = { 0 };
	uint64_t v = 0;

	CHECK_EQ(names_stamp(x->db, o, &v, &err), 0);
	CHECK((int64_t)v >= 0); /* goes into SQL */
	return v;
}

TEST(names_stamp_changes_when_a_debug_file_comes_changes_or_goes)
{
	const char *const dirs[] = { dir, NULL };
	const struct symbolizer_options o = { .debug_dirs = dirs };
	struct fixture x;
	uint64_t before, with, other;
	char path[200];

	begin(&x, BARE);
	before = stamp(&x, &o);
	CHECK(stamp(&x, &o) == before);
	make(".build-id/ab/other.debug", "x");
	CHECK(stamp(&x, &o) == before);
	make(".build-id/ab/cdef01.debug", "x");
	with = stamp(&x, &o);
	CHECK(with != before);
	make(".build-id/ab/cdef01.debug", "longer");
	other = stamp(&x, &o);
	CHECK(other != with && other != before);
	snprintf(path, sizeof(path), "%s/.build-id/ab/cdef01.debug", dir);
	CHECK_EQ(unlink(path), 0);
	CHECK(stamp(&x, &o) == before);
	end(&x);
}

TEST(names_stamp_looks_where_symfs_says)
{
	const struct symbolizer_options o = { .symfs = dir };
	struct fixture x;
	uint64_t v[4];

	begin(&x, BARE);
	v[0] = stamp(&x, &o);
	make("bin/bare", "x");
	v[1] = stamp(&x, &o);
	make("usr/lib/debug/.build-id/ab/cdef01.debug", "x");
	v[2] = stamp(&x, &o);
	make("perf-maps/1-2.map", "x");
	v[3] = stamp(&x, &o);
	for (int i = 0; i < 3; i++)
		CHECK(v[i] != v[i + 1]);
	end(&x);
}

TEST(names_stamp_of_images_with_debug_information_stays)
{
	const char *const dirs[] = { dir, NULL };
	const struct symbolizer_options o = { .debug_dirs = dirs };
	struct fixture x;
	uint64_t before;

	begin(&x, RICH);
	before = stamp(&x, &o);
	make(".build-id/ab/cdef01.debug", "x");
	CHECK(stamp(&x, &o) == before);
	end(&x);
}

TEST(names_stamp_changes_when_a_missing_half_of_debug_information_comes)
{
	const struct symbolizer_options o = { .debug_dirs = NULL };
	char sql[400];
	struct fixture x;
	uint64_t v[4];

	begin(&x, RICH);
	fixture_deinit(&x); /* once more, with the directory's name */
	snprintf(sql, sizeof(sql), RICH "INSERT INTO meta VALUES('sought', '%s/a.dwo\n%s/common.dwz\n');", dir, dir);
	fixture_init(&x, sql);
	v[0] = stamp(&x, &o);
	CHECK(stamp(&x, &o) == v[0]);
	make("another.dwo", "x");
	CHECK(stamp(&x, &o) == v[0]);
	make("common.dwz", "x");
	v[1] = stamp(&x, &o);
	make("a.dwo", "x");
	v[2] = stamp(&x, &o);
	make("a.dwo", "of another build");
	v[3] = stamp(&x, &o);
	for (int i = 0; i < 3; i++)
		CHECK(v[i] != v[i + 1]);
	end(&x);
}

TEST(names_stamp_never_holds_with_servers_to_ask)
{
	const struct symbolizer_options no = { .debug_dirs = NULL }, ask = { .debuginfod = true };
	struct fixture x;

	begin(&x, BARE);
	CHECK(stamp(&x, &no) != stamp(&x, &ask));
	end(&x);
}

TEST_MAIN()
