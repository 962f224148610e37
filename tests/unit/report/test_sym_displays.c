// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_displays.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/sym_builder.h"
#include "report/sym_cache.h"
#include "tests/test.h"
#include "tests/unit/report/made_index.h"

#define NAMES 100

static char dir[] = "/tmp/varve-test-displays.XXXXXX";
static char path[256]; /* of the names */
static const struct module m = {.kind = MODULE_ELF, .build_id = {1, 2, 3, 4, 5}, .build_id_sz = 5};
static uint32_t offs[NAMES];

/* An index with strings raw0 … raw99, that is in the cache. */
static struct sym_index make(const char *key)
{
	struct sym_builder b;
	struct sym_index x;
	char name[32];

	CHECK(sym_builder_init(&b));
	b.flags |= SYM_INDEX_CACHEABLE;
	b.key = sym_builder_string(&b, key, NULL);
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "raw%d", i);
		offs[i] = sym_builder_string(&b, name, NULL);
	}
	CHECK_EQ(made_index(&b, &x), 0);
	sym_builder_deinit(&b);
	((struct sym_index_header *)x.data)->checksum = (uint32_t)strlen(key);
	return x;
}

static void setup(void)
{
	if (!path[0])
		CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/0102030405.names", dir);
}

static void cleanup(void)
{
	char cmd[300];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	CHECK_EQ(system(cmd), 0);
	CHECK_EQ(mkdir(dir, 0700), 0);
}

/* A report that shows the names from..to, in no order of theirs. Returns how many it had to demangle. */
static int show(const struct sym_index *x, int from, int to)
{
	static char texts[NAMES][32];
	struct sym_displays d;
	int unknown = 0;

	sym_displays_open(&d, dir, &m, x);
	for (int k = from; k < to; k++) {
		int i = from + (k - from) * 37 % (to - from);
		const char *raw = x->strs + offs[i], *have = sym_displays_find(&d, raw);

		snprintf(texts[i], sizeof(texts[i]), "display of %d", i);
		if (have) {
			CHECK_STR(have, texts[i]);
			continue;
		}
		unknown++;
		sym_displays_add(&d, raw, texts[i]);
	}
	sym_displays_close(&d);
	return unknown;
}

TEST(sym_displays_are_those_of_earlier_reports)
{
	struct sym_index x;

	setup();
	x = make("k");
	CHECK_EQ(show(&x, 0, 70), 70);
	CHECK_EQ(show(&x, 0, 70), 0);
	CHECK_EQ(show(&x, 50, 60), 0);
	CHECK_EQ(show(&x, 60, 100), 30); /* not worth writing the file again */
	CHECK_EQ(show(&x, 60, 100), 30);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(show(&x, 0, 67), 67);
	CHECK_EQ(show(&x, 0, 67), 0);
	sym_index_deinit(&x);
	cleanup();
}

TEST(sym_displays_keep_what_was_there_when_more_is_added)
{
	struct sym_displays d;
	struct sym_index x;

	setup();
	x = make("k");
	CHECK_EQ(show(&x, 0, 64), 64);
	sym_displays_open(&d, dir, &m, &x);
	for (int i = 0; i < 64; i++) /* one of them, often: as a damaged index may */
		sym_displays_add(&d, x.strs + offs[80], "display of 80");
	sym_displays_close(&d);
	CHECK_EQ(show(&x, 0, 64), 0);
	CHECK_EQ(show(&x, 80, 81), 0);
	sym_index_deinit(&x);
	cleanup();
}

TEST(sym_displays_of_another_index_are_not_used)
{
	struct sym_index x, other;

	setup();
	x = make("k");
	other = make("another");
	CHECK_EQ(show(&other, 0, 100), 100);
	CHECK_EQ(show(&x, 0, 100), 100);
	CHECK_EQ(show(&other, 0, 100), 100);
	sym_index_deinit(&x);
	sym_index_deinit(&other);
	cleanup();
}

TEST(sym_displays_are_only_of_strings_of_the_index_and_of_cached_ones)
{
	char foreign[] = "raw0";
	struct sym_displays d;
	struct sym_index x;

	setup();
	x = make("k");
	CHECK_EQ(show(&x, 0, 100), 100);
	sym_displays_open(&d, dir, &m, &x);
	CHECK(d.data);
	CHECK(!sym_displays_find(&d, foreign));
	sym_displays_add(&d, foreign, "x");
	CHECK_EQ(d.added.cnt, 0);
	sym_displays_close(&d);
	sym_displays_open(&d, NULL, &m, &x);
	CHECK(!d.path);
	CHECK(!sym_displays_find(&d, x.strs + offs[0]));
	sym_displays_add(&d, x.strs + offs[0], "x");
	CHECK_EQ(d.added.cnt, 0);
	sym_displays_close(&d);
	((struct sym_index_header *)x.data)->flags = 0;
	sym_displays_open(&d, dir, &m, &x);
	CHECK(!d.path);
	sym_displays_close(&d);
	sym_index_deinit(&x);
	cleanup();
}

TEST(sym_displays_refuse_every_truncation_and_every_flipped_byte)
{
	static char bytes[65536];
	struct sym_displays d;
	struct sym_index x;
	long sz;
	FILE *f;

	setup();
	x = make("k");
	CHECK_EQ(show(&x, 0, 100), 100);
	f = fopen(path, "rb");
	CHECK(f);
	sz = (long)fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	CHECK(sz > 1000);
	for (long i = 0; i < 2 * sz; i++) {
		f = fopen(path, "wb");
		CHECK(f);
		if (i >= sz)
			bytes[i - sz] ^= 0x10;
		CHECK_EQ(fwrite(bytes, 1, (size_t)(i < sz ? i : sz), f), i < sz ? i : sz);
		fclose(f);
		sym_displays_open(&d, dir, &m, &x);
		CHECK(!d.data);
		sym_displays_close(&d);
		if (i >= sz)
			bytes[i - sz] ^= 0x10;
	}
	CHECK_EQ(show(&x, 0, 100), 100);
	CHECK_EQ(show(&x, 0, 100), 0);
	sym_index_deinit(&x);
	cleanup();
}

TEST_MAIN()
