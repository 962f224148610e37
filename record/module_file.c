// SPDX-License-Identifier: BSD-2-Clause
#include "record/module_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "formats/cleanup.h"

static uint64_t mtime_of(const struct stat *st)
{
	return (uint64_t)st->st_mtim.tv_sec * 1000000000 + (uint64_t)st->st_mtim.tv_nsec;
}

/* From O_PATH to readable, if it is a regular file: only then is opening free of side effects. */
static int reopen_regular(int path_fd)
{
	char name[40];
	struct stat st;
	int fd;

	if (fstat(path_fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

/* *ret_is_named: the link says the very name the mapping was announced with. */
static int open_map_files(const struct mapping_desc *d, bool *ret_is_named)
{
	_cleanup_close_ int path_fd = -1;
	char name[96], target[PATH_MAX];
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/%" PRIu32 "/map_files/%" PRIx64 "-%" PRIx64, d->pid,
		 d->start, d->end);
	path_fd = open(name, O_PATH | O_CLOEXEC);
	if (path_fd < 0)
		return -errno;
	n = readlink(name, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	*ret_is_named = n > 0 && !strcmp(target, d->path);
	return reopen_regular(path_fd);
}

static int open_below(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int path_fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	return path_fd < 0 ? -errno : reopen_regular(path_fd);
}

static int open_in_root_of(const struct mapping_desc *d, const char *path)
{
	_cleanup_close_ int root_fd = -1;
	char name[40];

	snprintf(name, sizeof(name), "/proc/%" PRIu32 "/root", d->pid);
	root_fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root_fd < 0 ? -errno : open_below(root_fd, path);
}

int module_file_open_path(const char *path)
{
	_cleanup_close_ int path_fd = open(path, O_PATH | O_CLOEXEC);

	return path_fd < 0 ? -errno : reopen_regular(path_fd);
}

/* How a file was come by, from the surest on. */
enum origin {
	FROM_MAPPING_NAMED, /* through map_files, and the link has the announced name */
	FROM_MAPPING,	    /* through map_files: the range can have changed hands since */
	FROM_ITS_ROOT,	    /* by name, in the process's own root */
	FROM_OUR_ROOT,
};

/*
 * Overlay and btrfs report other devices in maps than in stat (overlay before 6.8 other inodes too), so the device is no
 * test; a build-id is, and the inode number of the very name is nearly one.
 */
static bool is_the_file(const struct mapping_desc *d, const struct stat *st,
			const struct module_file *f, enum origin from)
{
	if (d->build_id_sz)
		return f->is_elf && f->ident.build_id_sz == d->build_id_sz &&
		       !memcmp(f->ident.build_id, d->build_id, d->build_id_sz);
	if (from == FROM_OUR_ROOT && st->st_dev != makedev(d->maj, d->min))
		return false; /* perhaps another file system's file of that name */
	if (from == FROM_MAPPING_NAMED)
		return true;
	return d->ino && d->ino == st->st_ino;
}

/* Takes fd. */
static int accept_file(const struct mapping_desc *d, int fd, enum origin from, struct module_file *ret)
{
	_cleanup_close_ int owned = fd;
	struct module_file f = { .fd = -1 };
	struct stat st;

	if (fstat(owned, &st))
		return -errno;
	f.is_elf = !elf_ident_read(owned, &f.ident, NULL);
	if (!is_the_file(d, &st, &f, from))
		return -ESTALE;
	f.dev = st.st_dev;
	f.ino = st.st_ino;
	f.size = (uint64_t)st.st_size;
	f.mtime_ns = mtime_of(&st);
	f.fd = take_fd(&owned);
	*ret = f;
	return 0;
}

int module_file_open(const struct mapping_desc *d, const char *path, struct module_file *ret)
{
	bool is_named = false;
	int fd = open_map_files(d, &is_named);

	*ret = (struct module_file){ .fd = -1 };
	if (fd >= 0 && !accept_file(d, fd, is_named ? FROM_MAPPING_NAMED : FROM_MAPPING, ret))
		return 0;
	if (*path != '/')
		return -ENOENT;
	fd = open_in_root_of(d, path);
	if (fd >= 0 && !accept_file(d, fd, FROM_ITS_ROOT, ret))
		return 0;
	fd = module_file_open_path(path);
	if (fd >= 0 && !accept_file(d, fd, FROM_OUR_ROOT, ret))
		return 0;
	return -ENOENT;
}

int module_file_stat(const struct mapping_desc *d, uint64_t *ret_mtime_ns, uint64_t *ret_size)
{
	struct stat st;
	char name[96];

	snprintf(name, sizeof(name), "/proc/%" PRIu32 "/map_files/%" PRIx64 "-%" PRIx64, d->pid,
		 d->start, d->end);
	if (stat(name, &st))
		return -errno;
	*ret_mtime_ns = mtime_of(&st);
	*ret_size = (uint64_t)st.st_size;
	return 0;
}
