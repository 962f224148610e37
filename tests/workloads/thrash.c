/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory pressure without an end or a kill: a FILE of MIB (64) that is read again and again through a mapping, in a memory cgroup that holds less of it. Each
 * page that comes back puts another one out, which the kernel counts as time stalled for memory. The file is made in the cgroup, or its pages would be
 * charged to others; and it has no name any more when the reading begins.
 *   thrash FILE [MIB]
 */
#include <sys/mman.h>

#include "workload.h"

#define MIB (1024UL * 1024)

static void fill(int fd, size_t sz)
{
	static char block[MIB];

	for (size_t at = 0; at < sz; at += MIB) {
		memset(block, (int)(at / MIB), sizeof(block));
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			err(1, "write");
	}
	if (fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		err(1, "fsync");
}

NOINLINE uint64_t thrash_round(const volatile char *p, size_t sz)
{
	uint64_t sum = 0;

	for (size_t at = 0; at < sz; at += 4096)
		sum += (uint64_t)p[at];
	return sum;
}

int main(int argc, char **argv)
{
	size_t sz = (size_t)arg_number(argc, argv, 2, 64) * MIB;
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
	uint64_t sum = 0;
	char *p;

	if (fd < 0 || unlink(argv[1]))
		err(1, "make the file");
	fill(fd, sz);
	p = mmap(NULL, sz, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED || madvise(p, sz, MADV_RANDOM)) /* nothing is read ahead */
		err(1, "map it");
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("pid=%d\n", getpid());
	for (;;)
		sum += thrash_round(p, sz);
}
