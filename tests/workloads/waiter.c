/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread that waits in known ways for known times: it sleeps, blocks on a mutex held by thread "lockholder", reads
 * a pipe that thread "pipewriter" fills, and waits for a vfork child (uninterruptible, state D). Each wait is printed
 * with its begin and end on CLOCK_MONOTONIC, taken right around the call.
 *   waiter [ROUNDS [MILLISECONDS]]
 *
 * Every blocking call sits two functions deep (wait_X under phase_X): a frame-pointer walk out of a libc built
 * without frame pointers misses the caller of the libc function, and only that one.
 */
/* CFLAGS: -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-optimize-sibling-calls */
#include <sys/wait.h>

#include "workload.h"

struct shared {
	uint64_t ns; /* how long each wait lasts */
	pthread_mutex_t mutex;
	pthread_barrier_t begin;
	int pipe[2];
	int rounds;
};

/* The instants around one blocking call. */
struct wait_time {
	uint64_t begin, end;
};

static void wait_print(const char *kind, const struct wait_time *t)
{
	printf("wait kind=%s tid=%d begin=%" PRIu64 " end=%" PRIu64 " ns=%" PRIu64 "\n", kind, own_tid(), t->begin, t->end,
	       t->end - t->begin);
}

NOINLINE void wait_sleep(struct shared *s, struct wait_time *t)
{
	t->begin = now_ns();
	sleep_ns(s->ns);
	t->end = now_ns();
}

NOINLINE void phase_sleep(struct shared *s)
{
	struct wait_time t;

	wait_sleep(s, &t);
	wait_print("sleep", &t);
}

NOINLINE void wait_lock(struct shared *s, struct wait_time *t)
{
	t->begin = now_ns();
	pthread_mutex_lock(&s->mutex);
	t->end = now_ns();
}

NOINLINE void phase_lock(struct shared *s)
{
	struct wait_time t;

	pthread_barrier_wait(&s->begin); /* the holder has it now */
	wait_lock(s, &t);
	pthread_mutex_unlock(&s->mutex);
	pthread_barrier_wait(&s->begin); /* only now may the holder take it again, or it would barge in first */
	wait_print("lock", &t);
}

NOINLINE void wait_pipe(struct shared *s, struct wait_time *t)
{
	char c;

	t->begin = now_ns();
	if (read(s->pipe[0], &c, 1) != 1)
		err(1, "read from the pipe");
	t->end = now_ns();
}

NOINLINE void phase_pipe(struct shared *s)
{
	struct wait_time t;

	pthread_barrier_wait(&s->begin);
	wait_pipe(s, &t);
	wait_print("pipe", &t);
}

/* In one function, as vfork() demands: the child runs on this very stack until it exits. */
NOINLINE void wait_vfork(struct shared *s, struct wait_time *t)
{
	volatile pid_t child;
	int status;

	t->begin = now_ns();
	child = vfork();
	if (child == 0) {
		sleep_ns(s->ns);
		_exit(0);
	}
	t->end = now_ns();
	if (child < 0 || waitpid(child, &status, 0) != child)
		err(1, "vfork");
}

NOINLINE void phase_vfork(struct shared *s)
{
	struct wait_time t;

	wait_vfork(s, &t);
	wait_print("vfork", &t);
}

/* Takes the mutex before the barrier lets the waiter run into it, and keeps it for s->ns. */
NOINLINE void hold_lock(struct shared *s)
{
	pthread_mutex_lock(&s->mutex);
	pthread_barrier_wait(&s->begin);
	sleep_ns(s->ns);
	pthread_mutex_unlock(&s->mutex);
	pthread_barrier_wait(&s->begin);
}

static void *holder_run(void *arg)
{
	struct shared *s = arg;

	set_name("lockholder");
	printf("holder_tid=%d\n", own_tid());
	for (int i = 0; i < s->rounds; i++)
		hold_lock(s);
	return NULL;
}

NOINLINE void fill_pipe(struct shared *s)
{
	pthread_barrier_wait(&s->begin);
	sleep_ns(s->ns);
	if (write(s->pipe[1], "x", 1) != 1)
		err(1, "write to the pipe");
}

static void *writer_run(void *arg)
{
	struct shared *s = arg;

	set_name("pipewriter");
	printf("writer_tid=%d\n", own_tid());
	for (int i = 0; i < s->rounds; i++)
		fill_pipe(s);
	return NULL;
}

static void with_helper(struct shared *s, void *(*helper)(void *), void (*phase)(struct shared *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, helper, s))
		errx(1, "pthread_create");
	for (int i = 0; i < s->rounds; i++)
		phase(s);
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	struct shared s = { .mutex = PTHREAD_MUTEX_INITIALIZER };

	s.rounds = (int)arg_number(argc, argv, 1, 4);
	s.ns = (uint64_t)(arg_number(argc, argv, 2, 80) * 1e6);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (pipe(s.pipe) || pthread_barrier_init(&s.begin, NULL, 2))
		err(1, "pipe or barrier");
	printf("pid=%d\nwaiter_tid=%d\nrounds=%d\n", getpid(), own_tid(), s.rounds);
	for (int i = 0; i < s.rounds; i++)
		phase_sleep(&s);
	with_helper(&s, holder_run, phase_lock);
	with_helper(&s, writer_run, phase_pipe);
	for (int i = 0; i < s.rounds; i++)
		phase_vfork(&s);
	printf("end_ns=%" PRIu64 "\n", now_ns());
	return 0;
}
