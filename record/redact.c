// SPDX-License-Identifier: BSD-2-Clause
#include "record/redact.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "formats/cleanup.h"
#include "record/redact_pattern.h"

#define SECOND 1000000000ULL
#define NOWHERE SIZE_MAX

struct redact {
	struct redact_pattern *patterns; /* owned */
	size_t cnt;
	uint64_t budget_ns;
	uint64_t second; /* of CLOCK_MONOTONIC, in which spent_ns was spent */
	uint64_t spent_ns;
};

/* One argument, with a NUL behind its len bytes. */
struct argument {
	char text[REDACT_ARGUMENTS_MAX + 1];
	size_t len;
	bool hide[REDACT_ARGUMENTS_MAX];
};

int redact_add(struct redact **r, const char *regex, struct err *err)
{
	struct redact_pattern p, *grown;
	int code = redact_pattern_init(&p, regex, err);

	if (code)
		return code;
	if (!*r)
		*r = calloc(1, sizeof(**r));
	grown = *r ? reallocarray((*r)->patterns, (*r)->cnt + 1, sizeof(p)) : NULL;
	if (!grown) {
		redact_pattern_deinit(&p);
		return err_code(err, -ENOMEM, "--redact");
	}
	if (!(*r)->cnt)
		(*r)->budget_ns = REDACT_BUDGET_NS;
	grown[(*r)->cnt++] = p;
	(*r)->patterns = grown;
	return 0;
}

void redact_destroy(struct redact *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->cnt; i++)
		redact_pattern_deinit(&r->patterns[i]);
	free(r->patterns);
	free(r);
}

void redact_set_budget(struct redact *r, uint64_t budget_ns)
{
	r->budget_ns = budget_ns;
}

static void hide(struct argument *a, size_t from, size_t to)
{
	memset(a->hide + from, true, to - from);
}

/* ---- REGEXes ---- */

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* Search once, and count what it took. As redact_pattern_find(), but -EBUSY when too much was spent already. */
static int find(struct redact *r, size_t pattern, const struct argument *a, size_t from, size_t *ret_start, size_t *ret_end)
{
	uint64_t second = clock_ns(CLOCK_MONOTONIC) / SECOND, before;
	int code;

	if (second != r->second) {
		r->second = second;
		r->spent_ns = 0;
	}
	if (r->spent_ns >= r->budget_ns)
		return -EBUSY;
	before = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	code = redact_pattern_find(&r->patterns[pattern], a->text, a->len, from, ret_start, ret_end);
	r->spent_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - before;
	return code;
}

static void hide_matches(struct redact *r, struct argument *a)
{
	int code = r && a->len > REDACT_TEXT_MAX ? -E2BIG : 0;

	for (size_t i = 0; r && i < r->cnt && code >= 0; i++) {
		size_t at = 0, start, end;

		while ((code = find(r, i, a, at, &start, &end)) > 0) {
			hide(a, start, end);
			at = end;
		}
	}
	if (code < 0)
		hide(a, 0, a->len);
}

/* ---- names ---- */

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_name_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-' || c == '.' || c & 0x80;
}

static bool is_secret_name(const struct argument *a, size_t start, size_t end)
{
	static const char *const words[] = { "pass", "pwd", "token", "secret", "key", "auth", "credential", "cookie", "bearer", "redact" };

	for (size_t at = start; at < end; at++) {
		if (a->hide[at])
			return true;
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			if (strlen(words[i]) <= end - at && !strncasecmp(a->text + at, words[i], strlen(words[i])))
				return true;
	}
	return false;
}

/* Whether a secret's name is before the = or : at `at`: NAME=, "NAME": , [NAME] = */
static bool has_secret_name(const struct argument *a, size_t at)
{
	size_t start, end = at;

	while (end && (is_blank(a->text[end - 1]) || strchr("\"'`])}", a->text[end - 1])))
		end--;
	start = end;
	while (start && is_name_char(a->text[start - 1]))
		start--;
	return is_secret_name(a, start, end);
}

/* Whether the word that ends before `end` is a flag that names a secret, whose value is what follows. */
static bool is_secret_flag(const struct argument *a, size_t end)
{
	size_t start;

	while (end && strchr("\"'`,", a->text[end - 1]))
		end--;
	start = end;
	while (start && is_name_char(a->text[start - 1]))
		start--;
	if (start && !is_blank(a->text[start - 1]) && !strchr("\"'`([{", a->text[start - 1]))
		return false;
	return a->text[start] == '-' && is_secret_name(a, start, end);
}

/* Values go to the end of their argument: where else would one end that may have blanks and quotes in it? */
static void hide_values(struct argument *a)
{
	for (size_t i = 1; i < a->len; i++) {
		bool is_value = (a->text[i] == '=' || a->text[i] == ':') ? has_secret_name(a, i) : is_blank(a->text[i]) && is_secret_flag(a, i);

		if (is_value) {
			size_t from = i + 1;

			while (from < a->len && is_blank(a->text[from]))
				from++;
			hide(a, from, a->len);
			return;
		}
	}
}

/* ---- who logs in ---- */

/* What may stand before a login in the same word. */
static bool is_opener(char c)
{
	return strchr("\"'`=,(", c);
}

/* What is to the right of a place: positions in its word (which blanks end), or NOWHERE. */
struct ahead {
	size_t colon;	/* the first, before any slash or opener */
	size_t near_at; /* the last @, before any slash */
	size_t last_at; /* the last @ of the word */
};

static void look_at(const struct argument *a, size_t i, struct ahead *ahead)
{
	char c = a->text[i];

	if (is_blank(c)) {
		*ahead = (struct ahead){ NOWHERE, NOWHERE, NOWHERE };
	} else if (c == '/' || c == '?' || c == '#') {
		ahead->colon = ahead->near_at = NOWHERE;
	} else if (is_opener(c)) {
		ahead->colon = NOWHERE;
	} else if (c == ':' && strncmp(a->text + i, "://", 3)) {
		ahead->colon = i;
	} else if (c == '@') {
		ahead->near_at = ahead->near_at == NOWHERE ? i : ahead->near_at;
		ahead->last_at = ahead->last_at == NOWHERE ? i : ahead->last_at;
	}
}

static bool is_before(size_t a, size_t b)
{
	return a != NOWHERE && b != NOWHERE && a < b;
}

/* From the right, so that each place is looked at once. A password may have slashes in it, against the rules. */
static void hide_logins(struct argument *a)
{
	struct ahead ahead = { NOWHERE, NOWHERE, NOWHERE };

	for (size_t i = a->len; i-- > 0;) {
		bool begins_word = !i || is_blank(a->text[i - 1]) || is_opener(a->text[i - 1]);
		bool begins_host = i >= 3 && !memcmp(a->text + i - 3, "://", 3);

		look_at(a, i, &ahead);
		if (begins_host && is_before(ahead.colon, ahead.last_at))
			hide(a, i, ahead.last_at);
		else if (begins_host && ahead.near_at != NOWHERE)
			hide(a, i, ahead.near_at);
		else if (begins_word && is_before(ahead.colon, ahead.near_at))
			hide(a, i, ahead.near_at);
	}
}

/* ---- all of them ---- */

static void append(char *ret, size_t sz, size_t *at, const char *text, size_t len)
{
	size_t room = sz - 1 - *at;

	len = len < room ? len : room;
	memcpy(ret + *at, text, len);
	*at += len;
}

static void append_argument(const struct argument *a, char *ret, size_t sz, size_t *at)
{
	for (size_t i = 0; i < a->len; i++) {
		if (!a->hide[i])
			append(ret, sz, at, a->text + i, 1);
		else if (!i || !a->hide[i - 1])
			append(ret, sz, at, REDACT_MARK, strlen(REDACT_MARK));
	}
}

void redact_arguments(struct redact *r, const char *args, size_t len, char *ret, size_t sz)
{
	struct argument a;
	bool is_value = false; /* of the flag before */
	size_t at = 0;

	assert(len <= REDACT_ARGUMENTS_MAX && sz);
	for (size_t i = 0; i < len; i += a.len + 1) {
		bool is_flag;

		a.len = strnlen(args + i, len - i);
		memcpy(a.text, args + i, a.len);
		a.text[a.len] = '\0';
		memset(a.hide, false, a.len);
		hide_matches(r, &a);
		is_flag = is_secret_flag(&a, a.len);
		hide_values(&a);
		hide_logins(&a);
		if (is_value)
			hide(&a, 0, a.len);
		is_value = is_flag;
		if (i)
			append(ret, sz, &at, " ", 1);
		append_argument(&a, ret, sz, &at);
	}
	ret[at] = '\0';
}
