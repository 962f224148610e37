// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_pick.h"

#include <errno.h>
#include <stdlib.h>

#include "formats/cleanup.h"

static uint32_t find(const struct flame_picks *p, const struct flame_pick_key *key, uint32_t hash)
{
	uint32_t pos, id;

	for (id = idmap_first(&p->map, hash, &pos); id; id = idmap_next(&p->map, hash, &pos)) {
		const struct flame_pick_key *k = &p->rows.row[id].key;

		if (k->who == key->who && k->stack == key->stack && k->waker == key->waker &&
		    k->waker_stack == key->waker_stack)
			return id;
	}
	return 0;
}

static uint32_t hash_of(const struct flame_pick_key *key)
{
	return hash_mix((uint64_t)key->who << 32 | key->stack,
			(uint64_t)key->waker << 32 | key->waker_stack);
}

/* The largest first; of equals the one met first. */
static int compare_picks(const void *a, const void *b, void *rows)
{
	const struct flame_pick *row = rows;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (row[x].value != row[y].value)
		return row[x].value > row[y].value ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Mark the max largest. */
static int mark(struct flame_picks *p, uint32_t max)
{
	_cleanup_free_ uint32_t *order = malloc((p->rows.cnt + 1ul) * sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->rows.cnt; i++)
		order[i] = i + 1;
	qsort_r(order, p->rows.cnt, sizeof(*order), compare_picks, p->rows.row);
	for (uint32_t i = 0; i < max && i < p->rows.cnt; i++)
		p->rows.row[order[i]].is_kept = true;
	return 0;
}

static int forget_half(struct flame_picks *p)
{
	uint32_t cnt = p->rows.cnt;

	if (mark(p, cnt / 2))
		return -ENOMEM;
	idmap_clear(&p->map);
	p->rows.cnt = 0;
	p->is_needed = true;
	for (uint32_t i = 1; i <= cnt; i++) {
		struct flame_pick *row = &p->rows.row[i];

		if (!row->is_kept)
			continue;
		row->is_kept = false;
		p->rows.row[++p->rows.cnt] = *row;
		if (idmap_add(&p->map, hash_of(&row->key), p->rows.cnt))
			return -ENOMEM;
	}
	return 0;
}

int flame_picks_add(struct flame_picks *p, const struct flame_pick_key *key, uint64_t value)
{
	uint32_t hash = hash_of(key), id = find(p, key, hash);

	if (!id) {
		if (p->row_max && p->rows.cnt >= p->row_max && forget_half(p))
			return -ENOMEM;
		id = table_add(&p->rows);
		if (!id || idmap_add(&p->map, hash, id))
			return -ENOMEM;
		p->rows.row[id] = (struct flame_pick){ .key = *key };
	}
	p->rows.row[id].value += value;
	return 0;
}

int flame_picks_settle(struct flame_picks *p, uint32_t max)
{
	if (p->rows.cnt <= max && !p->is_needed) {
		flame_picks_deinit(p);
		return 0;
	}
	p->is_needed = true;
	return mark(p, max);
}

bool flame_picks_keep(const struct flame_picks *p, const struct flame_pick_key *key)
{
	uint32_t id = p->is_needed ? find(p, key, hash_of(key)) : 0;

	return !p->is_needed || (id && p->rows.row[id].is_kept);
}

void flame_picks_deinit(struct flame_picks *p)
{
	table_deinit(&p->rows);
	idmap_deinit(&p->map);
	p->is_needed = false;
}
