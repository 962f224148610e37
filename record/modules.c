// SPDX-License-Identifier: BSD-2-Clause
#include "record/modules.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/content_id.h"
#include "record/module_file.h"
#include "record/modules_private.h"

#define FD_MAX 2048
#define LOW_4_GIB (1ULL << 32)

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

void modules_destroy_entry(struct module_entry *e)
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
		modules_destroy_entry(m->entries[i]);
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

uint32_t modules_identity_hash(const struct module *m)
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

struct module_entry *modules_find_identity(const struct modules *m, const struct module *want)
{
	uint32_t hash = modules_identity_hash(want), pos, i;

	for (i = idmap_first(&m->by_identity, hash, &pos); i;
	     i = idmap_next(&m->by_identity, hash, &pos))
		/* one that found no memory halfway may have left its number here */
		if (i <= m->cnt && is_equal(&m->entries[i - 1]->m, want))
			return m->entries[i - 1];
	return NULL;
}

int modules_add_entry(struct modules *m, const struct module *want, struct module_entry **ret, struct err *err)
{
	struct module_entry *e = calloc(1, sizeof(*e));
	size_t segs_sz = want->seg_cnt * sizeof(*want->segs);
	int id;

	if (e) /* before anything fails: 0 is somebody's descriptor */
		e->fd = e->root_fd = e->map_fd = e->dump_fd = -1;
	if (!e || array_grow(&m->entries, &m->cap, m->cnt, sizeof(struct module_entry *)))
		goto no_memory;
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
	if (idmap_add(&m->by_identity, modules_identity_hash(want), m->cnt + 1) ||
	    idmap_add(&m->by_id, hash_mix(e->id, 0), m->cnt + 1))
		goto no_memory;
	m->entries[m->cnt++] = e;
	*ret = e;
	return 0;
no_memory:
	modules_destroy_entry(e);
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
	*ret = modules_find_identity(m, &want);
	if (*ret)
		return 0;
	r = modules_add_entry(m, &want, ret, err);
	if (r)
		return r;
	(*ret)->machine = image ? id.machine : 0;
	if (is_ours)
		m->vdso = *ret;
	if (m->on_new)
		m->on_new(m->on_new_ctx, *ret);
	return 0;
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
		r = modules_find_jit(m, d, &e, err);
	else
		r = modules_find_file(m, d, path, &e, err);
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
