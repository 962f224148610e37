// SPDX-License-Identifier: BSD-2-Clause
#include "record/space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/bytes.h"

#define SPACE_OLD_MAX 8192 /* replaced ranges remembered at most */

struct space *space_create(void)
{
	struct space *s = calloc(1, sizeof(*s));

	if (s)
		s->refs = 1;
	return s;
}

struct space *space_ref(struct space *s)
{
	s->refs++;
	return s;
}

void space_unref(struct space *s)
{
	if (!s || --s->refs)
		return;
	free(s->live);
	free(s->old);
	free(s);
}

static void *copy_array(const void *data, size_t cnt, size_t sz)
{
	void *copy = malloc(cnt * sz + 1);

	if (copy && cnt)
		memcpy(copy, data, cnt * sz);
	return copy;
}

/* A fork that only execs never gets here: it shares its parent's space until the exec drops it. */
static int make_private(struct space **s)
{
	struct space *old = *s, *copy;

	if (old->refs == 1)
		return 0;
	copy = space_create();
	if (!copy)
		return -ENOMEM;
	copy->live = copy_array(old->live, old->live_cnt, sizeof(*old->live));
	copy->old = copy_array(old->old, old->old_cnt, sizeof(*old->old));
	if (!copy->live || !copy->old) {
		space_unref(copy);
		return -ENOMEM;
	}
	copy->live_cnt = copy->live_cap = old->live_cnt;
	copy->old_cnt = copy->old_cap = old->old_cnt;
	old->refs--;
	*s = copy;
	return 0;
}

/* Index of the first live range that ends after addr. */
static uint32_t lower_bound(const struct space *s, uint64_t addr)
{
	uint32_t lo = 0, hi = s->live_cnt;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->live[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_same(const struct range *a, const struct range *b)
{
	return a->start == b->start && a->end == b->end && a->off_base == b->off_base &&
	       a->module == b->module;
}

static void remember(struct space *s, const struct range *r, uint64_t start, uint64_t end,
		     uint64_t dead_ts)
{
	struct old_range *o = &s->old[s->old_cnt++]; /* room was made by reserve() */

	o->r = *r;
	o->r.start = start;
	o->r.end = end;
	o->r.off_base += start - r->start;
	o->dead_ts = dead_ts;
}

/* Room for one more live range, a second half of a split one, and evicted old ones. */
static int reserve(struct space *s, uint32_t evicted)
{
	if (array_grow(&s->live, &s->live_cap, s->live_cnt + 1, sizeof(*s->live)))
		return -ENOMEM;
	if (!evicted)
		return 0;
	if (s->old_cnt > SPACE_OLD_MAX) { /* a loop of dlopen and dlclose: the older half goes early */
		s->old_cnt /= 2;
		memmove(s->old, s->old + s->old_cnt, s->old_cnt * sizeof(*s->old));
	}
	if (array_grow(&s->old, &s->old_cap, s->old_cnt + evicted, sizeof(*s->old)))
		return -ENOMEM;
	return 0;
}

/* Cut [start, end) out of live[i..j), which all overlap it. Returns where a range at start belongs. */
static uint32_t cut(struct space *s, uint32_t i, uint32_t j, const struct range *r,
		    space_gone_fn gone, void *ctx)
{
	struct range keep[2];
	uint32_t kept = 0, at = i;

	for (uint32_t k = i; k < j; k++) {
		const struct range *v = &s->live[k];
		uint64_t from = v->start > r->start ? v->start : r->start;
		uint64_t to = v->end < r->end ? v->end : r->end;

		if (v->start < from) {
			keep[kept] = *v;
			keep[kept++].end = from;
			at = i + 1;
		}
		if (v->end > to) {
			keep[kept] = *v;
			keep[kept].off_base += to - v->start;
			keep[kept++].start = to;
		}
		remember(s, v, from, to, r->born_ts);
		if (gone)
			gone(ctx, from, to);
	}
	memmove(s->live + i + kept, s->live + j, (s->live_cnt - j) * sizeof(*s->live));
	memcpy(s->live + i, keep, kept * sizeof(*s->live));
	s->live_cnt = s->live_cnt - (j - i) + kept;
	return at;
}

int space_add(struct space **sp, const struct range *r, space_gone_fn gone, void *ctx)
{
	uint32_t i = lower_bound(*sp, r->start), j = i;
	struct space *s = *sp;
	int err;

	while (j < s->live_cnt && s->live[j].start < r->end)
		j++;
	if (j == i + 1 && is_same(&s->live[i], r)) {
		if (s->live[i].seen_ts < r->born_ts)
			s->live[i].seen_ts = r->born_ts;
		return 0;
	}
	if (s->live_cnt >= SPACE_RANGE_MAX && j == i)
		return -E2BIG;
	err = make_private(sp);
	if (err)
		return err;
	s = *sp;
	err = reserve(s, j - i);
	if (err)
		return err;
	i = cut(s, i, j, r, gone, ctx);
	memmove(s->live + i + 1, s->live + i, (s->live_cnt - i) * sizeof(*s->live));
	s->live[i] = *r;
	s->live[i].seen_ts = r->born_ts;
	s->live_cnt++;
	return 1;
}

/* The first live range in [start, end) that was last announced before ts; live_cnt if there is none. */
static uint32_t find_older(const struct space *s, uint64_t start, uint64_t end, uint64_t ts)
{
	for (uint32_t i = lower_bound(s, start); i < s->live_cnt && s->live[i].start < end; i++)
		if (s->live[i].seen_ts < ts)
			return i;
	return s->live_cnt;
}

int space_remove(struct space **sp, uint64_t start, uint64_t end, uint64_t ts, space_gone_fn gone, void *ctx)
{
	const struct range hole = { .start = start, .end = end, .born_ts = ts };
	uint32_t i = find_older(*sp, start, end, ts);
	int err;

	if (i == (*sp)->live_cnt)
		return 0;
	err = make_private(sp);
	for (; !err && i < (*sp)->live_cnt; i = find_older(*sp, start, end, ts)) {
		err = reserve(*sp, 1);
		if (!err)
			(void)cut(*sp, i, i + 1, &hole, gone, ctx);
	}
	return err ? err : 1;
}

static const struct range *find_old(const struct space *s, uint64_t addr, uint64_t ts)
{
	for (uint32_t i = s->old_cnt; i; i--) {
		const struct old_range *o = &s->old[i - 1];

		if (addr >= o->r.start && addr < o->r.end && o->r.born_ts <= ts && ts < o->dead_ts)
			return &o->r;
	}
	return NULL;
}

const struct range *space_find(struct space *s, uint64_t addr, uint64_t ts)
{
	const struct range *r = NULL, *old;
	uint32_t i = s->last;

	if (i >= s->live_cnt || addr < s->live[i].start || addr >= s->live[i].end)
		i = lower_bound(s, addr);
	if (i < s->live_cnt && addr >= s->live[i].start) {
		r = &s->live[i];
		s->last = i;
		if (r->born_ts <= ts)
			return r;
	}
	old = find_old(s, addr, ts);
	if (old)
		return old;
	/* The announcement is made after the mapping works: another thread can be seen in it slightly before. */
	return r && r->born_ts - ts < SPACE_SLOP_NS ? r : NULL;
}

void space_each_module(const struct space *s, void (*fn)(void *ctx, uint32_t module), void *ctx)
{
	for (uint32_t i = 0; i < s->live_cnt; i++)
		fn(ctx, s->live[i].module);
	for (uint32_t i = 0; i < s->old_cnt; i++)
		fn(ctx, s->old[i].r.module);
}

void space_prune(struct space *s, uint64_t ts)
{
	uint32_t n = 0;

	while (n < s->old_cnt && s->old[n].dead_ts < ts)
		n++;
	if (!n)
		return;
	memmove(s->old, s->old + n, (s->old_cnt - n) * sizeof(*s->old));
	s->old_cnt -= n;
}
