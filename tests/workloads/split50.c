/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three functions that do exactly 50, 30 and 20 % of the work, on two threads, for SECONDS (3) of wall time.
 * The work is a count of dependent multiplies, in rounds of some 50 us, so the shares hold at any instant.
 *   split50 [SECONDS [THREADS]]
 */
/* CFLAGS: -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer */
#include "workload.h"

#define THREADS_MAX 64
#define ROUND 3000 /* units: 1500 + 900 + 600 */

struct worker {
	pthread_t thread;
	int tid;
	uint64_t rounds, cpu_ns, sum;
};

static uint64_t deadline;

NOINLINE uint64_t work_fifty(uint64_t x)
{
	return BURN(x, 5 * ROUND);
}

NOINLINE uint64_t work_thirty(uint64_t x)
{
	return BURN(x, 3 * ROUND);
}

NOINLINE uint64_t work_twenty(uint64_t x)
{
	return BURN(x, 2 * ROUND);
}

NOINLINE uint64_t one_round(uint64_t x)
{
	x = work_fifty(x);
	x = work_thirty(x);
	x = work_twenty(x);
	return x + 1;
}

static void *worker_run(void *arg)
{
	struct worker *w = arg;

	set_name("split50-worker");
	w->tid = own_tid();
	while (now_ns() < deadline) {
		for (int i = 0; i < 16; i++)
			w->sum = one_round(w->sum);
		w->rounds += 16;
	}
	w->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

int main(int argc, char **argv)
{
	double seconds = arg_number(argc, argv, 1, 3);
	int threads = (int)arg_number(argc, argv, 2, 2);
	static struct worker workers[THREADS_MAX];
	uint64_t start = now_ns(), rounds = 0, cpu_ns = 0, sum = 0;

	if (threads > THREADS_MAX)
		errx(2, "at most %d threads", THREADS_MAX);
	deadline = start + (uint64_t)(seconds * 1e9);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]))
			errx(1, "pthread_create");
	for (int i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		rounds += workers[i].rounds;
		cpu_ns += workers[i].cpu_ns;
		sum += workers[i].sum;
		printf("worker tid=%d rounds=%" PRIu64 " cpu_ns=%" PRIu64 "\n", workers[i].tid, workers[i].rounds,
		       workers[i].cpu_ns);
	}
	printf("pid=%d\nrounds=%" PRIu64 "\ncpu_ns=%" PRIu64 "\nwall_ns=%" PRIu64 "\nchecksum=%" PRIx64 "\n", getpid(), rounds,
	       cpu_ns, now_ns() - start, sum);
	printf("share_fifty=50\nshare_thirty=30\nshare_twenty=20\n");
	return 0;
}
