// SPDX-License-Identifier: BSD-2-Clause
#include "record/unwind_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash_rule(const struct unwind_rule *r)
{
	uint64_t w[2], h;

	memcpy(w, r, sizeof(w));
	h = (w[0] ^ (w[1] << 29 | w[1] >> 35)) * 0x9e3779b97f4a7c15ULL;
	return (h ^ h >> 29) >> 7;
}

/* The slot that holds the rule, or the empty one where it belongs. */
static uint32_t *find_slot(const struct rule_set *s, const struct unwind_rule *rule)
{
	size_t i = hash_rule(rule) & (s->slot_cnt - 1);

	while (s->slots[i] && memcmp(&s->rules[s->slots[i] - 1], rule, sizeof(*rule)))
		i = (i + 1) & (s->slot_cnt - 1);
	return &s->slots[i];
}

static int grow(struct rule_set *s)
{
	size_t cap = s->cap ? s->cap * 2 : 128;
	uint32_t *slots = calloc(cap * 2, sizeof(*slots));
	struct unwind_rule *rules = slots ? realloc(s->rules, cap * sizeof(*rules)) : NULL;

	if (!rules) {
		free(slots);
		return -ENOMEM;
	}
	free(s->slots);
	s->rules = rules;
	s->cap = cap;
	s->slots = slots;
	s->slot_cnt = cap * 2;
	for (size_t i = 0; i < s->cnt; i++)
		*find_slot(s, &s->rules[i]) = i + 1;
	return 0;
}

int rule_set_add(struct rule_set *s, const struct unwind_rule *rule, uint32_t *ret)
{
	struct unwind_rule expression = { .cfa = UNWIND_CFA_EXPRESSION };
	uint32_t *slot;

	if (s->cnt && !memcmp(&s->rules[s->last], rule, sizeof(*rule))) {
		*ret = s->last;
		return 0;
	}
	if (s->cnt == s->cap && grow(s))
		return -ENOMEM;
	slot = find_slot(s, rule);
	if (!*slot && s->cnt >= RULE_SET_MAX - 1) {
		rule = &expression;
		slot = find_slot(s, rule);
	}
	if (!*slot) {
		s->rules[s->cnt++] = *rule;
		*slot = s->cnt;
	}
	*ret = s->last = *slot - 1;
	return 0;
}

void rule_set_deinit(struct rule_set *s)
{
	free(s->rules);
	free(s->slots);
	memset(s, 0, sizeof(*s));
}
