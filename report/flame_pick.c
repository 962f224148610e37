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

int flame_picks_add(struct flame_picks *p, const struct flame_pick_key *key, uint64_t value)
{
	uint32_t hash = hash_of(key), id = find(p, key, hash);

	if (!id) {
		id = table_add(&p->rows);
		if (!id || idmap_add(&p->map, hash, id))
			return -ENOMEM;
		p->rows.row[id].key = *key;
	}
	p->rows.row[id].value += value;
	return 0;
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

int flame_picks_settle(struct flame_picks *p, uint32_t max)
{
	_cleanup_free_ uint32_t *order = NULL;

	if (p->rows.cnt <= max) {
		flame_picks_deinit(p);
		return 0;
	}
	order = malloc(p->rows.cnt * sizeof(*order));
	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->rows.cnt; i++)
		order[i] = i + 1;
	qsort_r(order, p->rows.cnt, sizeof(*order), compare_picks, p->rows.row);
	for (uint32_t i = 0; i < max; i++)
		p->rows.row[order[i]].is_kept = true;
	p->is_needed = true;
	return 0;
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
