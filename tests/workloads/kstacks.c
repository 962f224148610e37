// SPDX-License-Identifier: BSD-2-Clause
/*
 * A thread that waits in four ways, TURNS (1000) times each, from user stacks of changing depth and always the same system call
 * instruction; another one ends the waits, 200 us or so later.
 *   kstacks [TURNS]
 */
/* CFLAGS: -fno-omit-frame-pointer -fno-optimize-sibling-calls */
#include <linux/futex.h>
#include <poll.h>

#include "workload.h"

#define WAIT_NS 200000

static uint32_t word;
static int go[2], data[2]; /* pipes: a turn's kind to the partner; what is waited for */

NOINLINE void ks_sleep(void)
{
	struct timespec ts = { 0, WAIT_NS };

	syscall(SYS_nanosleep, &ts, NULL);
}

NOINLINE void ks_pipe(void)
{
	char c;

	while (syscall(SYS_read, data[0], &c, 1) != 1)
		;
}

NOINLINE void ks_poll(void)
{
	struct pollfd p = { .fd = data[0], .events = POLLIN };
	char c;

	while (syscall(SYS_poll, &p, 1, -1) != 1)
		;
	if (read(data[0], &c, 1) != 1)
		err(1, "read");
}

NOINLINE void ks_futex(void)
{
	while (!__atomic_load_n(&word, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	__atomic_store_n(&word, 0, __ATOMIC_RELEASE);
}

static void (*const kinds[])(void) = { ks_sleep, ks_pipe, ks_poll, ks_futex };

NOINLINE int ks_descend(int depth, int kind)
{
	if (depth)
		return ks_descend(depth - 1, kind) + 1;
	kinds[kind]();
	return 0;
}

static void *partner(void *arg)
{
	char kind;

	set_name("ks-partner");
	while (read(go[0], &kind, 1) == 1 && kind < 4) {
		if (kind)
			sleep_ns(WAIT_NS);
		if (kind == 3) {
			__atomic_store_n(&word, 1, __ATOMIC_RELEASE);
			syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		} else if (kind && write(data[1], "x", 1) != 1) {
			err(1, "write");
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int turns = argc > 1 ? atoi(argv[1]) : 1000;
	pthread_t t;
	char kind;

	if (pipe(go) || pipe(data) || pthread_create(&t, NULL, partner, NULL))
		err(1, "setup");
	for (int i = 0; i < turns * 4; i++) {
		kind = (char)(i & 3);
		if (write(go[1], &kind, 1) != 1)
			err(1, "write");
		ks_descend(i % 7, kind);
	}
	kind = 4;
	if (write(go[1], &kind, 1) != 1)
		err(1, "write");
	pthread_join(t, NULL);
	printf("tid=%d\nturns=%d\n", own_tid(), turns);
	return 0;
}
