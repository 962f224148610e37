// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two callers with frames of the same size and the same callee, at the same stack addresses, take turns: one for 7 ms of CPU time, the other
 * for 3; then each sleeps a few times, 7 to 3. Stacks that differ in one return address in their middle and in nothing else.
 *   twins SECONDS
 */
/* CFLAGS: -O2 -fomit-frame-pointer -fno-optimize-sibling-calls -fno-ipa-icf */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NOINLINE __attribute__((noinline, noclone))

static uint64_t clock_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* until: CPU time to spin up to; 0: sleep for a millisecond */
NOINLINE void twin_leaf(uint64_t until)
{
	const struct timespec ms = { 0, 1000000 };
	volatile int x = 0;

	if (!until) {
		nanosleep(&ms, NULL);
		return;
	}
	while (clock_of(CLOCK_PROCESS_CPUTIME_ID) < until)
		for (int i = 0; i < 20000; i++)
			x += i;
}

NOINLINE void twin_mid(uint64_t until)
{
	twin_leaf(until);
	__asm__ volatile("");
}

NOINLINE void twin_seven(uint64_t until)
{
	twin_mid(until);
	__asm__ volatile("nop");
}

NOINLINE void twin_three(uint64_t until)
{
	twin_mid(until);
	__asm__ volatile("");
}

NOINLINE void twin_turn(int i)
{
	uint64_t now = clock_of(CLOCK_PROCESS_CPUTIME_ID);

	if (i % 2)
		twin_three(now + 3000000);
	else
		twin_seven(now + 7000000);
	for (int k = 0; k < 10; k++)
		k < 7 ? twin_seven(0) : twin_three(0);
}

int main(int argc, char **argv)
{
	uint64_t until = clock_of(CLOCK_MONOTONIC) + (argc > 1 ? atoi(argv[1]) : 3) * 1000000000ULL;
	int i;

	for (i = 0; clock_of(CLOCK_MONOTONIC) < until || i % 2; i++)
		twin_turn(i);
	printf("turns=%d\nseven_ms=%d\nthree_ms=%d\nseven_sleeps=%d\nthree_sleeps=%d\n", i, i / 2 * 7, i / 2 * 3, i * 7, i * 3);
	return 0;
}
