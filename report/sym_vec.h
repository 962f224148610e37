/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A growable array of one type for the sym_* files: SYM_VEC(struct x) names; sym_vec_push(&names)
 * returns a pointer to a zeroed new element, or NULL without memory (the array is then as before).
 * Elements move when it grows.
 */
#ifndef VARVE_SYM_VEC_H
#define VARVE_SYM_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SYM_VEC(type)                                                                              \
	struct {                                                                                   \
		type *v;                                                                           \
		size_t cnt, cap;                                                                   \
	}

/* Room for one more of `sz` bytes. */
static inline bool sym_vec_grow(void **v, size_t *cap, size_t cnt, size_t sz)
{
	size_t want, bytes;
	void *p;

	if (cnt < *cap)
		return true;
	want = *cap ? *cap + *cap / 2 + 1 : 16;
	if (__builtin_mul_overflow(want, sz, &bytes))
		return false;
	p = realloc(*v, bytes);
	if (!p)
		return false;
	*v = p;
	*cap = want;
	return true;
}

#define sym_vec_push(vec)                                                                          \
	({                                                                                         \
		__typeof__((vec)->v) _e = NULL;                                                    \
		void *_p = (vec)->v;                                                               \
		if (sym_vec_grow(&_p, &(vec)->cap, (vec)->cnt, sizeof(*(vec)->v))) {               \
			(vec)->v = _p;                                                             \
			_e = &(vec)->v[(vec)->cnt++];                                              \
			memset(_e, 0, sizeof(*_e));                                                \
		}                                                                                  \
		_e;                                                                                \
	})

/* Room for n more, if there is memory for them: growing step by step copies. n: no more than the file has. */
#define sym_vec_reserve(vec, n)                                                                    \
	do {                                                                                       \
		void *_p = (vec)->v;                                                               \
		size_t _cap = (vec)->cnt + (n), _sz;                                               \
		if (_cap > (vec)->cap && !__builtin_mul_overflow(_cap, sizeof(*(vec)->v), &_sz) && \
		    (_p = realloc(_p, _sz))) {                                                     \
			(vec)->v = _p;                                                             \
			(vec)->cap = _cap;                                                         \
		}                                                                                  \
	} while (0)

#define sym_vec_deinit(vec)                                                                        \
	do {                                                                                       \
		free((vec)->v);                                                                    \
		(vec)->v = NULL;                                                                   \
		(vec)->cnt = (vec)->cap = 0;                                                       \
	} while (0)

#endif
