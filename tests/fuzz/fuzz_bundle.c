/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bundle from an enemy. The list of members is within its bounds, each is found by its key, and what is unpacked has the size the
 * list says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define UNPACK_MAX (64u << 20) /* larger ones cost more time than they show */

static void check_member(const struct bundle *b, const struct bundle_member *m, size_t size)
{
	char name[BUNDLE_NAME_SZ];
	volatile uint8_t last;
	void *raw;

	bundle_key_name(&m->key, name);
	if (m->off > size || m->stored_sz > size - m->off || m->raw_sz > BUNDLE_RAW_MAX || !m->path || !*name)
		abort();
	if (!bundle_find(b, &m->key))
		abort();
	if (!m->raw_sz || m->raw_sz > UNPACK_MAX || bundle_unpack(b, m, &raw, NULL))
		return;
	last = ((const uint8_t *)raw)[m->raw_sz - 1]; /* that it is there */
	(void)last;
	munmap(raw, m->raw_sz);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct bundle *b;
	char path[64];

	if (fd < 0)
		fd = memfd_create("bundle", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)bundle_is(path);
	if (bundle_open(path, &b, NULL))
		return 0;
	if (bundle_count(b) > BUNDLE_MEMBER_MAX)
		abort();
	for (uint32_t i = 0; i < bundle_count(b); i++)
		check_member(b, bundle_at(b, i), size);
	bundle_close(b);
	return 0;
}
