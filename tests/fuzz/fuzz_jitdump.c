/* LAYER: record */
/* SPDX-License-Identifier: BSD-2-Clause */
/* jit-PID.dump from an enemy, as it grows: read up to the middle, then to the end. Entries that come out are as those of a perf map. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record/jitdump.h"
#include "tests/fuzz/perfmap_entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	uint64_t at = 0, before;

	if (fd < 0)
		fd = memfd_create("jitdump", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		return 0;
	if (jitdump_each(fd, &at, size / 2, check_entry, NULL))
		abort();
	before = at;
	if (at != UINT64_MAX && jitdump_each(fd, &at, 0, check_entry, NULL))
		abort();
	if (at < before) /* it never goes back: an entry would be given twice */
		abort();
	return 0;
}
