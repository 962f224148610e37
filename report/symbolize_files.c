// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "formats/cleanup.h"
#include "report/sym_worker.h"
#include "report/symbolize_private.h"

bool symbolizer_reads_files(const struct symbolizer *s, const struct module *m)
{
	return !s->o.no_files && (m->kind == MODULE_ELF || (m->kind == MODULE_VDSO && s->has_bundle));
}

_Static_assert(sizeof(struct sym_load) == sizeof(struct module_segment), "the same three numbers");

bool symbolizer_vaddr(const struct sym_entry *e, const struct module *m, uint64_t off, uint64_t *ret)
{
	if (m->seg_cnt)
		return sym_loads_vaddr((const struct sym_load *)m->segs, m->seg_cnt, off, ret);
	return e->index.data && sym_loads_vaddr(e->index.loads, e->index.h->load_cnt, off, ret);
}

/* As a worker does it, but here. */
static int run_here(const struct symbolizer *s, struct sym_job *j)
{
	_cleanup_close_ int fd = memfd_create("varve-symbols", MFD_CLOEXEC);
	int err = fd < 0 ? -errno : sym_module_build(&s->o, j->m, NULL, &j->ask, fd);

	if ((!err || err == -EALREADY) && !sym_index_read(&j->symbols, fd, 0, NULL) && !err)
		(void)sym_index_read(&j->index, fd, j->symbols.h->total_sz, NULL);
	return err == -ENOMEM ? err : 0;
}

int symbolizer_run_jobs(const struct symbolizer *s, struct sym_job *jobs, size_t cnt)
{
	int err = 0;

	if (!s->o.no_workers)
		return sym_worker_run(&s->o, jobs, cnt);
	for (size_t i = 0; i < cnt && !err; i++)
		err = run_here(s, &jobs[i]);
	return err;
}

/* ---- what came of it ----------------------------------------------------- */

/* What the index, or its absence, means for the module. */
static void settle(const struct symbolizer *s, struct sym_entry *e, struct sym_job *j)
{
	e->index = j->index;
	e->is_loaded = true;
	if (e->index.data && s->o.demangle == DEMANGLE_FULL)
		sym_displays_open(&e->displays, s->o.cache_dir, j->m, &e->index);
	if (e->index.data) {
		const struct sym_index_header *h = e->index.h;

		/* the vdso is no file, be its image in a bundle or not */
		if (j->m->kind != MODULE_VDSO)
			e->info.debug_path = sym_index_string(&e->index, h->debug_path);
		e->reason = sym_index_string(&e->index, h->reason) ?: "address in no symbol";
		if (!strncmp(e->reason, SYMBOLIZE_HALF, strlen(SYMBOLIZE_HALF)))
			e->info.unnamed_reason = e->reason; /* to be told whatever has a name */
		e->info.sought = sym_index_string(&e->index, h->sought);
		if (e->info.debug_path)
			e->info.symbols = sym_index_string(&e->index, h->symbols) ?: "none";
		return;
	}
	memcpy(e->failure, j->reason, sizeof(e->failure));
	e->reason = e->failure[0] ? e->failure : "index could not be built";
}

static const char *key_of(const struct sym_index *x)
{
	return sym_index_string(x, x->h->key) ?: "";
}

/*
 * Take over what the symbol tables say. That and the index came of the same files, or it is left: a file that changes while it is read is
 * not what was recorded, before or after.
 */
static int take_symbols(struct sym_entry *e, struct sym_job *j)
{
	const char *key = e->index.data ? key_of(&e->index) : "";
	_cleanup_free_ uint64_t *vaddrs = NULL;
	const uint64_t *offs = j->ask.unknown;
	size_t cnt = j->ask.unknown_cnt;

	if (!e->answers.key || strcmp(e->answers.key, key)) { /* so did the worker find */
		sym_answers_forget(&e->answers);
		offs = j->ask.offs;
		cnt = j->ask.cnt;
	}
	if (!j->symbols.data || strcmp(key_of(&j->symbols), key)) {
		sym_index_deinit(&j->symbols);
		return 0;
	}
	vaddrs = malloc((cnt + 1) * sizeof(*vaddrs));
	for (size_t i = 0; vaddrs && i < cnt; i++)
		if (!symbolizer_vaddr(e, j->m, offs[i], &vaddrs[i]))
			vaddrs[i] = UINT64_MAX;
	if (!vaddrs) {
		sym_index_deinit(&j->symbols);
		return -ENOMEM;
	}
	return sym_answers_add(&e->answers, &j->symbols, key, offs, vaddrs, cnt);
}

static void note_fetch(struct sym_entry *e, const char *note)
{
	snprintf(e->fetched, sizeof(e->fetched), "%s; debuginfod: %s", e->reason, note);
	e->reason = e->fetched;
	if (e->info.unnamed_reason)
		e->info.unnamed_reason = e->reason;
}

static int take_results(struct symbolizer *s, struct sym_job *jobs, struct sym_entry **entries, const char **notes, size_t cnt)
{
	int err = 0;

	for (size_t i = 0; i < cnt; i++) {
		struct sym_entry *e = entries[i];

		s->has_cached |= jobs[i].index.data && !jobs[i].from_cache;
		if (!e->is_loaded) {
			settle(s, e, &jobs[i]);
			if (notes[i])
				note_fetch(e, notes[i]);
		} else {
			sym_index_deinit(&jobs[i].index);
		}
		err = err ?: take_symbols(e, &jobs[i]);
	}
	return err;
}

/* The job for a request. Returns 1, 0 when all of it is known, or -ENOMEM. unknown: malloc'ed. */
static int make_job(struct symbolizer *s, const struct sym_request *r, struct sym_job *j)
{
	struct sym_entry *e = r->e;
	uint64_t *unknown = NULL;
	size_t cnt = 0;
	int err;

	*j = (struct sym_job){.m = r->m};
	if (e->is_loaded && !e->index.data)
		return 0;
	if (!e->is_loaded && s->o.demangle == DEMANGLE_FULL && !e->answers.path)
		sym_answers_open(&e->answers, s->o.cache_dir, r->m);
	err = sym_answers_unknown(&e->answers, r->offs, r->cnt, &unknown, &cnt);
	if (err)
		return err;
	j->ask = (struct sym_ask){r->offs, r->cnt, e->answers.key, unknown, cnt, e->is_loaded};
	return !e->is_loaded || cnt;
}

static int run_requests(struct symbolizer *s, struct sym_job *jobs, struct sym_entry **entries, size_t cnt)
{
	_cleanup_free_ const char **notes = calloc(cnt + 1, sizeof(*notes));
	int err = notes ? symbolizer_run_jobs(s, jobs, cnt) : -ENOMEM;

	if (!err && s->o.debuginfod)
		err = symbolizer_fetch_missing(s, jobs, cnt, notes);
	if (!err)
		return take_results(s, jobs, entries, notes, cnt);
	for (size_t i = 0; i < cnt; i++)
		symbolizer_forget_result(&jobs[i]);
	return err;
}

int symbolizer_read_files(struct symbolizer *s, const struct sym_request *r, size_t cnt)
{
	_cleanup_free_ struct sym_job *jobs = calloc(cnt + 1, sizeof(*jobs));
	_cleanup_free_ struct sym_entry **entries = calloc(cnt + 1, sizeof(*entries));
	size_t n = 0;
	int err = jobs && entries ? 0 : -ENOMEM;

	for (size_t i = 0; i < cnt && !err; i++) {
		int got = make_job(s, &r[i], &jobs[n]);

		err = got < 0 ? got : 0;
		if (got > 0)
			entries[n++] = r[i].e;
		else if (!got)
			free((void *)jobs[n].ask.unknown);
	}
	if (!err && n)
		err = run_requests(s, jobs, entries, n);
	for (size_t i = 0; jobs && i < n; i++)
		free((void *)jobs[i].ask.unknown);
	return err;
}

void symbolizer_keep(struct symbolizer *s, struct sym_entry *e)
{
	if (!e->index.data || !(e->index.h->flags & SYM_INDEX_CACHEABLE))
		return;
	sym_answers_store(&e->answers);
	s->has_cached |= e->answers.added > 0;
}
