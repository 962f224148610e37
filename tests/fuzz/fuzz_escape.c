// SPDX-License-Identifier: BSD-2-Clause
/* LAYER: report */
/* Any bytes as a name: each sink keeps its promises (report/escape.h), and the shown form is stable. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "report/escape.h"

typedef void (*escape_fn)(FILE *f, const char *s, size_t len);

static char *run(escape_fn fn, const char *s, size_t len, size_t *ret_len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_len);

	fn(f, s, len);
	fclose(f);
	return text;
}

static void check_utf8(const char *s, size_t len)
{
	uint32_t cp;
	size_t n;

	for (; len; s += n, len -= n) {
		n = utf8_decode(s, len, &cp);
		assert(n);
	}
}

static void check_shown(const char *s, size_t len, const char *never)
{
	check_utf8(s, len);
	for (size_t i = 0; i < len; i++)
		assert((unsigned char)s[i] >= 0x20 && s[i] != 0x7f && !strchr(never, s[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	size_t len, again_len;
	char *text, *again;

	text = run(escape_folded, s, size, &len);
	check_shown(text, len, ";");
	again = run(escape_folded, text, len, &again_len); /* what is shown needs no more escaping */
	assert(len == again_len && !memcmp(text, again, len));
	free(again);
	free(text);
	text = run(escape_xml, s, size, &len);
	check_shown(text, len, "<>\"'");
	free(text);
	text = run(escape_json, s, size, &len);
	check_shown(text, len, "<>&");
	free(text);
	text = run(escape_text, s, size, &len);
	check_shown(text, len, "");
	again = escape_text_dup(s, size);
	assert(again && strlen(again) == len && !memcmp(text, again, len));
	free(again);
	free(text);
	text = run(escape_csv, s, size, &len);
	assert(!len || !memchr("=+-@\t\r", text[text[0] == '"'], 6));
	free(text);
	return 0;
}
