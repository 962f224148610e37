/* SPDX-License-Identifier: BSD-2-Clause */
/* A set of distinct unwind rules with small stable numbers. All zeros is an empty set. */
#ifndef VARVE_UNWIND_RULES_H
#define VARVE_UNWIND_RULES_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/unwind_wire.h"

#define RULE_SET_MAX 65535

struct rule_set {
	struct unwind_rule *rules; /* owned, cnt of them */
	size_t cnt, cap;
	uint32_t *slots; /* owned; hash of the rules: index + 1, 0 empty */
	size_t slot_cnt; /* a power of two */
	uint32_t last;	 /* what was added last: neighbouring rows repeat */
};

/*
 * *ret is the rule's number, new or not: the numbers count up from 0. When the set is full, the number of the rule for
 * unknown expressions instead (which the first overflow turns the last number into).
 * Returns 0 or -ENOMEM.
 */
int rule_set_add(struct rule_set *s, const struct unwind_rule *rule, uint32_t *ret);
void rule_set_deinit(struct rule_set *s);

#endif
