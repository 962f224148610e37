// SPDX-License-Identifier: BSD-2-Clause
#include "formats/segments.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"

#define SUFFIX ".varve"
#define DIGITS_MIN 6
#define DIGITS_MAX 18

/* ---- names -------------------------------------------------------------------------------------------------- */

static int split_path(struct segments *s, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strlen(name), suffix = strlen(SUFFIX);

	if (len > suffix && !strcmp(name + len - suffix, SUFFIX))
		len -= suffix;
	if (!len)
		return err_set(err, -EINVAL, "'%s' names no file", path);
	s->dir = strndup(path, (size_t)(name - path));
	s->stem = strndup(name, len);
	return s->dir && s->stem ? 0 : err_code(err, -ENOMEM, "open '%s'", path);
}

/* dir may be "": then the name alone. */
static char *name_of(const char *dir, const char *stem, uint64_t number)
{
	char *name;

	return asprintf(&name, "%s%s.%0*llu" SUFFIX, dir, stem, DIGITS_MIN, (unsigned long long)number) < 0 ? NULL : name;
}

char *segments_path(const struct segments *s, uint64_t number)
{
	return name_of(s->dir, s->stem, number);
}

/* 0: no segment of ours. */
static uint64_t number_of(const struct segments *s, const char *name)
{
	size_t stem = strlen(s->stem), digits;
	uint64_t n = 0;

	if (strncmp(name, s->stem, stem) || name[stem] != '.')
		return 0;
	name += stem + 1;
	digits = strspn(name, "0123456789");
	if (digits < DIGITS_MIN || digits > DIGITS_MAX || strcmp(name + digits, SUFFIX) || (digits > DIGITS_MIN && *name == '0'))
		return 0;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (uint64_t)(name[i] - '0');
	return n;
}

/* ---- what is there -------------------------------------------------------------------------------------------- */

static int add(struct segments *s, const struct segment_file *f)
{
	if (array_grow(&s->complete, &s->cap, s->cnt, sizeof(*s->complete)))
		return -ENOMEM;
	s->complete[s->cnt++] = *f;
	s->bytes += f->bytes;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = ((const struct segment_file *)a)->number, y = ((const struct segment_file *)b)->number;

	return x < y ? -1 : x > y;
}

static uint64_t mtime_ns(const struct stat *st)
{
	return (uint64_t)st->st_mtim.tv_sec * 1000000000ull + (uint64_t)st->st_mtim.tv_nsec;
}

static int scan(struct segments *s, uint64_t now_ts, uint64_t realtime_ns, struct err *err)
{
	int fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (!d) {
		code = err_errno(err, "read directory '%s'", *s->dir ? s->dir : ".");
		cleanup_closep(&fd);
		return code;
	}
	while (!code && (e = readdir(d))) {
		struct segment_file f = { .number = number_of(s, e->d_name) };
		struct stat st;
		uint64_t age;

		if (!f.number || fstatat(s->dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
			continue;
		age = realtime_ns > mtime_ns(&st) ? realtime_ns - mtime_ns(&st) : 0;
		f.end_ts = now_ts > age ? now_ts - age : 0;
		f.bytes = (uint64_t)st.st_size;
		code = add(s, &f) ? err_code(err, -ENOMEM, "list segments") : 0;
	}
	closedir(d);
	if (s->cnt) {
		qsort(s->complete, s->cnt, sizeof(*s->complete), by_number);
		s->number = s->complete[s->cnt - 1].number;
	}
	return code;
}

/* ---- the lock ------------------------------------------------------------------------------------------------- */

static char *lock_name(const struct segments *s)
{
	char *name;

	return asprintf(&name, "%s.lock", s->stem) < 0 ? NULL : name;
}

/* The file we locked may have been given away by its owner in between: only the one that has the name counts. */
static bool is_still_there(const struct segments *s, const char *name)
{
	struct stat ours, named;

	return !fstat(s->lock_fd, &ours) && !fstatat(s->dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) && ours.st_ino == named.st_ino &&
	       ours.st_dev == named.st_dev;
}

static int take_lock(struct segments *s, struct err *err)
{
	_cleanup_free_ char *name = lock_name(s);

	if (!name)
		return err_code(err, -ENOMEM, "lock '%s%s'", s->dir, s->stem);
	for (;;) {
		s->lock_fd = openat(s->dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
		if (s->lock_fd < 0)
			return err_errno(err, "create '%s%s'", s->dir, name);
		if (flock(s->lock_fd, LOCK_EX | LOCK_NB)) {
			int code = errno == EWOULDBLOCK ? -EBUSY : -errno;

			cleanup_closep(&s->lock_fd);
			s->lock_fd = -1;
			return code == -EBUSY ? err_set(err, code, "'%s%s': another recorder writes these segments", s->dir, s->stem) :
						err_code(err, code, "lock '%s%s'", s->dir, name);
		}
		if (is_still_there(s, name))
			return 0;
		close(take_fd(&s->lock_fd));
	}
}

/* ---- life ----------------------------------------------------------------------------------------------------- */

static void deinit(struct segments *s)
{
	cleanup_closep(&s->lock_fd);
	cleanup_closep(&s->dir_fd);
	free(s->dir);
	free(s->stem);
	free(s->complete);
	*s = (struct segments){ .dir_fd = -1, .lock_fd = -1 };
}

int segments_open(struct segments *s, const char *path, const struct recording_keep *keep, bool force, uint64_t now_ts,
		  uint64_t realtime_ns, struct err *err)
{
	int code;

	*s = (struct segments){ .dir_fd = -1, .lock_fd = -1, .keep = *keep };
	code = split_path(s, path, err);
	if (!code) {
		s->dir_fd = open(*s->dir ? s->dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		code = s->dir_fd < 0 ? err_errno(err, "open directory '%s'", *s->dir ? s->dir : ".") : 0;
	}
	code = code ?: take_lock(s, err) ?: scan(s, now_ts, realtime_ns, err);
	while (!code && force && s->cnt) {
		code = segments_drop_oldest(s, err);
		code = code < 0 ? code : 0;
	}
	if (!code && force)
		s->number = 0;
	if (code)
		deinit(s);
	return code;
}

void segments_close(struct segments *s)
{
	_cleanup_free_ char *name = s->lock_fd >= 0 ? lock_name(s) : NULL;

	if (name)
		(void)unlinkat(s->dir_fd, name, 0); /* an empty file that stays is no harm */
	deinit(s);
}

/* ---- one after another ---------------------------------------------------------------------------------------- */

int segments_drop_oldest(struct segments *s, struct err *err)
{
	_cleanup_free_ char *name = s->cnt ? name_of("", s->stem, s->complete[0].number) : NULL;

	if (!s->cnt)
		return 0;
	if (!name)
		return err_code(err, -ENOMEM, "delete a segment");
	if (unlinkat(s->dir_fd, name, 0) && errno != ENOENT)
		return err_errno(err, "delete '%s%s'", s->dir, name);
	s->bytes -= s->complete[0].bytes;
	s->cnt--;
	memmove(s->complete, s->complete + 1, s->cnt * sizeof(*s->complete));
	return 1;
}

/* The newest complete one always stays: it is the one before the next, and still being written should that not come to be. */
static bool is_too_much(const struct segments *s, uint64_t now_ts)
{
	const struct recording_keep *k = &s->keep;

	return s->cnt > 1 && ((k->cnt && s->cnt > k->cnt) || (k->bytes && s->bytes > k->bytes) ||
			  (k->age_ns && now_ts - s->complete[0].end_ts > k->age_ns));
}

int segments_next(struct segments *s, uint64_t now_ts, struct output *ret, struct err *err)
{
	_cleanup_free_ char *path = segments_path(s, s->number + 1);
	int code = path ? 0 : err_code(err, -ENOMEM, "begin a segment");

	while (!code && is_too_much(s, now_ts)) {
		code = segments_drop_oldest(s, err);
		code = code < 0 ? code : 0;
	}
	code = code ?: output_open_at(ret, s->dir_fd, path, err);
	if (!code)
		s->number++;
	return code;
}

int segments_complete(struct segments *s, uint64_t bytes, uint64_t end_ts)
{
	const struct segment_file f = { s->number, bytes, end_ts };

	return add(s, &f);
}

void segments_reopen(struct segments *s)
{
	if (s->cnt && s->complete[s->cnt - 1].number == s->number)
		s->bytes -= s->complete[--s->cnt].bytes;
}
