// SPDX-License-Identifier: BSD-2-Clause
#include "record/anonymize.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/idmap.h"

#define PERSON_MIN 1000
#define PERSON_MAX 65533
#define NO_UID UINT32_MAX
#define HOMES_MAX 65536 /* containers can have any number of names below /home: those beyond are all one */
#define ALIAS_SZ 16

/* A name, or an id whose name is not known, and the word that stands for it. */
struct name {
	char *text;   /* owned; NULL: known by its id only */
	uint32_t len;
	uint32_t uid; /* NO_UID: none, or not known */
	char alias[ALIAS_SZ];
};

struct names {
	struct name *row; /* owned; from 1 on */
	uint32_t cnt, cap;
	struct idmap by_text; /* of `everywhere`: by the first word of it */
	struct idmap by_uid;
};

struct anonymize {
	struct names everywhere; /* replaced wherever it is a word */
	struct names homes;	 /* met behind "/home/", or as an id: only replaced there */
	unsigned users;		 /* so far */
	struct buffer slots[4];	 /* texts made, with their NULs */
};

int anonymize_create(struct anonymize **ret, struct err *err)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : err_code(err, -ENOMEM, "make room for names");
}

static void deinit_names(struct names *n)
{
	for (uint32_t i = 1; i <= n->cnt; i++)
		free(n->row[i].text);
	free(n->row);
	idmap_deinit(&n->by_text);
	idmap_deinit(&n->by_uid);
}

void anonymize_destroy(struct anonymize *a)
{
	if (!a)
		return;
	deinit_names(&a->everywhere);
	deinit_names(&a->homes);
	for (size_t i = 0; i < ARRAY_SIZE(a->slots); i++)
		buffer_deinit(&a->slots[i]);
	free(a);
}

/* ---- names ---- */

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c & 0x80;
}

static bool is_person(uint64_t uid)
{
	return uid >= PERSON_MIN && uid <= PERSON_MAX;
}

static uint32_t hash_lower(const char *text, size_t len)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < len; i++)
		hash = hash_mix(hash, (uint64_t)tolower((unsigned char)text[i]));
	return hash;
}

/* Of the letters and digits that text begins with. */
static uint32_t hash_word(const char *text)
{
	size_t len = 0;

	while (text[len] && is_word_char(text[len]))
		len++;
	return hash_lower(text, len);
}

/* text may be NULL. hash: of the text. */
static int add(struct names *n, const char *text, size_t len, uint32_t hash, uint32_t uid, const char *alias)
{
	struct name name = { .len = (uint32_t)len, .uid = uid };
	uint32_t id = n->cnt + 1;

	snprintf(name.alias, sizeof(name.alias), "%s", alias);
	if (ARRAY_GROW(n->row, n->cap, id))
		return -ENOMEM;
	name.text = text ? strndup(text, len) : NULL;
	if (text && !name.text)
		return -ENOMEM;
	n->row[id] = name;
	n->cnt = id;
	return (text ? idmap_add(&n->by_text, hash, id) : 0) ?: uid != NO_UID ? idmap_add(&n->by_uid, hash_mix(uid, 0), id) : 0;
}

static const struct name *find_text(const struct names *n, const char *text, size_t len, uint32_t hash)
{
	uint32_t pos;

	for (uint32_t id = idmap_first(&n->by_text, hash, &pos); id; id = idmap_next(&n->by_text, hash, &pos))
		if (n->row[id].len == len && !strncasecmp(n->row[id].text, text, len))
			return &n->row[id];
	return NULL;
}

static const struct name *find_uid(const struct names *n, uint32_t uid)
{
	uint32_t hash = hash_mix(uid, 0), pos;

	for (uint32_t id = idmap_first(&n->by_uid, hash, &pos); id; id = idmap_next(&n->by_uid, hash, &pos))
		if (n->row[id].uid == uid)
			return &n->row[id];
	return NULL;
}

/* Replaced everywhere from now on. What does not begin with a letter or digit would begin no word. */
static int add_word(struct anonymize *a, const char *text, uint32_t uid, const char *alias)
{
	uint32_t hash = hash_word(text);

	if (!is_word_char(*text) || find_text(&a->everywhere, text, strlen(text), hash))
		return 0;
	return add(&a->everywhere, text, strlen(text), hash, uid, alias);
}

int anonymize_add_host(struct anonymize *a, const char *name)
{
	const char *dot = strchr(name, '.');
	char first[256];

	if (!strcasecmp(name, "localhost") || !strcmp(name, "(none)"))
		return 0;
	snprintf(first, sizeof(first), "%.*s", dot ? (int)(dot - name) : (int)strlen(name), name);
	return add_word(a, first, NO_UID, "host") ?: dot ? add_word(a, dot + 1, NO_UID, "domain") : 0;
}

static void next_alias(struct anonymize *a, char alias[ALIAS_SZ])
{
	snprintf(alias, ALIAS_SZ, "user%u", ++a->users);
}

int anonymize_add_user(struct anonymize *a, const char *name, uint32_t uid)
{
	char alias[ALIAS_SZ];

	if (!is_person(uid))
		return 0;
	next_alias(a, alias);
	return add_word(a, name, uid, alias);
}

/* An id as /etc/machine-id and boot_id have it, with its dashes and without. */
static int add_id(struct anonymize *a, const char *path, const char *alias)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[64] = "", bare[64] = "";
	size_t n = 0;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 32)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	for (const char *p = text; *p; p++)
		if (*p != '-')
			bare[n++] = *p;
	return add_word(a, text, NO_UID, alias) ?: add_word(a, bare, NO_UID, alias);
}

int anonymize_learn(struct anonymize *a, struct err *err)
{
	const struct passwd *pw;
	struct utsname u;
	int code = 0;

	if (!uname(&u))
		code = anonymize_add_host(a, u.nodename);
	if (!code && strcmp(u.domainname, "(none)"))
		code = add_word(a, u.domainname, NO_UID, "domain");
	code = code ?: add_id(a, "/etc/machine-id", "machine") ?: add_id(a, "/proc/sys/kernel/random/boot_id", "boot");
	setpwent();
	while (!code && (pw = getpwent()))
		code = anonymize_add_user(a, pw->pw_name, pw->pw_uid);
	endpwent();
	return code ? err_code(err, code, "remember the names of users") : 0;
}

/* ---- texts ---- */

static bool is_behind(const char *text, size_t at, const char *what)
{
	size_t len = strlen(what);

	return at >= len && !memcmp(text + at - len, what, len);
}

/* The longest name that is a word at p. */
static const struct name *find_word(const struct names *n, const char *p)
{
	const struct name *best = NULL;
	uint32_t hash = hash_word(p), pos;

	for (uint32_t id = idmap_first(&n->by_text, hash, &pos); id; id = idmap_next(&n->by_text, hash, &pos)) {
		const struct name *name = &n->row[id];

		if ((!best || name->len > best->len) && !strncasecmp(name->text, p, name->len) && !is_word_char(p[name->len]))
			best = name;
	}
	return best;
}

/* What stands for a name or id that was not known before; the same from now on. NULL: out of memory. */
static const char *learn(struct anonymize *a, const char *text, size_t len, uint32_t uid)
{
	char alias[ALIAS_SZ];

	if (a->homes.cnt >= HOMES_MAX)
		return "user";
	next_alias(a, alias);
	return add(&a->homes, text, len, text ? hash_lower(text, len) : 0, uid, alias) ? NULL : a->homes.row[a->homes.cnt].alias;
}

/* A person's directory. *ret_len: bytes of text that are the name; 0: there is none. */
static const char *alias_of_home(struct anonymize *a, const char *text, size_t at, size_t *ret_len)
{
	const struct name *n;

	*ret_len = is_behind(text, at, "/home/") ? strcspn(text + at, "/ :\n\"'") : 0;
	if (!*ret_len)
		return NULL;
	n = find_text(&a->everywhere, text + at, *ret_len, hash_word(text + at)) ?:
	    find_text(&a->homes, text + at, *ret_len, hash_lower(text + at, *ret_len));
	return n ? n->alias : learn(a, text + at, *ret_len, NO_UID);
}

static const char *alias_of_uid(struct anonymize *a, const char *text, size_t at, size_t *ret_len)
{
	static const char *const before[] = { "user-", "user@", "user-runtime-dir@", "/run/user/" };
	const struct name *n;
	bool is_one = false;
	uint64_t uid = 0;

	*ret_len = 0;
	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		is_one = is_one || is_behind(text, at, before[i]);
	for (; is_one && isdigit((unsigned char)text[at + *ret_len]) && uid < NO_UID; (*ret_len)++)
		uid = uid * 10 + (uint64_t)(text[at + *ret_len] - '0');
	if (!is_person(uid) || is_word_char(text[at + *ret_len]))
		*ret_len = 0;
	if (!*ret_len)
		return NULL;
	n = find_uid(&a->everywhere, (uint32_t)uid) ?: find_uid(&a->homes, (uint32_t)uid);
	return n ? n->alias : learn(a, NULL, 0, (uint32_t)uid);
}

/* What stands for the *ret_len bytes at `at`, where a word begins; 0 bytes: nothing does. NULL with more: out of memory. */
static const char *alias_at(struct anonymize *a, const char *text, size_t at, size_t *ret_len)
{
	const char *alias = alias_of_home(a, text, at, ret_len);
	const struct name *n;

	if (!*ret_len)
		alias = alias_of_uid(a, text, at, ret_len);
	if (*ret_len)
		return alias;
	n = find_word(&a->everywhere, text + at);
	*ret_len = n ? n->len : 0;
	return n ? n->alias : NULL;
}

/* *text is changed to one in the slot where there is anything to replace. */
static int edit(struct anonymize *a, struct buffer *s, const char **text)
{
	const char *from = *text;
	size_t done = 0, len;
	int code = 0;

	s->len = 0;
	if (!from)
		return 0;
	for (size_t at = 0; from[at] && !code; at += len ?: 1) {
		const char *alias;

		len = 0;
		if (at ? is_word_char(from[at - 1]) || (!is_word_char(from[at]) && from[at - 1] != '/') : !is_word_char(from[at]))
			continue; /* no word begins here, and no directory */
		alias = alias_at(a, from, at, &len);
		if (!len)
			continue;
		code = alias ? buffer_put(s, from + done, at - done) ?: buffer_put(s, alias, strlen(alias)) : -ENOMEM;
		done = at + len;
	}
	if (code || !done)
		return code;
	code = buffer_put(s, from + done, strlen(from + done) + 1);
	*text = code ? from : (const char *)s->data;
	return code;
}

/* ---- events and modules ---- */

static bool is_from_jit(enum symbol_source s)
{
	return s == SYMBOL_PERFMAP || s == SYMBOL_JITDUMP;
}

int anonymize_event(void *ctx, struct event *ev)
{
	struct anonymize *a = ctx;
	int code = edit(a, &a->slots[0], &ev->task.comm) ?: edit(a, &a->slots[1], &ev->other.comm);

	if (code)
		return code;
	switch (ev->kind) {
	case EVENT_TASK:
	case EVENT_FORK:
	case EVENT_EXEC:
		ev->proc.uid = NO_UID;
		return edit(a, &a->slots[2], &ev->proc.exe) ?: edit(a, &a->slots[3], &ev->proc.cmdline);
	case EVENT_OOM:
		ev->oom.uid = NO_UID;
		return 0;
	case EVENT_OOM_TASK:
		ev->oom_task.uid = NO_UID;
		return 0;
	case EVENT_CGROUP:
		return edit(a, &a->slots[2], &ev->cgroup.path);
	case EVENT_SYMBOL:
		return is_from_jit(ev->symbol.source) ? edit(a, &a->slots[2], &ev->symbol.name) : 0;
	case EVENT_MARK:
		return edit(a, &a->slots[2], &ev->mark.text);
	case EVENT_META:
		return !strcmp(ev->meta.key, "command") ? edit(a, &a->slots[2], &ev->meta.value) : 0;
	default:
		return 0;
	}
}

int anonymize_module(void *ctx, struct module *m)
{
	struct anonymize *a = ctx;

	return edit(a, &a->slots[2], &m->path);
}
