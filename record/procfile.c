// SPDX-License-Identifier: BSD-2-Clause
#include "record/procfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "formats/event.h"

#define FIRST_SZ 4096

static int grow(char **buf, size_t *cap, size_t want)
{
	char *p;

	if (want <= *cap)
		return 0;
	p = realloc(*buf, want);
	if (!p)
		return -ENOMEM;
	*buf = p;
	*cap = want;
	return 0;
}

ssize_t procfile_read_into(int dirfd, const char *path, size_t max, char **buf, size_t *cap)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0;
	int err;

	if (fd < 0)
		return -errno;
	err = grow(buf, cap, FIRST_SZ);
	if (err)
		return err;
	for (;;) {
		ssize_t n;

		if (len + 1 >= *cap) {
			err = grow(buf, cap, *cap * 2);
			if (err)
				return err;
		}
		n = read(fd, *buf + len, *cap - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (!n || len >= max)
			break;
	}
	len = len < max ? len : max;
	(*buf)[len] = '\0';
	return (ssize_t)len;
}

ssize_t procfile_read(int dirfd, const char *path, size_t max, char **ret)
{
	_cleanup_free_ char *buf = NULL;
	size_t cap = 0;
	ssize_t n = procfile_read_into(dirfd, path, max, &buf, &cap);

	if (n >= 0)
		*ret = take_ptr(buf);
	return n;
}

int procfile_read_u64(int dirfd, const char *path, uint64_t *ret)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	unsigned long long v;
	char text[64], *end;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (!strncmp(text, "max", 3) || !strncmp(text, "-1", 2)) {
		*ret = UNKNOWN_U64;
		return 0;
	}
	errno = 0;
	v = strtoull(text, &end, 10);
	if (end == text || errno)
		return -EBADMSG;
	*ret = v;
	return 0;
}

int procfile_find_u64(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		unsigned long long v;
		char *end;

		if (*line == '\n')
			line++;
		if (strncmp(line, key, len) || (line[len] != ' ' && line[len] != '\t'))
			continue;
		errno = 0;
		v = strtoull(line + len, &end, 10);
		if (end == line + len || errno)
			return -ENOENT;
		*ret = v;
		return 0;
	}
	return -ENOENT;
}

/* The last number of a line of several, as "NSpid:\t1234\t7". */
static uint32_t last_number(const char *line)
{
	unsigned long v = 0;

	for (;;) {
		char *end;

		while (*line == ' ' || *line == '\t')
			line++;
		if (*line < '0' || *line > '9')
			return v <= UINT32_MAX ? (uint32_t)v : 0;
		v = strtoul(line, &end, 10);
		line = end;
	}
}

void procfile_parse_status(const char *text, struct procfile_status *ret)
{
	const char *uid = strstr(text, "\nUid:"), *ns_pid = strstr(text, "\nNSpid:");
	unsigned int real;

	*ret = (struct procfile_status){ .uid = UINT32_MAX };
	if (uid && sscanf(uid + 5, "%u", &real) == 1)
		ret->uid = real;
	if (ns_pid)
		ret->ns_pid = last_number(ns_pid + 7);
}
