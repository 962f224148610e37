/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A context-switch storm: two threads on one CPU that hand a futex to and fro, each 22 user frames deep, for SECONDS (3)
 * or exactly SWITCHES hand-overs. Prints how many context switches the kernel counted for them.
 *   storm [SECONDS [CPU [DEPTH]]]      storm -n SWITCHES [CPU [DEPTH]]
 */
/* CFLAGS: -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-optimize-sibling-calls */
#include <linux/futex.h>
#include <sys/resource.h>

#include "workload.h"

struct storm {
	uint32_t turn; /* futex word: whose turn it is, 0 or 1; 2: over */
	uint64_t deadline, limit, handovers;
	int cpu;
};

struct player {
	struct storm *storm;
	uint32_t me;
	int depth, tid;
	struct rusage usage;
	uint64_t cpu_ns;
};

static void futex_wait(uint32_t *word, uint32_t while_value)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, while_value, NULL, NULL, 0);
}

static void turn_set(struct storm *s, uint32_t turn)
{
	__atomic_store_n(&s->turn, turn, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &s->turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static bool is_over(struct storm *s)
{
	if (s->limit)
		return s->handovers >= s->limit;
	/* The clock is not worth a look at every switch. */
	return (s->handovers & 255) == 0 && now_ns() >= s->deadline;
}

NOINLINE void storm_play(struct player *p)
{
	struct storm *s = p->storm;
	uint32_t turn;

	for (;;) {
		while ((turn = __atomic_load_n(&s->turn, __ATOMIC_SEQ_CST)) == !p->me)
			futex_wait(&s->turn, turn);
		if (turn == 2)
			return;
		if (p->me == 0 && is_over(s)) {
			turn_set(s, 2);
			return;
		}
		s->handovers++;
		turn_set(s, !p->me);
	}
}

NOINLINE int storm_descend(struct player *p, int depth)
{
	if (depth > 1)
		return storm_descend(p, depth - 1) + 1;
	storm_play(p);
	return 1;
}

static void *player_run(void *arg)
{
	struct player *p = arg;

	set_name(p->me ? "storm-pong" : "storm-ping");
	pin_to(p->storm->cpu);
	p->tid = own_tid();
	/* start_thread, player_run, storm_play and the futex call itself are the others of the 22. */
	storm_descend(p, p->depth);
	getrusage(RUSAGE_THREAD, &p->usage);
	p->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

int main(int argc, char **argv)
{
	struct storm s = { 0 };
	struct player players[2] = { 0 };
	pthread_t threads[2];
	bool counted = argc > 2 && !strcmp(argv[1], "-n");
	int first = counted ? 3 : 2, depth;
	uint64_t start;
	long nv = 0, ni = 0;
	uint64_t cpu_ns = 0;

	if (counted)
		s.limit = (uint64_t)arg_number(argc, argv, 2, 1);
	s.cpu = argc > first ? atoi(argv[first]) : 0;
	depth = (int)arg_number(argc, argv, first + 1, 18);
	start = now_ns();
	s.deadline = start + (uint64_t)((counted ? 1 : arg_number(argc, argv, 1, 3)) * 1e9);
	for (uint32_t i = 0; i < 2; i++) {
		players[i] = (struct player){ .storm = &s, .me = i, .depth = depth };
		if (pthread_create(&threads[i], NULL, player_run, &players[i]))
			errx(1, "pthread_create");
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		nv += players[i].usage.ru_nvcsw;
		ni += players[i].usage.ru_nivcsw;
		cpu_ns += players[i].cpu_ns;
		printf("player tid=%d nvcsw=%ld nivcsw=%ld\n", players[i].tid, players[i].usage.ru_nvcsw,
		       players[i].usage.ru_nivcsw);
	}
	double seconds = (double)(now_ns() - start) / 1e9;
	printf("pid=%d\nhandovers=%" PRIu64 "\nswitches=%ld\ninvoluntary=%ld\nseconds=%.6f\nper_second=%.0f\ncpu_ns=%" PRIu64 "\n", getpid(),
	       s.handovers, nv + ni, ni, seconds, (double)s.handovers / seconds, cpu_ns);
	return 0;
}
