// SPDX-License-Identifier: BSD-2-Clause
#include "record/redact_pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"

#define FLAGS (REG_EXTENDED | REG_ICASE)
#define FORGET_SZ 16384 /* a text of n bytes leads into n states at most */

/* Behind the bracket expression that begins at p. */
static const char *skip_bracket(const char *p)
{
	p++;
	if (*p == '^')
		p++;
	if (*p == ']')
		p++; /* the first one is a member */
	while (*p && *p != ']') {
		if (*p == '[' && p[1] && strchr(".:=", p[1])) {
			const char end[] = { p[1], ']', '\0' }, *at = strstr(p + 2, end);

			if (at)
				p = at + 1;
		}
		p++;
	}
	return *p ? p + 1 : p;
}

/* Of the first back-reference; NULL: none. */
static const char *find_back_reference(const char *p)
{
	while (*p) {
		if (*p == '[') {
			p = skip_bracket(p);
		} else if (*p == '\\' && p[1]) {
			if (p[1] >= '1' && p[1] <= '9')
				return p;
			p += 2;
		} else {
			p++;
		}
	}
	return NULL;
}

/*
 * regcomp(3) does not say where. It is where a beginning of the pattern first has the error that the whole has, and every longer beginning, too. Counted
 * in bytes, from 1.
 */
static size_t error_position(const char *text, int error)
{
	char beginning[REDACT_REGEX_MAX + 1];
	size_t len = strlen(text);

	memcpy(beginning, text, len + 1);
	while (len > 1) {
		regex_t re;
		int e;

		beginning[len - 1] = '\0';
		e = regcomp(&re, beginning, FLAGS);
		if (!e)
			regfree(&re);
		if (e != error && e != REG_BADPAT) /* glibc's word for a bracket and nothing behind it */
			break;
		len--;
	}
	return len;
}

static int compile(struct redact_pattern *p)
{
	int e = regcomp(&p->compiled, p->text, FLAGS);

	p->is_compiled = !e;
	p->searched = 0;
	return e;
}

static int refuse(const char *text, size_t at, const char *why, struct err *err)
{
	return err_set(err, -EINVAL, "--redact '%s': %s at byte %zu", text, why, at);
}

int redact_pattern_init(struct redact_pattern *p, const char *text, struct err *err)
{
	const char *reference;
	char why[100];
	int e;

	*p = (struct redact_pattern){ 0 };
	if (!*text)
		return err_set(err, -EINVAL, "--redact '': want a regular expression");
	if (strlen(text) > REDACT_REGEX_MAX)
		return err_set(err, -EINVAL, "--redact '%.20s…': has %zu bytes, want at most %d", text, strlen(text), REDACT_REGEX_MAX);
	reference = find_back_reference(text);
	if (reference)
		return refuse(text, (size_t)(reference - text) + 1, "a back-reference, which could take without end,", err);
	p->text = strdup(text);
	if (!p->text)
		return err_code(err, -ENOMEM, "--redact");
	e = compile(p);
	if (!e)
		return 0;
	redact_pattern_deinit(p);
	if (e == REG_ESPACE)
		return err_code(err, -ENOMEM, "--redact '%s'", text);
	regerror(e, NULL, why, sizeof(why));
	return refuse(text, error_position(text, e), why, err);
}

void redact_pattern_deinit(struct redact_pattern *p)
{
	if (p->is_compiled)
		regfree(&p->compiled);
	free(p->text);
	*p = (struct redact_pattern){ 0 };
}

int redact_pattern_find(struct redact_pattern *p, const char *text, size_t len, size_t from, size_t *ret_start, size_t *ret_end)
{
	if (p->searched >= FORGET_SZ) {
		regfree(&p->compiled);
		p->is_compiled = false;
	}
	if (!p->is_compiled && compile(p))
		return -ENOMEM;
	while (from < len) {
		regmatch_t m = { .rm_so = (regoff_t)from, .rm_eo = (regoff_t)len };
		int e = regexec(&p->compiled, text, 1, &m, REG_STARTEND);

		p->searched += len - from;
		if (e)
			return e == REG_NOMATCH ? 0 : -ENOMEM;
		if (m.rm_eo > m.rm_so) {
			*ret_start = (size_t)m.rm_so;
			*ret_end = (size_t)m.rm_eo;
			return 1;
		}
		from = (size_t)m.rm_eo + 1;
	}
	return 0;
}
