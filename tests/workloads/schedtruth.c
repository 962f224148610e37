/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads whose scheduling is known to the last switch, by the kernel's own counters and not by any tracer:
 *   "st-sleeper"  SLEEPS naps of 1 ms on CPU 0: a voluntary switch each
 *   "st-hopper"   HOPS moves between CPU 0 and CPU 1: a migration each
 *   "st-burner"   burns BURN_MS on CPU 0 and competes with "st-rival" doing the same there: involuntary switches, run-queue time
 * Each thread parks at the end; the main thread then reads its /proc/self/task/TID/{status,schedstat} and prints them with
 * the instant at which they held, so that a recording can be asked for exactly the same interval.
 *   schedtruth [SLEEPS [HOPS [BURN_MS]]]
 */
/* CFLAGS: -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer */
#include <linux/futex.h>

#include "workload.h"

struct truth_thread {
	const char *name;
	void (*run)(struct truth_thread *t);
	int amount, tid;
	uint32_t parked; /* futex word, set when the work is done */
	uint64_t begin_ns, done_ns;
	pthread_t thread;
};

static uint32_t release;

static void futex(uint32_t *word, int op, uint32_t value)
{
	syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

NOINLINE void truth_sleep(struct truth_thread *t)
{
	pin_to(0);
	for (int i = 0; i < t->amount; i++)
		sleep_ns(1000000);
}

NOINLINE void truth_hop(struct truth_thread *t)
{
	pin_to(0);
	for (int i = 0; i < t->amount; i++)
		pin_to((i + 1) & 1);
}

NOINLINE void truth_burn(struct truth_thread *t)
{
	uint64_t x = 1, ns = (uint64_t)t->amount * 1000000;

	pin_to(0);
	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < ns)
		x = BURN(x, 1000);
}

static void *truth_run(void *arg)
{
	struct truth_thread *t = arg;

	set_name(t->name);
	t->tid = own_tid();
	t->begin_ns = now_ns();
	t->run(t);
	t->done_ns = now_ns();
	__atomic_store_n(&t->parked, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&release, __ATOMIC_SEQ_CST))
		futex(&release, FUTEX_WAIT_PRIVATE, 0);
	return NULL;
}

/* The number after `key` in /proc/self/task/TID/FILE, or the n-th number of it when key is NULL. */
static uint64_t task_number(int tid, const char *file, const char *key, int n)
{
	char path[64], line[256];
	unsigned long long v[3] = { 0 };
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, file);
	f = fopen(path, "re");
	if (!f)
		err(1, "open '%s'", path);
	while (fgets(line, sizeof(line), f)) {
		if (!key && sscanf(line, "%llu %llu %llu", &v[0], &v[1], &v[2]) == 3)
			break;
		if (key && !strncmp(line, key, strlen(key)))
			v[n] = strtoull(line + strlen(key), NULL, 10);
	}
	fclose(f);
	return v[n];
}

static bool is_asleep(int tid)
{
	char path[64], text[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "re");
	if (!f || !fgets(text, sizeof(text), f))
		err(1, "read '%s'", path);
	fclose(f);
	return strstr(text, ") S ") != NULL;
}

/* The thread stays in its futex from here on, so what the kernel counted for it stands still. */
static void truth_print(struct truth_thread *t)
{
	while (!__atomic_load_n(&t->parked, __ATOMIC_SEQ_CST) || !is_asleep(t->tid))
		sleep_ns(1000000);
	sleep_ns(5000000);
	printf("thread name=%s tid=%d amount=%d begin=%" PRIu64 " done=%" PRIu64 " voluntary=%" PRIu64 " involuntary=%" PRIu64,
	       t->name, t->tid, t->amount, t->begin_ns, t->done_ns, task_number(t->tid, "status", "voluntary_ctxt_switches:", 0),
	       task_number(t->tid, "status", "nonvoluntary_ctxt_switches:", 0));
	printf(" run_ns=%" PRIu64 " runq_ns=%" PRIu64 " slices=%" PRIu64 " read=%" PRIu64 "\n", task_number(t->tid, "schedstat", NULL, 0),
	       task_number(t->tid, "schedstat", NULL, 1), task_number(t->tid, "schedstat", NULL, 2), now_ns());
}

int main(int argc, char **argv)
{
	struct truth_thread threads[] = {
		{ .name = "st-sleeper", .run = truth_sleep, .amount = (int)arg_number(argc, argv, 1, 300) },
		{ .name = "st-hopper", .run = truth_hop, .amount = (int)arg_number(argc, argv, 2, 200) },
		{ .name = "st-burner", .run = truth_burn, .amount = (int)arg_number(argc, argv, 3, 300) },
		{ .name = "st-rival", .run = truth_burn, .amount = (int)arg_number(argc, argv, 3, 300) },
	};
	const int count = sizeof(threads) / sizeof(threads[0]);

	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i].thread, NULL, truth_run, &threads[i]))
			errx(1, "pthread_create");
	for (int i = 0; i < count; i++)
		truth_print(&threads[i]);
	__atomic_store_n(&release, 1, __ATOMIC_SEQ_CST);
	futex(&release, FUTEX_WAKE_PRIVATE, (uint32_t)count);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i].thread, NULL);
	printf("pid=%d\n", getpid());
	return 0;
}
