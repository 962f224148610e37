/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Short-lived processes: COUNT children, PARALLEL at a time, each living about LIFE_MS, half of it on CPU. Child i exits with
 * code i % 7. With "exec" each child becomes this program again under the name "fork-child".
 *   forkstorm [COUNT [LIFE_MS [PARALLEL [exec]]]]
 */
/* CFLAGS: -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer */
#include <sys/resource.h>
#include <sys/wait.h>

#include "workload.h"

#define CODES 7

NOINLINE uint64_t child_burn(double ms)
{
	uint64_t x = 1, end = now_ns() + (uint64_t)(ms * 1e6);

	while (now_ns() < end)
		x = BURN(x, 1000);
	return x;
}

NOINLINE void child_live(double ms, int code)
{
	(void)child_burn(ms / 2);
	sleep_ns((uint64_t)(ms * 1e6 / 2));
	_exit(code);
}

static void child_start(int i, double life_ms, bool do_exec)
{
	char life[32], code[16];

	if (!do_exec)
		child_live(life_ms, i % CODES);
	snprintf(life, sizeof(life), "%f", life_ms);
	snprintf(code, sizeof(code), "%d", i % CODES);
	execl("/proc/self/exe", "fork-child", "--child", life, code, (char *)NULL);
	_exit(99);
}

static void reap(int codes[CODES], int *other)
{
	int status;

	if (wait(&status) < 0)
		err(1, "wait");
	if (WIFEXITED(status) && WEXITSTATUS(status) < CODES)
		codes[WEXITSTATUS(status)]++;
	else
		(*other)++;
}

/* Of this process and its children. */
static uint64_t all_cpu_ns(void)
{
	const int whom[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
	uint64_t us = 0;

	for (int i = 0; i < 2; i++) {
		struct rusage u;

		getrusage(whom[i], &u);
		us += (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
	}
	return us * 1000;
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], "--child")) {
		set_name("fork-child"); /* exec of /proc/self/exe makes it "exe" */
		child_live(strtod(argv[2], NULL), atoi(argv[3]));
	}

	int count = (int)arg_number(argc, argv, 1, 200), parallel = (int)arg_number(argc, argv, 3, 4);
	double life_ms = arg_number(argc, argv, 2, 10);
	bool do_exec = argc > 4 && !strcmp(argv[4], "exec");
	int codes[CODES] = { 0 }, other = 0, running = 0;
	uint64_t start = now_ns();

	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (pid == 0)
			child_start(i, life_ms, do_exec);
		if (++running == parallel) {
			reap(codes, &other);
			running--;
		}
	}
	while (running--)
		reap(codes, &other);
	printf("pid=%d\nforks=%d\nexecs=%d\nother=%d\nseconds=%.6f\ncpu_ns=%" PRIu64 "\n", getpid(), count, do_exec ? count : 0, other,
	       (double)(now_ns() - start) / 1e9, all_cpu_ns());
	for (int i = 0; i < CODES; i++)
		printf("code%d=%d\n", i, codes[i]);
	return 0;
}
