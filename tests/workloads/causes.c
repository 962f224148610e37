/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes wrong on servers, one cause a program: the name it is started by (a copy of this file's program under that name)
 * is the part it plays. Each part has functions of its own, so that an answer can be checked for naming the right one.
 *   convoy SECONDS         four threads "conv-worker-N" queue for one lock; its holder asks the thread "conv-backend" over a
 *                          pipe, which answers in 1 ms (backend_hit), each tenth time in 20 ms (backend_miss)
 *   victim SECONDS CPU     serves for half a millisecond (victim_serve) every 5 ms, on that CPU
 *   noisy SECONDS CPU      two threads that never rest (noisy_burn), on that CPU; prints its CPU time
 *   spawnd SECONDS         starts "stormlet" (beside it) all the time; storm_fork() does
 *   slowdisk SECONDS FILE  writes FILE, 4 KiB at a time, past the page cache (disk_commit); prints how many milliseconds
 *                          it was in there
 *   crasher SECONDS        lives so long, then dies of SIGSEGV in crash_here()
 * The part of the OOM kill is oomhog's.
 */
/* CFLAGS: -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-optimize-sibling-calls */
#include <libgen.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "workload.h"

#define WORKERS 4

static uint64_t deadline;

static bool is_time(void)
{
	return now_ns() < deadline;
}

/* ---- convoy ------------------------------------------------------------------------------------------------------- */

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static int ask[2], answer[2];
static uint64_t asked, missed;

NOINLINE void convoy_ask_backend(void)
{
	char c = 1;

	if (write(ask[1], &c, 1) != 1 || read(answer[0], &c, 1) != 1)
		err(1, "the backend's pipes");
}

NOINLINE void convoy_update_table(void)
{
	pthread_mutex_lock(&table_lock);
	convoy_ask_backend(); /* the mistake: a question to someone else under the lock */
	pthread_mutex_unlock(&table_lock);
}

static void *worker_run(void *arg)
{
	char name[16];

	snprintf(name, sizeof(name), "conv-worker-%d", (int)(intptr_t)arg);
	set_name(name);
	while (is_time())
		convoy_update_table();
	return NULL;
}

NOINLINE void backend_hit(void)
{
	sleep_ns(1000000);
}

NOINLINE void backend_miss(void)
{
	sleep_ns(20000000);
	missed++;
}

static void *backend_run(void *arg)
{
	char c;

	(void)arg;
	set_name("conv-backend");
	while (read(ask[0], &c, 1) == 1) {
		if (++asked % 10)
			backend_hit();
		else
			backend_miss();
		if (write(answer[1], &c, 1) != 1)
			err(1, "the answer's pipe");
	}
	return NULL;
}

static void convoy(void)
{
	pthread_t backend, worker[WORKERS];

	if (pipe(ask) || pipe(answer))
		err(1, "pipe");
	if (pthread_create(&backend, NULL, backend_run, NULL))
		errx(1, "pthread_create");
	for (intptr_t i = 0; i < WORKERS; i++)
		if (pthread_create(&worker[i], NULL, worker_run, (void *)(i + 1)))
			errx(1, "pthread_create");
	for (int i = 0; i < WORKERS; i++)
		pthread_join(worker[i], NULL);
	close(ask[1]);
	pthread_join(backend, NULL);
	printf("asked=%" PRIu64 "\nmissed=%" PRIu64 "\n", asked, missed);
}

/* ---- a noisy neighbour and its victim ------------------------------------------------------------------------------- */

NOINLINE uint64_t noisy_burn(uint64_t x)
{
	while (is_time())
		x = BURN(x, 10000);
	return x;
}

static void *noisy_run(void *arg)
{
	pin_to((int)(intptr_t)arg);
	return (void *)(intptr_t)(noisy_burn(1) & 1);
}

static void noisy(int cpu)
{
	pthread_t other;

	if (pthread_create(&other, NULL, noisy_run, (void *)(intptr_t)cpu))
		errx(1, "pthread_create");
	noisy_run((void *)(intptr_t)cpu);
	pthread_join(other, NULL);
	printf("cpu_ms=%" PRIu64 "\n", clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1000000);
}

NOINLINE uint64_t victim_serve(uint64_t x)
{
	uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + 500000;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		x = BURN(x, 1000);
	return x;
}

static void victim(int cpu)
{
	uint64_t x = 1, served = 0;

	pin_to(cpu);
	for (; is_time(); served++) {
		x = victim_serve(x);
		sleep_ns(5000000);
	}
	printf("served=%" PRIu64 "\n", served + (x == 0));
}

/* ---- a storm of short processes ------------------------------------------------------------------------------------- */

NOINLINE uint64_t stormlet_run(void)
{
	uint64_t x = 1, end = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + 1000000;

	while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end)
		x = BURN(x, 1000);
	return x;
}

NOINLINE void storm_fork(const char *stormlet)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(stormlet, "stormlet", (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		err(1, "fork");
}

static void spawnd(const char *self)
{
	char dir[PATH_MAX], stormlet[PATH_MAX + 16];
	uint64_t forks = 0;

	snprintf(dir, sizeof(dir), "%s", self);
	snprintf(stormlet, sizeof(stormlet), "%s/stormlet", dirname(dir));
	for (; is_time(); forks++) {
		storm_fork(stormlet);
		sleep_ns(2000000);
	}
	printf("forks=%" PRIu64 "\n", forks);
}

/* ---- a slow disk ---------------------------------------------------------------------------------------------------- */

NOINLINE void disk_commit(int fd, const char *block, size_t sz, off_t at)
{
	if (pwrite(fd, block, sz, at) != (ssize_t)sz)
		err(1, "write");
}

static void slowdisk(const char *path)
{
	static char block[4096] __attribute__((aligned(4096)));
	int fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_SYNC | O_CLOEXEC, 0600);
	uint64_t writes = 0, ns = 0;

	if (fd < 0)
		err(1, "open '%s'", path);
	for (; is_time(); writes++) {
		uint64_t start = now_ns();

		disk_commit(fd, block, sizeof(block), (off_t)(writes % 1024 * sizeof(block)));
		ns += now_ns() - start;
	}
	printf("writes=%" PRIu64 "\nin_commit_ms=%" PRIu64 "\n", writes, ns / 1000000);
}

/* ---- a crash -------------------------------------------------------------------------------------------------------- */

NOINLINE void crash_here(volatile int *p)
{
	*p = 1;
}

static void crasher(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	while (is_time())
		sleep_ns(10000000);
	crash_here(NULL);
}

int main(int argc, char **argv)
{
	char path[PATH_MAX];
	const char *part;

	snprintf(path, sizeof(path), "%s", argv[0]);
	part = basename(path);
	if (!strcmp(part, "stormlet"))
		return stormlet_run() == 0;
	deadline = now_ns() + (uint64_t)(arg_number(argc, argv, 1, 5) * 1e9);
	printf("pid=%d\n", getpid());
	if (!strcmp(part, "convoy"))
		convoy();
	else if (!strcmp(part, "noisy"))
		noisy(argc > 2 ? atoi(argv[2]) : 0);
	else if (!strcmp(part, "victim"))
		victim(argc > 2 ? atoi(argv[2]) : 0);
	else if (!strcmp(part, "spawnd"))
		spawnd(argv[0]);
	else if (!strcmp(part, "slowdisk"))
		slowdisk(argc > 2 ? argv[2] : "slowdisk.out");
	else if (!strcmp(part, "crasher"))
		crasher();
	else
		errx(2, "'%s' is not a part: start me as convoy, victim, noisy, spawnd, stormlet, slowdisk or crasher", part);
	return 0;
}
