/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The corpus of stacks: each mode of each program brings itself into one construct and stays there, spinning or, with
 * BLOCK in the environment, sleeping. It names itself after its mode and prints the chain it knows to be true, root first:
 *	chain NAME a;b;c      a frame is a function's name; "~x" one that contains x; "*" any one frame; "**" any number
 */
#ifndef VARVE_ST_H
#define VARVE_ST_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define N __attribute__((noinline, noclone))
#define STAY() __asm__ volatile("" ::: "memory") /* behind a call: it is no tail call */

extern volatile uint64_t st_work;
extern int st_is_blocked;
extern double st_seconds;

#ifdef __cplusplus
extern "C" {
#endif
uint64_t st_now(void);
void leaf(void); /* until the time is over */
void leaf_once(void); /* some 100 us of it */
int st_done(void);
void st_begin(const char *name, const char *chain);
void st_init(int argc, char **argv);
#ifdef __cplusplus
}
#endif

#ifdef ST_MAIN
volatile uint64_t st_work;
int st_is_blocked;
double st_seconds = 1;
static uint64_t st_end;

uint64_t st_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Spinning ends after that much of our own CPU time, so that a busy machine changes nothing. */
int st_done(void)
{
	struct timespec t;

	if (st_is_blocked)
		return st_now() >= st_end;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec >= st_end;
}

N void leaf_once(void)
{
	struct timespec t = { 0, 2000000 };

	if (st_is_blocked)
		nanosleep(&t, NULL);
	else
		for (int i = 0; i < 50000; i++)
			st_work += i;
	STAY();
}

N void leaf(void)
{
	struct timespec t = { 0, 2000000 };

	while (!st_done()) {
		if (st_is_blocked) {
			nanosleep(&t, NULL);
			continue;
		}
		for (int i = 0; i < 100000; i++)
			st_work += i;
	}
	STAY();
}

void st_begin(const char *name, const char *chain)
{
	char comm[16];

	snprintf(comm, sizeof(comm), "st-%s", name);
	prctl(PR_SET_NAME, comm);
	printf("chain %s %s\n", name, chain);
	fflush(stdout);
	st_end = (st_is_blocked ? st_now() : 0) + st_seconds * 1e9;
}

void st_init(int argc, char **argv)
{
	if (argc < 2)
		exit(2);
	if (getenv("ST_SECONDS"))
		st_seconds = atof(getenv("ST_SECONDS"));
	st_is_blocked = getenv("BLOCK") != NULL;
}
#endif

#endif
