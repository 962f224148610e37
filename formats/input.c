// SPDX-License-Identifier: BSD-2-Clause
#include "formats/input.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"

#define WINDOW_MIN (256u << 10)

int input_open(struct input *in, const char *path, int stop_fd, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	fd = !strcmp(path, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
				: open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe's writer is waited for when reading */
	if (fd < 0)
		return err_errno(err, "open '%s'", path);
	if (fstat(fd, &st))
		return err_errno(err, "stat '%s'", path);
	if (S_ISDIR(st.st_mode))
		return err_code(err, -EISDIR, "open '%s'", path);
	if (strcmp(path, "-") && fcntl(fd, F_SETFL, O_RDONLY) < 0)
		return err_errno(err, "open '%s'", path);
	*in = (struct input){ .fd = -1, .stop_fd = stop_fd, .path = strdup(path) };
	if (!in->path)
		return err_set(err, -ENOMEM, "open '%s': out of memory", path);
	in->fd = take_fd(&fd);
	return 0;
}

void input_open_memory(struct input *in, const void *data, size_t len)
{
	*in = (struct input){ .fd = -1, .stop_fd = -1, .p = data, .avail = len, .at_end = true };
}

/* Room for n bytes from in->p on, which moves to the front. */
static int make_room(struct input *in, size_t n)
{
	size_t cap = in->cap ? in->cap : WINDOW_MIN;

	while (cap < n)
		cap *= 2;
	if (cap != in->cap) {
		uint8_t *buf = malloc(cap);

		if (!buf)
			return -ENOMEM;
		if (in->avail)
			memcpy(buf, in->p, in->avail);
		free(in->buf);
		in->buf = buf;
		in->cap = cap;
	} else if (in->avail) {
		memmove(in->buf, in->p, in->avail);
	}
	in->p = in->buf;
	return 0;
}

/* Until there is something to read, for which a pipe or a terminal may take for ever. */
static bool is_stopped(const struct input *in)
{
	struct pollfd p[] = { { .fd = in->fd, .events = POLLIN }, { .fd = in->stop_fd, .events = POLLIN } };

	return poll(p, ARRAY_SIZE(p), -1) > 0 && p[1].revents;
}

int input_look(struct input *in, size_t n, struct err *err)
{
	while (in->avail < n && !in->at_end) {
		size_t room = in->p ? in->cap - (size_t)(in->p - in->buf) : 0;
		ssize_t got;

		/* Twice what is there, not n: n may be a lie of 16 MiB in a file of 100 bytes. */
		if (room == in->avail) {
			size_t want = in->avail * 2 < n ? in->avail * 2 : n;

			if (make_room(in, want > in->avail ? want : in->avail + 1))
				return err_set(err, -ENOMEM, "read '%s': out of memory", in->path);
			room = in->cap;
		}
		if (is_stopped(in))
			return err_set(err, -EINTR, "interrupted");
		got = read(in->fd, in->buf + (in->p - in->buf) + in->avail, room - in->avail);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "read '%s'", in->path);
		in->at_end = !got;
		in->avail += (size_t)got;
	}
	return 0;
}

void input_close(struct input *in)
{
	cleanup_closep(&in->fd);
	free(in->buf);
	free(in->path);
	*in = (struct input){ .fd = -1, .stop_fd = -1 };
}
