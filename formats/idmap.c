// SPDX-License-Identifier: BSD-2-Clause
#include "formats/idmap.h"

#include <errno.h>
#include <stdlib.h>

uint32_t idmap_next(const struct idmap *m, uint32_t hash, uint32_t *pos)
{
	for (;;) {
		const struct idmap_slot *s = &m->slots[++*pos & (m->cap - 1)];

		if (!s->id)
			return 0;
		if (s->hash == hash)
			return s->id;
	}
}

static void place(struct idmap_slot *slots, uint32_t cap, struct idmap_slot s)
{
	uint32_t i = s.hash;

	while (slots[i & (cap - 1)].id)
		i++;
	slots[i & (cap - 1)] = s;
}

static int grow(struct idmap *m)
{
	uint32_t cap = m->cap ? m->cap * 2 : 64;
	struct idmap_slot *slots;

	if (cap < m->cap)
		return -ENOMEM;
	slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->cap; i++)
		if (m->slots[i].id)
			place(slots, cap, m->slots[i]);
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
	return 0;
}

int idmap_add(struct idmap *m, uint32_t hash, uint32_t id)
{
	if (m->cnt >= m->cap / 2) {
		int err = grow(m);

		if (err)
			return err;
	}
	place(m->slots, m->cap, (struct idmap_slot){ hash, id });
	m->cnt++;
	return 0;
}

void idmap_clear(struct idmap *m)
{
	if (m->cnt)
		memset(m->slots, 0, m->cap * sizeof(*m->slots));
	m->cnt = 0;
}

void idmap_deinit(struct idmap *m)
{
	free(m->slots);
	*m = (struct idmap){ 0 };
}
