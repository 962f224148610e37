// SPDX-License-Identifier: BSD-2-Clause
#include "record/perfmap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "formats/cleanup.h"

#define LINE_SZ 65536		    /* longer lines are cut: what follows is the end of a name */
#define CODE_SIZE_MAX (256ULL << 20) /* one function; a "function" of 4 GiB would claim everybody's frames */
#define START_SLACK_NS 1000000000ULL
#define FOLLOW_MAX (1ULL << 20)
#define ADDRESS_MAX (1ULL << 56)    /* user space with five-level page tables */

static int check_stat(int fd, uint32_t uid, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_errno(err, "stat of a perf map");
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EPERM, "perf map: not a regular file");
	if (st.st_nlink != 1)
		return err_set(err, -EPERM, "perf map: has %lu names", (unsigned long)st.st_nlink);
	if (st.st_uid != uid && st.st_uid != 0)
		return err_set(err, -EPERM, "perf map: owned by %u, neither %u nor root", st.st_uid, uid);
	if (st.st_mode & S_IWOTH)
		return err_set(err, -EPERM, "perf map: writable by everybody");
	if ((uint64_t)st.st_size > PERFMAP_SIZE_MAX)
		return err_set(err, -EFBIG, "perf map: %lld bytes", (long long)st.st_size);
	return 0;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Starts are known to 10 ms at worst; a clock that was set meanwhile must not cost a good map its names, so this errs on its side. */
static int check_age(int fd, uint64_t start_ts, struct err *err)
{
	uint64_t booted_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME), written_ns;
	struct stat st;

	if (!start_ts)
		return 0;
	if (fstat(fd, &st))
		return err_errno(err, "stat of a perf map");
	written_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
	if (written_ns + START_SLACK_NS < booted_ns + start_ts)
		return err_set(err, -ESTALE, "perf map: older than the process");
	return 0;
}

int perfmap_open(int root_fd, uint32_t ns_pid, uint32_t uid, uint64_t start_ts, struct err *err)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int fd = -1;
	char name[48];
	int r;

	snprintf(name, sizeof(name), "tmp/perf-%" PRIu32 ".map", ns_pid);
	fd = (int)syscall(SYS_openat2, root_fd, name, &how, sizeof(how));
	if (fd < 0)
		return err_errno(err, "open '%s'", name);
	r = check_stat(fd, uid, err) ?: check_age(fd, start_ts, err);
	return r ? r : take_fd(&fd);
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
	if (!size || size > CODE_SIZE_MAX || start >= ADDRESS_MAX)
		return -EBADMSG;
	if (end - p > PERFMAP_NAME_MAX - 1)
		end = p + PERFMAP_NAME_MAX - 1;
	line[end - line] = '\0';
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
	return perfmap_each_until(fd, 0, fn, ctx, ret_bad_lines, err);
}

int perfmap_each_until(int fd, uint64_t limit, perfmap_fn fn, void *ctx, uint64_t *ret_bad_lines, struct err *err)
{
	_cleanup_free_ char *buf = malloc(LINE_SZ + 1);
	struct line_reader r = { .fd = fd, .buf = buf, .limit = limit && limit < PERFMAP_SIZE_MAX ? limit : PERFMAP_SIZE_MAX };
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
