// SPDX-License-Identifier: BSD-2-Clause
#include "report/package.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/cleanup.h"

#define LIST_MAX (256L << 20) /* bytes of one package's list of files, and of what there is of all packages */

/* A whole file with a newline before it and after it; NULL when it cannot be had. */
static char *read_list(int dir_fd, const char *name, size_t *ret_sz)
{
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t at = 1;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > LIST_MAX)
		return NULL;
	text = malloc((size_t)st.st_size + 2);
	if (!text)
		return NULL;
	while (at <= (size_t)st.st_size) {
		ssize_t n = read(fd, text + at, (size_t)st.st_size + 1 - at);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	text[0] = text[at] = '\n';
	*ret_sz = at + 1;
	return take_ptr(text);
}

static bool has_line(const char *text, size_t sz, const char *prefix, const char *path)
{
	_cleanup_free_ char *line = NULL;
	int n = asprintf(&line, "\n%s%s\n", prefix, path);

	if (n < 0) {
		line = NULL;
		return false;
	}
	return memmem(text, sz, line, (size_t)n);
}

/* Below a directory that a merged /usr has under both names. */
static bool is_merged(const char *path)
{
	return !strncmp(path, "/bin/", 5) || !strncmp(path, "/sbin/", 6) || !strncmp(path, "/lib", 4);
}

static bool holds(const char *text, size_t sz, const char *path)
{
	if (*path != '/' || strchr(path, '\n'))
		return false;
	if (has_line(text, sz, "", path))
		return true;
	if (!strncmp(path, "/usr/", 5))
		return is_merged(path + 4) && has_line(text, sz, "", path + 4);
	return is_merged(path) && has_line(text, sz, "/usr", path);
}

/* "libc6:amd64.list" is the list of libc6. */
static char *package_of_list(const char *name)
{
	size_t len = strlen(name);

	if (len <= 5 || strcmp(name + len - 5, ".list"))
		return NULL;
	return strndup(name, strcspn(name, ":") < len - 5 ? strcspn(name, ":") : len - 5);
}

void package_owner_deinit(struct package_owner *o)
{
	free(o->name);
	free(o->source);
	*o = (struct package_owner){0};
}

/* The field of the package's paragraph in dpkg's status; malloc'ed. */
static char *source_of(const char *text, size_t sz, const char *package)
{
	_cleanup_free_ char *head = NULL;
	const char *at, *end, *source;
	int n = asprintf(&head, "\nPackage: %s\n", package);

	if (n < 0) {
		head = NULL;
		return NULL;
	}
	at = memmem(text, sz, head, (size_t)n);
	if (!at)
		return NULL;
	at += n - 1;
	end = memmem(at, sz - (size_t)(at - text), "\n\n", 2) ?: text + sz - 1;
	source = memmem(at, (size_t)(end - at), "\nSource: ", 9);
	if (!source)
		return NULL;
	source += 9; /* "name" or "name (version)", and a newline at text[sz - 1] at the latest */
	n = 0;
	while (source + n < end && source[n] != ' ' && source[n] != '\n')
		n++;
	return n && (strlen(package) != (size_t)n || memcmp(source, package, (size_t)n)) ? strndup(source, (size_t)n) : NULL;
}

static void find_sources(const char *root, size_t cnt, struct package_owner *owners)
{
	_cleanup_free_ char *dir = NULL, *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t sz;

	if (asprintf(&dir, "%s/var/lib/dpkg", root) < 0) {
		dir = NULL;
		return;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	text = fd < 0 ? NULL : read_list(fd, "status", &sz);
	for (size_t i = 0; text && i < cnt; i++)
		if (owners[i].name && !owners[i].source)
			owners[i].source = source_of(text, sz, owners[i].name);
}

void package_find_owners(const char *root, const char *const *paths, size_t cnt, struct package_owner *owners)
{
	_cleanup_free_ char *info = NULL;
	struct dirent *d;
	DIR *dir;

	if (asprintf(&info, "%s/var/lib/dpkg/info", root) < 0) {
		info = NULL;
		return;
	}
	dir = opendir(info);
	while (dir && (d = readdir(dir))) {
		_cleanup_free_ char *package = package_of_list(d->d_name), *text = NULL;
		size_t sz;

		if (package)
			text = read_list(dirfd(dir), d->d_name, &sz);
		for (size_t i = 0; text && i < cnt; i++)
			if (paths[i] && !owners[i].name && holds(text, sz, paths[i]))
				owners[i].name = strdup(package);
	}
	if (dir)
		closedir(dir);
	find_sources(root, cnt, owners);
}
