/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three functions that do exactly 50, 30 and 20 % of the work, on two threads, for SECONDS (3) of wall time, and until each thread had a quarter of that of
 * CPU time. The work is a count of dependent multiplies, in rounds of some 50 us, so the shares hold at any instant.
 * cpu_ns is the CPU time the threads used; stolen_ns what of it no round took: a host took the CPU away and did not say so.
 *   split50 [SECONDS [THREADS]]
 */
/* CFLAGS: -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer */
#include "workload.h"

#define THREADS_MAX 64
#define ROUND 3000 /* units: 1500 + 900 + 600 */

struct worker {
	pthread_t thread;
	int tid;
	uint64_t rounds, cpu_ns, stolen_ns, sum;
};

static uint64_t deadline, least_cpu_ns;

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
	uint64_t spent, quickest = UINT64_MAX;

	set_name("split50-worker");
	w->tid = own_tid();
	while (now_ns() < deadline || w->cpu_ns < least_cpu_ns) {
		for (int i = 0; i < 16; i++)
			w->sum = one_round(w->sum);
		w->rounds += 16;
		spent = clock_ns(CLOCK_THREAD_CPUTIME_ID) - w->cpu_ns;
		w->cpu_ns += spent;
		if (spent < quickest)
			quickest = spent;
		if (spent > 3 * quickest + 1000000)
			w->stolen_ns += spent - quickest;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	double seconds = arg_number(argc, argv, 1, 3);
	int threads = (int)arg_number(argc, argv, 2, 2);
	static struct worker workers[THREADS_MAX];
	uint64_t start = now_ns(), rounds = 0, cpu_ns = 0, stolen_ns = 0, sum = 0;

	if (threads > THREADS_MAX)
		errx(2, "at most %d threads", THREADS_MAX);
	deadline = start + (uint64_t)(seconds * 1e9);
	least_cpu_ns = (uint64_t)(seconds * 0.25e9);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]))
			errx(1, "pthread_create");
	for (int i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		rounds += workers[i].rounds;
		cpu_ns += workers[i].cpu_ns;
		stolen_ns += workers[i].stolen_ns;
		sum += workers[i].sum;
		printf("worker tid=%d rounds=%" PRIu64 " cpu_ns=%" PRIu64 "\n", workers[i].tid, workers[i].rounds,
		       workers[i].cpu_ns);
	}
	printf("pid=%d\nrounds=%" PRIu64 "\ncpu_ns=%" PRIu64 "\nstolen_ns=%" PRIu64 "\nwall_ns=%" PRIu64 "\nchecksum=%" PRIx64 "\n",
	       getpid(), rounds, cpu_ns, stolen_ns, now_ns() - start, sum);
	printf("share_fifty=50\nshare_thirty=30\nshare_twenty=20\n");
	return 0;
}
