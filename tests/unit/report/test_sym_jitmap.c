// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_jitmap.h"

#include "formats/bundle.h"
#include "formats/cleanup.h"
#include "tests/scratch.h"

static struct sym_names names;
static struct sym_recorded map;

static const struct module jit = {.kind = MODULE_JIT, .path = "//anon", .pid = 77, .start_ts = 123456789};

static void end(void)
{
	sym_recorded_deinit(&map);
	sym_names_deinit(&names);
	scratch_end();
}

static const char *name_at(uint64_t off)
{
	const struct sym_recorded_symbol *s = sym_recorded_find(&map, off);

	return !s ? "none" : s->name ?: "several";
}

TEST(sym_jitmap_names_the_process_with_that_pid_and_start)
{
	struct module other = jit;

	scratch_begin("jitmap");
	scratch_put("perf-maps/77-123456789.map", "1000 10 a\n2000 10 b\n");
	CHECK_EQ(sym_jitmap_read(scratch_dir, &jit, &names, &map), 1);
	CHECK_STR(name_at(0x1000), "a");
	CHECK_STR(name_at(0x100f), "a");
	CHECK_STR(name_at(0x1010), "none");
	CHECK_STR(name_at(0x2001), "b");
	other.start_ts++;
	CHECK_EQ(sym_jitmap_read(scratch_dir, &other, &names, &map), 0);
	CHECK_STR(name_at(0x1000), "a"); /* left alone */
	other = jit;
	other.kind = MODULE_ELF;
	CHECK_EQ(sym_jitmap_read(scratch_dir, &other, &names, &map), 0);
	CHECK_EQ(sym_jitmap_read("/nonexistent", &jit, &names, &map), 0);
	end();
}

TEST(sym_jitmap_address_with_two_names_has_none)
{
	scratch_begin("jitmap");
	scratch_put("perf-maps/77-123456789.map",
		"1000 100 outer\n1010 10 inner\n1015 20 inner\n1080 10 outer\n3000 10 x\n3000 10 x\n3008 10 y\n10f0 20 z\n");
	CHECK_EQ(sym_jitmap_read(scratch_dir, &jit, &names, &map), 1);
	CHECK_STR(name_at(0x100f), "outer");
	CHECK_STR(name_at(0x1010), "several");
	CHECK_STR(name_at(0x1018), "several");
	CHECK_STR(name_at(0x1034), "several");
	CHECK_STR(name_at(0x1035), "outer");
	CHECK_STR(name_at(0x1088), "outer"); /* twice the same */
	CHECK_STR(name_at(0x10f0), "several");
	CHECK_STR(name_at(0x1100), "z");
	CHECK_STR(name_at(0x3007), "x");
	CHECK_STR(name_at(0x3008), "several");
	CHECK_STR(name_at(0x3010), "y");
	end();
}

TEST(sym_jitmap_that_is_empty_a_link_or_no_map_is_none)
{
	scratch_begin("jitmap");
	scratch_put("perf-maps/77-123456789.map", "");
	CHECK_EQ(sym_jitmap_read(scratch_dir, &jit, &names, &map), 0);
	scratch_put("perf-maps/77-123456789.map", "\x7f" "ELF\nabc\n");
	CHECK_EQ(sym_jitmap_read(scratch_dir, &jit, &names, &map), 0);
	scratch_put("perf-maps/real", "1000 10 a\n");
	CHECK_EQ(unlink(scratch_path("perf-maps/77-123456789.map")), 0);
	CHECK_EQ(symlink("real", scratch_path("perf-maps/77-123456789.map")), 0);
	CHECK_EQ(sym_jitmap_read(scratch_dir, &jit, &names, &map), 0);
	end();
}

TEST(sym_jitmap_is_read_from_a_bundle)
{
	static const char text[] = "1000 10 in_a_bundle\n";
	const struct elf_source src = {.fd = -1, .data = (const void *)text, .len = sizeof(text) - 1};
	const struct bundle_key key = bundle_module_key(BUNDLE_MAP, &jit);
	struct bundle_writer *w;
	struct module other = jit;
	const char *path;

	scratch_begin("jitmap");
	path = scratch_path("b");
	CHECK_EQ(bundle_writer_create(path, true, &w, NULL), 0);
	CHECK_EQ(bundle_writer_begin(w, &key, NULL), 0);
	CHECK_EQ(bundle_pack(&src, src.len, false, "/tmp/perf-77.map", bundle_writer_append, w), 0);
	CHECK_EQ(bundle_writer_end(w, true, NULL), 0);
	CHECK_EQ(bundle_writer_close(w, true, NULL), 0);
	CHECK_EQ(sym_jitmap_read(path, &jit, &names, &map), 1);
	CHECK_STR(name_at(0x1008), "in_a_bundle");
	other.pid = 78;
	CHECK_EQ(sym_jitmap_read(path, &other, &names, &map), 0);
	end();
}

TEST(sym_jitmap_with_too_many_entries_is_none)
{
	_cleanup_fclose_ FILE *f = NULL;

	scratch_begin("jitmap");
	scratch_put("perf-maps/77-123456789.map", "");
	f = fopen(scratch_path("perf-maps/77-123456789.map"), "w");
	CHECK(f);
	for (unsigned i = 0; i <= 1u << 21; i++)
		fprintf(f, "%x 1 a\n", i);
	CHECK_EQ(fflush(f), 0);
	CHECK_EQ(sym_jitmap_read(scratch_dir, &jit, &names, &map), 0);
	end();
}

TEST_MAIN()
