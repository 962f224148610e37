// SPDX-License-Identifier: BSD-2-Clause
#include "record/jitdump.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"

#define MAGIC 0x4a695444u /* "JiTD", little-endian */
#define HEADER_SZ 40
#define RECORD_SZ 16	       /* id, total size, time */
#define LOAD_SZ 40	       /* pid, tid, vma, address, size, index; then the name and the code */
#define MOVE_SZ 48	       /* pid, tid, vma, old address, new address, size, index */
#define RECORD_MAX (256u << 20)

enum record_id { CODE_LOAD = 0, CODE_MOVE = 1 };

int jitdump_is_name(const char *path)
{
	const char *p = strrchr(path, '/');

	p = p ? p + 1 : path;
	if (strncmp(p, "jit-", 4) || !isdigit((unsigned char)p[4]))
		return 0;
	for (p += 4; isdigit((unsigned char)*p); p++)
		;
	return !strcmp(p, ".dump") || !strcmp(p, ".dump (deleted)");
}

static bool read_at(int fd, void *buf, size_t len, uint64_t off)
{
	return off <= INT64_MAX && pread(fd, buf, len, (off_t)off) == (ssize_t)len;
}

/* Names of functions by index, which a move refers to. */
struct names {
	struct name {
		uint64_t index;
		char *text; /* owned */
	} *v;
	uint32_t cnt, cap;
};

static void names_deinit(struct names *n)
{
	for (uint32_t i = 0; i < n->cnt; i++)
		free(n->v[i].text);
	free(n->v);
}

static int take_load(int fd, uint64_t off, uint32_t body_sz, struct names *names, perfmap_fn fn, void *ctx)
{
	char text[PERFMAP_NAME_MAX];
	struct perfmap_entry e = { .name = text };
	size_t want;
	uint8_t b[LOAD_SZ];

	if (body_sz <= LOAD_SZ || !read_at(fd, b, sizeof(b), off))
		return 0;
	e.start = get_le64(b + 16);
	e.size = get_le64(b + 24);
	want = body_sz - LOAD_SZ < sizeof(text) - 1 ? body_sz - LOAD_SZ : sizeof(text) - 1;
	if (!perfmap_is_code(e.start, e.size) || !read_at(fd, text, want, off + LOAD_SZ))
		return 0;
	text[want] = '\0';
	if (!*text)
		return 0;
	perfmap_clean_name(text);
	if (names->cnt < UINT16_MAX && !array_grow(&names->v, &names->cap, names->cnt, sizeof(*names->v))) {
		names->v[names->cnt].index = get_le64(b + 32);
		names->v[names->cnt].text = strdup(text);
		names->cnt += names->v[names->cnt].text != NULL;
	}
	return fn(ctx, &e);
}

static int take_move(int fd, uint64_t off, uint32_t body_sz, const struct names *names, perfmap_fn fn, void *ctx)
{
	struct perfmap_entry e = {};
	uint8_t b[MOVE_SZ];

	if (body_sz < MOVE_SZ || !read_at(fd, b, sizeof(b), off))
		return 0;
	e.start = get_le64(b + 24);
	e.size = get_le64(b + 32);
	for (uint32_t i = names->cnt; i-- > 0 && !e.name;)
		if (names->v[i].index == get_le64(b + 40))
			e.name = names->v[i].text;
	return e.name && perfmap_is_code(e.start, e.size) ? fn(ctx, &e) : 0;
}

/* Behind the header. False: it is none of ours. */
static bool read_header(int fd, uint64_t *at)
{
	uint8_t h[HEADER_SZ];
	uint32_t sz;

	if (!read_at(fd, h, sizeof(h), 0))
		return true; /* not written yet */
	sz = get_le32(h + 8);
	if (get_le32(h) != MAGIC || sz < HEADER_SZ || sz > 65536)
		return false;
	*at = sz;
	return true;
}

int jitdump_each(int fd, uint64_t *at, uint64_t limit, perfmap_fn fn, void *ctx)
{
	struct names names = {};
	uint8_t h[RECORD_SZ];
	int r = 0;

	if (*at == UINT64_MAX)
		return 0;
	if (!*at && !read_header(fd, at)) {
		*at = UINT64_MAX;
		return 0;
	}
	while (!r && *at && *at < (limit ?: JITDUMP_SIZE_MAX) && read_at(fd, h, sizeof(h), *at)) {
		uint32_t id = get_le32(h), sz = get_le32(h + 4);
		uint8_t last;

		if (sz < RECORD_SZ || sz > RECORD_MAX) {
			*at = UINT64_MAX; /* from here on nothing can be found */
			break;
		}
		if (!read_at(fd, &last, 1, *at + sz - 1))
			break; /* not written to its end yet */
		if (id == CODE_LOAD)
			r = take_load(fd, *at + RECORD_SZ, sz - RECORD_SZ, &names, fn, ctx);
		else if (id == CODE_MOVE)
			r = take_move(fd, *at + RECORD_SZ, sz - RECORD_SZ, &names, fn, ctx);
		*at += sz;
	}
	names_deinit(&names);
	return r;
}
