/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a command on a machine that has other things to do, and ends with its exit status. Beside it go, on every CPU, a thread that wants half
 * of it; a storm of short processes in bursts of a second; and threads of a real-time class that take a CPU, or all of them, away for up to
 * STALL_MS (1500), at random. Needs root. A test that fails below this and not without it claims more than varve promises.
 *   disturb [-s STALL_MS] [-r SEED] COMMAND…
 */
#include <signal.h>
#include <sys/wait.h>

#include "workload.h"

#define CPUS_MAX 64

struct disturbance {
	int cpus;
	uint64_t stall_ns, seed;
};

/* Below n, by xorshift: the same seed disturbs in the same way, as far as that goes. */
static uint64_t below(uint64_t *state, uint64_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % n;
}

static void spin_until(uint64_t ts)
{
	while (now_ns() < ts)
		BURN(1, 1000);
}

/* Half of a CPU, in pieces of up to 20 ms. */
static void half_run(int cpu, uint64_t seed)
{
	set_name("disturb-half");
	pin_to(cpu);
	for (;;) {
		uint64_t ns = 1000000 + below(&seed, 20000000);

		spin_until(now_ns() + ns);
		sleep_ns(ns);
	}
}

/* Every instant at which a CPU is taken away is the same for all CPUs, one in four takes them all. */
static void stall_run(int cpu, const struct disturbance *d)
{
	uint64_t state = d->seed, at = now_ns();

	set_name("disturb-stall");
	pin_to(cpu);
	if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 50 }))
		err(125, "SCHED_FIFO");
	for (;;) {
		uint64_t gap = 50000000 + below(&state, 1000000000), ns = 20000000 + below(&state, 300000000), who = below(&state, 4);
		uint64_t now;

		if (!who)
			ns = d->stall_ns / 3 + below(&state, d->stall_ns * 2 / 3 + 1);
		at += gap;
		now = now_ns();
		if (at > now)
			sleep_ns(at - now);
		if (!who || (int)(who % (unsigned int)d->cpus) == cpu)
			spin_until(at + ns);
		at += ns;
	}
}

static void forks_run(uint64_t seed)
{
	set_name("disturb-forks");
	for (;;) {
		uint64_t end = now_ns() + 1000000000;

		while (now_ns() < end) {
			pid_t pid = fork();

			if (!pid)
				execl("/bin/true", "disturb-true", (char *)NULL);
			if (!pid)
				_exit(0);
			if (pid > 0)
				waitpid(pid, NULL, 0);
		}
		sleep_ns(1000000000 + below(&seed, 3000000000));
	}
}

/* kind: 0 half of a CPU, 1 stalls, 2 forks; gone with its parent */
static pid_t start(int kind, int cpu, const struct disturbance *d)
{
	pid_t pid = fork();

	if (pid < 0)
		err(125, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (kind == 0)
		half_run(cpu, d->seed + (uint64_t)cpu + 1);
	else if (kind == 1)
		stall_run(cpu, d);
	forks_run(d->seed);
	_exit(0);
}

static int run(char **command)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execvp(command[0], command);
		err(127, "exec '%s'", command[0]);
	}
	while (pid > 0 && waitpid(pid, &status, 0) != pid)
		;
	if (pid < 0)
		err(125, "fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	struct disturbance d = { .cpus = (int)sysconf(_SC_NPROCESSORS_ONLN), .stall_ns = 1500000000, .seed = now_ns() | 1 };
	pid_t pids[2 * CPUS_MAX + 1];
	int opt, n = 0, status;

	while ((opt = getopt(argc, argv, "+s:r:")) != -1) {
		if (opt == 's')
			d.stall_ns = strtoull(optarg, NULL, 10) * 1000000;
		else if (opt == 'r')
			d.seed = strtoull(optarg, NULL, 10) * 2654435761 + 1;
		else
			return 2;
	}
	if (optind >= argc)
		errx(2, "usage: disturb [-s STALL_MS] [-r SEED] COMMAND…");
	for (int cpu = 0; cpu < d.cpus && cpu < CPUS_MAX; cpu++) {
		pids[n++] = start(0, cpu, &d);
		if (d.stall_ns)
			pids[n++] = start(1, cpu, &d);
	}
	pids[n++] = start(2, 0, &d);
	status = run(argv + optind);
	while (n--) {
		kill(pids[n], SIGKILL);
		waitpid(pids[n], NULL, 0);
	}
	return status;
}
