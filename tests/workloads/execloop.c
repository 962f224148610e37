/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One pid that becomes another program COUNT times: this one and execloop_b (the same source with its own function and
 * build-id) in turns. execloop only ever runs life_a(), execloop_b only life_b(): a sample of one in the other's image is
 * an address resolved by a mapping that was already gone.
 *   execloop COUNT LIFE_MS PATH_OF_THIS PATH_OF_THE_OTHER
 */
/* CFLAGS: -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer */
#include "workload.h"

#ifndef LIFE
#define LIFE life_a
#endif

NOINLINE uint64_t LIFE(double ms)
{
	uint64_t x = 1, end = now_ns() + (uint64_t)(ms * 1e6);

	while (now_ns() < end)
		x = BURN(x, 1000);
	return x;
}

int main(int argc, char **argv)
{
	char left[16];
	int count;

	if (argc < 5)
		errx(2, "usage: execloop COUNT LIFE_MS PATH_OF_THIS PATH_OF_THE_OTHER");
	count = atoi(argv[1]);
	(void)LIFE(strtod(argv[2], NULL));
	if (count <= 0) {
		printf("pid=%d\n", getpid());
		return 0;
	}
	snprintf(left, sizeof(left), "%d", count - 1);
	execl(argv[4], argv[4], left, argv[2], argv[4], argv[3], (char *)NULL);
	err(1, "exec '%s'", argv[4]);
}
