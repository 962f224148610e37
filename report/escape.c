// SPDX-License-Identifier: BSD-2-Clause
#include "report/escape.h"

#include <stdlib.h>
#include <string.h>

enum sink { SINK_TEXT, SINK_FOLDED, SINK_SHELL, SINK_XML };

/* What an ASCII character must be replaced with in a sink; NULL: stands as it is. */
static const char *replacement(enum sink sink, char c)
{
	if (sink == SINK_FOLDED)
		return c == ';' ? ":" : NULL;
	if (sink == SINK_SHELL)
		return c == '\\' ? "\\\\" : c == '\'' ? "\\'" : NULL;
	if (sink != SINK_XML)
		return NULL;
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	}
	return NULL;
}

static void put_hex(FILE *f, const char *s, size_t n)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		uint8_t b = (uint8_t)s[i];
		char out[4] = { '\\', 'x', digit[b >> 4], digit[b & 15] };

		fwrite_unlocked(out, 1, sizeof(out), f);
	}
}

static void escape_shown(FILE *f, enum sink sink, const char *s, size_t len)
{
	size_t from = 0, i = 0; /* s[from..i) is written as it is, in one piece */

	while (i < len) {
		const char *other = NULL;
		uint32_t cp;
		size_t n = utf8_decode(s + i, len - i, &cp);

		if (n && utf8_is_showable(cp)) {
			if (n == 1)
				other = replacement(sink, s[i]);
			if (!other) {
				i += n;
				continue;
			}
		}
		fwrite_unlocked(s + from, 1, i - from, f);
		if (other)
			fputs_unlocked(other, f);
		else
			put_hex(f, s + i, n ?: 1);
		i += n ?: 1;
		from = i;
	}
	fwrite_unlocked(s + from, 1, len - from, f);
}

void escape_folded(FILE *f, const char *s, size_t len)
{
	escape_shown(f, SINK_FOLDED, s, len);
}

static bool is_shown_whole(const char *s, size_t len)
{
	uint32_t cp;
	size_t n;

	for (; len && (n = utf8_decode(s, len, &cp)) && utf8_is_showable(cp); s += n, len -= n)
		;
	return !len;
}

void escape_shell(FILE *f, const char *s, size_t len)
{
	bool is_plain = len && !memchr(s, '\0', len);

	for (size_t i = 0; i < len && is_plain; i++)
		is_plain = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+:@%,=", s[i]);
	if (is_plain) {
		fwrite_unlocked(s, 1, len, f);
		return;
	}
	if (is_shown_whole(s, len) && !memchr(s, '\'', len)) {
		fprintf(f, "'%.*s'", (int)len, s);
		return;
	}
	fputs("$'", f);
	escape_shown(f, SINK_SHELL, s, len);
	fputc('\'', f);
}

void escape_text(FILE *f, const char *s, size_t len)
{
	escape_shown(f, SINK_TEXT, s, len);
}

void escape_xml(FILE *f, const char *s, size_t len)
{
	escape_shown(f, SINK_XML, s, len);
}

/* The short escape RFC 8259 has for a character, or 0. */
static char json_short(uint32_t cp)
{
	switch (cp) {
	case '"':
	case '\\':
		return (char)cp;
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	}
	return 0;
}

static bool json_must_escape(uint32_t cp)
{
	return cp < 0x20 || cp == '"' || cp == '\\' || cp == '<' || cp == '>' || cp == '&' ||
	       cp == 0x7f || cp == 0x2028 || cp == 0x2029;
}

void escape_json(FILE *f, const char *s, size_t len)
{
	size_t from = 0, i = 0;

	while (i < len) {
		uint32_t cp;
		size_t n = utf8_decode(s + i, len - i, &cp);

		if (n && !json_must_escape(cp)) {
			i += n;
			continue;
		}
		fwrite_unlocked(s + from, 1, i - from, f);
		if (!n)
			fputs_unlocked("\xef\xbf\xbd", f);
		else if (json_short(cp))
			fprintf(f, "\\%c", json_short(cp));
		else
			fprintf(f, "\\u%04x", cp);
		i += n ?: 1;
		from = i;
	}
	fwrite_unlocked(s + from, 1, len - from, f);
}

void escape_csv(FILE *f, const char *s, size_t len)
{
	bool formula = len && memchr("=+-@\t\r", s[0], 6);
	bool quoted = false;

	for (size_t i = 0; i < len && !quoted; i++)
		quoted = s[i] == ',' || s[i] == '"' || s[i] == '\n' || s[i] == '\r' || s[i] == '\0';
	if (quoted)
		putc_unlocked('"', f);
	if (formula)
		putc_unlocked('\'', f);
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"')
			putc_unlocked('"', f);
		putc_unlocked(s[i], f);
	}
	if (quoted)
		putc_unlocked('"', f);
}

/* Nearly every name: printable ASCII that no sink but XML changes. */
static bool is_plain(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < 0x20 || s[i] == 0x7f || s[i] == ';')
			return false;
	return true;
}

static char *escape_dup(enum sink sink, const char *s, size_t len)
{
	char *text = NULL;
	size_t text_sz;
	FILE *f;
	bool failed;

	if (is_plain(s, len))
		return strndup(s, len);
	f = open_memstream(&text, &text_sz);
	if (!f)
		return NULL;
	escape_shown(f, sink, s, len);
	failed = ferror(f);
	if (fclose(f) || failed) {
		free(text);
		return NULL;
	}
	return text;
}

char *escape_text_dup(const char *s, size_t len)
{
	return escape_dup(SINK_TEXT, s, len);
}

char *escape_folded_dup(const char *s, size_t len)
{
	return escape_dup(SINK_FOLDED, s, len);
}
