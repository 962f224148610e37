/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * COUNT (10000) threads that are alive together; each sleeps, burns BURN_US of CPU twice, and stays until all have done so.
 *   threads10k [COUNT [BURN_US]]
 */
/* CFLAGS: -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer */
#include "workload.h"

static pthread_barrier_t everybody;
static uint64_t burn_ns;
static uint64_t cpu_ns; /* all threads' together */

NOINLINE void crowd_burn(uint64_t ns)
{
	uint64_t x = 1, end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ns;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		x = BURN(x, 200);
}

static void *crowd_run(void *arg)
{
	(void)arg;
	set_name("crowd");
	for (int i = 0; i < 2; i++) {
		crowd_burn(burn_ns);
		sleep_ns(1000000);
	}
	__atomic_add_fetch(&cpu_ns, clock_ns(CLOCK_THREAD_CPUTIME_ID), __ATOMIC_RELAXED);
	pthread_barrier_wait(&everybody);
	return NULL;
}

int main(int argc, char **argv)
{
	int count = (int)arg_number(argc, argv, 1, 10000);
	pthread_t *threads = calloc((size_t)count, sizeof(*threads));
	pthread_attr_t attr;
	uint64_t start = now_ns();

	burn_ns = (uint64_t)(arg_number(argc, argv, 2, 100) * 1e3);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	pthread_barrier_init(&everybody, NULL, (unsigned int)count);
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], &attr, crowd_run, NULL))
			errx(1, "pthread_create: thread %d of %d", i, count);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("pid=%d\nthreads=%d\ncpu_ns=%" PRIu64 "\nwall_ns=%" PRIu64 "\n", getpid(), count, cpu_ns, now_ns() - start);
	return 0;
}
