// SPDX-License-Identifier: BSD-2-Clause
/*
 * A thread that is preempted in user mode by one that never gets there: on CPU 0 main spins, and a writer of a real-time class fills a pipe of
 * 1 MiB; on CPU 1 a reader empties it, which wakes the writer, which fills it and sleeps again, all in one writev(). Needs root and two CPUs.
 *   refill ROUNDS
 */
#include <sys/uio.h>

#include "workload.h"

#define PIPE_SZ (1 << 20)

struct refill {
	int fds[2];
	long rounds;
	uint8_t *data; /* PIPE_SZ, written again and again */
	volatile bool is_over;
};

/* One call however much it is: an iovec for each round. */
static void *writer_run(void *arg)
{
	struct refill *r = arg;
	struct iovec *v = calloc((size_t)r->rounds, sizeof(*v));

	set_name("refill-writer");
	pin_to(0);
	if (!v || pthread_setschedparam(pthread_self(), SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 }))
		errx(1, "SCHED_FIFO");
	for (long i = 0; i < r->rounds; i++)
		v[i] = (struct iovec){ r->data, PIPE_SZ };
	if (writev(r->fds[1], v, (int)r->rounds) != r->rounds * PIPE_SZ)
		err(1, "writev");
	close(r->fds[1]);
	free(v);
	return NULL;
}

static void *reader_run(void *arg)
{
	struct refill *r = arg;
	uint8_t *to = malloc(PIPE_SZ);

	set_name("refill-reader");
	pin_to(1);
	if (!to)
		errx(1, "malloc");
	while (read(r->fds[0], to, PIPE_SZ) > 0)
		;
	r->is_over = true;
	free(to);
	return NULL;
}

/* Up and down the stack: from the same place again, it would be taken for the same state of the thread. */
NOINLINE int refill_spin(const struct refill *r, int depth)
{
	for (volatile int i = 0; i < 200; i++)
		;
	return depth && !r->is_over ? refill_spin(r, depth - 1) + 1 : 0;
}

int main(int argc, char **argv)
{
	struct refill r = { .rounds = (long)arg_number(argc, argv, 1, 300) };
	pthread_t writer, reader;

	r.data = calloc(1, PIPE_SZ);
	if (r.rounds > 1024 || !r.data || pipe2(r.fds, O_CLOEXEC) || fcntl(r.fds[1], F_SETPIPE_SZ, PIPE_SZ) < 0)
		errx(1, "at most 1024 rounds; a pipe of %d bytes", PIPE_SZ);
	pin_to(0);
	if (pthread_create(&writer, NULL, writer_run, &r) || pthread_create(&reader, NULL, reader_run, &r))
		errx(1, "pthread_create");
	while (!r.is_over)
		refill_spin(&r, 31);
	pthread_join(writer, NULL);
	pthread_join(reader, NULL);
	printf("tid=%d\n", own_tid());
	free(r.data);
	return 0;
}
