// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_jitmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/bundle.h"
#include "formats/cleanup.h"
#include "formats/perfmap.h"

#define ENTRY_MAX (1u << 21) /* of a hostile map: memory; what was cut off might override what was read, so then it is none */
#define TOO_MANY 1

/* ---- where it is ---- */

/* A file descriptor of its text, or -1. */
static int open_member(const char *path, const struct bundle_key *key)
{
	_cleanup_close_ int fd = memfd_create("varve-map", MFD_CLOEXEC);
	const struct bundle_member *m;
	struct bundle *b = NULL;
	void *text = NULL;

	if (fd < 0 || bundle_open(path, &b, NULL))
		return -1;
	m = bundle_find(b, key);
	if (!m || !m->raw_sz || m->raw_sz > PERFMAP_SIZE_MAX || bundle_unpack(b, m, &text, NULL))
		text = NULL;
	if (text && write(fd, text, m->raw_sz) == (ssize_t)m->raw_sz) {
		munmap(text, m->raw_sz);
		bundle_close(b);
		return take_fd(&fd);
	}
	if (text)
		munmap(text, m->raw_sz);
	bundle_close(b);
	return -1;
}

static int open_file(const char *dir, const struct bundle_key *key)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	char name[BUNDLE_NAME_SZ];
	struct stat st;

	bundle_key_name(key, name);
	name[strlen(name) - strlen(".zst")] = '\0';
	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return -1;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return -1;
	return take_fd(&fd);
}

/* ---- what is in it ---- */

struct taking {
	struct sym_names *names;
	struct sym_recorded *to;
};

static int take_entry(void *ctx, const struct perfmap_entry *e)
{
	struct taking *t = ctx;
	const struct sym_name *n;

	if (t->to->symbols.cnt >= ENTRY_MAX)
		return TOO_MANY;
	n = sym_names_add(t->names, e->name);
	return n && sym_recorded_add(t->to, &(struct sym_recorded_symbol){e->start, e->size, n->text, SYMBOL_PERFMAP}) ?
		       0 :
		       -ENOMEM;
}

static int by_off(const void *a, const void *b)
{
	const struct sym_recorded_symbol *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

static uint64_t end_of(const struct sym_recorded_symbol *s)
{
	return s->off + s->size; /* perfmap_is_code() */
}

/*
 * Cover what has two names with an entry that has none. Enough to look at the one that reaches furthest: any other that reaches this
 * far lies within it, and is the same name or covered already.
 */
static int cover_overwritten(struct sym_recorded *r)
{
	size_t n = r->symbols.cnt;
	_cleanup_free_ struct sym_recorded_symbol *sorted = calloc(n + 1, sizeof(*sorted));
	const struct sym_recorded_symbol *far = sorted;

	if (!sorted)
		return -ENOMEM;
	if (n)
		memcpy(sorted, r->symbols.v, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_off);
	for (size_t i = 1; i < n; i++) {
		const struct sym_recorded_symbol *s = &sorted[i];
		uint64_t end = end_of(s) < end_of(far) ? end_of(s) : end_of(far);
		struct sym_recorded_symbol none = {.off = s->off, .source = SYMBOL_PERFMAP};

		if (s->off < end && s->name != far->name) { /* equal names share one text */
			none.size = end - s->off;
			if (!sym_recorded_add(r, &none))
				return -ENOMEM;
		}
		if (end_of(s) > end_of(far))
			far = s;
	}
	return 0;
}

int sym_jitmap_read(const char *symfs, const struct module *m, struct sym_names *names, struct sym_recorded *ret)
{
	const struct bundle_key key = bundle_module_key(BUNDLE_MAP, m);
	_cleanup_close_ int fd = bundle_is(symfs) ? open_member(symfs, &key) : open_file(symfs, &key);
	struct sym_recorded r = {.later_wins = true};
	struct taking t = {names, &r};
	uint64_t bad;
	int code;

	if (fd < 0 || m->kind != MODULE_JIT)
		return 0;
	code = perfmap_each(fd, take_entry, &t, &bad, NULL);
	if (!code)
		code = cover_overwritten(&r) ?: sym_recorded_sort(&r);
	if (code || !r.symbols.cnt) {
		sym_recorded_deinit(&r);
		return code == -ENOMEM ? code : 0;
	}
	sym_recorded_deinit(ret);
	*ret = r;
	return 1;
}
