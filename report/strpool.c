// SPDX-License-Identifier: BSD-2-Clause
#include "report/strpool.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SZ (64u << 10)

struct strpool_block {
	struct strpool_block *next;
	size_t used, size;
	char bytes[];
};

static char *reserve(struct strpool *p, size_t sz)
{
	struct strpool_block *b = p->blocks;
	size_t size = sz > BLOCK_SZ ? sz : BLOCK_SZ;

	if (!b || b->size - b->used < sz) {
		b = malloc(sizeof(*b) + size);
		if (!b)
			return NULL;
		b->next = p->blocks;
		b->used = 0;
		b->size = size;
		p->blocks = b;
	}
	b->used += sz;
	return b->bytes + b->used - sz;
}

const char *strpool_add(struct strpool *p, const char *s)
{
	size_t len = s ? strlen(s) : 0;
	uint32_t hash = hash_bytes(s ?: "", len), pos, id;
	char *copy;

	for (id = idmap_first(&p->map, hash, &pos); id; id = idmap_next(&p->map, hash, &pos))
		if (!strcmp(p->strings.row[id], s ?: ""))
			return p->strings.row[id];
	copy = reserve(p, len + 1);
	id = copy ? table_add(&p->strings) : 0;
	if (!id || idmap_add(&p->map, hash, id))
		return NULL;
	memcpy(copy, s ?: "", len + 1);
	p->strings.row[id] = copy;
	return copy;
}

void strpool_deinit(struct strpool *p)
{
	while (p->blocks) {
		struct strpool_block *b = p->blocks;

		p->blocks = b->next;
		free(b);
	}
	table_deinit(&p->strings);
	idmap_deinit(&p->map);
}
