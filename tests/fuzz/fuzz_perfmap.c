/* LAYER: formats */
/* SPDX-License-Identifier: BSD-2-Clause */
/* /tmp/perf-PID.map from an enemy. Entries that come out are ranges of user space with a name that a recording can hold. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/perfmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check_entry(void *ctx, const struct perfmap_entry *e)
{
	if (!e->size || e->start + e->size < e->start || e->start >> 56)
		abort();
	if (!*e->name || strlen(e->name) >= PERFMAP_NAME_MAX)
		abort();
	for (const char *p = e->name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			abort();
	return 0;
}

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
