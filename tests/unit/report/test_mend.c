// SPDX-License-Identifier: BSD-2-Clause
#include "report/mend.h"

#include "tests/test.h"

static char *text;

static const char *mend_of_source(const struct stack_image *i, const char *package, const char *source)
{
	const struct package_owner owner = { (char *)package, (char *)source };
	size_t sz;
	FILE *f;

	free(text);
	text = NULL;
	f = open_memstream(&text, &sz);
	CHECK(f);
	mend_print(i, &owner, f);
	fclose(f);
	CHECK(!strchr(text, '\n'));
	return text;
}

static const char *mend(const struct stack_image *i, const char *package)
{
	return mend_of_source(i, package, NULL);
}

TEST(mend_of_an_image_without_debug_information_is_its_debug_file)
{
	static const char *const poor[] = { NULL, "none", "symtab", "dynsym", "minidebuginfo" };
	struct stack_image i = { .kind = "elf", .path = "/bin/x", .build_id = "abcdef01" };

	for (size_t k = 0; k < sizeof(poor) / sizeof(*poor); k++) {
		i.symbols = poor[k];
		CHECK(mend_wants_debug_file(&i));
		CHECK_STR(mend(&i, NULL), "ab/cdef01.debug");
	}
	CHECK_STR(mend(&i, "libc6"), "libc6-dbgsym (or libc6-dbg), or ab/cdef01.debug");
	CHECK_STR(mend_of_source(&i, "python3.11-minimal", "python3.11"), "python3.11-minimal-dbgsym (or python3.11-minimal-dbg, python3.11-dbg), or ab/cdef01.debug");
}

TEST(mend_of_one_that_has_it_is_nothing)
{
	struct stack_image i = { .kind = "elf", .path = "/bin/x", .build_id = "abcdef01", .symbols = "dwarf" };

	CHECK(!mend_wants_debug_file(&i));
	CHECK_HAS(mend(&i, "libc6"), "nothing: its debug information has nothing there");
	i.symbols = "gopclntab";
	CHECK(!mend_wants_debug_file(&i));
	i.unnamed_reason = "no symbols but Go's";
	CHECK_STR(mend(&i, NULL), "ab/cdef01.debug");
}

TEST(mend_of_a_file_that_nothing_identifies_is_nothing)
{
	struct stack_image i = { .kind = "elf", .path = "/bin/x", .build_id = "" };

	CHECK(!mend_wants_debug_file(&i));
	CHECK_HAS(mend(&i, "libc6"), "nothing: what the file held is not known");
	i.debug_path = "/bin/x"; /* found by what it holds */
	i.symbols = "none";
	CHECK(!mend_wants_debug_file(&i));
	CHECK_HAS(mend(&i, "libc6"), "next time the program unstripped");
}

TEST(mend_of_every_other_kind_is_what_to_do_next_time)
{
	static const struct {
		const char *kind, *says;
	} cases[] = {
		{ "kernel", "--kallsyms FILE" }, { "module", "kptr_restrict" }, { "bpf", "bpf_jit_kallsyms" },
		{ "jit", "perf map" },		 { "vdso", "--symbols hit" },	{ "anon", "no file is known" },
	};

	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		struct stack_image i = { .kind = cases[k].kind, .path = "x", .build_id = "abcdef01" };

		CHECK(!mend_wants_debug_file(&i));
		CHECK_HAS(mend(&i, "libc6"), cases[k].says);
		CHECK(!strstr(text, "libc6"));
	}
}

TEST(mend_prints_a_package_name_from_an_enemy_harmlessly)
{
	struct stack_image i = { .kind = "elf", .path = "/bin/x", .build_id = "abcdef01" };

	CHECK(!strchr(mend(&i, "a\033[31m\nb"), '\033'));
}

TEST_MAIN()
