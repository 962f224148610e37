// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
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

#define CHECKSUM_AT 12 /* behind magic and version */
_Static_assert(offsetof(struct sym_index_header, checksum) == CHECKSUM_AT, "all files of the cache begin alike");

/* crc: of what is behind the head. */
static uint32_t add_head(uint32_t crc, const void *head)
{
	char h[SYM_CACHE_HEAD];

	memcpy(h, head, sizeof(h));
	memset(h + CHECKSUM_AT, 0, sizeof(uint32_t));
	return crc32c(crc, h, sizeof(h));
}

uint32_t sym_cache_checksum(const void *data, size_t sz)
{
	return add_head(crc32c(0, (const char *)data + SYM_CACHE_HEAD, sz - SYM_CACHE_HEAD), data);
}

int sym_cache_get(const char *path, void **ret, size_t *ret_sz)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	_cleanup_free_ char *data = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < SYM_CACHE_HEAD || st.st_size > SYM_CACHE_FILE_MAX)
		return -EBADMSG;
	data = malloc((size_t)st.st_size);
	if (!data)
		return -ENOMEM;
	if (read(fd, data, (size_t)st.st_size) != st.st_size)
		return -EBADMSG;
	(void)futimens(fd, NULL); /* as sym_cache_load() */
	*ret = take_ptr(data);
	*ret_sz = (size_t)st.st_size;
	return 0;
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
	code = sym_index_read_bytes(fd, 0, &data, &sz, err);
	if (code)
		return code;
	if (sym_cache_checksum(data, h.total_sz) != ((struct sym_index_header *)data)->checksum)
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

#define BUF_SZ (64u << 10)

int sym_cache_writer_begin(struct sym_cache_writer *w, const char *path)
{
	static const char head[SYM_CACHE_HEAD];

	*w = (struct sym_cache_writer){.fd = -1, .path = strdup(path), .buf = malloc(BUF_SZ)};
	if (asprintf(&w->tmp, "%s.XXXXXX", path) < 0)
		w->tmp = NULL;
	if (!w->path || !w->buf || !w->tmp)
		w->err = -ENOMEM;
	if (!w->err) {
		make_dirs(path);
		w->fd = mkostemp(w->tmp, O_CLOEXEC);
		w->err = w->fd < 0 ? -errno : sym_index_write(w->fd, head, sizeof(head));
	}
	return w->err ? sym_cache_writer_end(w, NULL, NULL) : 0;
}

static void flush(struct sym_cache_writer *w)
{
	w->crc = crc32c(w->crc, w->buf, w->used);
	w->err = w->err ?: sym_index_write(w->fd, w->buf, w->used);
	w->used = 0;
}

void sym_cache_writer_put(struct sym_cache_writer *w, const void *data, size_t sz)
{
	for (const char *p = data; sz;) {
		size_t n = sz < BUF_SZ - w->used ? sz : BUF_SZ - w->used;

		memcpy(w->buf + w->used, p, n);
		w->used += n;
		p += n;
		sz -= n;
		if (w->used == BUF_SZ)
			flush(w);
	}
}

/* The head is known now: write it, and give the file its name. No fsync: a torn file fails its checksum and is made again. */
static int finish(struct sym_cache_writer *w, void *head)
{
	uint32_t checksum;

	flush(w);
	if (w->err)
		return w->err;
	checksum = add_head(w->crc, head);
	memcpy((char *)head + CHECKSUM_AT, &checksum, sizeof(checksum));
	if (pwrite(w->fd, head, SYM_CACHE_HEAD, 0) != SYM_CACHE_HEAD)
		return -EIO;
	return rename(w->tmp, w->path) ? -errno : 0;
}

int sym_cache_writer_end(struct sym_cache_writer *w, void *head, struct err *err)
{
	int code = head ? finish(w, head) : w->err ?: -ECANCELED;

	if (w->fd >= 0)
		close(w->fd);
	if (code && w->fd >= 0)
		(void)unlink(w->tmp);
	if (code)
		err_code(err, code, "write '%s'", w->path ?: "");
	free(w->path);
	free(w->tmp);
	free(w->buf);
	return code;
}

int sym_cache_put(const char *path, void *data, size_t sz, struct err *err)
{
	struct sym_cache_writer w;
	int code = sym_cache_writer_begin(&w, path);

	if (code)
		return err_code(err, code, "write '%s'", path);
	sym_cache_writer_put(&w, (char *)data + SYM_CACHE_HEAD, sz - SYM_CACHE_HEAD);
	return sym_cache_writer_end(&w, data, err);
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
	       (!strcmp(name + hex, ".symbols") || !strcmp(name + hex, ".names") || !strcmp(name + hex, ".answers"));
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
