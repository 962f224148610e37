// SPDX-License-Identifier: BSD-2-Clause
/*
 * spin SECONDS: burns CPU in spin_here() (spin_there() when built with -DOTHER, whose code lies elsewhere), so that a test can replace,
 * delete or hide the file while it runs. Prints "ready".
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

volatile unsigned long sink;

#ifdef OTHER
/* code of the same length class under other names: what a path alone would put in the samples' place */
__attribute__((noinline)) void padding_one(int n)
{
	for (int i = 0; i < n; i++)
		sink ^= (unsigned long)i * 31;
}
#define spin_here spin_there
#endif

__attribute__((noinline)) void spin_here(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		sink += i ^ sink << 3;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 1;
	struct timespec a, b;

	puts("ready");
	fflush(stdout);
	clock_gettime(CLOCK_MONOTONIC, &a);
	do {
		spin_here(1000000);
		clock_gettime(CLOCK_MONOTONIC, &b);
	} while ((double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9 < seconds);
#ifdef OTHER
	padding_one(argc);
#endif
	return 0;
}
