// SPDX-License-Identifier: BSD-2-Clause
#include "record/bundle.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "record/bundle_worker.h"
#include "record/module_file.h"
#include "record/perfmap.h"

#define SYSTEM_DEBUG_DIR "/usr/lib/debug"
#define SPLIT_LIST_MAX (64u << 20) /* bytes of a file's list of split units */

struct packing {
	struct bundle_writer *w;
	struct bundle_stats stats;
	uint64_t deadline;
	struct err *err;
};

/* Returns 1: it is in the bundle, *ret_links set (may be NULL). 0: it is not the file. Or a writer's error. */
static int pack(struct packing *p, const struct bundle_key *key, const struct bundle_job *job, struct elf_links *ret_links)
{
	struct elf_links links = {};
	int r = bundle_writer_begin(p->w, key, p->err), end;

	if (r)
		return r;
	r = bundle_worker_run(job, bundle_writer_append, p->w, p->deadline, &links);
	end = bundle_writer_end(p->w, r == 1, r < 0 ? NULL : p->err);
	if (r == -ECHILD || r == -ETIME) {
		p->stats.failed++;
		return end;
	}
	if (r < 0)
		return err_code(p->err, r, "pack '%s'", job->path);
	if (ret_links)
		*ret_links = links;
	return end ?: r;
}

/* The file at an open fd. */
static int pack_fd(struct packing *p, const struct bundle_key *key, int fd, struct bundle_job *job, struct elf_links *ret_links)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || !st.st_size)
		return 0;
	job->src = (struct elf_source){ .fd = fd };
	job->size = (uint64_t)st.st_size;
	return pack(p, key, job, ret_links);
}

/* The file of that name in our root. Returns as pack(), 0 also where there is none. */
static int __attribute__((format(printf, 5, 6)))
try_path(struct packing *p, const struct bundle_key *key, struct bundle_job *job, struct elf_links *ret_links, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	va_list ap;
	int n;

	if (bundle_writer_has(p->w, key))
		return 0;
	va_start(ap, fmt);
	n = vasprintf(&path, fmt, ap);
	va_end(ap);
	if (n < 0) {
		path = NULL;
		return err_code(p->err, -ENOMEM, "pack debug files");
	}
	fd = module_file_open_path(path);
	if (fd < 0)
		return 0;
	job->is_elf = true;
	job->path = path;
	n = pack_fd(p, key, fd, job, ret_links);
	job->path = NULL;
	return n;
}

/* ---- what belongs to a file ----------------------------------------------------------------------------------- */

static void hex_of(const uint8_t *id, uint32_t sz, char hex[2 * BUILD_ID_MAX + 1])
{
	hex[0] = '\0';
	for (uint32_t i = 0; i < sz; i++)
		snprintf(hex + 2 * (size_t)i, 3, "%02x", id[i]);
}

/* Length of a path's directory, without the slash. */
static int dir_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (int)(slash - path) : 0;
}

/* The dwz supplement of the file at `path`. Returns 0 or a writer's error. */
static int pack_alt(struct packing *p, const char *path, const struct elf_links *l)
{
	struct bundle_key key = { .role = BUNDLE_DEBUG, .id_sz = l->alt_id_sz };
	struct bundle_job job = { .proof = BUNDLE_PROOF_ID, .id_sz = l->alt_id_sz };
	const char *dwz = strstr(l->alt, "/.dwz/");
	char hex[2 * BUILD_ID_MAX + 1];
	int r;

	if (!*l->alt || l->alt_id_sz < 2)
		return 0;
	memcpy(key.id, l->alt_id, l->alt_id_sz);
	memcpy(job.id, l->alt_id, l->alt_id_sz);
	hex_of(l->alt_id, l->alt_id_sz, hex);
	r = *l->alt == '/' ? try_path(p, &key, &job, NULL, "%s", l->alt) :
			     try_path(p, &key, &job, NULL, "%.*s/%s", dir_len(path), path, l->alt);
	if (!r && dwz)
		r = try_path(p, &key, &job, NULL, SYSTEM_DEBUG_DIR "%s", dwz);
	if (!r)
		r = try_path(p, &key, &job, NULL, SYSTEM_DEBUG_DIR "/.build-id/%.2s/%s.debug", hex, hex + 2);
	return r < 0 ? r : 0;
}

static int pack_package(struct packing *p, const struct module *m, const char *path)
{
	const struct bundle_key key = bundle_module_key(BUNDLE_DWP, m);
	struct bundle_job job = { .proof = BUNDLE_PROOF_DWP };
	size_t len = strlen(path);
	int r;

	if (*path != '/')
		return 0;
	if (len > 6 && !strcmp(path + len - 6, ".debug"))
		len -= 6;
	r = try_path(p, &key, &job, NULL, "%.*s.dwp", (int)len, path);
	return r < 0 ? r : 0;
}

/* ---- split units --------------------------------------------------------------------------------------------- */

struct splitting {
	struct packing *p;
	const char *path; /* of the program that means them */
};

/* What a worker says, gathered: some dozens of bytes for each unit. */
static int gather(void *ctx, const void *data, size_t len)
{
	struct buffer *b = ctx;

	if (b->len + len > SPLIT_LIST_MAX)
		return -EFBIG;
	return buffer_put(b, data, len);
}

static int pack_split_unit(void *ctx, const struct split_unit *u)
{
	const struct bundle_key key = { .role = BUNDLE_DWO, .dwo_id = u->id };
	struct bundle_job job = { .proof = BUNDLE_PROOF_DWO, .dwo_id = u->id };
	struct splitting *s = ctx;
	int r = 0;

	for (unsigned n = 0; !r; n++) {
		_cleanup_free_ char *candidate = split_units_candidate(s->path, u, n);

		if (!candidate)
			break;
		r = *candidate == '/' ? try_path(s->p, &key, &job, NULL, "%s", candidate) : 0;
	}
	return r < 0 ? r : 0;
}

/* The .dwo files that a file at `path` means, unless a package has them. Returns 0 or a writer's error. */
static int pack_split_units(struct packing *p, const struct module *m, const struct elf_source *src, uint64_t size, const char *path)
{
	const struct bundle_key package = bundle_module_key(BUNDLE_DWP, m);
	struct bundle_job job = { .src = *src, .size = size, .is_elf = true, .path = path, .wants_split_units = true };
	struct splitting s = { p, path };
	struct buffer list = {};
	struct elf_links links;
	int r = 0;

	if (!bundle_writer_has(p->w, &package))
		r = bundle_worker_run(&job, gather, &list, p->deadline, &links);
	if (r == 1)
		r = bundle_worker_split_units(list.data, list.len, pack_split_unit, &s);
	buffer_deinit(&list);
	if (r != -ECHILD && r != -ETIME && r != -EFBIG && r != -EBADMSG)
		return r;
	p->stats.failed++;
	return 0;
}

/* ---- debug files ---------------------------------------------------------------------------------------------- */

/* The same for a file that was packed by its name. */
static int pack_split_units_of(struct packing *p, const struct module *m, const char *path)
{
	_cleanup_close_ int fd = module_file_open_path(path);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return 0;
	return pack_split_units(p, m, &(struct elf_source){ .fd = fd }, (uint64_t)st.st_size, path);
}

/* By build-id, then by .gnu_debuglink (whose CRC stands in where the debug file has no build-id). Returns 0 or a writer's error. */
static int pack_debug(struct packing *p, const struct module *m, const struct elf_links *image)
{
	const struct bundle_key key = bundle_module_key(BUNDLE_DEBUG, m);
	struct bundle_job job = { .proof = BUNDLE_PROOF_ID, .id_sz = m->build_id_sz, .crc = image->link_crc };
	struct elf_links own = {};
	char hex[2 * BUILD_ID_MAX + 1], path[64 + sizeof(hex)];
	_cleanup_free_ char *found = NULL;
	int r = 0;

	memcpy(job.id, m->build_id, m->build_id_sz);
	hex_of(m->build_id, m->build_id_sz, hex);
	snprintf(path, sizeof(path), SYSTEM_DEBUG_DIR "/.build-id/%.2s/%s.debug", hex, hex + 2);
	if (!m->is_content_id)
		r = try_path(p, &key, &job, &own, "%s", path);
	if (r == 1)
		found = strdup(path);
	job.proof = BUNDLE_PROOF_LINK;
	for (unsigned n = 0; !r && n < 3; n++) {
		_cleanup_free_ char *candidate = elf_links_candidate(m->path, image->link, n);

		r = candidate ? try_path(p, &key, &job, &own, "%s", candidate) : 0;
		if (r == 1)
			found = take_ptr(candidate);
	}
	if (r < 0 || !found)
		return r < 0 ? r : 0;
	r = pack_alt(p, found, &own) ?: pack_package(p, m, found);
	return r || !own.has_split_units ? r : pack_split_units_of(p, m, found);
}

/* ---- modules -------------------------------------------------------------------------------------------------- */

static int pack_vdso(struct packing *p, const struct module_entry *e)
{
	const struct bundle_key key = bundle_module_key(BUNDLE_IMAGE, &e->m);
	struct bundle_job job = { .is_elf = true, .path = e->m.path, .src = { .fd = -1 } };
	size_t sz = 0;
	int r;

	job.src.data = modules_vdso_image(&sz);
	if (!job.src.data || !e->m.seg_cnt || !e->m.build_id_sz || bundle_writer_has(p->w, &key)) {
		p->stats.missing += !e->m.seg_cnt;
		return 0;
	}
	job.src.len = job.size = sz;
	r = pack(p, &key, &job, NULL);
	return r < 0 ? r : 0;
}

static int pack_elf(struct packing *p, const struct module_entry *e)
{
	const struct bundle_key key = bundle_module_key(BUNDLE_IMAGE, &e->m);
	struct bundle_job job = { .is_elf = true, .path = e->m.path };
	_cleanup_close_ int fd = -1;
	struct elf_links links = {};
	int r = 0;

	if (bundle_writer_has(p->w, &key))
		return 0; /* the same build under another name */
	fd = e->m.build_id_sz < 2 ? -1 : modules_open_file(e);
	if (fd >= 0)
		r = pack_fd(p, &key, fd, &job, &links);
	else
		p->stats.missing++;
	if (r < 0 || e->m.build_id_sz < 2)
		return r;
	r = pack_alt(p, e->m.path, &links) ?: pack_package(p, &e->m, e->m.path);
	if (!r && links.has_split_units)
		r = pack_split_units(p, &e->m, &job.src, job.size, e->m.path);
	return r ?: pack_debug(p, &e->m, &links);
}

static int pack_map(struct packing *p, const struct module_entry *e)
{
	const struct bundle_key key = bundle_module_key(BUNDLE_MAP, &e->m);
	struct bundle_job job = { .path = e->m.path };
	_cleanup_close_ int own = -1;
	int fd = e->map_fd, r;

	if (fd < 0 && e->root_fd >= 0)
		fd = own = perfmap_open(e->root_fd, e->ns_pid, e->uid, e->m.start_ts, NULL);
	r = fd < 0 ? 0 : pack_fd(p, &key, fd, &job, NULL);
	return r < 0 ? r : 0;
}

static int pack_module(struct packing *p, const struct module_entry *e)
{
	switch (e->m.kind) {
	case MODULE_ELF:
		p->stats.modules++;
		return pack_elf(p, e);
	case MODULE_VDSO:
		p->stats.modules++;
		return pack_vdso(p, e);
	case MODULE_JIT:
		return pack_map(p, e);
	default:
		return 0;
	}
}

int bundle_add_modules(struct bundle_writer *w, const struct modules *m, const uint32_t *ids, uint32_t cnt, uint64_t timeout_ns,
		       struct bundle_stats *ret, struct err *err)
{
	struct packing p = { .w = w, .err = err };
	struct timespec t;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &t);
	p.deadline = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec + timeout_ns;
	for (uint32_t i = 0; i < cnt && !r; i++) {
		const struct module_entry *e = modules_get(m, ids[i]);

		r = e ? pack_module(&p, e) : 0;
	}
	p.stats.files = bundle_writer_count(w);
	p.stats.bytes = bundle_writer_bytes(w);
	*ret = p.stats;
	return r;
}
