/* SPDX-License-Identifier: BSD-2-Clause */
/* A set of distinct DWARF expressions with small stable numbers from 1 on. All zeros is an empty set. */
#ifndef VARVE_EXPR_SET_H
#define VARVE_EXPR_SET_H

#include <stddef.h>
#include <stdint.h>

#define EXPR_SET_MAX 4096 /* expressions: real binaries have a handful each; the numbers must fit into 15 bits */
#define EXPR_SZ_MAX 128	  /* bytes of one */

struct expr {
	uint8_t sz;
	uint8_t bytes[EXPR_SZ_MAX];
};

struct expr_set {
	struct expr *exprs; /* owned */
	size_t cnt, cap;
	uint16_t *slots; /* owned, by hash: number, 0 empty; NULL in an empty set */
};

/* *ret is the expression's number, new or not; 0, "no expression", when the set is full or it is too long. Returns 0 or -ENOMEM. */
int expr_set_add(struct expr_set *s, const uint8_t *bytes, size_t sz, uint16_t *ret);

/* The expression of a number, NULL when there is none. Valid until the next is added. */
const struct expr *expr_set_get(const struct expr_set *s, uint32_t number);

void expr_set_deinit(struct expr_set *s);

#endif
