// SPDX-License-Identifier: BSD-2-Clause
#include "report/text_width.h"

#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "report/escape.h"

/* Of the character at s, whose bytes are *ret. */
static int char_width(const char *s, size_t len, size_t *ret)
{
	uint32_t cp;
	size_t n = utf8_decode(s, len, &cp);
	int w = n ? wcwidth((wchar_t)cp) : 1;

	*ret = n ?: 1;
	return w >= 0 ? w : 1;
}

int text_width_n(const char *s, size_t len)
{
	int width = 0;

	for (size_t at = 0, n; at < len; at += n)
		width += char_width(s + at, len - at, &n);
	return width;
}

int text_width(const char *s)
{
	return text_width_n(s, strlen(s));
}

size_t text_fitting(const char *s, int columns)
{
	size_t len = strlen(s), at = 0, n;

	for (; at < len; at += n) {
		columns -= char_width(s + at, len - at, &n);
		if (columns < 0)
			break;
	}
	return at;
}

int text_put_cut(FILE *out, const char *s, int columns)
{
	int width = text_width(s);
	size_t len;

	if (width <= columns) {
		fputs(s, out);
		return width;
	}
	len = text_fitting(s, columns - 1);
	fprintf(out, "%.*s…", (int)len, s);
	return text_width_n(s, len) + 1;
}

int text_terminal_width(FILE *f)
{
	struct winsize w;

	return isatty(fileno(f)) && !ioctl(fileno(f), TIOCGWINSZ, &w) ? w.ws_col : 0;
}
