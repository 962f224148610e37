// SPDX-License-Identifier: BSD-2-Clause
#include "formats/utf8.h"

#include <stdlib.h>
#include <string.h>

/*
 * The lead byte of a sequence: its length, the bits it brings, and the least value that needs so
 * many bytes.
 */
static size_t utf8_lead(uint8_t b, uint32_t *cp, uint32_t *least)
{
	if (b >= 0xc2 && b <= 0xdf) {
		*cp = b & 0x1f;
		*least = 0x80;
		return 2;
	}
	if (b >= 0xe0 && b <= 0xef) {
		*cp = b & 0x0f;
		*least = 0x800;
		return 3;
	}
	if (b >= 0xf0 && b <= 0xf4) {
		*cp = b & 0x07;
		*least = 0x10000;
		return 4;
	}
	return 0;
}

size_t utf8_decode(const char *s, size_t len, uint32_t *ret_cp)
{
	const uint8_t *b = (const uint8_t *)s;
	uint32_t cp, least;
	size_t n;

	if (!len)
		return 0;
	if (b[0] < 0x80) {
		*ret_cp = b[0];
		return 1;
	}
	n = utf8_lead(b[0], &cp, &least);
	if (!n || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (b[i] & 0x3f);
	}
	if (cp < least || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*ret_cp = cp;
	return n;
}

bool utf8_is_showable(uint32_t cp)
{
	if (cp < 0x20 || (cp >= 0x7f && cp <= 0x9f))
		return false;
	if (cp == 0x2028 || cp == 0x2029)
		return false; /* line and paragraph separators break lines in some readers */
	if ((cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0x200e ||
	    cp == 0x200f || cp == 0x061c)
		return false; /* bidirectional controls */
	return cp != 0xfeff && cp != 0xfffe && cp != 0xffff;
}

char *utf8_show_dup(const char *s)
{
	static const char digit[] = "0123456789abcdef";
	size_t len = strlen(s), n;
	char *text, *at;
	uint32_t cp;

	if (len > SIZE_MAX / 4 - 1)
		return NULL;
	at = text = malloc(4 * len + 1);
	if (!text)
		return NULL;
	for (; len; s += n, len -= n) {
		n = utf8_decode(s, len, &cp);
		if (n && utf8_is_showable(cp)) {
			at = mempcpy(at, s, n);
			continue;
		}
		n = n ?: 1;
		for (size_t i = 0; i < n; i++)
			at = mempcpy(at, (char[]){ '\\', 'x', digit[(uint8_t)s[i] >> 4], digit[s[i] & 15] }, 4);
	}
	*at = '\0';
	return text;
}
