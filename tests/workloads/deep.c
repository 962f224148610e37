/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deep stacks for the bench of reading back: 30 to 35 user frames of functions that each have a name and a frame pointer, so that perf -g
 * and an unwinder by tables see the same. Threads walk SHAPES chains of calls in turn, some 30 us at the end of each.
 *   deep [SECONDS [THREADS [SHAPES]]]
 */
/* CFLAGS: -O2 -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-optimize-sibling-calls */
#include "workload.h"

#define THREADS_MAX 64

static uint64_t deadline;
static unsigned shapes = 2000;

/* A shape is a random number: each level takes its way from it. */
#define FUNCTIONS(F)                                                                                                                       \
	F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15) F(16) F(17) F(18) F(19) F(20) F(21) F(22)    \
	F(23) F(24) F(25) F(26) F(27) F(28) F(29) F(30) F(31)

#define DECLARE(n) NOINLINE uint64_t deep_##n(uint64_t shape, unsigned left);
FUNCTIONS(DECLARE)

#define ENTRY(n) deep_##n,
static uint64_t (*const functions[])(uint64_t, unsigned) = { FUNCTIONS(ENTRY) };

static uint64_t next_shape(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

#define DEFINE(n)                                                                                                                          \
	NOINLINE uint64_t deep_##n(uint64_t shape, unsigned left)                                                                          \
	{                                                                                                                                  \
		uint64_t x = next_shape(shape + n);                                                                                        \
                                                                                                                                           \
		/* the outer half is a common trunk, as a program's is */                                                                  \
		x = left ? functions[(left > 16 ? left : x >> 20) % 32](left > 16 ? shape : x, left - 1) : BURN(x, 20000);                  \
		return x + n;                                                                                                              \
	}
FUNCTIONS(DEFINE)

static void *run(void *arg)
{
	uint64_t sum = (uint64_t)(uintptr_t)arg;

	for (unsigned i = 0; now_ns() < deadline; i++) {
		uint64_t shape = 0x9e3779b97f4a7c15ull * (1 + i % shapes);

		sum += functions[i % 4](shape, 27 + (unsigned)(shape >> 33) % 6);
	}
	return (void *)(uintptr_t)sum;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 3;
	int threads = argc > 2 ? atoi(argv[2]) : 2;
	pthread_t t[THREADS_MAX];

	if (argc > 3)
		shapes = (unsigned)atoi(argv[3]);
	if (threads < 1 || threads > THREADS_MAX || !shapes)
		return 2;
	deadline = now_ns() + (uint64_t)(seconds * 1e9);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&t[i], NULL, run, (void *)(uintptr_t)i))
			return 1;
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	return 0;
}
