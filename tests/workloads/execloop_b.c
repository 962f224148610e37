/* SPDX-License-Identifier: BSD-2-Clause */
/* The other half of execloop.c: something else stands where its code is, so that a mix-up cannot give the right name. */
/* CFLAGS: -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer */
#include "workload.h"

NOINLINE uint64_t stranger_b(uint64_t x)
{
	for (int i = 0; i < 8; i++)
		x = x * 3 + BURN(x, 10) + BURN(x + 1, 20) + BURN(x + 2, 30);
	return x;
}

#define LIFE life_b
#include "execloop.c"
