/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows with ids 1, 2, …, as a database table has them: TABLE(struct x) xs; id = table_add(&xs)
 * gives a zeroed row xs.row[id] (0: out of memory, the table is as before). xs.row[0] is unused,
 * and NULL-like. Rows move when it grows.
 */
#ifndef VARVE_TABLE_H
#define VARVE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TABLE(type)                                                                                \
	struct {                                                                                   \
		type *row;                                                                         \
		uint32_t cnt; /* the highest id */                                                 \
		uint32_t cap;                                                                      \
	}

/* Room for id `need`. The new memory is zeroed. */
static inline bool table_grow(void **rows, uint32_t *cap, uint32_t need, size_t sz)
{
	uint64_t want = *cap ? *cap + (uint64_t)*cap / 2 : 16;
	size_t bytes;
	void *p;

	if (need < *cap)
		return true;
	if (want <= need)
		want = (uint64_t)need + 1;
	if (want > UINT32_MAX || __builtin_mul_overflow((size_t)want, sz, &bytes))
		return false;
	p = realloc(*rows, bytes);
	if (!p)
		return false;
	memset((char *)p + *cap * sz, 0, (want - *cap) * sz);
	*rows = p;
	*cap = (uint32_t)want;
	return true;
}

#define table_reserve(t, id)                                                                       \
	({                                                                                         \
		void *_rows = (t)->row;                                                            \
		bool _ok = table_grow(&_rows, &(t)->cap, (id), sizeof(*(t)->row));                 \
		(t)->row = _rows;                                                                  \
		_ok;                                                                               \
	})

#define table_add(t) (table_reserve(t, (t)->cnt + 1) ? ++(t)->cnt : 0)

#define table_deinit(t)                                                                            \
	do {                                                                                       \
		free((t)->row);                                                                    \
		(t)->row = NULL;                                                                   \
		(t)->cnt = (t)->cap = 0;                                                           \
	} while (0)

#endif
