// SPDX-License-Identifier: BSD-2-Clause
#include "formats/perfmap.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"

#define LINE_SZ 65536 /* longer lines are cut: what follows is the end of a name */
#define CODE_SIZE_MAX (256ULL << 20) /* one function; a "function" of 4 GiB would claim everybody's frames */
#define FOLLOW_MAX (1ULL << 20)
#define ADDRESS_MAX (1ULL << 56) /* user space with five-level page tables */

bool perfmap_is_code(uint64_t start, uint64_t size)
{
	return size && size <= CODE_SIZE_MAX && start < ADDRESS_MAX;
}

void perfmap_clean_name(char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || *name == 0x7f)
			*name = '?';
}

/* Hex digits, with or without 0x, up to a blank. */
static int parse_hex(const char **p, const char *end, uint64_t *ret)
{
	const char *s = *p;
	uint64_t v = 0;
	int digits = 0;

	if (end - s > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	for (; s < end && *s != ' ' && *s != '\t'; s++, digits++) {
		int c = *s | 0x20, d;

		if (*s >= '0' && *s <= '9')
			d = *s - '0';
		else if (c >= 'a' && c <= 'f')
			d = c - 'a' + 10;
		else
			return -EBADMSG;
		if (v >> 60)
			return -EBADMSG;
		v = v << 4 | (uint64_t)d;
	}
	if (!digits)
		return -EBADMSG;
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	*p = s;
	*ret = v;
	return 0;
}

int perfmap_parse_line(char *line, size_t len, struct perfmap_entry *ret)
{
	const char *p = line, *end = line + len;
	uint64_t start, size;

	if (parse_hex(&p, end, &start) || parse_hex(&p, end, &size))
		return -EBADMSG;
	if (end > p && end[-1] == '\r')
		end--;
	if (p >= end || !*p)
		return -EBADMSG;
	if (!perfmap_is_code(start, size))
		return -EBADMSG;
	if (end - p > PERFMAP_NAME_MAX - 1)
		end = p + PERFMAP_NAME_MAX - 1;
	line[end - line] = '\0';
	perfmap_clean_name(line + (p - line));
	*ret = (struct perfmap_entry){ start, size, p };
	return 0;
}

struct line_reader {
	int fd;
	uint64_t off, limit; /* off: of what comes after buf[len) */
	char *buf;    /* LINE_SZ + 1 */
	size_t len;
};

/* Fill up behind what is there. 0 at the end of the file (or of what is allowed), else >0 or -errno. */
static ssize_t fill(struct line_reader *r)
{
	ssize_t n;

	size_t want = LINE_SZ - r->len;

	if (r->off >= r->limit)
		return 0;
	if (want > r->limit - r->off)
		want = (size_t)(r->limit - r->off);
	do
		n = pread(r->fd, r->buf + r->len, want, (off_t)r->off);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	r->len += (size_t)n;
	r->off += (uint64_t)n;
	return n;
}

static int take_line(char *line, size_t len, perfmap_fn fn, void *ctx, uint64_t *bad)
{
	struct perfmap_entry e;

	if (!len)
		return 0;
	if (perfmap_parse_line(line, len, &e)) {
		++*bad;
		return 0;
	}
	return fn(ctx, &e);
}

/* Hand the whole lines in the buffer over, and a line that fills it, cut. *skip: the rest of a cut line comes next. */
static int take_lines(struct line_reader *r, bool at_end, bool *skip, perfmap_fn fn, void *ctx,
		      uint64_t *bad)
{
	size_t at = 0;
	int err = 0;

	while (!err && at < r->len) {
		char *nl = memchr(r->buf + at, '\n', r->len - at);
		size_t len = nl ? (size_t)(nl - r->buf) - at : r->len - at;

		if (!nl && !at_end && (at || r->len < LINE_SZ))
			break;
		if (!*skip)
			err = take_line(r->buf + at, len, fn, ctx, bad);
		*skip = !nl;
		at += len + !!nl;
	}
	memmove(r->buf, r->buf + at, r->len - at);
	r->len -= at;
	return err;
}

int perfmap_each(int fd, perfmap_fn fn, void *ctx, uint64_t *ret_bad_lines, struct err *err)
{
	return perfmap_each_until(fd, 0, 0, fn, ctx, ret_bad_lines, err);
}

int perfmap_each_until(int fd, uint64_t from, uint64_t limit, perfmap_fn fn, void *ctx, uint64_t *ret_bad_lines, struct err *err)
{
	_cleanup_free_ char *buf = malloc(LINE_SZ + 1);
	struct line_reader r = { .fd = fd, .buf = buf, .off = from, .limit = limit && limit < PERFMAP_SIZE_MAX ? limit : PERFMAP_SIZE_MAX };
	bool skip = false;
	uint64_t bad = 0;
	ssize_t n;
	int stop;

	if (!buf)
		return err_set(err, -ENOMEM, "out of memory");
	do {
		n = fill(&r);
		if (n < 0)
			return err_code(err, (int)n, "read of a perf map");
		stop = take_lines(&r, n == 0, &skip, fn, ctx, &bad);
	} while (n > 0 && !stop);
	*ret_bad_lines = bad;
	return stop;
}

int perfmap_follow(int fd, uint64_t *at, perfmap_fn fn, void *ctx)
{
	struct line_reader r = { .fd = fd, .off = *at, .limit = *at + FOLLOW_MAX };
	bool skip = false;
	uint64_t bad = 0;
	struct stat st;
	int stop = 0;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if ((uint64_t)st.st_size <= *at || *at >= PERFMAP_SIZE_MAX)
		return 0; /* nothing new, nearly always */
	r.buf = malloc(LINE_SZ + 1);
	if (!r.buf)
		return -ENOMEM;
	do {
		n = fill(&r);
		if (n > 0)
			stop = take_lines(&r, false, &skip, fn, ctx, &bad);
	} while (n > 0 && !stop);
	*at = r.off - r.len; /* a line without its end comes again */
	free(r.buf);
	return n < 0 ? (int)n : stop;
}
