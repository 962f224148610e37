// SPDX-License-Identifier: BSD-2-Clause
#include "formats/elf_source.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

ssize_t elf_source_read(const struct elf_source *s, void *buf, size_t len, uint64_t off)
{
	ssize_t n;

	if (s->fd < 0) {
		if (off > s->len)
			return 0;
		if (len > s->len - off)
			len = s->len - (size_t)off;
		memcpy(buf, s->data + off, len);
		return (ssize_t)len;
	}
	if (off > INT64_MAX)
		return 0;
	do
		n = pread(s->fd, buf, len, (off_t)off);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}
