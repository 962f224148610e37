// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_fetch.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "tests/test.h"

static const struct module elf = { .kind = MODULE_ELF, .path = "/x", .build_id = { 0xab, 0xcd, 0xef }, .build_id_sz = 3 };

TEST(sym_fetch_needs_servers)
{
	struct err err = { 0 };
	struct sym_fetch f;

	unsetenv("DEBUGINFOD_URLS");
	CHECK_EQ(sym_fetch_open(&f, &err), -EINVAL);
	CHECK_HAS(err.text, "DEBUGINFOD_URLS names no server");
	sym_fetch_close(&f);
	setenv("DEBUGINFOD_URLS", "", 1);
	CHECK_EQ(sym_fetch_open(&f, NULL), -EINVAL);
	sym_fetch_close(&f);
}

TEST(sym_fetch_cache_is_where_the_library_has_it)
{
	static const struct {
		const char *own, *xdg, *home, *dir;
	} cases[] = {
		{ "/own", "/xdg", "/home/u", "/own" },
		{ "", "/xdg", "/home/u", "/xdg/debuginfod_client" },
		{ NULL, "", "/home/u", "/home/u/.cache/debuginfod_client" },
		{ NULL, NULL, NULL, NULL },
	};
	struct err err = { 0 };
	struct sym_fetch f;

	setenv("DEBUGINFOD_URLS", "http://127.0.0.1:1", 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int code;

		cases[i].own ? setenv("DEBUGINFOD_CACHE_PATH", cases[i].own, 1) : unsetenv("DEBUGINFOD_CACHE_PATH");
		cases[i].xdg ? setenv("XDG_CACHE_HOME", cases[i].xdg, 1) : unsetenv("XDG_CACHE_HOME");
		cases[i].home ? setenv("HOME", cases[i].home, 1) : unsetenv("HOME");
		code = sym_fetch_open(&f, &err);
		if (code == -ENOTSUP) {
			sym_fetch_close(&f);
			SKIP("no libdebuginfod");
		}
		CHECK_EQ(code, cases[i].dir ? 0 : -EINVAL);
		if (cases[i].dir)
			CHECK_STR(f.dir, cases[i].dir);
		else
			CHECK_HAS(err.text, "no place for what is fetched");
		sym_fetch_close(&f);
		CHECK(!f.dir && !f.library);
	}
}

TEST(sym_fetch_asks_only_for_what_has_a_build_id_of_its_own)
{
	struct module m = elf;

	CHECK(sym_fetch_knows(&m));
	m.is_content_id = 1;
	CHECK(!sym_fetch_knows(&m));
	m = elf;
	m.kind = MODULE_VDSO;
	CHECK(!sym_fetch_knows(&m));
	m = elf;
	m.build_id_sz = 1;
	CHECK(!sym_fetch_knows(&m));
	m = elf;
	memset(m.build_id, 0, sizeof(m.build_id)); /* matches nothing, or everything */
	CHECK(!sym_fetch_knows(&m));
}

TEST(sym_fetch_with_a_library_without_the_calls_fetches_nothing_and_returns)
{
	struct sym_fetch f = { .library = dlopen("libm.so.6", RTLD_NOW), .dir = strdup("/nonexistent") };
	struct sym_fetch_want wants[2] = { { .m = &elf }, { .m = &elf, .has_image = true } };

	CHECK(f.library && f.dir);
	sym_fetch_run(&f, wants, 2);
	CHECK_EQ(wants[0].result, -EIO);
	CHECK_EQ(wants[1].result, -EIO);
	CHECK_STR(sym_fetch_says(wants[0].result), "download failed");
	sym_fetch_run(&f, wants, 0);
	sym_fetch_close(&f);
}

static void put_file(const char *dir, const char *name)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[160];

	snprintf(path, sizeof(path), "%s/abcdef/%s", dir, name);
	f = fopen(path, "w");
	CHECK(f);
}

TEST(sym_fetch_forgets_what_came_and_nothing_else)
{
	char dir[] = "/tmp/varve-fetch-XXXXXX", path[160], cmd[160];
	struct sym_fetch f = { .dir = dir };

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/abcdef", dir);
	CHECK_EQ(mkdir(path, 0700), 0);
	put_file(dir, "debuginfo");
	put_file(dir, "executable");
	put_file(dir, "other");
	sym_fetch_forget(&f, &elf);
	snprintf(path, sizeof(path), "%s/abcdef/debuginfo", dir);
	CHECK(access(path, F_OK));
	snprintf(path, sizeof(path), "%s/abcdef/executable", dir);
	CHECK(access(path, F_OK));
	snprintf(path, sizeof(path), "%s/abcdef/other", dir);
	CHECK(!access(path, F_OK));
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	CHECK_EQ(system(cmd), 0);
}

TEST(sym_fetch_says_each_result_in_words)
{
	CHECK_STR(sym_fetch_says(-ENOENT), "not found");
	CHECK_STR(sym_fetch_says(-ETIME), "took too long");
	CHECK_STR(sym_fetch_says(-ECONNREFUSED), "server not reached");
	CHECK_HAS(sym_fetch_says(-EFBIG), "DEBUGINFOD_MAXSIZE");
	CHECK_STR(sym_fetch_says(-12345), "download failed");
}

TEST_MAIN()
