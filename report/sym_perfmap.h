/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names that runtimes write into perf maps, taken apart: what a person calls the function, its file
 * and line, and its language.
 */
#ifndef VARVE_SYM_PERFMAP_H
#define VARVE_SYM_PERFMAP_H

#include "report/symbolize.h"

/* Owns name and file. */
struct sym_perfmap_name {
	char *name; /* never "" */
	char *file; /* NULL unknown */
	uint32_t line;
	const char *language; /* static; NULL unknown */
};

/*
 * Known forms: CPython ("py::f:/a.py"), V8 ("LazyCompile:*f /a.js:1:2", "JS:^f …", "Builtin:…"),
 * the JVM ("int a.B.f(int)" and "La/B;::f"), .NET ("int32 [Lib] A.B::f(int32)[Tier0]"), wasm.
 * Anything else stays as it is. SHORT drops parameters, NONE changes nothing. Returns 0 or -ENOMEM.
 */
int sym_perfmap_clean(const char *raw, enum demangle_mode mode, struct sym_perfmap_name *ret);

void sym_perfmap_name_deinit(struct sym_perfmap_name *n);

/* Language of a symbol table's name by its mangling ("c++", "rust", "d"); NULL when it shows none.
 */
const char *sym_language_of(const char *raw);

#endif
