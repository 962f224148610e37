// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_answers.h"

#include <errno.h>
#include <stdio.h>

#include "formats/cleanup.h"
#include "report/sym_cache.h"

#define MAGIC 0x73776e61766b7176ULL
#define WORTH_WRITING 64 /* new places; and a quarter of those that are there */

/* The file: header, strings (a multiple of 8 bytes), places in the order of their offsets, answers. */
struct header {
	uint64_t magic;
	uint32_t version, checksum; /* sym_cache_checksum() */
	uint32_t place_cnt, answer_cnt, strs_sz, key;
};

struct kept_place {
	uint64_t off;
	uint32_t answer, reserved;
};

enum kept_flags { IS_FUNCTION = 1, HAS_START = 2 };

struct kept_answer {
	uint64_t start;
	uint32_t raw, display, flags, reserved; /* raw, display: strings; 0 none */
};
_Static_assert(sizeof(struct header) == SYM_CACHE_HEAD && sizeof(struct kept_place) == 16 && sizeof(struct kept_answer) == 24,
	       "cache file layout");

/* The parts of a file in memory. */
struct file {
	struct header *h;
	struct kept_place *places;
	struct kept_answer *answers;
	char *strs;
};

static struct file parts_of(void *data)
{
	struct file f = {.h = data};

	f.strs = (char *)(f.h + 1);
	f.places = (struct kept_place *)(f.strs + f.h->strs_sz);
	f.answers = (struct kept_answer *)(f.places + f.h->place_cnt);
	return f;
}

static uint64_t size_of(const struct header *h)
{
	return sizeof(*h) + (uint64_t)h->place_cnt * sizeof(struct kept_place) +
	       (uint64_t)h->answer_cnt * sizeof(struct kept_answer) + h->strs_sz;
}

/* Whole and sound: what a reader relies on holds then. */
static bool is_good(void *data, size_t sz)
{
	struct file f = {.h = data};

	if (sz < sizeof(*f.h) || f.h->magic != MAGIC || f.h->version != SYM_ANSWERS_VERSION || size_of(f.h) != sz ||
	    !f.h->strs_sz || f.h->strs_sz % 8 || f.h->key >= f.h->strs_sz || sym_cache_checksum(data, sz) != f.h->checksum)
		return false;
	f = parts_of(data);
	if (f.strs[f.h->strs_sz - 1])
		return false;
	for (uint32_t i = 0; i < f.h->place_cnt; i++)
		if (f.places[i].answer >= f.h->answer_cnt || (i && f.places[i].off <= f.places[i - 1].off))
			return false;
	for (uint32_t i = 0; i < f.h->answer_cnt; i++)
		if (f.answers[i].raw >= f.h->strs_sz || f.answers[i].display >= f.h->strs_sz)
			return false;
	return true;
}

/* NULL without memory. */
static char *text_of_segments(const struct module *m)
{
	char *text = NULL;
	size_t sz = 0;
	FILE *f = open_memstream(&text, &sz);

	for (uint32_t i = 0; f && i < m->seg_cnt; i++)
		fprintf(f, "%llx:%llx:%llx ", (unsigned long long)m->segs[i].offset, (unsigned long long)m->segs[i].vaddr,
			(unsigned long long)m->segs[i].filesz);
	if (!f || fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

/* They follow the key. */
static bool has_segments(const struct file *f, const char *segments)
{
	uint32_t at = f->h->key + (uint32_t)strlen(f->strs + f->h->key) + 1;

	return at < f->h->strs_sz && !strcmp(f->strs + at, segments);
}

static bool take_file(struct sym_answers *a, void *data)
{
	struct file f = parts_of(data);

	if (!has_segments(&f, a->segments))
		return false;
	sym_vec_reserve(&a->v, f.h->answer_cnt);
	sym_vec_reserve(&a->places, f.h->place_cnt);
	if (a->v.cap < f.h->answer_cnt || a->places.cap < f.h->place_cnt)
		return false;
	for (uint32_t i = 0; i < f.h->answer_cnt; i++) {
		const struct kept_answer *k = &f.answers[i];

		a->v.v[i] = (struct sym_answer){.symbol.name = k->raw ? f.strs + k->raw : NULL,
						.symbol.is_function = k->flags & IS_FUNCTION,
						.symbol.has_start = k->flags & HAS_START,
						.symbol.start = k->start,
						.display = k->display ? f.strs + k->display : NULL};
	}
	for (uint32_t i = 0; i < f.h->place_cnt; i++)
		a->places.v[i] = (struct sym_place){f.places[i].off, f.places[i].answer};
	a->v.cnt = f.h->answer_cnt;
	a->places.cnt = f.h->place_cnt;
	a->key = strdup(f.strs + f.h->key);
	a->data = a->key ? data : NULL;
	return a->key;
}

void sym_answers_open(struct sym_answers *a, const char *dir, const struct module *m)
{
	_cleanup_free_ char *index = sym_cache_path(dir, m);
	_cleanup_free_ void *data = NULL;
	size_t sz;

	memset(a, 0, sizeof(*a));
	if (!index || asprintf(&a->path, "%.*s.answers", (int)(strrchr(index, '.') - index), index) < 0) {
		a->path = NULL;
		return;
	}
	a->segments = text_of_segments(m);
	if (!a->segments || sym_cache_get(a->path, &data, &sz) || !is_good(data, sz))
		return;
	if (take_file(a, data))
		(void)take_ptr(data);
	else
		sym_answers_forget(a);
}

int sym_answers_unknown(const struct sym_answers *a, const uint64_t *offs, size_t cnt, uint64_t **ret, size_t *ret_cnt)
{
	uint64_t *v = malloc((cnt + 1) * sizeof(*v));
	size_t n = 0, at = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i++) {
		while (at < a->places.cnt && a->places.v[at].off < offs[i])
			at++;
		if (at == a->places.cnt || a->places.v[at].off != offs[i])
			v[n++] = offs[i];
	}
	*ret = v;
	*ret_cnt = n;
	return 0;
}

void sym_answers_forget(struct sym_answers *a)
{
	for (size_t i = 0; i < a->indexes.cnt; i++)
		sym_index_deinit(&a->indexes.v[i]);
	sym_vec_deinit(&a->indexes);
	sym_vec_deinit(&a->v);
	sym_vec_deinit(&a->places);
	free(a->data);
	free(a->key);
	a->data = NULL;
	a->key = NULL;
	a->added = a->at = 0;
}

static bool is_same(const struct sym_symbol_hit *x, const struct sym_symbol_hit *y)
{
	return x->name == y->name && x->is_function == y->is_function && x->has_start == y->has_start && x->start == y->start;
}

/* The answers for offs: neighbours mostly have the same. */
static int answer_all(struct sym_answers *a, struct sym_index *x, const uint64_t *offs, const uint64_t *vaddrs, size_t cnt,
		      struct sym_place *ret)
{
	for (size_t i = 0; i < cnt; i++) {
		struct sym_symbol_hit hit = {0};
		struct sym_answer *last;

		if (vaddrs[i] != UINT64_MAX)
			hit = sym_index_symbol(x, vaddrs[i]);
		last = i ? &a->v.v[a->v.cnt - 1] : NULL;
		if (!last || !is_same(&last->symbol, &hit)) {
			last = a->v.cnt < UINT32_MAX ? sym_vec_push(&a->v) : NULL;
			if (!last)
				return -ENOMEM;
			last->symbol = hit;
		}
		ret[i] = (struct sym_place){offs[i], (uint32_t)(a->v.cnt - 1)};
	}
	return 0;
}

static int add_places(struct sym_answers *a, const struct sym_place *v, size_t cnt)
{
	size_t n = a->places.cnt, i = n, k = cnt;

	sym_vec_reserve(&a->places, cnt);
	if (a->places.cap < n + cnt)
		return -ENOMEM;
	while (k) /* from the end, so that nothing is overwritten that is still to be moved */
		if (i && a->places.v[i - 1].off > v[k - 1].off) {
			a->places.v[i + k - 1] = a->places.v[i - 1];
			i--;
		} else {
			a->places.v[i + k - 1] = v[k - 1];
			k--;
		}
	a->places.cnt = n + cnt;
	a->added += cnt;
	a->at = 0;
	return 0;
}

int sym_answers_add(struct sym_answers *a, struct sym_index *x, const char *key, const uint64_t *offs, const uint64_t *vaddrs,
		    size_t cnt)
{
	_cleanup_free_ struct sym_place *places = malloc((cnt + 1) * sizeof(*places));
	struct sym_index *kept = sym_vec_push(&a->indexes);

	if (!kept) {
		sym_index_deinit(x);
		return -ENOMEM;
	}
	*kept = *x;
	*x = (struct sym_index){0};
	if (!a->key)
		a->key = strdup(key);
	if (!places || !a->key)
		return -ENOMEM;
	return answer_all(a, kept, offs, vaddrs, cnt, places) ?: add_places(a, places, cnt);
}

struct sym_answer *sym_answers_find(struct sym_answers *a, uint64_t off)
{
	const struct sym_place *p = a->places.v;
	size_t lo = a->at, n = a->places.cnt;

	if (lo < n && p[lo].off < off)
		lo++; /* most likely the next one */
	if (lo >= n || p[lo].off != off) {
		size_t hi = n;

		for (lo = 0; lo < hi;) {
			size_t mid = lo + (hi - lo) / 2;

			if (p[mid].off < off)
				lo = mid + 1;
			else
				hi = mid;
		}
	}
	if (lo >= n || p[lo].off != off)
		return NULL;
	a->at = lo;
	return &a->v.v[p[lo].answer];
}

/* ---- writing ------------------------------------------------------------- */

/* The file while it is written. */
struct out {
	struct sym_cache_writer w;
	uint64_t strs_sz;
};

/* Returns its place. */
static uint32_t put_string(struct out *o, const char *text)
{
	uint64_t at = o->strs_sz;
	size_t sz = strlen(text) + 1;

	sym_cache_writer_put(&o->w, text, sz);
	o->strs_sz += sz;
	return (uint32_t)at;
}

static bool shows_raw(const struct sym_answer *x)
{
	return x->display == x->symbol.name || !strcmp(x->display, x->symbol.name);
}

/* The strings, whose places go into ret, and the key. */
static uint32_t put_strings(const struct sym_answers *a, struct out *o, struct kept_answer *ret)
{
	uint32_t key;

	put_string(o, "");
	for (size_t i = 0; i < a->v.cnt; i++) {
		const struct sym_answer *x = &a->v.v[i];
		struct kept_answer *k = &ret[i];

		*k = (struct kept_answer){.start = x->symbol.start};
		k->flags = (x->symbol.is_function ? IS_FUNCTION : 0) | (x->symbol.has_start ? HAS_START : 0);
		if (x->symbol.name)
			k->raw = put_string(o, x->symbol.name);
		if (x->symbol.name && x->display)
			k->display = shows_raw(x) ? k->raw : put_string(o, x->display);
	}
	key = put_string(o, a->key);
	put_string(o, a->segments);
	while (o->strs_sz % 8)
		put_string(o, "");
	return key;
}

void sym_answers_store(struct sym_answers *a)
{
	struct header h = {.magic = MAGIC, .version = SYM_ANSWERS_VERSION};
	_cleanup_free_ struct kept_answer *answers = NULL;
	size_t had = a->places.cnt - a->added;
	struct out o = {.strs_sz = 0};
	bool fits;

	if (!a->path || !a->key || !a->segments || a->added < WORTH_WRITING || a->added <= had / 4)
		return;
	answers = malloc((a->v.cnt + 1) * sizeof(*answers));
	if (!answers || sym_cache_writer_begin(&o.w, a->path))
		return; /* slower next time, that is all */
	h.place_cnt = (uint32_t)a->places.cnt;
	h.answer_cnt = (uint32_t)a->v.cnt;
	h.key = put_strings(a, &o, answers);
	h.strs_sz = (uint32_t)o.strs_sz;
	for (size_t i = 0; i < a->places.cnt; i++)
		sym_cache_writer_put(&o.w, &(struct kept_place){a->places.v[i].off, a->places.v[i].answer, 0}, sizeof(struct kept_place));
	sym_cache_writer_put(&o.w, answers, a->v.cnt * sizeof(*answers));
	fits = o.strs_sz <= SYM_CACHE_FILE_MAX && size_of(&h) <= SYM_CACHE_FILE_MAX && a->places.cnt <= UINT32_MAX;
	(void)sym_cache_writer_end(&o.w, fits ? &h : NULL, NULL);
}

void sym_answers_deinit(struct sym_answers *a)
{
	sym_answers_forget(a);
	free(a->path);
	free(a->segments);
	memset(a, 0, sizeof(*a));
}
