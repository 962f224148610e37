// SPDX-License-Identifier: BSD-2-Clause
#include "record/modules.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/content_id.h"
#include "formats/idmap.h"
#include "record/jitdump.h"
#include "record/module_file.h"
#include "record/perfmap.h"
#include "record/procfile.h"
#include "record/procscan.h"

#define FD_MAX 2048
#define ROOT_FD_MAX 256	     /* processes with JIT memory whose root is held */
#define LOW_4_GIB (1ULL << 32)

/* (dev, ino, generation, path), and what the file was like then: one inode can be rewritten between two mappings. */
struct inode_key {
	uint32_t maj, min, hash;
	uint64_t ino, ino_gen;
	uint64_t st_dev, st_ino, mtime_ns, size; /* as stat said */
	uint32_t entry; /* index + 1 */
};

struct modules {
	struct recording_writer *writer; /* borrowed */
	unsigned fd_max, fd_cnt, root_fd_cnt;
	struct module_entry **entries; /* owned */
	uint32_t cnt, cap;
	struct module_entry *vdso; /* ours, once met */
	struct idmap by_identity; /* build-id and path, or pid and start: index + 1 */
	struct idmap by_id;	  /* writer's id: index + 1 */
	struct idmap by_pid;	  /* JIT modules: index + 1 */
	struct idmap by_inode;	  /* index in inodes + 1 */
	struct inode_key *inodes;
	uint32_t inode_cnt, inode_cap;
	modules_new_fn on_new;
	void *on_new_ctx;
};

int modules_create(struct recording_writer *w, unsigned fd_max, struct modules **ret, struct err *err)
{
	struct modules *m = calloc(1, sizeof(*m));
	struct rlimit lim;

	if (!m)
		return err_set(err, -ENOMEM, "out of memory");
	if (!fd_max && !getrlimit(RLIMIT_NOFILE, &lim))
		fd_max = lim.rlim_cur / 2 < FD_MAX ? (unsigned)(lim.rlim_cur / 2) : FD_MAX;
	m->fd_max = fd_max;
	m->writer = w;
	*ret = m;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void entry_destroy(struct module_entry *e)
{
	if (!e)
		return;
	close_fd(&e->fd);
	close_fd(&e->root_fd);
	close_fd(&e->map_fd);
	close_fd(&e->dump_fd);
	free((void *)e->m.path);
	free((void *)e->m.segs);
	free(e);
}

void modules_destroy(struct modules *m)
{
	if (!m)
		return;
	for (uint32_t i = 0; i < m->cnt; i++)
		entry_destroy(m->entries[i]);
	free(m->entries);
	free(m->inodes);
	idmap_deinit(&m->by_identity);
	idmap_deinit(&m->by_id);
	idmap_deinit(&m->by_pid);
	idmap_deinit(&m->by_inode);
	free(m);
}

void modules_set_listener(struct modules *m, modules_new_fn fn, void *ctx)
{
	m->on_new = fn;
	m->on_new_ctx = ctx;
}

/* ---- identity ------------------------------------------------------------------------------------------------ */

static uint32_t identity_hash(const struct module *m)
{
	uint32_t h = hash_mix((uint64_t)m->kind << 32 | m->pid, m->start_ts);

	h = hash_mix(h, hash_bytes(m->build_id, m->build_id_sz));
	return hash_mix(h, hash_bytes(m->path, strlen(m->path)));
}

static bool is_equal(const struct module *a, const struct module *b)
{
	return a->kind == b->kind && a->build_id_sz == b->build_id_sz &&
	       !memcmp(a->build_id, b->build_id, a->build_id_sz) && a->pid == b->pid &&
	       a->start_ts == b->start_ts && !strcmp(a->path, b->path);
}

static struct module_entry *find_identity(const struct modules *m, const struct module *want)
{
	uint32_t hash = identity_hash(want), pos, i;

	for (i = idmap_first(&m->by_identity, hash, &pos); i;
	     i = idmap_next(&m->by_identity, hash, &pos))
		if (is_equal(&m->entries[i - 1]->m, want))
			return m->entries[i - 1];
	return NULL;
}

/* Copies *want. Returns the new entry, known to the writer and to the maps. */
static int add_entry(struct modules *m, const struct module *want, struct module_entry **ret,
		     struct err *err)
{
	struct module_entry *e = calloc(1, sizeof(*e));
	size_t segs_sz = want->seg_cnt * sizeof(*want->segs);
	int id;

	if (!e || array_grow(&m->entries, &m->cap, m->cnt, sizeof(struct module_entry *)))
		goto no_memory;
	e->fd = e->root_fd = e->map_fd = e->dump_fd = -1;
	e->m = *want;
	e->m.path = strdup(want->path);
	e->m.segs = want->seg_cnt ? malloc(segs_sz) : NULL;
	if (!e->m.path || (want->seg_cnt && !e->m.segs))
		goto no_memory;
	if (segs_sz)
		memcpy((void *)e->m.segs, want->segs, segs_sz);
	id = recording_writer_add_module(m->writer, &e->m);
	if (id < 0)
		goto no_memory;
	e->id = (uint32_t)id;
	if (idmap_add(&m->by_identity, identity_hash(want), m->cnt + 1) ||
	    idmap_add(&m->by_id, hash_mix(e->id, 0), m->cnt + 1))
		goto no_memory;
	m->entries[m->cnt++] = e;
	*ret = e;
	return 0;
no_memory:
	entry_destroy(e);
	return err_set(err, -ENOMEM, "out of memory for module '%s'", want->path);
}

/* ---- what a mapping's name says ------------------------------------------------------------------------------ */

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool is_anonymous(const char *path)
{
	return *path != '/' || starts_with(path, "//") || starts_with(path, "/SYSV") ||
	       starts_with(path, "/dev/zero") || starts_with(path, "/anon_hugepage");
}

/* The name without " (deleted)", which is a state and no part of it. -ENOMEM. */
static char *plain_path(const char *path)
{
	static const char suffix[] = " (deleted)";
	size_t len = strlen(path), cut = sizeof(suffix) - 1;

	if (len > cut && !strcmp(path + len - cut, suffix))
		len -= cut;
	return strndup(path, len);
}

/* ---- JIT memory ---------------------------------------------------------------------------------------------- */

/* For its perf map: the process's root, its pid there, and who may own the file. */
static void hold_process(struct modules *m, struct module_entry *e)
{
	_cleanup_free_ char *text = NULL;
	struct procfile_status st;
	char name[48];

	snprintf(name, sizeof(name), "/proc/%" PRIu32 "/status", e->m.pid);
	if (procfile_read(AT_FDCWD, name, 16384, &text) < 0)
		return;
	procfile_parse_status(text, &st);
	e->ns_pid = st.ns_pid ?: e->m.pid;
	e->uid = st.uid;
	if (m->root_fd_cnt >= ROOT_FD_MAX)
		return;
	snprintf(name, sizeof(name), "/proc/%" PRIu32 "/root", e->m.pid);
	e->root_fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (e->root_fd >= 0)
		m->root_fd_cnt++;
}

/* When a process began, where BPF and the scan did not say: to 10 ms, which still tells two owners of a pid apart. */
static uint64_t coarse_start(uint32_t pid)
{
	_cleanup_free_ char *text = NULL;
	struct procscan_stat st;
	char path[40];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	n = procfile_read(AT_FDCWD, path, 4096, &text);
	if (n < 0 || procscan_parse_stat(text, (size_t)n, &st))
		return 0;
	return st.start_ticks * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

static int find_jit(struct modules *m, const struct mapping_desc *d, struct module_entry **ret,
		    struct err *err)
{
	struct module want = {
		.kind = MODULE_JIT, .path = "//anon", .pid = d->pid,
		.start_ts = d->start_ts ?: coarse_start(d->pid),
	};
	int r;

	*ret = find_identity(m, &want);
	if (*ret)
		return 0;
	r = add_entry(m, &want, ret, err);
	if (r)
		return r;
	hold_process(m, *ret);
	r = idmap_add(&m->by_pid, hash_mix(d->pid, 0), m->cnt);
	return r ? err_set(err, r, "out of memory") : 0;
}

void modules_process_exit(struct modules *m, uint32_t pid)
{
	uint32_t hash = hash_mix(pid, 0), pos, i;

	for (i = idmap_first(&m->by_pid, hash, &pos); i; i = idmap_next(&m->by_pid, hash, &pos)) {
		struct module_entry *e = m->entries[i - 1];

		if (e->m.pid != pid || e->root_fd < 0)
			continue;
		if (e->map_fd < 0)
			e->map_fd = perfmap_open(e->root_fd, e->ns_pid, e->uid, e->m.start_ts, NULL);
		if (e->map_fd < 0)
			e->map_fd = -1;
		close_fd(&e->root_fd);
		if (e->map_fd < 0)
			m->root_fd_cnt--; /* else its place is taken by the map */
	}
}

/* ---- vdso ---------------------------------------------------------------------------------------------------- */

/*
 * The kernel put the image there, whole pages of it, so its headers are believed. The section headers are its end; an image without
 * them ends with its segments.
 */
const void *modules_vdso_image(size_t *ret_sz)
{
	const ElfW(Ehdr) *h = (const void *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
	size_t page = (size_t)sysconf(_SC_PAGESIZE), end;

	if (!h || memcmp(h->e_ident, ELFMAG, SELFMAG))
		return NULL;
	end = h->e_shoff + (size_t)h->e_shnum * h->e_shentsize;
	for (uint32_t i = 0; i < h->e_phnum; i++) {
		const ElfW(Phdr) *p = (const void *)((const uint8_t *)h + h->e_phoff + (size_t)i * h->e_phentsize);

		if (p->p_type == PT_LOAD && p->p_offset + p->p_filesz > end)
			end = p->p_offset + p->p_filesz;
	}
	*ret_sz = (end + page - 1) / page * page;
	return h;
}

/* "[vdso]" of our own kind of process; of a 32-bit one, whose image we cannot see here; and "[vsyscall]". */
static int find_special(struct modules *m, const struct mapping_desc *d, const char *path,
			struct module_entry **ret, struct err *err)
{
	bool is_ours = !strcmp(path, "[vdso]") && d->start >= LOW_4_GIB;
	struct module want = { .kind = MODULE_VDSO, .path = path };
	const void *image = NULL;
	struct elf_ident id;
	size_t sz = 0;
	int r;

	if (is_ours && m->vdso) { /* every exec maps it */
		*ret = m->vdso;
		return 0;
	}
	if (is_ours)
		image = modules_vdso_image(&sz);
	else if (!strcmp(path, "[vdso]"))
		want.path = "[vdso32]";
	if (image && !elf_ident_parse(image, sz, &id, NULL)) {
		want.segs = id.segs;
		want.seg_cnt = id.seg_cnt;
		want.build_id_sz = id.build_id_sz;
		memcpy(want.build_id, id.build_id, id.build_id_sz);
	}
	*ret = find_identity(m, &want);
	if (*ret)
		return 0;
	r = add_entry(m, &want, ret, err);
	if (r)
		return r;
	(*ret)->machine = image ? id.machine : 0;
	if (is_ours)
		m->vdso = *ret;
	if (m->on_new)
		m->on_new(m->on_new_ctx, *ret);
	return 0;
}

/* ---- files --------------------------------------------------------------------------------------------------- */

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
	*ret = find_identity(m, &want);
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
		r = add_entry(m, &want, ret, err);
		if (r)
			return r;
	}
	keep_file(m, *ret, f);
	announce(m, *ret, f);
	return 0;
}

/* A runtime maps its jit-PID.dump to tell where it is. The process's own file, as for perf maps. */
static void hold_dump(struct modules *m, const struct mapping_desc *d, int fd)
{
	struct module_entry *e;
	struct stat st;

	if (find_jit(m, d, &e, NULL) || e->dump_fd >= 0 || m->root_fd_cnt >= ROOT_FD_MAX || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    (st.st_uid != e->uid && st.st_uid) || (st.st_mode & S_IWOTH))
		return;
	e->dump_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	m->root_fd_cnt += e->dump_fd >= 0;
}

static int find_file(struct modules *m, const struct mapping_desc *d, const char *path,
		     struct module_entry **ret, struct err *err)
{
	struct module_file f = { .fd = -1 };
	_cleanup_close_ int fd = -1;
	struct module want;
	int r;

	if (d->build_id_sz) {
		describe(d, path, &f, &want);
		*ret = find_identity(m, &want);
		if (*ret && ((*ret)->m.seg_cnt || (*ret)->fd >= 0))
			return 0;
	} else {
		*ret = find_inode(m, d, path);
		if (*ret)
			return 0;
	}
	(void)module_file_open(d, path, &f);
	if (f.fd >= 0 && !f.is_elf && jitdump_is_name(path))
		hold_dump(m, d, f.fd);
	if (!f.is_elf && !d->build_id_sz && starts_with(path, "/memfd:"))
		r = find_jit(m, d, ret, err);
	else
		r = add_file(m, d, path, &f, ret, err);
	fd = f.fd;
	if (!r && (*ret)->m.kind == MODULE_ELF && (f.dev || f.ino))
		(void)remember_inode(m, d, path, &f, (uint32_t)index_of(m, *ret)); /* only a cache */
	return r;
}

int modules_find(struct modules *m, const struct mapping_desc *d, struct module_entry **ret,
		 uint64_t *ret_off_base, struct err *err)
{
	_cleanup_free_ char *path = plain_path(d->path);
	struct module_entry *e = NULL;
	int r;

	if (!path)
		return err_set(err, -ENOMEM, "out of memory");
	if (!strcmp(path, "[vdso]") || !strcmp(path, "[vsyscall]"))
		r = find_special(m, d, path, &e, err);
	else if (is_anonymous(path))
		r = find_jit(m, d, &e, err);
	else
		r = find_file(m, d, path, &e, err);
	if (r)
		return r;
	*ret = e;
	*ret_off_base = e->m.kind == MODULE_JIT ? d->start : e->m.kind == MODULE_ELF ? d->pgoff : 0;
	return 0;
}

/* ---- access -------------------------------------------------------------------------------------------------- */

struct module_entry *modules_get(const struct modules *m, uint32_t id)
{
	uint32_t hash = hash_mix(id, 0), pos, i;

	for (i = idmap_first(&m->by_id, hash, &pos); i; i = idmap_next(&m->by_id, hash, &pos))
		if (m->entries[i - 1]->id == id)
			return m->entries[i - 1];
	return NULL;
}

uint32_t modules_count(const struct modules *m)
{
	return m->cnt;
}

struct module_entry *modules_at(const struct modules *m, uint32_t i)
{
	return i < m->cnt ? m->entries[i] : NULL;
}

int modules_open_file(const struct module_entry *e)
{
	_cleanup_close_ int fd = -1;
	struct elf_ident id;
	uint8_t content[CONTENT_ID_SZ];

	if (e->fd >= 0)
		return fcntl(e->fd, F_DUPFD_CLOEXEC, 0);
	if (e->m.kind != MODULE_ELF || !e->m.build_id_sz)
		return -1;
	fd = module_file_open_path(e->m.path);
	if (fd < 0)
		return -1;
	if (e->m.is_content_id) {
		if (content_id_read(fd, content, NULL) ||
		    memcmp(content, e->m.build_id, CONTENT_ID_SZ))
			return -1;
	} else if (elf_ident_read(fd, &id, NULL) || id.build_id_sz != e->m.build_id_sz ||
		   memcmp(id.build_id, e->m.build_id, id.build_id_sz)) {
		return -1;
	}
	return take_fd(&fd);
}
