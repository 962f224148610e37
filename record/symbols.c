// SPDX-License-Identifier: BSD-2-Clause
#include "record/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "record/elf_links.h"
#include "record/elf_note.h"
#include "record/hits.h"
#include "record/module_file.h"
#include "record/names_worker.h"
#include "record/perfmap.h"

#define TIMEOUT_NS 20000000000ULL

struct symbols {
	enum options_symbols mode;
	bool keeps_modules;
	bool has_all;	   /* SYMBOLS_ALL: they are in this segment */
	uint32_t *modules; /* ids, sorted; owned */
	uint32_t module_cnt, module_cap;
	struct hits hits;
};

int symbols_create(enum options_symbols mode, bool keeps_modules, struct symbols **ret)
{
	struct symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->mode = mode;
	s->keeps_modules = keeps_modules;
	*ret = s;
	return 0;
}

void symbols_destroy(struct symbols *s)
{
	if (!s)
		return;
	hits_deinit(&s->hits);
	free(s->modules);
	free(s);
}

/* ---- what was hit ---------------------------------------------------------------------------------------------- */

void symbols_hit(struct symbols *s, const struct frame *f)
{
	if (f->module && (s->mode != SYMBOLS_NONE || s->keeps_modules))
		hits_add(&s->hits, f);
}

void symbols_next_segment(struct symbols *s, uint16_t keep)
{
	hits_next_era(&s->hits, keep);
	s->has_all = false;
}

void symbols_each_module(const struct symbols *s, void (*fn)(void *ctx, uint32_t module), void *ctx)
{
	hits_each_module(&s->hits, fn, ctx);
	for (uint32_t i = 0; i < s->module_cnt; i++)
		fn(ctx, s->modules[i]);
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Of the sorted hits. Without memory the list ends early: a bundle then has less. */
static void note_modules(struct symbols *s, const struct hit *hits, uint32_t cnt)
{
	uint32_t n = 0;

	for (uint32_t i = 0; s->keeps_modules && i < cnt; i++) {
		if (i && hits[i].module == hits[i - 1].module)
			continue;
		if (array_grow(&s->modules, &s->module_cap, s->module_cnt, sizeof(*s->modules)))
			break;
		s->modules[s->module_cnt++] = hits[i].module;
	}
	if (s->module_cnt)
		qsort(s->modules, s->module_cnt, sizeof(*s->modules), compare_ids);
	for (uint32_t i = 0; i < s->module_cnt; i++)
		if (!n || s->modules[n - 1] != s->modules[i])
			s->modules[n++] = s->modules[i];
	s->module_cnt = n;
}

const uint32_t *symbols_modules(const struct symbols *s, uint32_t *ret_cnt)
{
	*ret_cnt = s->module_cnt;
	return s->modules;
}

/* ---- what is to be read -------------------------------------------------------------------------------------- */

struct emission {
	struct symbols *s;
	struct modules *modules;
	const struct jit *jit; /* NULL: none */
	struct recording_writer *w;
	const struct names_idle *idle; /* may be NULL */
	struct names_job *jobs; /* owned, with their offs, and the fds in own_fds */
	uint32_t cnt, cap;
	int *own_fds;
	uint32_t fd_cnt, fd_cap;
	struct symbols_stats *stats;
	struct err *err;
};

static int own_fd(struct emission *e, int fd)
{
	if (fd < 0)
		return fd;
	if (array_grow(&e->own_fds, &e->fd_cap, e->fd_cnt, sizeof(*e->own_fds))) {
		close(fd);
		return -1;
	}
	e->own_fds[e->fd_cnt++] = fd;
	return fd;
}

/* Where Debian and others put what they strip: /usr/lib/debug/.build-id/ab/cdef….debug, if it is of this very build. */
static int open_debug_file(const struct module *m)
{
	static const char dir[] = "/usr/lib/debug/.build-id/";
	char path[sizeof(dir) + 2 * BUILD_ID_MAX + 16];
	_cleanup_close_ int fd = -1;
	struct elf_ident id;
	int at;

	if (m->is_content_id || m->build_id_sz < 2)
		return -1;
	at = snprintf(path, sizeof(path), "%s%02x/", dir, m->build_id[0]);
	for (uint32_t i = 1; i < m->build_id_sz; i++)
		at += snprintf(path + at, sizeof(path) - (size_t)at, "%02x", m->build_id[i]);
	snprintf(path + at, sizeof(path) - (size_t)at, ".debug");
	fd = module_file_open_path(path);
	if (fd < 0 || elf_ident_read(fd, &id, NULL) || id.build_id_sz != m->build_id_sz ||
	    memcmp(id.build_id, m->build_id, id.build_id_sz))
		return -1;
	return take_fd(&fd);
}

static bool open_elf(struct emission *e, const struct module_entry *entry, struct names_job *job)
{
	size_t sz = 0;

	job->elf = (struct symtab_input){ .image = { .fd = -1 }, .debug = { .fd = -1 }, .is_debug_proven = true,
					  .segs = entry->m.segs, .seg_cnt = entry->m.seg_cnt };
	if (entry->m.kind == MODULE_VDSO) {
		job->elf.image.data = modules_vdso_image(&sz);
		job->elf.image.len = sz;
		return job->elf.image.data && entry->m.seg_cnt;
	}
	job->elf.image.fd = own_fd(e, modules_open_file(entry));
	job->elf.debug.fd = own_fd(e, open_debug_file(&entry->m));
	return job->elf.image.fd >= 0 || job->elf.debug.fd >= 0;
}

static bool open_perfmap(struct emission *e, const struct module_entry *entry, struct names_job *job)
{
	job->is_perfmap = true;
	job->map_fd = entry->map_fd;
	if (job->map_fd < 0 && entry->root_fd >= 0)
		job->map_fd = own_fd(e, perfmap_open(entry->root_fd, entry->ns_pid, entry->uid, entry->m.start_ts, NULL));
	job->dump_fd = entry->dump_fd;
	if (e->jit)
		(void)jit_entry(e->jit, job->module, &job->extent);
	return job->map_fd >= 0 || job->dump_fd >= 0;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Instructions to look up: the pc itself, and what is before a return address. */
static uint64_t *offsets_of(const struct hit *hits, size_t cnt, size_t *ret_cnt)
{
	uint64_t *offs = calloc(2 * cnt + 1, sizeof(*offs));
	size_t n = 0;

	if (!offs)
		return NULL;
	for (size_t i = 0; i < cnt; i++) {
		if (hits[i].how & HIT_EXACT)
			offs[n++] = hits[i].off;
		if ((hits[i].how & HIT_RETURN) && hits[i].off)
			offs[n++] = hits[i].off - 1;
	}
	qsort(offs, n, sizeof(*offs), compare_u64);
	*ret_cnt = n;
	return offs;
}

/* hits NULL: all of the module's functions. */
static int add_job(struct emission *e, const struct module_entry *entry, uint32_t module, const struct hit *hits, size_t cnt)
{
	struct names_job job = { .module = module, .map_fd = -1, .dump_fd = -1 };
	bool ok;

	if (entry->m.kind != MODULE_ELF && entry->m.kind != MODULE_VDSO && entry->m.kind != MODULE_JIT)
		return 0;
	if (array_grow(&e->jobs, &e->cap, e->cnt, sizeof(job)))
		return -ENOMEM;
	ok = entry->m.kind == MODULE_JIT ? open_perfmap(e, entry, &job) : open_elf(e, entry, &job);
	if (!ok) {
		e->stats->modules_failed += entry->m.kind == MODULE_ELF;
		return 0;
	}
	if (hits) {
		job.offs = offsets_of(hits, cnt, &job.off_cnt);
		if (!job.offs)
			return -ENOMEM;
	}
	e->jobs[e->cnt++] = job;
	return 0;
}

static int add_hit_jobs(struct emission *e, const struct hit *hits, uint32_t cnt)
{
	int r = 0;

	for (uint32_t i = 0, n; !r && i < cnt; i += n) {
		const struct module_entry *entry = modules_get(e->modules, hits[i].module);
		struct jit_extent extent;

		if (!entry && e->jit)
			entry = jit_entry(e->jit, hits[i].module, &extent);
		for (n = 1; i + n < cnt && hits[i + n].module == hits[i].module; n++)
			;
		if (entry)
			r = add_job(e, entry, hits[i].module, hits + i, n);
	}
	return r;
}

static int add_all_jobs(struct emission *e)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < modules_count(e->modules); i++)
		r = add_job(e, modules_at(e->modules, i), modules_at(e->modules, i)->id, NULL, 0);
	for (uint32_t i = 0, module; !r && e->jit && (module = jit_later(e->jit, i)); i++) {
		struct jit_extent extent;

		r = add_job(e, jit_entry(e->jit, module, &extent), module, NULL, 0);
	}
	return r;
}

/* ---- emitting ------------------------------------------------------------------------------------------------ */

static int write_symbol(void *ctx, uint32_t module, const struct symtab_symbol *s)
{
	struct emission *e = ctx;
	struct event ev = {
		.kind = EVENT_SYMBOL,
		.symbol = { .module = module, .off = s->off, .size = s->size, .source = s->source,
			    .name = s->name },
	};

	e->stats->written++;
	return recording_writer_add(e->w, &ev, e->err);
}

static int emit_kernel(struct kallsyms *k, const struct hit *hits, uint32_t cnt, struct err *err)
{
	_cleanup_free_ struct frame *frames = calloc(2 * (size_t)cnt + 1, sizeof(*frames));
	size_t n = 0;

	if (!frames)
		return err_set(err, -ENOMEM, "out of memory for symbols");
	for (uint32_t i = 0; i < cnt; i++) {
		if (hits[i].how & HIT_RETURN)
			frames[n++] = (struct frame){ hits[i].module, 0, hits[i].off };
		if (hits[i].how & HIT_EXACT)
			frames[n++] = (struct frame){ hits[i].module, FRAME_EXACT, hits[i].off };
	}
	return kallsyms_emit_hits(k, frames, n, err);
}

static void emission_deinit(struct emission *e)
{
	for (uint32_t i = 0; i < e->cnt; i++)
		free((void *)e->jobs[i].offs);
	for (uint32_t i = 0; i < e->fd_cnt; i++)
		close(e->own_fds[i]);
	free(e->jobs);
	free(e->own_fds);
}

/* ---- debug files that are only known by .gnu_debuglink -------------------------------------------------------- */

struct link_search {
	struct emission *e;
	struct names_job *jobs; /* owned: those of e->jobs that lack a debug file, wanting links */
	uint32_t *of;		/* owned: the index in e->jobs */
	uint32_t cnt;
};

/* The first candidate that there is; whether it is the one, the child that reads it will see. */
static int on_link(void *ctx, uint32_t module, const struct symtab_symbol *s)
{
	struct link_search *l = ctx;
	const struct module_entry *entry = modules_get(l->e->modules, module);
	struct symtab_input *in = NULL;

	for (uint32_t i = 0; i < l->cnt && !in; i++)
		if (l->jobs[i].module == module)
			in = &l->e->jobs[l->of[i]].elf;
	for (unsigned n = 0; in && entry && in->debug.fd < 0; n++) {
		_cleanup_free_ char *path = elf_links_candidate(entry->m.path, s->name, n);
		struct stat st;

		if (!path || strchr(s->name, '/'))
			break;
		in->debug.fd = own_fd(l->e, module_file_open_path(path));
		if (in->debug.fd < 0 || fstat(in->debug.fd, &st))
			continue;
		in->is_debug_proven = false;
		in->debug_size = (uint64_t)st.st_size;
		in->link_crc = (uint32_t)s->off;
		in->id_sz = entry->m.is_content_id ? 0 : entry->m.build_id_sz;
		memcpy(in->id, entry->m.build_id, in->id_sz);
	}
	return 0;
}

static int find_links(struct emission *e, uint64_t timeout_ns)
{
	struct link_search l = { .e = e };
	int r;

	l.jobs = calloc(e->cnt + 1, sizeof(*l.jobs));
	l.of = calloc(e->cnt + 1, sizeof(*l.of));
	for (uint32_t i = 0; l.jobs && l.of && i < e->cnt; i++) {
		const struct names_job *j = &e->jobs[i];

		if (j->is_perfmap || j->elf.image.fd < 0 || j->elf.debug.fd >= 0)
			continue;
		l.of[l.cnt] = i;
		l.jobs[l.cnt] = (struct names_job){ .module = j->module, .wants_link = true, .map_fd = -1, .dump_fd = -1, .elf = { .image = j->elf.image } };
		l.jobs[l.cnt++].elf.debug.fd = -1;
	}
	r = l.cnt ? names_worker_run(l.jobs, l.cnt, timeout_ns, e->idle, on_link, &l, e->err) : 0;
	free(l.jobs);
	free(l.of);
	return r;
}

static int emit_user(struct emission *e, const struct hit *hits, uint32_t cnt, uint64_t timeout_ns)
{
	int r = e->s->mode == SYMBOLS_ALL ? add_all_jobs(e) : add_hit_jobs(e, hits, cnt);

	if (r)
		return err_set(e->err, r, "out of memory for symbols");
	if (e->cnt)
		r = find_links(e, timeout_ns ?: TIMEOUT_NS);
	if (e->cnt && !r)
		r = names_worker_run(e->jobs, e->cnt, timeout_ns ?: TIMEOUT_NS, e->idle, write_symbol, e, e->err);
	for (uint32_t i = 0; i < e->cnt; i++)
		e->stats->modules_failed += e->jobs[i].failed;
	return r;
}

static int emit(struct emission *e, struct kallsyms *k, const struct hit *hits, uint32_t cnt, uint64_t timeout_ns)
{
	bool is_all = e->s->mode == SYMBOLS_ALL;
	int r = 0;

	if (e->s->mode == SYMBOLS_NONE || (is_all && e->s->has_all))
		return 0;
	e->s->has_all = is_all;
	if (k)
		r = is_all ? kallsyms_emit_all(k, e->err) : emit_kernel(k, hits, cnt, e->err);
	if (!r && e->modules)
		r = emit_user(e, hits, cnt, timeout_ns);
	return r;
}

void symbols_get_stats(const struct symbols *s, struct symbols_stats *ret)
{
	*ret = (struct symbols_stats){ .frames = s->hits.used, .over_cap = s->hits.over_cap };
}

int64_t symbols_emit(struct symbols *s, const struct symbols_sources *src, uint64_t timeout_ns, struct symbols_stats *ret, struct err *err)
{
	struct symbols_stats stats;
	struct emission e = { .s = s, .modules = src->modules, .jit = src->jit, .w = src->writer, .idle = src->idle, .stats = &stats, .err = err };
	_cleanup_free_ struct hit *hits = NULL;
	int64_t cnt = 0;
	int r;

	symbols_get_stats(s, &stats);
	*ret = stats;
	if (!src->modules && (!src->kallsyms || s->mode != SYMBOLS_HIT)) /* all: at once, with the users' */
		return 0;
	cnt = src->modules ? hits_take(&s->hits, NULL, NULL, &hits) : hits_take(&s->hits, kallsyms_has_module, src->kallsyms, &hits);
	if (cnt < 0)
		return err_set(err, (int)cnt, "out of memory for symbols");
	note_modules(s, hits, (uint32_t)cnt);
	r = emit(&e, src->kallsyms, hits, (uint32_t)cnt, timeout_ns);
	emission_deinit(&e);
	*ret = stats;
	return r ?: cnt;
}
