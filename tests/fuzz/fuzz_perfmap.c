/* LAYER: formats */
/* SPDX-License-Identifier: BSD-2-Clause */
/* /tmp/perf-PID.map from an enemy. Entries that come out are ranges of user space with a name that a recording can hold. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/perfmap_entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	uint64_t bad;

	if (fd < 0)
		fd = memfd_create("perfmap", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		return 0;
	if (perfmap_each(fd, check_entry, NULL, &bad, NULL))
		abort();
	return 0;
}
