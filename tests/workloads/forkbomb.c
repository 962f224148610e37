/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fork bomb that ends: every process forks as often as it can, and each of its children does, until FORKS (5000) were made in all, or a few less. No more than ALIVE
 * (200) live at a time, whatever limit there is around it besides (a pids cgroup): who is refused, by that or by the kernel, yields, and one in four
 * ends, which makes room. Prints how many were made, and how often the kernel refused.
 *   forkbomb [FORKS [ALIVE]]
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "workload.h"

struct bomb {
	long forks, alive, refused; /* all of them atomic */
	long forks_max, alive_max;
};

/* A place among the living, or none. */
static bool take_place(struct bomb *b)
{
	if (__atomic_add_fetch(&b->alive, 1, __ATOMIC_SEQ_CST) <= b->alive_max)
		return true;
	__atomic_sub_fetch(&b->alive, 1, __ATOMIC_SEQ_CST);
	return false;
}

static void give_place(struct bomb *b)
{
	__atomic_sub_fetch(&b->alive, 1, __ATOMIC_SEQ_CST);
}

/* One of the FORKS, or none: they are over. */
static bool take_fork(struct bomb *b)
{
	if (__atomic_add_fetch(&b->forks, 1, __ATOMIC_SEQ_CST) <= b->forks_max)
		return true;
	__atomic_sub_fetch(&b->forks, 1, __ATOMIC_SEQ_CST);
	return false;
}

static void explode(struct bomb *b, bool is_first)
{
	unsigned turn = (unsigned)getpid();

	for (;;) {
		pid_t pid;

		if (!take_place(b)) {
			if (++turn % 4 == 0 && !is_first)
				break;
			sched_yield();
			continue;
		}
		if (!take_fork(b)) {
			give_place(b);
			break;
		}
		pid = fork();
		if (!pid) {
			is_first = false;
			continue;
		}
		if (pid < 0) {
			__atomic_sub_fetch(&b->forks, 1, __ATOMIC_SEQ_CST);
			__atomic_add_fetch(&b->refused, 1, __ATOMIC_SEQ_CST);
			give_place(b);
			if (++turn % 4 == 0 && !is_first)
				break;
			sched_yield();
		}
	}
	if (!is_first) {
		give_place(b);
		_exit(0);
	}
}

int main(int argc, char **argv)
{
	struct bomb *b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (b == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1))
		err(1, "set up");
	signal(SIGCHLD, SIG_IGN); /* nobody waits for them */
	*b = (struct bomb){ .alive = 1, .forks_max = argc > 1 ? atol(argv[1]) : 5000, .alive_max = argc > 2 ? atol(argv[2]) : 200 };
	explode(b, true);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	printf("pid=%d\nforks=%ld\nrefused=%ld\n", getpid(), b->forks, b->refused);
	return 0;
}
