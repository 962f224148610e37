// SPDX-License-Identifier: BSD-2-Clause
#include "report/bundle.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/idmap.h"
#include "formats/recording.h"
#include "report/bundle_files.h"

/* A mapping, for frames that were recorded as plain addresses: import finds their module later, so that one is in the bundle, too. */
struct range {
	uint64_t start, end;
	uint32_t module; /* of the recording */
};

struct bundle_modules {
	struct module *v; /* owned, with their paths; ELF and vdso, each key once */
	uint32_t cnt, cap;
};

/* Of one recording. */
struct reading {
	struct bundle_modules *b;
	struct recording_reader *r;
	bool *is_hit; /* by module id */
	uint32_t hit_cap;
	struct range *ranges;
	uint64_t *raw; /* addresses */
	uint32_t range_cnt, range_cap, raw_cnt, raw_cap;
	uint64_t seq; /* of the chunk whose frames were taken */
};

int bundle_modules_create(struct bundle_modules **ret, struct err *err)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : err_set(err, -ENOMEM, "out of memory");
}

void bundle_modules_destroy(struct bundle_modules *b)
{
	for (uint32_t i = 0; b && i < b->cnt; i++)
		free((void *)b->v[i].path);
	if (b)
		free(b->v);
	free(b);
}

/* ---- which modules ------------------------------------------------------------------------------------------- */

static int hit(struct reading *g, uint32_t module)
{
	while (module >= g->hit_cap) {
		uint32_t cap = g->hit_cap ? g->hit_cap * 2 : 1024;
		bool *is_hit = realloc(g->is_hit, cap);

		if (!is_hit)
			return -ENOMEM;
		memset(is_hit + g->hit_cap, 0, cap - g->hit_cap);
		g->is_hit = is_hit;
		g->hit_cap = cap;
	}
	g->is_hit[module] = true;
	return 0;
}

static int take_frames(struct reading *g)
{
	const struct chunk_view *v = recording_reader_chunk(g->r);
	int code = 0;

	if (!v || v->seq == g->seq)
		return 0;
	g->seq = v->seq;
	for (uint32_t i = 0; i < v->frame_cnt && !code; i++) {
		const struct frame *f = &v->frames[i];

		if (f->module) {
			code = hit(g, f->module);
		} else if (array_grow(&g->raw, &g->raw_cap, g->raw_cnt, sizeof(*g->raw))) {
			code = -ENOMEM;
		} else {
			g->raw[g->raw_cnt++] = f->off;
		}
	}
	return code;
}

static int take_mapping(struct reading *g, const struct event *ev)
{
	if (array_grow(&g->ranges, &g->range_cap, g->range_cnt, sizeof(*g->ranges)))
		return -ENOMEM;
	g->ranges[g->range_cnt++] = (struct range){ev->mapping.start, ev->mapping.end, ev->mapping.module};
	return 0;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Mappings of any process that hold one of the raw addresses: too many rather than too few. */
static int hit_raw(struct reading *g)
{
	int code = 0;

	if (g->raw_cnt)
		qsort(g->raw, g->raw_cnt, sizeof(*g->raw), compare_u64);
	for (uint32_t i = 0; i < g->range_cnt && !code; i++) {
		uint32_t lo = 0, hi = g->raw_cnt;

		while (lo < hi) {
			uint32_t mid = lo + (hi - lo) / 2;

			if (g->raw[mid] < g->ranges[i].start)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo < g->raw_cnt && g->raw[lo] < g->ranges[i].end && g->ranges[i].module)
			code = hit(g, g->ranges[i].module);
	}
	return code;
}

static bool is_known(const struct bundle_modules *b, const struct module *m)
{
	for (uint32_t i = 0; i < b->cnt; i++)
		if (b->v[i].kind == m->kind && b->v[i].build_id_sz == m->build_id_sz && !strcmp(b->v[i].path, m->path) &&
		    !memcmp(b->v[i].build_id, m->build_id, m->build_id_sz))
			return true;
	return false;
}

static int add_module(struct bundle_modules *b, const struct module *m)
{
	struct module copy = *m;

	if ((m->kind != MODULE_ELF && m->kind != MODULE_VDSO) || is_known(b, m))
		return 0;
	if (array_grow(&b->v, &b->cap, b->cnt, sizeof(copy)))
		return -ENOMEM;
	copy.segs = NULL;
	copy.seg_cnt = 0;
	copy.path = strdup(m->path);
	if (!copy.path)
		return -ENOMEM;
	b->v[b->cnt++] = copy;
	return 0;
}

static int read_events(struct reading *g, struct err *err)
{
	struct event ev;
	int rc, code = 0;

	while (!code && (rc = recording_reader_next(g->r, &ev, err)) == 1) {
		code = take_frames(g);
		if (!code && ev.kind == EVENT_MAPPING)
			code = take_mapping(g, &ev);
	}
	code = code ?: hit_raw(g);
	for (uint32_t id = 0; id < g->hit_cap && !code; id++) {
		const struct module *m = g->is_hit[id] ? recording_reader_module(g->r, id) : NULL;

		code = m ? add_module(g->b, m) : 0;
	}
	return code ? err_set(err, code, "out of memory") : rc;
}

int bundle_modules_read(struct bundle_modules *b, const char *path, struct err *err)
{
	struct recording_reader *r;
	int code = recording_reader_open(path, &r, err);

	if (code)
		return code;
	do {
		struct reading g = {.b = b, .r = r, .seq = UINT64_MAX};

		code = read_events(&g, err);
		free(g.is_hit);
		free(g.ranges);
		free(g.raw);
	} while (!code && (code = recording_reader_next_recording(r, err)) == 1);
	recording_reader_close(r);
	return code;
}

/* ---- packing ------------------------------------------------------------------------------------------------- */

static int pack_source(struct bundle_writer *w, const struct bundle_key *key, const struct elf_source *src, uint64_t size,
		       const char *path, struct err *err)
{
	int code = bundle_writer_begin(w, key, err);

	if (code)
		return code;
	code = bundle_pack(src, size, true, path, bundle_writer_append, w);
	if (code)
		err_code(err, code, "pack '%s'", path);
	return bundle_writer_end(w, !code, code ? NULL : err) ?: code;
}

static int pack_file(struct bundle_writer *w, const struct bundle_file *f, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (bundle_writer_has(w, &f->key))
		return 0;
	fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || !st.st_size)
		return 0; /* it was there a moment ago: it is without it, then */
	return pack_source(w, &f->key, &(struct elf_source){.fd = fd}, (uint64_t)st.st_size, f->path, err);
}

/* This kernel's vdso, if it is the recorded one. */
static int pack_vdso(struct bundle_writer *w, const struct module *m, bool *ret_found, struct err *err)
{
	const ElfW(Ehdr) *h = (const void *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
	const struct bundle_key key = bundle_module_key(BUNDLE_IMAGE, m);
	const ElfW(Phdr) *ph;
	size_t end, page = (size_t)sysconf(_SC_PAGESIZE);

	*ret_found = false;
	if (!h || memcmp(h->e_ident, ELFMAG, SELFMAG) || !m->build_id_sz)
		return 0;
	end = h->e_shoff + (size_t)h->e_shnum * h->e_shentsize;
	ph = (const void *)((const uint8_t *)h + h->e_phoff);
	for (uint32_t i = 0; i < h->e_phnum && !*ret_found; i++)
		if (ph[i].p_type == PT_NOTE && memmem((const uint8_t *)h + ph[i].p_offset, ph[i].p_filesz, m->build_id, m->build_id_sz))
			*ret_found = true;
	if (!*ret_found || bundle_writer_has(w, &key))
		return 0;
	end = (end + page - 1) / page * page;
	return pack_source(w, &key, &(struct elf_source){.fd = -1, .data = (const void *)h, .len = end}, end, m->path, err);
}

int bundle_modules_pack(struct bundle_modules *b, const struct symbolizer_options *o, struct bundle_writer *w,
			bundle_missing_fn missing, void *ctx, struct bundle_summary *ret, struct err *err)
{
	struct bundle_summary s = {.modules = b->cnt};
	struct bundle_files files = {0};
	int code = 0;

	for (uint32_t i = 0; i < b->cnt && !code; i++) {
		bool found = false;

		if (b->v[i].kind == MODULE_VDSO) {
			code = pack_vdso(w, &b->v[i], &found, err);
		} else {
			code = bundle_files_find(o, &b->v[i], &files);
			if (code)
				err_code(err, code, "look for the files of '%s'", b->v[i].path);
			found = files.cnt;
		}
		for (uint32_t k = 0; k < files.cnt && !code; k++)
			code = pack_file(w, &files.v[k], err);
		if (!found || files.reason[0])
			missing(ctx, &b->v[i], files.reason[0] ? files.reason : "another kernel's");
		s.without += !found;
		bundle_files_deinit(&files);
	}
	*ret = s;
	return code;
}
