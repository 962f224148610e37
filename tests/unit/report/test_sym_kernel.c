// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_kernel.h"

#include <errno.h>
#include <unistd.h>

#include "report/symbolize.h"
#include "tests/test.h"

static char path[64];

static void write_file(const char *text)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/varve-test-kallsyms.XXXXXX");
	fd = mkstemp(path);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static char seen[512];
static uint64_t text;

static int keep(void *ctx, uint64_t off, uint64_t size, const char *name)
{
	snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%llx+%llx %s\n", (long long)off,
		 (long long)size, name);
	return 0;
}

static const char good[] = "0000000000000000 A fixed_percpu_data\n"
			   "ffffffff81000200 t second\n"
			   "ffffffff81000000 T _text\n"
			   "ffffffff81000000 T _stext\n"
			   "ffffffff81000000 T first\n"
			   "ffffffff81000180 D some_data\n"
			   "ffffffff81000100 W weak_one\n"
			   "ffffffffc0000000 t of_module\t[ext4]\n"
			   "garbage\n"
			   "\n";

TEST(sym_kernel_functions_with_sizes_from_the_next)
{
	write_file(good);
	seen[0] = '\0';
	CHECK_EQ(sym_kernel_read(path, &text, keep, NULL, NULL), 0);
	CHECK_STR(seen, "0+100 first\n100+100 weak_one\n200+0 second\n");
	unlink(path);
}

TEST(sym_kernel_says_why_it_cannot)
{
	struct err err;

	write_file("0000000000000000 T _text\n0000000000000000 T first\n");
	CHECK_EQ(sym_kernel_read(path, &text, keep, NULL, &err), -ENODATA);
	CHECK_HAS(err.text, "kptr_restrict");
	unlink(path);
	write_file("hello\n");
	CHECK_EQ(sym_kernel_read(path, &text, keep, NULL, &err), -EBADMSG);
	CHECK_HAS(err.text, "_text");
	unlink(path);
	CHECK_EQ(sym_kernel_read("/nonexistent", &text, keep, NULL, &err), -ENOENT);
}

static int take(void *ctx, size_t i, const struct symbolized_frame *c, size_t n, uint64_t rel_addr)
{
	*(struct symbolized_frame *)ctx = c[0];
	return 0;
}

TEST(sym_kernel_names_a_recording_without_kernel_symbols_only)
{
	struct module m = {.kind = MODULE_KERNEL, .path = "[kernel]"};
	struct symbolize_query q = {0x110, true};
	struct symbolizer_options o = {.kallsyms = path};
	struct symbolized_frame f;
	struct symbolizer *s;
	struct err err;

	write_file(good);
	CHECK_EQ(symbolizer_create(&o, &s, NULL), 0);
	CHECK_EQ(symbolizer_resolve(s, 1, &m, &q, 1, take, &f), 0);
	CHECK_STR(f.name, "weak_one");
	symbolizer_destroy(s);
	CHECK_EQ(symbolizer_create(&o, &s, NULL), 0);
	CHECK_EQ(symbolizer_add_symbol(s, 1, 0x100, 0x20, SYMBOL_KALLSYMS, "recorded"), 0);
	CHECK_EQ(symbolizer_resolve(s, 1, &m, &q, 1, take, &f), 0);
	CHECK_STR(f.name, "recorded");
	symbolizer_destroy(s);
	unlink(path);
	CHECK_EQ(symbolizer_create(&o, &s, &err), -ENOENT);
	CHECK_HAS(err.text, "open '");
}

/* Recorded under kptr_restrict: the addresses themselves. */
TEST(sym_kernel_names_hidden_addresses_by_where_the_kernel_lay)
{
	struct module m = {.kind = MODULE_KERNEL, .path = "[kernel]"};
	struct symbolize_query q = {0xffffffff81000110, true};
	struct symbolizer_options o = {.kallsyms = path};
	struct symbolized_frame f;
	struct symbolizer *s;

	write_file(good);
	CHECK_EQ(symbolizer_create(&o, &s, NULL), 0);
	CHECK_EQ(symbolizer_resolve(s, 1, &m, &q, 1, take, &f), 0);
	CHECK_STR(f.name, "weak_one");
	q.off = 0xffffffffc0000110; /* of a module, or a BPF program */
	CHECK_EQ(symbolizer_resolve(s, 1, &m, &q, 1, take, &f), 0);
	CHECK_STR(f.name, "[unknown kernel+0x3f000110]");
	q.off = 0xffffffff80000110; /* below it */
	CHECK_EQ(symbolizer_resolve(s, 1, &m, &q, 1, take, &f), 0);
	CHECK_STR(f.name, "[unknown kernel]");
	symbolizer_destroy(s);
	unlink(path);
	CHECK_EQ(symbolizer_create(NULL, &s, NULL), 0);
	CHECK_EQ(symbolizer_resolve(s, 1, &m, &q, 1, take, &f), 0);
	CHECK_STR(f.name, "[unknown kernel]");
	CHECK_STR(symbolizer_module_info(s, 1)->unnamed_reason, "kernel addresses were hidden (kptr_restrict)");
	symbolizer_destroy(s);
}

TEST_MAIN()
