// SPDX-License-Identifier: BSD-2-Clause
/*
 * spin SECONDS: burns so many seconds of CPU time in spin_here() (spin_there() when built with -DOTHER, whose code lies elsewhere), so that a test can replace,
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
	clock_t end = clock() + (clock_t)((argc > 1 ? atof(argv[1]) : 1) * CLOCKS_PER_SEC);

	puts("ready");
	fflush(stdout);
	do
		spin_here(1000000);
	while (clock() < end);
#ifdef OTHER
	padding_one(argc);
#endif
	return 0;
}
