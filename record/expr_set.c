// SPDX-License-Identifier: BSD-2-Clause
#include "record/expr_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS (4 * EXPR_SET_MAX) /* a power of two */

static uint32_t hash(const uint8_t *p, size_t sz)
{
	uint64_t h = sz;

	for (size_t i = 0; i < sz; i++)
		h = (h ^ p[i]) * 0x9e3779b97f4a7c15ULL;
	return h >> 32;
}

/* The slot that holds the expression, or the empty one where it belongs. */
static uint16_t *find_slot(const struct expr_set *s, const uint8_t *bytes, size_t sz)
{
	uint32_t i = hash(bytes, sz) & (SLOTS - 1);

	for (; s->slots[i]; i = (i + 1) & (SLOTS - 1)) {
		const struct expr *e = &s->exprs[s->slots[i] - 1];

		if (e->sz == sz && !memcmp(e->bytes, bytes, sz))
			break;
	}
	return &s->slots[i];
}

static int grow(struct expr_set *s)
{
	size_t cap = s->cap ? s->cap * 2 : 16;
	struct expr *p;

	if (!s->slots)
		s->slots = calloc(SLOTS, sizeof(*s->slots));
	p = s->slots ? realloc(s->exprs, cap * sizeof(*p)) : NULL;
	if (!p)
		return -ENOMEM;
	s->exprs = p;
	s->cap = cap;
	return 0;
}

int expr_set_add(struct expr_set *s, const uint8_t *bytes, size_t sz, uint16_t *ret)
{
	uint16_t *slot;

	*ret = 0;
	if (!sz || sz > EXPR_SZ_MAX)
		return 0;
	if (s->cnt == s->cap && s->cnt < EXPR_SET_MAX && grow(s))
		return -ENOMEM;
	slot = find_slot(s, bytes, sz);
	if (!*slot && s->cnt < EXPR_SET_MAX) {
		s->exprs[s->cnt].sz = sz;
		memcpy(s->exprs[s->cnt].bytes, bytes, sz);
		*slot = ++s->cnt;
	}
	*ret = *slot;
	return 0;
}

const struct expr *expr_set_get(const struct expr_set *s, uint32_t number)
{
	return number && number <= s->cnt ? &s->exprs[number - 1] : NULL;
}

void expr_set_deinit(struct expr_set *s)
{
	free(s->exprs);
	free(s->slots);
	memset(s, 0, sizeof(*s));
}
