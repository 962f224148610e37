// SPDX-License-Identifier: BSD-2-Clause
#include "record/hits.h"

#include <errno.h>
#include <stdlib.h>

#include "formats/idmap.h"

#define FIRST_SLOTS 4096
#define SLOT_MAX (1U << 20) /* 16 MiB, half of it used at most: 524,288 distinct frames */

static struct hit *slot_of(struct hit *slots, uint32_t cnt, uint32_t module, uint64_t off)
{
	uint32_t i = hash_mix(off, module);

	while (slots[i & (cnt - 1)].module &&
	       (slots[i & (cnt - 1)].module != module || slots[i & (cnt - 1)].off != off))
		i++;
	return &slots[i & (cnt - 1)];
}

static bool is_kept(const struct hits *h, const struct hit *hit, uint16_t eras)
{
	return hit->module && (uint16_t)(h->era - hit->era) <= eras;
}

/* Into a table of cnt slots, without what is older than that many eras. False: no memory; what is there stays usable. */
static bool rebuild(struct hits *h, uint32_t cnt, uint16_t eras)
{
	struct hit *slots = calloc(cnt, sizeof(*slots));

	if (!slots)
		return false;
	h->used = 0;
	for (uint32_t i = 0; i < h->slot_cnt; i++) {
		if (!is_kept(h, &h->slots[i], eras))
			continue;
		*slot_of(slots, cnt, h->slots[i].module, h->slots[i].off) = h->slots[i];
		h->used++;
	}
	free(h->slots);
	h->slots = slots;
	h->slot_cnt = cnt;
	return true;
}

static bool grow(struct hits *h)
{
	uint32_t cnt = h->slot_cnt ? h->slot_cnt * 2 : FIRST_SLOTS;

	return cnt <= SLOT_MAX && rebuild(h, cnt, UINT16_MAX);
}

void hits_add(struct hits *h, const struct frame *f)
{
	uint8_t how = f->flags & FRAME_EXACT ? HIT_EXACT : HIT_RETURN;
	struct hit *hit = h->slot_cnt ? slot_of(h->slots, h->slot_cnt, f->module, f->off) : NULL;

	if (hit && hit->module) {
		if (!(hit->how & how) || hit->era != h->era) {
			hit->how |= how;
			hit->era = h->era;
		}
		return;
	}
	if (h->used * 2 >= h->slot_cnt) {
		if (!grow(h)) {
			h->over_cap++;
			return;
		}
		hit = slot_of(h->slots, h->slot_cnt, f->module, f->off);
	}
	*hit = (struct hit){ f->off, f->module, how, 0, h->era };
	h->used++;
}

static int compare(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	if (x->module != y->module)
		return x->module < y->module ? -1 : 1;
	return x->off < y->off ? -1 : x->off > y->off;
}

int64_t hits_take(struct hits *h, bool (*wants)(void *ctx, uint32_t module), void *ctx, struct hit **ret)
{
	struct hit *taken = calloc((size_t)h->used + 1, sizeof(*taken));
	uint32_t n = 0;

	if (!taken)
		return -ENOMEM;
	for (uint32_t i = 0; i < h->slot_cnt; i++) {
		struct hit *hit = &h->slots[i];

		if (!(hit->how & ~hit->named) || (wants && !wants(ctx, hit->module)))
			continue;
		taken[n] = *hit;
		taken[n++].how = hit->how & (uint8_t)~hit->named;
		hit->named = hit->how;
	}
	qsort(taken, n, sizeof(*taken), compare);
	*ret = taken;
	return n;
}

void hits_next_era(struct hits *h, uint16_t keep)
{
	uint32_t kept = 0, cnt = FIRST_SLOTS;

	h->era++;
	for (uint32_t i = 0; i < h->slot_cnt; i++) {
		h->slots[i].named = 0;
		kept += is_kept(h, &h->slots[i], keep);
	}
	while (cnt < kept * 2 + 1)
		cnt *= 2;
	if (h->slot_cnt)
		(void)rebuild(h, cnt, keep); /* no memory: some more names than it needs */
}

void hits_each_module(const struct hits *h, void (*fn)(void *ctx, uint32_t module), void *ctx)
{
	for (uint32_t i = 0; i < h->slot_cnt; i++)
		if (h->slots[i].module)
			fn(ctx, h->slots[i].module);
}

void hits_deinit(struct hits *h)
{
	free(h->slots);
	*h = (struct hits){ 0 };
}
