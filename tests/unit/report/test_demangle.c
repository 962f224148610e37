// SPDX-License-Identifier: BSD-2-Clause
#include "report/demangle.h"

#include <time.h>

#include "tests/test.h"

static struct demangle_buf buf; /* one for all, as a report has it */

struct pair {
	const char *raw, *want;
};

static void check_all(const struct pair *p, size_t n, enum demangle_mode mode)
{
	for (size_t i = 0; i < n; i++) {
		const char *got = demangle(p[i].raw, mode, &buf);

		CHECK_STR(got, p[i].want);
	}
}

#define CHECK_ALL(pairs, mode) check_all(pairs, sizeof(pairs) / sizeof(pairs[0]), mode)

TEST(demangle_full_is_what_cxxfilt_prints)
{
	static const struct pair p[] = {
		{"main", "main"},
		{"_Z3fooi", "foo(int)"},
		{"_ZN2ns3BoxIiE3getEi", "ns::Box<int>::get(int)"},
		{"_ZNK5ShapelsERSo", "Shape::operator<<(std::ostream&) const"},
		{"_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const"},
		{"_ZN12_GLOBAL__N_13runEv", "(anonymous namespace)::run()"},
		{"_ZTv0_n24_N3FooD1Ev", "virtual thunk to Foo::~Foo()"},
		{"_Znotmangled", "_Znotmangled"},
		{"_Z", "_Z"},
		{"", ""},
	};

	CHECK_ALL(p, DEMANGLE_FULL);
}

TEST(demangle_rust_names_lose_their_hash)
{
	static const struct pair p[] = {
		{"_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"},
		{"_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$"
		 "3bar17h930b740aa94f1d3aE",
		 "<Test + 'static as foo::Bar<Test>>::bar"},
		{"_RNvCs1234_7mycrate4main", "mycrate::main"},
		{"_RINvNtC3std3mem8align_ofdE", "std::mem::align_of::<f64>"},
	};

	CHECK_ALL(p, DEMANGLE_FULL);
}

TEST(demangle_d_names)
{
	static const struct pair p[] = {{"_D8demangle4testFiZv", "demangle.test(int)"}};

	CHECK_ALL(p, DEMANGLE_FULL);
}

TEST(demangle_folds_what_compilers_and_linkers_add)
{
	static const struct pair p[] = {
		{"work.cold", "work"},
		{"work.part.0", "work"},
		{"work.constprop.0.isra.0", "work"},
		{"_Z4workv.part.12.cold", "work()"},
		{"str_to_mpn.part.0.constprop.0", "str_to_mpn"},
		{"tick.llvm.1234567890", "tick"},
		{"obj2ast_expr.lto_priv.0", "obj2ast_expr"},
		{"memcpy@@GLIBC_2.14", "memcpy"},
		{"memcpy@GLIBC_2.2.5", "memcpy"},
		{"memcpy@plt", "memcpy@plt"},
		/* no clone: the dot belongs to the name */
		{"runtime.main", "runtime.main"},
		{"init.0", "init.0"},
		{"main.func1", "main.func1"},
		{"runtime.exit", "runtime.exit"},
		{"runtime.memmove.abi0", "runtime.memmove"},
		{"a.b.cold.c", "a.b.cold.c"},
		{".cold", ".cold"},
	};

	CHECK_ALL(p, DEMANGLE_FULL);
}

TEST(demangle_short_drops_parameters_and_template_arguments)
{
	static const struct pair p[] = {
		{"_ZN2ns3BoxIiE3getEi", "ns::Box::get"},
		{"_Z3addIiET_S0_S0_", "add"},
		{"_ZNK5ShapelsERSo", "Shape::operator<<"},
		{"_ZN3PtrI3FooEptEv", "Ptr::operator->"},
		{"_ZN1AgtERKS_", "A::operator>"},
		{"_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector::push_back"},
		{"_ZN12_GLOBAL__N_13runEv", "(anonymous namespace)::run"},
		{"plain_c", "plain_c"},
	};

	CHECK_ALL(p, DEMANGLE_SHORT);
}

TEST(demangle_none_changes_nothing)
{
	static const struct pair p[] = {{"_Z3fooi.cold", "_Z3fooi.cold"}, {"a@@V", "a@@V"}};

	CHECK_ALL(p, DEMANGLE_NONE);
}

/* f<pair<pair<…>>>: each level doubles what the name stands for. */
TEST(demangle_gives_up_on_names_that_unfold_without_end)
{
	char raw[4096] = "_Z1fI";
	const char *got;
	double start;
	size_t at = strlen(raw);
	int depth = 60;

	for (int i = 0; i < depth; i++)
		at += (size_t)sprintf(raw + at, "St4pairI");
	at += (size_t)sprintf(raw + at, "iiE");
	for (int i = 1; i < depth; i++) /* the second argument is what was just closed */
		at += (size_t)sprintf(raw + at, "S%c_E",
				      i < 11 ? '0' + i - 1 : 'A' + (i - 11) % 26);
	sprintf(raw + at, "EvT_");
	start = test_cpu_seconds();
	got = demangle(raw, DEMANGLE_FULL, &buf);
	CHECK(got && strlen(got) < DEMANGLE_MAX);
	CHECK(test_cpu_seconds() - start < 3);
}

TEST(demangle_keeps_names_too_long_to_take_apart)
{
	char *raw = malloc(100001);
	const char *got;

	CHECK(raw);
	memset(raw, 'x', 100000);
	raw[100000] = '\0';
	memcpy(raw, "_Z", 2);
	got = demangle(raw, DEMANGLE_FULL, &buf);
	CHECK_STR(got, raw);
	free(raw);
}

TEST_MAIN()
