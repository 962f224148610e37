// SPDX-License-Identifier: BSD-2-Clause
#include "formats/damage.h"

#include <stdio.h>
#include <stdlib.h>

#include "formats/bytes.h"

/* Widen *d's time to hold first..last; 0 is no time. */
static void widen(struct recording_damage *d, uint64_t first, uint64_t last)
{
	if (!last)
		return;
	if (!d->last_ts || first < d->first_ts)
		d->first_ts = first;
	if (last > d->last_ts)
		d->last_ts = last;
}

void damage_begin(struct damage_log *d, uint64_t off, const struct chunk_header *h,
		  const char *reason)
{
	if (!d->open.reason[0]) {
		d->open = (struct recording_damage){ .offset = off };
		d->open_headers = 0;
		snprintf(d->open.reason, sizeof(d->open.reason), "%s", reason);
	}
	if (h) {
		widen(&d->open, h->first_ts, h->last_ts);
		d->open_headers++;
	}
}

static int append(struct damage_log *d, const struct recording_damage *damage,
		  struct damage_note note)
{
	d->total++;
	if (d->cnt >= DAMAGE_LISTED_MAX)
		return 0;
	if (array_grow(&d->list, &d->cap, d->cnt, sizeof(*d->list)) ||
	    array_grow(&d->notes, &d->note_cap, d->cnt, sizeof(*d->notes)))
		return -ENOMEM;
	d->list[d->cnt] = *damage;
	d->notes[d->cnt++] = note;
	return 0;
}

/*
 * End the open stretch, or make an empty one, at off. missing: numbers from first_seq on that did
 * not come. Where headers do not account for all of them, their time is only known to be about that
 * of the chunks around, which overlap one another.
 */
static int finish(struct damage_log *d, uint64_t off, uint64_t first_seq, uint64_t missing)
{
	struct recording_damage damage = d->open;
	struct damage_note note = { missing ? first_seq : UINT64_MAX, false };
	uint64_t headers = d->open_headers;

	if (!damage.reason[0]) {
		damage = (struct recording_damage){ .offset = off };
		headers = 0;
		snprintf(damage.reason, sizeof(damage.reason), "chunks are missing here");
	}
	d->open.reason[0] = '\0';
	if (missing > headers || !headers) {
		widen(&damage, d->prev_first_ts, d->prev_last_ts);
		damage.first_ts = d->prev_last_ts ? damage.first_ts : 0;
		damage.last_ts = 0;
		note.is_open_ended = true;
	}
	damage.bytes = off - damage.offset;
	damage.chunks = missing ? missing : headers;
	return append(d, &damage, note);
}

/* 0 is no time, so an oldest one is 1. */
static uint64_t oldest_of(const struct chunk_header *h)
{
	uint64_t older = h->older_ms * 1000000ull;

	return h->first_ts > older ? h->first_ts - older : 1;
}

static uint64_t newest_of(const struct chunk_header *h)
{
	uint64_t newest;

	return __builtin_add_overflow(h->last_ts, h->newer_ms * 1000000ull, &newest) ? UINT64_MAX
										     : newest;
}

/* The first chunk with times after a stretch bounds it. */
static void bound_times(struct damage_log *d, const struct chunk_header *h)
{
	for (; d->timed_cnt < d->cnt; d->timed_cnt++) {
		struct recording_damage *damage = &d->list[d->timed_cnt];

		if (!d->notes[d->timed_cnt].is_open_ended)
			continue;
		damage->last_ts = newest_of(h) > d->prev_last_ts ? newest_of(h) : d->prev_last_ts;
		if (damage->first_ts > h->first_ts)
			damage->first_ts = h->first_ts;
	}
	d->prev_first_ts = oldest_of(h);
	d->prev_last_ts = h->last_ts;
}

int damage_close(struct damage_log *d, uint64_t off)
{
	return d->open.reason[0] ? finish(d, off, 0, 0) : 0;
}

/* A number that was thought missing came late (chunks in another order): it is not missing. */
static void note_late(struct damage_log *d, uint64_t seq)
{
	for (uint32_t i = d->cnt; i-- > 0;) {
		if (d->notes[i].first_seq == UINT64_MAX || seq < d->notes[i].first_seq)
			continue;
		if (d->list[i].chunks)
			d->list[i].chunks--;
		if (d->list[i].chunks || d->list[i].bytes)
			return;
		d->cnt--;
		d->total--;
		memmove(d->list + i, d->list + i + 1, (d->cnt - i) * sizeof(*d->list));
		memmove(d->notes + i, d->notes + i + 1, (d->cnt - i) * sizeof(*d->notes));
		d->timed_cnt -= d->timed_cnt > i;
		return;
	}
}

int damage_good_chunk(struct damage_log *d, uint64_t off, const struct chunk_header *h)
{
	int is_new = seqset_add(&d->seen, h->seq), ret = 0;
	uint64_t missing;

	if (is_new <= 0) {
		int err = damage_close(d, off);

		return err ? err : is_new;
	}
	missing = d->has_next_seq && h->seq > d->next_seq ? h->seq - d->next_seq : 0;
	if (d->has_next_seq && h->seq < d->next_seq)
		note_late(d, h->seq);
	if (d->open.reason[0] || missing)
		ret = finish(d, off, d->next_seq, missing);
	if (!d->has_next_seq || h->seq >= d->next_seq) {
		d->next_seq = h->seq + 1;
		d->has_next_seq = true;
	}
	if (h->last_ts)
		bound_times(d, h);
	return ret ? ret : 1;
}

void damage_forget_order(struct damage_log *d)
{
	d->has_next_seq = false;
}

void damage_deinit(struct damage_log *d)
{
	free(d->list);
	free(d->notes);
	seqset_deinit(&d->seen);
	*d = (struct damage_log){ 0 };
}
