// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/sym_builder.h"
#include "tests/test.h"
#include "tests/unit/report/made_index.h"

static char dir[] = "/tmp/varve-test-cache.XXXXXX";
static char path[256];

static struct sym_index make(const char *key)
{
	struct sym_builder b;
	struct sym_index x;

	CHECK(sym_builder_init(&b));
	b.key = sym_builder_string(&b, key, NULL);
	CHECK(sym_builder_string(&b, "some more bytes", NULL));
	CHECK_EQ(made_index(&b, &x), 0);
	sym_builder_deinit(&b);
	return x;
}

static void setup(void)
{
	if (!path[0])
		CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a/b/0123.symbols", dir);
}

static void cleanup(void)
{
	char cmd[300];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	CHECK_EQ(system(cmd), 0);
	CHECK_EQ(mkdir(dir, 0700), 0);
}

TEST(sym_cache_gives_back_what_was_stored_and_knows_its_key)
{
	struct sym_index x, y;

	setup();
	x = make("the key");
	CHECK_EQ(sym_cache_put(path, x.data, x.h->total_sz, NULL), 0);
	CHECK(sym_cache_has(path, "the key"));
	CHECK(!sym_cache_has(path, "the ke"));
	CHECK(!sym_cache_has(
		path, "the key and more than there are bytes in the whole table of strings"));
	CHECK_EQ(sym_cache_load(path, &y, NULL), 0);
	CHECK_EQ(y.h->total_sz, x.h->total_sz);
	CHECK(!memcmp(y.data, x.data, x.h->total_sz));
	sym_index_deinit(&x);
	sym_index_deinit(&y);
	cleanup();
}

TEST(sym_cache_leaves_no_temporary_file)
{
	char cmd[300];
	struct sym_index x;

	setup();
	x = make("k");
	CHECK_EQ(sym_cache_put(path, x.data, x.h->total_sz, NULL), 0);
	snprintf(cmd, sizeof(cmd), "test $(find '%s' -type f | wc -l) = 1", dir);
	CHECK_EQ(system(cmd), 0);
	sym_index_deinit(&x);
	cleanup();
}

TEST(sym_cache_refuses_every_truncation_and_every_flipped_byte)
{
	struct sym_index x, y;
	struct err err;
	size_t total;
	FILE *f;

	setup();
	x = make("k");
	CHECK_EQ(sym_cache_put(path, x.data, x.h->total_sz, NULL), 0);
	total = x.h->total_sz;
	for (size_t at = 0; at < total; at++) {
		((unsigned char *)x.data)[at] ^= 0x10;
		f = fopen(path, "wb");
		CHECK(f && fwrite(x.data, 1, total, f) == total);
		fclose(f);
		((unsigned char *)x.data)[at] ^= 0x10;
		CHECK(sym_cache_load(path, &y, &err) < 0);
	}
	for (size_t len = 0; len < total; len++) {
		f = fopen(path, "wb");
		CHECK(f && fwrite(x.data, 1, len, f) == len);
		fclose(f);
		CHECK_EQ(sym_cache_load(path, &y, &err), -EBADMSG);
	}
	sym_index_deinit(&x);
	cleanup();
}

TEST(sym_cache_says_when_there_is_none)
{
	struct sym_index y;
	struct err err;

	CHECK_EQ(sym_cache_load("/nonexistent/x.symbols", &y, &err), -ENOENT);
	CHECK_HAS(err.text, "ENOENT");
	CHECK(!sym_cache_has("/nonexistent/x.symbols", "k"));
}

TEST(sym_cache_names_files_by_build_id)
{
	struct module m = {.build_id_sz = 4, .build_id = {0xab, 0, 1, 0xff}};
	char *p = sym_cache_path("/c", &m);

	CHECK_STR(p, "/c/ab0001ff.symbols");
	free(p);
	CHECK(!sym_cache_path(NULL, &m));
	m.build_id_sz = 0;
	CHECK(!sym_cache_path("/c", &m));
}

static void make_file(const char *name, size_t sz, int age)
{
	struct timespec times[2] = {{.tv_sec = 1000000 - age}, {.tv_sec = 1000000 - age}};
	char p[300];
	FILE *f;

	snprintf(p, sizeof(p), "%s/%s", dir, name);
	f = fopen(p, "wb");
	CHECK(f);
	for (size_t i = 0; i < sz; i++)
		fputc('x', f);
	fclose(f);
	CHECK_EQ(utimensat(AT_FDCWD, p, times, 0), 0);
}

static bool is_there(const char *name)
{
	char p[300];

	snprintf(p, sizeof(p), "%s/%s", dir, name);
	return !access(p, F_OK);
}

TEST(sym_cache_prune_lets_the_longest_unused_go)
{
	setup();
	make_file("aaaaaaaa.symbols", 400, 5);
	make_file("bbbbbbbb.symbols", 400, 9);
	make_file("cccccccc.symbols", 400, 1);
	make_file("dddddddd.symbols", 400, 7);
	make_file("users-own-file", 4000, 99);
	CHECK_EQ(sym_cache_prune(dir, 1600), 0);
	CHECK_EQ(sym_cache_prune(dir, 1200), 2);
	CHECK(!is_there("bbbbbbbb.symbols"));
	CHECK(!is_there("dddddddd.symbols"));
	CHECK(is_there("aaaaaaaa.symbols"));
	CHECK(is_there("cccccccc.symbols"));
	CHECK(is_there("users-own-file"));
	CHECK_EQ(sym_cache_prune("/nonexistent", 0), 0);
	cleanup();
}

TEST_MAIN()
