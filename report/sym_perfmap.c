// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_perfmap.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"

void sym_perfmap_name_deinit(struct sym_perfmap_name *n)
{
	free(n->name);
	free(n->file);
	*n = (struct sym_perfmap_name){0};
}

static bool starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool set_name(struct sym_perfmap_name *n, const char *s, size_t len)
{
	n->name = strndup(s, len);
	return n->name != NULL;
}

/* ---- CPython: py::QUALNAME:FILE, where QUALNAME may hold "<locals>" but no colon ---- */

static bool clean_python(const char *raw, struct sym_perfmap_name *n)
{
	const char *name = raw + 4, *colon = strchr(name, ':');

	n->language = "python";
	if (!colon || colon == name)
		return set_name(n, name, strlen(name));
	if (colon[1])
		n->file = strdup(colon + 1);
	return set_name(n, name, (size_t)(colon - name)) && (!colon[1] || n->file);
}

/* ---- V8 ---- */

/* What stands before the colon. Only the first group are functions of a script. */
static const char *const v8_scripts[] = {
	"LazyCompile:", "Function:", "JS:", "Script:", "Eval:", "Callback:"};
static const char *const v8_parts[] = {
	"Builtin:", "BytecodeHandler:", "Stub:", "RegExp:", "Handler:"};

/* Cut ":LINE:COLUMN" off s[*len]; returns the line, 0 when there is none. */
static uint32_t cut_position(const char *s, size_t *len)
{
	size_t end = *len, colons[2], n = 0;

	while (n < 2) {
		size_t at = end;

		while (at && isdigit((unsigned char)s[at - 1]))
			at--;
		if (at == end || !at || s[at - 1] != ':')
			break;
		colons[n++] = end = at - 1;
	}
	if (!n)
		return 0;
	*len = colons[n - 1];
	return (uint32_t)strtoul(s + *len + 1, NULL, 10);
}

/* "[*~^+]NAME FILE:LINE:COLUMN"; the mark says how far it was optimized, and the same function has
 * several. */
static bool clean_script(const char *s, struct sym_perfmap_name *n)
{
	const char *space;
	size_t len;

	n->language = "javascript";
	s += strspn(s, "*~^+'");
	space = strchr(s, ' ');
	/* "get x /a.js:1:1", "async f …": the file is the last word, unless it has spaces itself */
	for (const char *p = space; p; p = strchr(p + 1, ' '))
		if (p[1] == '/' || starts(p + 1, "file:") || starts(p + 1, "node:") ||
		    !strchr(p + 1, ' ')) {
			space = p;
			break;
		}
	if (!space)
		return set_name(n, *s ? s : "(anonymous)", *s ? strlen(s) : 11);
	len = strlen(space + 1);
	n->line = cut_position(space + 1, &len);
	if (len)
		n->file = strndup(space + 1, len);
	if (len && !n->file)
		return false;
	if (space > s)
		return set_name(n, s, (size_t)(space - s));
	if (!n->file)
		return set_name(n, "(anonymous)", 11);
	s = strrchr(n->file, '/');
	return asprintf(&n->name, "(anonymous %s:%u)", s ? s + 1 : n->file, n->line) >= 0;
}

static bool is_v8(const char *raw, struct sym_perfmap_name *n, bool *ret_ok)
{
	for (size_t i = 0; i < ARRAY_SIZE(v8_scripts); i++)
		if (starts(raw, v8_scripts[i])) {
			*ret_ok = clean_script(raw + strlen(v8_scripts[i]), n);
			return true;
		}
	for (size_t i = 0; i < ARRAY_SIZE(v8_parts); i++)
		if (starts(raw, v8_parts[i]) && raw[strlen(v8_parts[i])]) {
			n->language = "javascript";
			*ret_ok = set_name(n, raw,
					   strlen(raw)); /* "Builtin:ArrayMap" says what it is */
			return true;
		}
	return false;
}

/* ---- JVM ---- */

/* "La/b/C;::f" */
static bool is_java_descriptor(const char *raw)
{
	const char *semi = strstr(raw, ";::");

	return raw[0] == 'L' && semi && semi > raw + 1 && !memchr(raw, ' ', (size_t)(semi - raw));
}

static bool clean_java_descriptor(const char *raw, struct sym_perfmap_name *n)
{
	size_t out = 0;

	n->language = "java";
	n->name = malloc(strlen(raw));
	for (const char *p = raw + 1; n->name && *p; p++)
		if (*p != ';' || !starts(p, ";::"))
			n->name[out++] = *p == '/' ? '.' : *p;
	if (n->name)
		n->name[out] = '\0';
	return n->name != NULL;
}

/* "RETURN a.B.f(ARGS)": one type, one dotted name, parameters to the end. */
static const char *java_method(const char *raw)
{
	const char *paren = strchr(raw, '('), *space = strchr(raw, ' '), *dot;

	if (!paren || !space || space > paren || raw[strlen(raw) - 1] != ')')
		return NULL;
	dot = memchr(space, '.', (size_t)(paren - space));
	if (!dot || memchr(space + 1, ' ', (size_t)(paren - space - 1)) || strchr(raw, ':'))
		return NULL;
	for (const char *p = raw; p < space; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._$[]<>", *p))
			return NULL;
	return space + 1;
}

/* ---- .NET: "RETURN [LIB] A.B::f(ARGS)[TIER]" ---- */

static bool clean_dotnet(const char *raw, enum demangle_mode mode, struct sym_perfmap_name *n)
{
	const char *lib = strstr(raw, "] "), *sep = lib ? strstr(lib, "::") : NULL, *paren, *tier;

	if (!sep || !memchr(raw, '[', (size_t)(lib - raw)))
		return false;
	paren = strchr(sep, '(');
	tier = strrchr(raw, ')');
	if (!paren || !tier || tier < paren)
		return false;
	n->language = "csharp";
	lib += 2;
	return set_name(n, lib, (size_t)((mode == DEMANGLE_SHORT ? paren : tier + 1) - lib));
}

static bool clean(const char *raw, enum demangle_mode mode, struct sym_perfmap_name *n)
{
	const char *method;
	bool ok;

	if (starts(raw, "py::") && raw[4])
		return clean_python(raw, n);
	if (is_v8(raw, n, &ok))
		return ok;
	if (is_java_descriptor(raw))
		return clean_java_descriptor(raw, n);
	method = java_method(raw);
	if (method) {
		n->language = "java";
		return set_name(n, method,
				mode == DEMANGLE_SHORT ? strcspn(method, "(") : strlen(method));
	}
	if (clean_dotnet(raw, mode, n))
		return true;
	if (starts(raw, "wasm"))
		n->language = "wasm";
	return set_name(n, raw, strlen(raw));
}

int sym_perfmap_clean(const char *raw, enum demangle_mode mode, struct sym_perfmap_name *ret)
{
	struct sym_perfmap_name n = {0};
	bool ok = mode == DEMANGLE_NONE ? set_name(&n, raw, strlen(raw)) : clean(raw, mode, &n);

	if (!ok) {
		sym_perfmap_name_deinit(&n);
		return -ENOMEM;
	}
	*ret = n;
	return 0;
}

const char *sym_language_of(const char *raw)
{
	size_t len = strlen(raw);

	if (starts(raw, "_R") && isalnum((unsigned char)raw[2]))
		return "rust";
	if (starts(raw, "_ZN") && len > 24 && raw[len - 1] == 'E' &&
	    !memcmp(raw + len - 20, "17h", 3) && strspn(raw + len - 17, "0123456789abcdef") == 16)
		return "rust";
	if (starts(raw, "_Z"))
		return "c++";
	return starts(raw, "_D") && isdigit((unsigned char)raw[2]) ? "d" : NULL;
}
