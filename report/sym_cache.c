// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "formats/cleanup.h"
#include "formats/crc32c.h"
#include "report/sym_vec.h"

char *sym_cache_path(const char *dir, const struct module *m)
{
	char hex[2 * BUILD_ID_MAX + 1] = "", *path;

	if (!dir || m->build_id_sz < 4)
		return NULL;
	for (unsigned i = 0; i < m->build_id_sz && i < BUILD_ID_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", m->build_id[i]);
	return asprintf(&path, "%s/%s.symbols", dir, hex) < 0 ? NULL : path;
}

static int open_cache(const char *path, struct sym_index_header *h, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return err_errno(err, "open '%s'", path);
	if (fstat(fd, &st))
		return err_errno(err, "stat '%s'", path);
	if (!S_ISREG(st.st_mode) || pread(fd, h, sizeof(*h), 0) != sizeof(*h) ||
	    h->magic != SYM_INDEX_MAGIC)
		return err_set(err, -EBADMSG, "'%s' is not a symbol cache", path);
	if (h->version != SYM_INDEX_VERSION)
		return err_set(err, -EPROTONOSUPPORT, "'%s': symbol cache version %u, want %u",
			       path, h->version, SYM_INDEX_VERSION);
	if (h->total_sz != (uint64_t)st.st_size || h->total_sz > SYM_INDEX_MAX)
		return err_set(err, -EBADMSG, "'%s': %lld bytes, its header says %llu", path,
			       (long long)st.st_size, (unsigned long long)h->total_sz);
	return take_fd(&fd);
}

bool sym_cache_has(const char *path, const char *key)
{
	struct sym_index_header h;
	_cleanup_close_ int fd = open_cache(path, &h, NULL);
	_cleanup_free_ char *have = NULL;
	size_t len = strlen(key) + 1;
	uint64_t strs;

	if (fd < 0 || h.key >= h.strs_sz || len > h.strs_sz - h.key ||
	    h.total_sz < (((uint64_t)h.strs_sz + 7) & ~7ULL))
		return false;
	have = malloc(len);
	strs = h.total_sz - (((uint64_t)h.strs_sz + 7) & ~7ULL);
	return have && pread(fd, have, len, (off_t)(strs + h.key)) == (ssize_t)len &&
	       !memcmp(have, key, len);
}

/* Of all bytes, the checksum itself taken as 0. */
static uint32_t checksum(const void *data, size_t sz)
{
	struct sym_index_header h;

	memcpy(&h, data, sizeof(h));
	h.checksum = 0;
	return crc32c(crc32c(0, &h, sizeof(h)), (const char *)data + sizeof(h), sz - sizeof(h));
}

int sym_cache_load(const char *path, struct sym_index *x, struct err *err)
{
	struct sym_index_header h;
	_cleanup_close_ int fd = open_cache(path, &h, err);
	size_t sz;
	void *data;
	int code;

	if (fd < 0)
		return fd;
	code = sym_index_read_bytes(fd, &data, &sz, err);
	if (code)
		return code;
	if (checksum(data, h.total_sz) != ((struct sym_index_header *)data)->checksum)
		code = err_set(err, -EBADMSG, "'%s': checksum differs", path);
	else
		code = sym_index_parse(x, data, sz, err);
	if (code) {
		munmap(data, sz);
		return code;
	}
	x->mapped_sz = sz;
	(void)futimens(fd, NULL); /* sym_cache_prune() goes by it; a directory that is not ours
				     stays as it is */
	return 0;
}

/* The directories above path, as far as they are missing. */
static void make_dirs(const char *path)
{
	_cleanup_free_ char *dir = strdup(path);

	for (char *p = dir ? strchr(dir + 1, '/') : NULL; p; p = strchr(p + 1, '/')) {
		*p = '\0';
		(void)mkdir(dir, 0700); /* what is missing shows when the file is opened */
		*p = '/';
	}
}

int sym_cache_put(const char *path, const void *data, size_t sz, struct err *err)
{
	_cleanup_free_ char *tmp = NULL;
	_cleanup_close_ int fd = -1;
	int code;

	if (asprintf(&tmp, "%s.XXXXXX", path) < 0) {
		tmp = NULL;
		return err_set(err, -ENOMEM, "'%s': out of memory", path);
	}
	make_dirs(path);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "create '%s'", tmp);
	code = sym_index_write(fd, data, sz);
	/* no fsync: a torn file fails its checksum and is made again */
	if (!code && rename(tmp, path))
		code = -errno;
	if (code) {
		(void)unlink(tmp);
		return err_code(err, code, "write '%s'", path);
	}
	return 0;
}

int sym_cache_store(const char *path, struct sym_index *x, struct err *err)
{
	struct sym_index_header *h = x->data;

	h->checksum = checksum(x->data, h->total_sz);
	return sym_cache_put(path, x->data, h->total_sz, err);
}

struct cache_file {
	char name[2 * BUILD_ID_MAX + 16];
	uint64_t sz;
	struct timespec used;
};

static int by_use(const void *a, const void *b)
{
	const struct cache_file *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return x->used.tv_nsec < y->used.tv_nsec ? -1 : x->used.tv_nsec > y->used.tv_nsec;
}

static bool is_cache_name(const char *name)
{
	size_t hex = strspn(name, "0123456789abcdef");

	return hex >= 8 && hex <= 2 * BUILD_ID_MAX &&
	       (!strcmp(name + hex, ".symbols") || !strcmp(name + hex, ".names"));
}

size_t sym_cache_prune(const char *dir, uint64_t max)
{
	SYM_VEC(struct cache_file) files = {0};
	DIR *d = opendir(dir);
	uint64_t total = 0;
	size_t gone = 0;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		struct cache_file *f;
		struct stat st;

		if (!is_cache_name(e->d_name) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode) || !(f = sym_vec_push(&files)))
			continue;
		memcpy(f->name, e->d_name,
		       strlen(e->d_name) + 1); /* is_cache_name() has measured it */
		f->sz = (uint64_t)st.st_size;
		f->used = st.st_mtim;
		total += f->sz;
	}
	if (total > max)
		qsort(files.v, files.cnt, sizeof(*files.v), by_use);
	for (size_t i = 0; total > max && i < files.cnt; i++) {
		if (i == 0)
			max = max / 4 * 3;
		if (!unlinkat(dirfd(d), files.v[i].name, 0))
			gone++;
		total -= files.v[i].sz;
	}
	sym_vec_deinit(&files);
	if (d)
		closedir(d);
	return gone;
}
