/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Spins for argv[1] seconds, and until it had a tenth of that of CPU time, below two levels of inlining. -DTAG=x names the functions x_outer and so
 * on, so that several builds of it in one recording are told apart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef TAG
#define TAG plain
#endif
#define PASTE(a, b) a##_##b
#define JOIN(a, b) PASTE(a, b)
#define F(name) JOIN(TAG, name)

static volatile unsigned sink;

static inline __attribute__((always_inline)) void F(inner)(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		sink = sink * 31 + i;
}

static inline __attribute__((always_inline)) void F(middle)(unsigned n)
{
	F(inner)(n);
	sink++;
}

__attribute__((noinline)) void F(outer)(unsigned n)
{
	F(middle)(n);
	sink++;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t); /* through the PLT into the vdso */
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 1, end = now() + seconds;
	char buf[4096];

	while (now() < end || (double)clock() < seconds / 10 * CLOCKS_PER_SEC) {
		F(outer)(20000);
		memset(buf, (int)sink, sizeof(buf));
		for (int i = 0; i < 50; i++)
			sink += (unsigned)now() + (unsigned char)buf[i];
		usleep(500);
	}
	printf("%u\n", sink);
	return 0;
}
