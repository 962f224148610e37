// SPDX-License-Identifier: BSD-2-Clause
/*
 * Prints the ELF addresses of places whose chain of functions and lines is known: what tests/system/test_names.sh compiles in every
 * way it can and asks the symbolizer about. Each marked line is one frame's. With an argument: spends so many seconds of CPU time in leaf().
 */
#define _GNU_SOURCE
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef LEAF_ELSEWHERE
extern long spins;
void *leaf(int x);
#else
#include "chain_leaf.h"
#endif

#ifdef __clang__
#define NOCLONE
#else
#define NOCLONE , noclone
#endif

volatile int sink;
long spins;

static inline __attribute__((always_inline)) void *middle(int x)
{
	void *pc;

	sink += x;
	pc = leaf(x + sink); /* MIDDLE */
	sink += x;
	return pc;
}

__attribute__((noinline NOCLONE)) void *outer(int x)
{
	void *pc = middle(x * 3); /* OUTER */

	sink++;
	return pc;
}

__attribute__((noinline NOCLONE)) void *plain(int x)
{
	void *pc;

	__asm__ volatile("lea 0(%%rip), %0\n\tnop" : "=r"(pc)); /* PLAIN */
	sink += x;
	return pc;
}

#ifdef SECOND_TEXT
__attribute__((noinline NOCLONE, section(".text2"))) void *second(int x)
{
	void *pc;

	__asm__ volatile("lea 0(%%rip), %0\n\tnop" : "=r"(pc)); /* SECOND */
	for (long i = 0; i < spins; i++)
		sink = x;
	return pc;
}
#endif

static int print_base(struct dl_phdr_info *info, size_t sz, void *ctx)
{
	*(unsigned long *)ctx = info->dlpi_addr;
	return 1;
}

int main(int argc, char **argv)
{
	unsigned long base = 0;
	clock_t end;

	if (argc > 1) {
		spins = 1000000;
		end = clock() + (clock_t)(atof(argv[1]) * CLOCKS_PER_SEC);
		while (clock() < end)
#ifdef SECOND_TEXT
			second(argc);
#else
			outer(argc);
#endif
		return 0;
	}
	dl_iterate_phdr(print_base, &base);
	printf("%lx\n%lx\n", (unsigned long)outer(argc) - base, (unsigned long)plain(argc) - base);
#ifdef SECOND_TEXT
	printf("%lx\n", (unsigned long)second(argc) - base);
#endif
	return 0;
}
