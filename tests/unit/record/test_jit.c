// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <string.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/jit.h"

static char map[64], recording[64];
static struct recording_writer *w;
static struct modules *modules;
static struct jit *jit;
static struct module_entry *entry;

static void append(const char *text)
{
	FILE *f = fopen(map, "ae");

	CHECK(f);
	fputs(text, f);
	fclose(f);
}

/* This process as one with JIT memory. */
static void setup(void)
{
	const struct recording_writer_options o = { .force = true };
	struct mapping_desc d = { .pid = (uint32_t)getpid(), .start = 0x10000, .end = 0x20000, .path = "//anon" };
	uint64_t base;

	snprintf(map, sizeof(map), "/tmp/perf-%d.map", getpid());
	snprintf(recording, sizeof(recording), "/tmp/varve-test-jit.%d", getpid());
	unlink(map);
	CHECK_EQ(recording_writer_open(recording, &o, &w, NULL), 0);
	CHECK_EQ(modules_create(w, 0, &modules, NULL), 0);
	CHECK_EQ(jit_create(modules, w, &jit), 0);
	CHECK_EQ(modules_find(modules, &d, &entry, &base, NULL), 0);
}

static void teardown(void)
{
	jit_destroy(jit);
	modules_destroy(modules);
	(void)recording_writer_close(w, NULL);
	unlink(recording);
	unlink(map);
}

TEST(jit_code_that_is_overwritten_becomes_another_module)
{
	struct jit_extent x;
	uint32_t second, third;

	setup();
	jit_poll(jit);
	CHECK_EQ(jit_current(jit, entry->id), entry->id);
	append("1000 100 one\n2000 100 two\n");
	jit_poll(jit);
	CHECK_EQ(jit_current(jit, entry->id), entry->id);
	append("3000 100 three\n1000 100 one\n"); /* new code, and the same said again */
	jit_poll(jit);
	CHECK_EQ(jit_current(jit, entry->id), entry->id);
	append("10f0 20 other\n"); /* over the end of one */
	jit_poll(jit);
	second = jit_current(jit, entry->id);
	CHECK(second != entry->id);
	CHECK(jit_entry(jit, entry->id, &x) == entry);
	CHECK_EQ(x.map, strlen("1000 100 one\n2000 100 two\n3000 100 three\n1000 100 one\n"));
	CHECK_EQ(x.map_end, x.map + strlen("10f0 20 other\n"));
	CHECK(jit_entry(jit, second, &x) == entry);
	CHECK_EQ(x.map, 0);
	append("2000 100 again\n");
	jit_poll(jit);
	third = jit_current(jit, entry->id);
	CHECK(third != second && third != entry->id);
	CHECK_EQ(jit_later(jit, 0), second);
	CHECK_EQ(jit_later(jit, 1), third);
	CHECK_EQ(jit_later(jit, 2), 0);
	CHECK_EQ(jit_current(jit, 12345), 12345);
	teardown();
}

TEST(jit_code_that_is_overwritten_all_the_time_has_an_end)
{
	char line[64];

	setup();
	for (int i = 0; i < 600; i++) {
		snprintf(line, sizeof(line), "1000 100 f%d\n", i);
		append(line);
		jit_poll(jit);
	}
	CHECK(jit_later(jit, 200));
	CHECK_EQ(jit_later(jit, 256), 0);
	teardown();
}

static uint32_t wanted[4];

static bool is_wanted(void *ctx, uint32_t id)
{
	for (size_t i = 0; i < 4; i++)
		if (id && wanted[i] == id)
			return true;
	return false;
}

static void want(void *ctx, uint32_t id)
{
	for (size_t i = 0; i < 4 && !is_wanted(ctx, id); i++)
		wanted[i] = wanted[i] ?: id;
}

/* Four modules of one process; the second was seen last. */
TEST(jit_modules_nobody_saw_are_forgotten_and_the_process_goes_on)
{
	uint32_t ids[4], fifth, state;
	struct jit_extent x;
	char line[64];

	setup();
	for (int i = 0; i < 4; i++) {
		snprintf(line, sizeof(line), "1000 100 f%d\n", i);
		append(line);
		jit_poll(jit);
		ids[i] = jit_current(jit, entry->id);
	}
	CHECK(ids[0] == entry->id && ids[1] != ids[2] && ids[3] != ids[2]);
	memset(wanted, 0, sizeof(wanted));
	wanted[0] = ids[1];
	jit_each_needed(jit, is_wanted, want, NULL);
	CHECK(is_wanted(NULL, ids[0]) && is_wanted(NULL, ids[3]) && !is_wanted(NULL, ids[2]));
	state = jit_state(jit);
	CHECK_EQ(jit_sweep(jit, is_wanted, NULL), 0);
	CHECK(jit_state(jit) != state);
	modules_sweep(modules, is_wanted, NULL);
	recording_writer_forget_modules(w, is_wanted, NULL);
	CHECK(jit_entry(jit, ids[1], &x) == entry);
	CHECK(x.map > 0);
	CHECK(!jit_entry(jit, ids[2], &x));
	CHECK_EQ(jit_current(jit, entry->id), ids[3]);
	append("1000 100 last\n");
	jit_poll(jit);
	fifth = jit_current(jit, entry->id);
	CHECK(fifth != ids[3] && fifth != ids[1] && fifth != ids[0]);
	CHECK(jit_entry(jit, fifth, &x) == entry);
	memset(wanted, 0, sizeof(wanted));
	CHECK_EQ(jit_sweep(jit, is_wanted, NULL), 0); /* the process is gone, and all that was seen has its names */
	modules_sweep(modules, is_wanted, NULL);
	jit_poll(jit);
	CHECK(!jit_entry(jit, fifth, &x));
	CHECK_EQ(jit_later(jit, 0), 0);
	CHECK_EQ(jit_current(jit, ids[0]), ids[0]);
	teardown();
}

/* Where what is seen is named and forgotten, there is no end to how often code is overwritten. */
TEST(jit_modules_that_were_named_make_room_for_others)
{
	char line[64];
	uint32_t before = 0;

	setup();
	for (int i = 0; i < 600; i++) {
		snprintf(line, sizeof(line), "1000 100 f%d\n", i);
		append(line);
		jit_poll(jit);
		if (!i)
			continue;
		CHECK(jit_current(jit, entry->id) != before);
		before = jit_current(jit, entry->id);
		memset(wanted, 0, sizeof(wanted));
		wanted[0] = entry->id;
		jit_each_needed(jit, is_wanted, want, NULL);
		if (jit_wants_sweep(jit))
			CHECK_EQ(jit_sweep(jit, is_wanted, NULL), 0);
		if (i % 100 == 0)
			CHECK_EQ(jit_sweep(jit, is_wanted, NULL), 0);
	}
	teardown();
}

TEST_MAIN()
