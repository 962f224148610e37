// SPDX-License-Identifier: BSD-2-Clause
#include "formats/output.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"

/* Only a file or a link is replaced: --force with /dev/null must not remove the device. */
static int remove_old(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : err_errno(err, "stat '%s'", path);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return err_set(err, S_ISDIR(st.st_mode) ? -EISDIR : -EEXIST,
			       "'%s' exists and is no regular file, not replaced", path);
	if (unlink(path) && errno != ENOENT)
		return err_errno(err, "remove '%s'", path);
	return 0;
}

#define GRACE_MS 10000
/* What a pipe of which poll() says that there is room takes without waiting: PIPE_BUF bytes. */
#define STREAM_PIECE 4096

static int open_stdout(struct output *o, struct err *err)
{
	o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (o->fd < 0)
		return err_errno(err, "open standard output");
	o->is_stream = true;
	o->stop_fd = -1;
	o->grace_ms = GRACE_MS;
	return 0;
}

/* name: path's, relative to dir_fd. */
static int create_file(struct output *o, int dir_fd, const char *name, const char *path, struct err *err)
{
	o->fd = TEMP_FAILURE_RETRY(openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
	if (o->fd < 0 && errno == EEXIST) {
		err_set(err, -EEXIST, "'%s' exists already", path);
		err_hint(err, "choose another name, or -f to replace it");
		return -EEXIST;
	}
	if (o->fd < 0)
		return err_errno(err, "create '%s'", path);
	(void)fchmod(
		o->fd,
		0600); /* a umask may have taken bits away; then the file is only more private */
	o->can_reserve = true;
	return 0;
}

int output_open(struct output *o, const char *path, bool force, struct err *err)
{
	int ret = 0;

	*o = (struct output){ .fd = -1, .path = strdup(path) };
	if (!o->path)
		return err_set(err, -ENOMEM, "open '%s': out of memory", path);
	if (!strcmp(path, "-"))
		ret = open_stdout(o, err);
	else if (force)
		ret = remove_old(path, err);
	if (!ret && !o->is_stream)
		ret = create_file(o, AT_FDCWD, path, path, err);
	if (ret) {
		free(o->path);
		o->path = NULL;
	}
	return ret;
}

int output_open_at(struct output *ret, int dir_fd, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct output o = { .fd = -1, .path = strdup(path) };
	int code = o.path ? create_file(&o, dir_fd, slash ? slash + 1 : path, path, err) :
			    err_set(err, -ENOMEM, "open '%s': out of memory", path);

	if (code)
		free(o.path);
	else
		*ret = o;
	return code;
}

#define MEMORY_FIRST ((size_t)1 << 20) /* pages that nothing was written to cost nothing */

int output_open_memory(struct output *ret, const char *path, struct err *err)
{
	struct output o = { .fd = -1, .path = strdup(path), .memory_cap = MEMORY_FIRST };

	if (!o.path)
		return err_set(err, -ENOMEM, "keep '%s' in memory: out of memory", path);
	o.memory = mmap(NULL, o.memory_cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (o.memory == MAP_FAILED) {
		free(o.path);
		return err_set(err, -ENOMEM, "keep '%s' in memory: out of memory", path);
	}
	*ret = o;
	return 0;
}

static int write_memory(struct output *o, const void *data, size_t len, struct err *err)
{
	size_t cap = o->memory_cap;
	uint8_t *p;

	while (cap - o->pos < len)
		if (__builtin_mul_overflow(cap, 2, &cap))
			return err_set(err, -ENOMEM, "keep '%s' in memory: too much", o->path);
	if (cap > o->memory_cap) {
		p = mremap(o->memory, o->memory_cap, cap, MREMAP_MAYMOVE);
		if (p == MAP_FAILED)
			return err_set(err, -ENOMEM, "keep '%s' in memory: out of memory", o->path);
		o->memory = p;
		o->memory_cap = cap;
	}
	memcpy(o->memory + o->pos, data, len);
	o->pos += len;
	return 0;
}

/*
 * Have the blocks of the next piece and of the end allocated before anything is written: on a full
 * disk that fails here, with the old reserve still in place. KEEP_SIZE, so that the file never
 * seems longer than what it holds.
 */
static int reserve(struct output *o, size_t len)
{
	int err;

	if (!o->can_reserve)
		return 0;
	do
		err = fallocate(o->fd, FALLOC_FL_KEEP_SIZE, (off_t)o->pos,
				(off_t)(len + OUTPUT_RESERVE_SZ))
			      ? -errno
			      : 0;
	while (err == -EINTR);
	if (err == -EOPNOTSUPP || err == -ENOSYS || err == -EINVAL || err == -ENODEV) {
		o->can_reserve = false;
		return 0;
	}
	return err;
}

void output_stop_on(struct output *o, int stop_fd)
{
	o->stop_fd = stop_fd;
	o->is_to_stop = stop_fd < 0;
}

/* Until there is room, or an error that the next write tells. */
static int await_reader(const struct output *o)
{
	struct pollfd p[2] = { { .fd = o->fd, .events = POLLOUT }, { .fd = o->stop_fd, .events = POLLIN } };
	bool is_to_stop = o->is_to_stop;

	for (;;) {
		int n = is_to_stop ? poll(p, 1, o->grace_ms) : poll(p, 2, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && p[0].revents)
			return 0;
		if (!n)
			return -ETIMEDOUT;
		is_to_stop |= n > 0;
	}
}

/* Bytes, at least one, or a negative errno. Whoever made our standard output non-blocking, for all who have it, did not mean that the recording should end when the pipe is full. */
static ssize_t write_stream(const struct output *o, const char *p, size_t len)
{
	ssize_t n;
	int err;

	do {
		err = await_reader(o);
		n = err ? -1 : write(o->fd, p, len < STREAM_PIECE ? len : STREAM_PIECE);
	} while (!err && n < 0 && (errno == EINTR || errno == EAGAIN));
	return err ?: n < 0 ? -errno : n ?: -EIO;
}

static ssize_t write_file(const struct output *o, const char *p, size_t len, uint64_t pos)
{
	ssize_t n = TEMP_FAILURE_RETRY(pwrite(o->fd, p, len, (off_t)pos));

	return n < 0 ? -errno : n ?: -EIO;
}

/* Returns 0 or a negative errno with *ret_done < len. */
static int write_all(struct output *o, const char *p, size_t len, size_t *ret_done)
{
	size_t done = 0;
	int err = 0;

	while (done < len) {
		ssize_t n = o->is_stream ? write_stream(o, p + done, len - done) : write_file(o, p + done, len - done, o->pos + done);

		if (n < 0) {
			err = (int)n;
			break;
		}
		done += (size_t)n;
	}
	*ret_done = done;
	return err;
}

int output_write(struct output *o, const void *data, size_t len, bool use_reserve, struct err *err)
{
	size_t done = 0;
	int ret;

	if (o->memory)
		return write_memory(o, data, len, err);
	if (o->is_broken)
		return err_code(err, -EPIPE, "write '%s'", o->path);
	ret = use_reserve ? 0 : reserve(o, len);
	if (!ret)
		ret = write_all(o, data, len, &done);
	if (!ret) {
		o->pos += len;
		return 0;
	}
	if (o->is_stream)
		o->is_broken = done || ret == -EPIPE || ret == -ETIMEDOUT;
	else if (done && TEMP_FAILURE_RETRY(ftruncate(o->fd, (off_t)o->pos)))
		/*
		 * The half piece stays: readers step over it, and the next piece is written over
		 * it.
		 */
		err_errno(err, "truncate '%s'", o->path);
	if (o->is_stream && ret == -ETIMEDOUT)
		return err_set(err, ret, "write '%s' at offset %llu: its reader takes nothing, and the recording is to end", o->path,
			       (unsigned long long)o->pos);
	return err_code(err, ret, "write '%s' at offset %llu", o->path, (unsigned long long)o->pos);
}

/*
 * So that the name survives a power loss too. Not every filesystem can sync a directory: not an
 * error.
 */
static void sync_name(struct output *o)
{
	const char *path = o->path, *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	_cleanup_close_ int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0)
		(void)fsync(fd);
	o->is_name_synced = true;
}

int output_sync(struct output *o, struct err *err)
{
	if (o->is_stream || o->memory)
		return 0;
	if (TEMP_FAILURE_RETRY(fdatasync(o->fd)))
		return err_errno(err, "sync '%s'", o->path);
	if (!o->is_name_synced)
		sync_name(o);
	return 0;
}

int output_close(struct output *o, struct err *err)
{
	int ret = 0;

	if (o->memory) {
		(void)munmap(o->memory, o->memory_cap); /* it is ours, and whole */
		free(o->path);
		*o = (struct output){ .fd = -1 };
	}
	if (o->fd < 0)
		return 0;
	if (!o->is_stream) {
		if (TEMP_FAILURE_RETRY(ftruncate(o->fd, (off_t)o->pos)))
			ret = err_errno(err, "truncate '%s'", o->path);
		if (TEMP_FAILURE_RETRY(fsync(o->fd)) && !ret)
			ret = err_errno(err, "sync '%s'", o->path);
		if (!o->is_name_synced)
			sync_name(o);
	}
	if (close(o->fd) && errno != EINTR && !ret) /* after which it is closed, too */
		ret = err_errno(err, "close '%s'", o->path);
	o->fd = -1;
	free(o->path);
	o->path = NULL;
	return ret;
}
