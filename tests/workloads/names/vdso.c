// SPDX-License-Identifier: BSD-2-Clause
/*
 * vdso SECONDS: spends its CPU time in the vdso's __vdso_clock_gettime, called without libc's wrapper, with the clock that no clock source
 * of a virtual machine sends into the kernel.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef int clock_fn(clockid_t id, struct timespec *t);

__attribute__((noinline)) void ask_the_time(clock_fn *now, struct timespec *t)
{
	for (int i = 0; i < 100000; i++)
		now(CLOCK_MONOTONIC_COARSE, t);
}

int main(int argc, char **argv)
{
	void *vdso = dlopen("linux-vdso.so.1", RTLD_NOLOAD | RTLD_LAZY);
	clock_fn *now = vdso ? (clock_fn *)dlsym(vdso, "__vdso_clock_gettime") : NULL;
	clock_t end = clock() + (clock_t)((argc > 1 ? atof(argv[1]) : 1) * CLOCKS_PER_SEC);
	struct timespec t;

	if (!now) {
		puts("no __vdso_clock_gettime");
		return 1;
	}
	while (clock() < end)
		ask_the_time(now, &t);
	return 0;
}
