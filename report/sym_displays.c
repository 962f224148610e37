// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_displays.h"

#include <stdio.h>

#include "formats/cleanup.h"
#include "report/sym_cache.h"
#include "report/sym_spans.h"

#define MAGIC 0x736d616e65767276ULL
#define WORTH_WRITING 64 /* new names; and a quarter of those that are there */

struct header {
	uint64_t magic;
	uint32_t version, checksum; /* crc32c of all bytes, itself taken as 0 */
	uint32_t index_checksum, cnt, strs_sz, reserved;
};
_Static_assert(sizeof(struct header) == 32 && sizeof(struct sym_display) == 8, "cache file layout");
_Static_assert(sizeof(struct sym_display_new) == 16 && !offsetof(struct sym_display_new, raw), "sym_order_sort16()");

/* Whole, sound, and of this index; what a lookup relies on holds then. */
static bool is_good(const struct sym_displays *d, const char *data, size_t sz)
{
	const struct header *h = (const struct header *)data;
	const struct sym_display *v = (const struct sym_display *)(h + 1);

	if (sz < sizeof(*h) || h->magic != MAGIC || h->version != SYM_DISPLAYS_VERSION || h->index_checksum != d->index_checksum ||
	    !h->strs_sz || sz != sizeof(*h) + (uint64_t)h->cnt * sizeof(*v) + h->strs_sz || data[sz - 1] ||
	    sym_cache_checksum(data, sz) != h->checksum)
		return false;
	for (uint32_t i = 0; i < h->cnt; i++)
		if (v[i].display >= h->strs_sz || (i && v[i].raw <= v[i - 1].raw))
			return false;
	return true;
}

static void load(struct sym_displays *d)
{
	_cleanup_free_ void *data = NULL;
	const struct header *h;
	size_t sz;

	if (sym_cache_get(d->path, &data, &sz) || !is_good(d, data, sz))
		return;
	h = (const struct header *)data;
	d->v = (const struct sym_display *)(h + 1);
	d->cnt = h->cnt;
	d->strs = (const char *)(d->v + d->cnt);
	d->strs_sz = h->strs_sz;
	d->data = take_ptr(data);
}

void sym_displays_open(struct sym_displays *d, const char *dir, const struct module *m, const struct sym_index *x)
{
	_cleanup_free_ char *index = NULL;

	memset(d, 0, sizeof(*d));
	if (!(x->h->flags & SYM_INDEX_CACHEABLE) || !(index = sym_cache_path(dir, m)))
		return;
	if (asprintf(&d->path, "%.*s.names", (int)(strrchr(index, '.') - index), index) < 0) {
		d->path = NULL;
		return;
	}
	d->index_checksum = x->h->checksum;
	d->index_strs = x->strs;
	d->index_strs_sz = x->h->strs_sz;
	load(d);
}

static bool offset_of(const struct sym_displays *d, const char *raw, uint32_t *ret)
{
	uintptr_t off = (uintptr_t)raw - (uintptr_t)d->index_strs;

	*ret = (uint32_t)off;
	return d->path && off < d->index_strs_sz;
}

const char *sym_displays_find(const struct sym_displays *d, const char *raw)
{
	uint32_t off, lo = 0;

	if (!d->cnt || !offset_of(d, raw, &off))
		return NULL;
	for (uint32_t n = d->cnt, half; n > 1; n -= half) {
		half = n / 2;
		lo += half & -(uint32_t)(d->v[lo + half].raw <= off);
	}
	return d->v[lo].raw == off ? d->strs + d->v[lo].display : NULL;
}

void sym_displays_add(struct sym_displays *d, const char *raw, const char *text)
{
	struct sym_display_new *n;
	uint32_t off;

	if (!offset_of(d, raw, &off) || !(n = sym_vec_push(&d->added)))
		return; /* demangled again next time */
	*n = (struct sym_display_new){off, text};
}

/* What is in the file and what was added, by offset; some may be twice. */
static bool merge(struct sym_displays *d)
{
	for (uint32_t i = 0; i < d->cnt; i++) {
		struct sym_display_new *n = sym_vec_push(&d->added);

		if (!n)
			return false;
		*n = (struct sym_display_new){d->v[i].raw, d->strs + d->v[i].display};
	}
	return sym_order_sort16(d->added.v, d->added.cnt);
}

static void store(struct sym_displays *d)
{
	struct header h = {MAGIC, SYM_DISPLAYS_VERSION, 0, d->index_checksum, 0, 0, 0};
	_cleanup_free_ char *data = NULL;
	const struct sym_display_new *n;
	size_t sz = sizeof(h);
	struct sym_display *v;
	char *strs;

	if (!merge(d))
		return;
	n = d->added.v;
	for (size_t i = 0; i < d->added.cnt && sz <= SYM_CACHE_FILE_MAX; i++)
		sz += sizeof(*v) + strlen(n[i].text) + 1;
	data = sz <= SYM_CACHE_FILE_MAX ? malloc(sz) : NULL;
	if (!data)
		return;
	v = (struct sym_display *)(data + sizeof(h));
	for (size_t i = 0; i < d->added.cnt; i++)
		if (!i || n[i].raw != n[i - 1].raw)
			v[h.cnt++].raw = n[i].raw;
	strs = (char *)(v + h.cnt);
	for (size_t i = 0, k = 0; i < d->added.cnt; i++) {
		size_t len = strlen(n[i].text) + 1;

		if (i && n[i].raw == n[i - 1].raw)
			continue;
		v[k++].display = h.strs_sz;
		memcpy(strs + h.strs_sz, n[i].text, len);
		h.strs_sz += (uint32_t)len;
	}
	sz = sizeof(h) + h.cnt * sizeof(*v) + h.strs_sz;
	memcpy(data, &h, sizeof(h));
	(void)sym_cache_put(d->path, data, sz, NULL); /* slower next time, that is all */
}

void sym_displays_close(struct sym_displays *d)
{
	if (d->added.cnt >= WORTH_WRITING && d->added.cnt > d->cnt / 4)
		store(d);
	sym_vec_deinit(&d->added);
	free(d->data);
	free(d->path);
	memset(d, 0, sizeof(*d));
}
