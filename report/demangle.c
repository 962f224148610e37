// SPDX-License-Identifier: BSD-2-Clause
#include "report/demangle.h"

#include <ctype.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#undef ARRAY_SIZE /* libiberty.h has its own */
#include "formats/cleanup.h"

#define RAW_MAX 8192 /* longer mangled names are shown as they are */

/* What the demangler prints; left by longjmp when it prints too much (it keeps nothing on the
 * heap). */
struct sink {
	struct demangle_buf *buf;
	size_t len;
	jmp_buf full;
};

/* Room for sz bytes, of which those there are stay. */
static bool reserve(struct demangle_buf *b, size_t sz)
{
	char *p;

	if (sz <= b->cap)
		return true;
	p = realloc(b->text, sz * 2 + 256);
	if (!p)
		return false;
	b->text = p;
	b->cap = sz * 2 + 256;
	return true;
}

static void sink_add(const char *s, size_t len, void *ctx)
{
	struct sink *k = ctx;

	if (len >= DEMANGLE_MAX - k->len)
		longjmp(k->full, 1);
	if (!reserve(k->buf, k->len + len + 1))
		longjmp(k->full, 1);
	memcpy(k->buf->text + k->len, s, len);
	k->len += len;
	k->buf->text[k->len] = '\0';
}

static const char *const clone_suffixes[] = {
	".cold", ".part", ".isra", ".constprop", ".lto_priv", ".llvm", ".localalias", ".__uniq",
};

/* Length of the clone suffix that ends at s[len): ".part.12" or ".cold"; 0 none. */
static size_t suffix_len(const char *s, size_t len)
{
	size_t n = len;

	while (n && ((s[n - 1] >= '0' && s[n - 1] <= '9') || (s[n - 1] == '.' && n < len)))
		n--;
	/* s[n) may now end in the word; a number alone (".12") counts too */
	for (size_t i = 0; i < ARRAY_SIZE(clone_suffixes); i++) {
		size_t w = strlen(clone_suffixes[i]);

		if (n > w && !memcmp(s + n - w, clone_suffixes[i], w))
			return len - (n - w);
	}
	return 0;
}

size_t demangle_base_len(const char *raw)
{
	size_t len = strlen(raw), cut;
	const char *at = len ? memchr(raw + 1, '@', len - 1) : NULL;

	if (!at && !memchr(raw, '.', len)) /* most of them */
		return len;

	if (at && strcmp(at, "@plt"))
		len = (size_t)(at - raw);
	if (len > 5 && !memcmp(raw + len - 5, ".abi0", 5)) /* Go's assembly functions */
		return len - 5;
	while ((cut = suffix_len(raw, len)))
		len -= cut;
	return len;
}

static bool is_rust_legacy(const char *s, size_t len)
{
	/* _ZN…17h<16 hex>E */
	if (len < 24 || strncmp(s, "_ZN", 3) || s[len - 1] != 'E' || memcmp(s + len - 20, "17h", 3))
		return false;
	return strspn(s + len - 17, "0123456789abcdef") == 16;
}

/* Runs one of libiberty's printers over name. false: not its kind of name, or too much of it. */
static bool print_with(struct sink *k, const char *name, size_t len, int options)
{
	if (setjmp(k->full))
		return false;
	if (!strncmp(name, "_R", 2) || is_rust_legacy(name, len))
		if (rust_demangle_callback(name, DMGL_RUST, sink_add, k) && k->len)
			return true;
	k->len = 0;
	return !strncmp(name, "_Z", 2) && cplus_demangle_v3_callback(name, options, sink_add, k) &&
	       k->len;
}

static char *demangle_d(const char *name)
{
	/* D's back references unfold like C++'s, and its printer cannot be stopped: short names
	 * only */
	if (strncmp(name, "_D", 2) || strlen(name) > 1024)
		return NULL;
	return dlang_demangle(name, DMGL_PARAMS | DMGL_ANSI);
}

/* End of the operator's own symbols when "operator<", "operator->" … starts at s, else s: those are
 * no brackets. */
static const char *skip_operator(const char *s, const char *begin)
{
	const char *p = s + 8;

	if (strncmp(s, "operator", 8) ||
	    (s > begin && (s[-1] == '_' || isalnum((unsigned char)s[-1]))))
		return s;
	while (*p && strchr("<>=-", *p))
		p++;
	return p == s + 8 ? s : p;
}

/* Drop template arguments, in place. */
static void drop_templates(char *name)
{
	char *out = name;
	int depth = 0;

	for (const char *p = name; *p; p++) {
		const char *q = skip_operator(p, name);

		for (; p < q; p++)
			if (!depth)
				*out++ = *p;
		if (*p == '<')
			depth++;
		else if (*p == '>' && p > name && p[-1] != '-')
			depth -= depth > 0;
		else if (*p && !depth)
			*out++ = *p;
		if (!*p)
			break;
	}
	*out = '\0';
}

static const char *put(struct demangle_buf *b, const char *s, size_t len)
{
	if (!reserve(b, len + 1))
		return NULL;
	memcpy(b->text, s, len);
	b->text[len] = '\0';
	return b->text;
}

const char *demangle(const char *raw, enum demangle_mode mode, struct demangle_buf *buf)
{
	int options = mode == DEMANGLE_SHORT ? DMGL_ANSI | DMGL_RET_DROP : DMGL_PARAMS | DMGL_ANSI;
	struct sink k = {.buf = buf};
	_cleanup_free_ char *copy = NULL, *d = NULL;
	const char *base = raw;
	size_t len;

	if (mode == DEMANGLE_NONE)
		return raw;
	len = demangle_base_len(raw);
	if (raw[len])
		base = copy = strndup(raw, len);
	if (!base)
		return NULL;
	if (len <= RAW_MAX && print_with(&k, base, len, options)) {
		if (mode == DEMANGLE_SHORT)
			drop_templates(buf->text);
		return buf->text;
	}
	d = len <= RAW_MAX ? demangle_d(base) : NULL;
	if (d)
		return put(buf, d, strlen(d));
	return base == raw ? raw : put(buf, base, len);
}

void demangle_buf_deinit(struct demangle_buf *buf)
{
	free(buf->text);
	*buf = (struct demangle_buf){0};
}
