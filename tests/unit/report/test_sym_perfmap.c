// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_perfmap.h"

#include "tests/test.h"

static void check(const char *raw, enum demangle_mode mode, const char *name, const char *file,
		  uint32_t line, const char *language)
{
	struct sym_perfmap_name n;

	CHECK_EQ(sym_perfmap_clean(raw, mode, &n), 0);
	CHECK_STR(n.name, name);
	if (file)
		CHECK_STR(n.file, file);
	else
		CHECK(!n.file);
	CHECK_EQ(n.line, line);
	if (language)
		CHECK_STR(n.language, language);
	else
		CHECK(!n.language);
	sym_perfmap_name_deinit(&n);
}

TEST(sym_perfmap_python)
{
	check("py::fib:/tmp/fib.py", DEMANGLE_FULL, "fib", "/tmp/fib.py", 0, "python");
	check("py::A.f.<locals>.<lambda>:/a b/c.py", DEMANGLE_FULL, "A.f.<locals>.<lambda>",
	      "/a b/c.py", 0, "python");
	check("py::<module>:<string>", DEMANGLE_FULL, "<module>", "<string>", 0, "python");
	check("py::fib", DEMANGLE_FULL, "fib", NULL, 0, "python");
	check("py::fib:", DEMANGLE_FULL, "fib", NULL, 0, "python");
	check("py::", DEMANGLE_FULL, "py::", NULL, 0, NULL);
}

TEST(sym_perfmap_v8_tiers_become_one_function)
{
	check("LazyCompile:*fib /tmp/fib.js:12:3", DEMANGLE_FULL, "fib", "/tmp/fib.js", 12,
	      "javascript");
	check("LazyCompile:~fib /tmp/fib.js:12:3", DEMANGLE_FULL, "fib", "/tmp/fib.js", 12,
	      "javascript");
	check("JS:^fib file:///tmp/fib.mjs:12:3", DEMANGLE_FULL, "fib", "file:///tmp/fib.mjs", 12,
	      "javascript");
	check("JS:+get x /tmp/a b.js:1:2", DEMANGLE_FULL, "get x", "/tmp/a b.js", 1, "javascript");
	check("Function:next node:internal/x:7:1", DEMANGLE_FULL, "next", "node:internal/x", 7,
	      "javascript");
	check("LazyCompile:~ /tmp/fib.js:3:10", DEMANGLE_FULL, "(anonymous fib.js:3)",
	      "/tmp/fib.js", 3, "javascript");
	check("LazyCompile:", DEMANGLE_FULL, "(anonymous)", NULL, 0, "javascript");
	check("JS:*f", DEMANGLE_FULL, "f", NULL, 0, "javascript");
	check("JS:*f :1:2", DEMANGLE_FULL, "f", NULL, 1, "javascript");
	check("Builtin:ArrayMap", DEMANGLE_FULL, "Builtin:ArrayMap", NULL, 0, "javascript");
	check("BytecodeHandler:Ldar", DEMANGLE_FULL, "BytecodeHandler:Ldar", NULL, 0, "javascript");
}

TEST(sym_perfmap_jvm)
{
	check("int Main.fib(int)", DEMANGLE_FULL, "Main.fib(int)", NULL, 0, "java");
	check("int Main.fib(int)", DEMANGLE_SHORT, "Main.fib", NULL, 0, "java");
	check("java.lang.String[] a.b.C$D.f(int, long[])", DEMANGLE_FULL, "a.b.C$D.f(int, long[])",
	      NULL, 0, "java");
	check("Lcom/foo/Bar;::run", DEMANGLE_FULL, "com.foo.Bar::run", NULL, 0, "java");
	check("Interpreter", DEMANGLE_FULL, "Interpreter", NULL, 0, NULL);
	check("StubRoutines (1)", DEMANGLE_FULL, "StubRoutines (1)", NULL, 0, NULL);
}

TEST(sym_perfmap_dotnet)
{
	check("int32 [App] N.C::Fib(int32)[Tier0]", DEMANGLE_FULL, "N.C::Fib(int32)", NULL, 0,
	      "csharp");
	check("instance void [System.Private.CoreLib] System.X::Y(class A)[OptimizedTier1]",
	      DEMANGLE_SHORT, "System.X::Y", NULL, 0, "csharp");
}

TEST(sym_perfmap_leaves_others_alone)
{
	check("wasm[0]::function[12]::add", DEMANGLE_FULL, "wasm[0]::function[12]::add", NULL, 0,
	      "wasm");
	check("$erlang:apply/2", DEMANGLE_FULL, "$erlang:apply/2", NULL, 0, NULL);
	check("LazyCompile:*fib /tmp/fib.js:12:3", DEMANGLE_NONE,
	      "LazyCompile:*fib /tmp/fib.js:12:3", NULL, 0, NULL);
	check("a;b\n\x1b", DEMANGLE_FULL, "a;b\n\x1b", NULL, 0, NULL);
	check(" ", DEMANGLE_FULL, " ", NULL, 0, NULL);
	check("[]::()", DEMANGLE_FULL, "[]::()", NULL, 0, NULL);
	check("(", DEMANGLE_FULL, "(", NULL, 0, NULL);
	check("x (", DEMANGLE_FULL, "x (", NULL, 0, NULL);
}

TEST(sym_language_of_mangled_names)
{
	CHECK_STR(sym_language_of("_Z3foov"), "c++");
	CHECK_STR(sym_language_of("_ZN4core3fmt5write17h0123456789abcdefE"), "rust");
	CHECK_STR(sym_language_of("_RNvCs1234_7mycrate4main"), "rust");
	CHECK_STR(sym_language_of("_D8demangle4testFiZv"), "d");
	CHECK(!sym_language_of("main"));
	CHECK(!sym_language_of("_Dynamic"));
	CHECK(!sym_language_of(""));
}

/* Any bytes: no crash, a name comes back. */
TEST(sym_perfmap_takes_any_bytes)
{
	static const char *const parts[] = {
		"py::", "LazyCompile:", "JS:", "*",   " ",   ":",  "/",	  "1", "(", ")",
		"[",	"] ",		"L",   ";::", "a.b", "::", "\xff"};
	unsigned seed = 5;

	for (int round = 0; round < 200000; round++) {
		struct sym_perfmap_name n;
		char raw[128] = "";

		for (int i = 0; i < 8; i++) {
			seed = seed * 1103515245 + 12345;
			strcat(raw, parts[(seed >> 16) % (sizeof(parts) / sizeof(parts[0]))]);
		}
		CHECK_EQ(sym_perfmap_clean(raw, round % 2 ? DEMANGLE_FULL : DEMANGLE_SHORT, &n), 0);
		CHECK(n.name && strlen(n.name) < 200);
		sym_perfmap_name_deinit(&n);
	}
}

TEST_MAIN()
