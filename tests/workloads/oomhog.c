/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grows until the kernel kills it. It is meant to be started inside a memory cgroup (tests/lib.sh, in_memory_cgroup):
 * it maps SHMEM_MIB of shared memory, touches anonymous memory up to PAUSE_MIB, rests there for PAUSE_MS (long enough for a
 * snapshot of the largest tasks), and then grows a page at a time in hog_grow().
 *   oomhog [PAUSE_MIB [PAUSE_MS [SHMEM_MIB]]]
 * Lines come out unbuffered, as there is no end.
 */
/* CFLAGS: -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-optimize-sibling-calls */
#include <sys/mman.h>

#include "workload.h"

#define MIB (1024UL * 1024)
#define CAP_MIB 2048UL /* no limit around it: give up instead of eating the machine */

static char *map(size_t sz, int flags)
{
	char *p = mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap of %zu bytes", sz);
	return p;
}

NOINLINE void hog_touch(char *p, size_t sz)
{
	for (size_t i = 0; i < sz; i += 4096)
		((volatile char *)p)[i] = 1;
}

NOINLINE void hog_grow(char *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i += MIB)
		hog_touch(p + i, MIB);
}

int main(int argc, char **argv)
{
	size_t pause_sz = (size_t)arg_number(argc, argv, 1, 32) * MIB;
	double pause_ms = arg_number(argc, argv, 2, 10);
	size_t shmem_sz = (size_t)arg_number(argc, argv, 3, 4) * MIB;
	char *anon, *shmem;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("pid=%d\nshmem_kb=%zu\n", getpid(), shmem_sz / 1024);
	shmem = map(shmem_sz, MAP_SHARED);
	hog_touch(shmem, shmem_sz);
	anon = map(CAP_MIB * MIB, MAP_PRIVATE | MAP_NORESERVE);
	/* Huge pages would make the limit come in steps of 2 MiB. */
	(void)madvise(anon, CAP_MIB * MIB, MADV_NOHUGEPAGE);
	hog_touch(anon, pause_sz);
	printf("paused_ns=%" PRIu64 "\n", now_ns());
	sleep_ns((uint64_t)(pause_ms * 1e6));
	printf("grow_ns=%" PRIu64 "\n", now_ns());
	hog_grow(anon, pause_sz, CAP_MIB * MIB);
	errx(3, "still alive after %lu MiB: no memory limit here", CAP_MIB);
}
