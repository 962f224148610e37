// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_memo.h"

#include <stdlib.h>
#include <string.h>

#include "formats/idmap.h"

#define CAP_MIN 1024

/* The key's slot, or the free one for it; there are free ones. */
static struct sym_memo_slot *find(const struct sym_memo *m, const void *key)
{
	size_t at = hash_mix((uintptr_t)key, 0) & (m->cap - 1);

	while (m->slots[at].key && m->slots[at].key != key)
		at = (at + 1) & (m->cap - 1);
	return &m->slots[at];
}

static int grow(struct sym_memo *m)
{
	struct sym_memo bigger = {.cap = m->cap ? 2 * m->cap : CAP_MIN, .cnt = m->cnt};

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -1;
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].key)
			*find(&bigger, m->slots[i].key) = m->slots[i];
	free(m->slots);
	*m = bigger;
	return 0;
}

uint32_t *sym_memo_at(struct sym_memo *m, const void *key)
{
	struct sym_memo_slot *s;

	if (m->cnt >= m->cap / 4 * 3 && grow(m))
		return NULL;
	s = find(m, key);
	if (!s->key) {
		s->key = key;
		m->cnt++;
	}
	return &s->value;
}

void sym_memo_clear(struct sym_memo *m)
{
	if (m->cnt < m->cap / 8) { /* little things after a large one must not pay for its room each time */
		sym_memo_deinit(m);
		return;
	}
	if (m->cap)
		memset(m->slots, 0, m->cap * sizeof(*m->slots));
	m->cnt = 0;
}

void sym_memo_deinit(struct sym_memo *m)
{
	free(m->slots);
	*m = (struct sym_memo){0};
}
