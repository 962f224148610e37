// SPDX-License-Identifier: BSD-2-Clause
#include "record/modules_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/content_id.h"
#include "record/jitdump.h"
#include "record/module_file.h"

static uint32_t inode_hash(const struct mapping_desc *d, const char *path)
{
	uint32_t h = hash_mix((uint64_t)d->maj << 32 | d->min, d->ino);

	return hash_mix(hash_mix(h, d->ino_gen), hash_bytes(path, strlen(path)));
}

/* Whether the file is still what it was when the key was made. Its held fd says so at once; else the mapping, if it is there. */
static bool is_unchanged(const struct inode_key *k, const struct module_entry *e, const struct mapping_desc *d)
{
	uint64_t mtime_ns, size;
	struct stat st;

	if (e->fd < 0 || e->dev != k->st_dev || e->ino != k->st_ino) { /* or the same build from another inode */
		if (module_file_stat(d, &mtime_ns, &size))
			return true; /* gone, and nothing says that it changed */
	} else {
		if (fstat(e->fd, &st))
			return false;
		mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
		size = (uint64_t)st.st_size;
	}
	return mtime_ns == k->mtime_ns && size == k->size;
}

/* A file seen before, by its inode. What it was last is what counts: it may have been rewritten since. */
static struct module_entry *find_inode(struct modules *m, const struct mapping_desc *d,
				       const char *path)
{
	uint32_t hash = inode_hash(d, path), pos, i, last = 0;
	struct module_entry *e;

	if (!d->ino)
		return NULL;
	for (i = idmap_first(&m->by_inode, hash, &pos); i;
	     i = idmap_next(&m->by_inode, hash, &pos)) {
		const struct inode_key *k = &m->inodes[i - 1];

		if (k->maj == d->maj && k->min == d->min && k->ino == d->ino &&
		    k->ino_gen == d->ino_gen && k->hash == hash && i > last)
			last = i;
	}
	if (!last)
		return NULL;
	e = m->entries[m->inodes[last - 1].entry - 1];
	return is_unchanged(&m->inodes[last - 1], e, d) ? e : NULL;
}

static int remember_inode(struct modules *m, const struct mapping_desc *d, const char *path,
			  const struct module_file *f, uint32_t entry)
{
	struct inode_key key = {
		d->maj, d->min, inode_hash(d, path), d->ino, d->ino_gen, f->dev, f->ino, f->mtime_ns, f->size, entry,
	};

	if (!d->ino)
		return 0;
	if (array_grow(&m->inodes, &m->inode_cap, m->inode_cnt, sizeof(key)))
		return -ENOMEM;
	m->inodes[m->inode_cnt] = key;
	return idmap_add(&m->by_inode, key.hash, ++m->inode_cnt);
}

/* What the module of an opened (or not to be had) file is. path and segs are borrowed. */
static void describe(const struct mapping_desc *d, const char *path, const struct module_file *f,
		     struct module *ret)
{
	*ret = (struct module){ .kind = MODULE_ELF, .path = path };
	if (d->build_id_sz && d->build_id_sz <= BUILD_ID_MAX) {
		ret->build_id_sz = d->build_id_sz;
		memcpy(ret->build_id, d->build_id, d->build_id_sz);
	}
	if (f->is_elf) {
		ret->segs = f->ident.segs;
		ret->seg_cnt = f->ident.seg_cnt;
		ret->build_id_sz = f->ident.build_id_sz;
		memcpy(ret->build_id, f->ident.build_id, f->ident.build_id_sz);
	}
	if (f->fd >= 0 && !ret->build_id_sz && !content_id_read(f->fd, ret->build_id, NULL)) {
		ret->build_id_sz = CONTENT_ID_SZ;
		ret->is_content_id = 1;
	}
}

/* Gives the file's fd to the entry, within the cap. */
static void keep_file(struct modules *m, struct module_entry *e, struct module_file *f)
{
	if (f->fd < 0)
		return;
	e->machine = f->is_elf ? f->ident.machine : 0;
	e->dev = f->dev;
	e->ino = f->ino;
	e->mtime_ns = f->mtime_ns;
	e->size = f->size;
	if (m->fd_cnt < m->fd_max) {
		e->fd = take_fd(&f->fd);
		m->fd_cnt++;
	}
}

static int index_of(const struct modules *m, const struct module_entry *e)
{
	uint32_t hash = hash_mix(e->id, 0), pos, i;

	for (i = idmap_first(&m->by_id, hash, &pos); i; i = idmap_next(&m->by_id, hash, &pos))
		if (m->entries[i - 1] == e)
			return (int)i;
	return 0;
}

static void announce(struct modules *m, struct module_entry *e, struct module_file *f)
{
	bool lend = e->fd < 0 && f->fd >= 0; /* over the cap: the listener still gets to read it now */

	if (!m->on_new)
		return;
	if (lend)
		e->fd = f->fd;
	m->on_new(m->on_new_ctx, e);
	if (lend)
		e->fd = -1;
}

static int add_file(struct modules *m, const struct mapping_desc *d, const char *path,
		    struct module_file *f, struct module_entry **ret, struct err *err)
{
	struct module want;
	int r;

	describe(d, path, f, &want);
	*ret = modules_find_identity(m, &want);
	if (*ret && (*ret)->fd >= 0)
		return 0;
	if (*ret) { /* known, but its file was not to be had then */
		if (f->fd < 0 || (*ret)->m.seg_cnt)
			return 0;
		(*ret)->m.segs = want.seg_cnt ? calloc(want.seg_cnt, sizeof(*want.segs)) : NULL;
		if ((*ret)->m.segs) {
			memcpy((void *)(*ret)->m.segs, want.segs, want.seg_cnt * sizeof(*want.segs));
			(*ret)->m.seg_cnt = want.seg_cnt;
			(void)recording_writer_add_module(m->writer, &(*ret)->m); /* the segments are new */
		}
	} else {
		r = modules_add_entry(m, &want, ret, err);
		if (r)
			return r;
	}
	keep_file(m, *ret, f);
	announce(m, *ret, f);
	return 0;
}

int modules_find_file(struct modules *m, const struct mapping_desc *d, const char *path, struct module_entry **ret,
		      struct err *err)
{
	struct module_file f = { .fd = -1 };
	_cleanup_close_ int fd = -1;
	struct module want;
	int r;

	if (d->build_id_sz) {
		describe(d, path, &f, &want);
		*ret = modules_find_identity(m, &want);
		if (*ret && ((*ret)->m.seg_cnt || (*ret)->fd >= 0))
			return 0;
	} else {
		*ret = find_inode(m, d, path);
		if (*ret)
			return 0;
	}
	(void)module_file_open(d, path, &f);
	if (f.fd >= 0 && !f.is_elf && jitdump_is_name(path))
		modules_hold_dump(m, d, f.fd);
	if (!f.is_elf && !d->build_id_sz && !strncmp(path, "/memfd:", 7))
		r = modules_find_jit(m, d, ret, err);
	else
		r = add_file(m, d, path, &f, ret, err);
	fd = f.fd;
	if (!r && (*ret)->m.kind == MODULE_ELF && (f.dev || f.ino))
		(void)remember_inode(m, d, path, &f, (uint32_t)index_of(m, *ret)); /* only a cache */
	return r;
}
