/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the workloads share: clocks, names, and the truth they print. Every workload ends with `key=value` lines on stdout
 * (tests/lib.sh reads them with `truth FILE KEY`); lines with several words are one fact per wait, thread or child.
 */
#ifndef VARVE_WORKLOAD_H
#define VARVE_WORKLOAD_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Not inlined, and not merged with a twin: the name must be in the recorded stack. */
#define NOINLINE __attribute__((noinline, noclone, used))

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline void sleep_ns(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

static inline int own_tid(void)
{
	return (int)syscall(SYS_gettid);
}

static inline void set_name(const char *name)
{
	prctl(PR_SET_NAME, name);
}

/* The calling thread, onto one CPU. */
static inline void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "sched_setaffinity to CPU %d", cpu);
}

/* argv[i] as a number above zero, or `otherwise`. */
static inline double arg_number(int argc, char **argv, int i, double otherwise)
{
	double v = argc > i ? strtod(argv[i], NULL) : otherwise;

	if (v <= 0)
		errx(2, "argument %d must be a number above zero", i);
	return v;
}

/*
 * One unit of work whose time is the latency of a dependent multiply, so that n units take n times as long whatever
 * surrounds them. Each caller gets its own copy of the loop.
 */
#define BURN(seed, n)                                                                              \
	({                                                                                         \
		uint64_t _x = (seed);                                                              \
		for (uint64_t _i = 0; _i < (n); _i++) {                                            \
			_x = _x * 6364136223846793005ULL + 1442695040888963407ULL;                 \
			__asm__ volatile("" : "+r"(_x));                                           \
		}                                                                                  \
		_x;                                                                                \
	})

#endif
