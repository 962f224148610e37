// SPDX-License-Identifier: BSD-2-Clause
/*
 * Threads and processes that have hardly begun or are about to end: N threads, N forked children that dirty 8 MiB and exit, N that exec
 * true. Two threads keep every CPU busy, so that each of them is preempted now and then.
 *   newborn N
 */
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int over;

static void *busy(void *arg)
{
	while (!over)
		for (volatile int i = 0; i < 100000; i++)
			;
	return arg;
}

static void *brief(void *arg)
{
	return arg;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 100;
	char *const exec_argv[] = { "true", NULL };
	pthread_t t, burners[2];
	pid_t pid;

	for (int i = 0; i < 2; i++)
		if (pthread_create(&burners[i], NULL, busy, NULL))
			return 1;
	for (int i = 0; i < n; i++) {
		if (pthread_create(&t, NULL, brief, NULL) || pthread_join(t, NULL))
			return 1;
		pid = fork();
		if (!pid) {
			char *p = malloc(8 << 20);

			if (p)
				memset(p, 1, 8 << 20);
			_exit(p && p[i] == 1 ? 0 : 1);
		}
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return 1;
		if (posix_spawnp(&pid, "true", NULL, NULL, exec_argv, NULL) || waitpid(pid, NULL, 0) != pid)
			return 1;
	}
	over = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(burners[i], NULL);
	return 0;
}
