// SPDX-License-Identifier: BSD-2-Clause
#include "record/cmdline.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/redact.h"

_Static_assert(CMDLINE_SZ - 1 <= REDACT_ARGUMENTS_MAX, "all of it is looked through");

void cmdline_make(const char *args, size_t len, const struct cmdline_how *how, char *ret, size_t sz)
{
	bool is_cut = len == CMDLINE_SZ - 1;
	size_t at;

	if (how->keep == CMDLINE_FIRST) {
		size_t first = strnlen(args, len);

		is_cut = is_cut && first == len;
		len = first;
	}
	while (is_cut && len && args[len - 1])
		len--;
	while (len && !args[len - 1]) /* titles are padded */
		len--;
	redact_arguments(how->redact, args, len, ret, sz);
	at = strlen(ret);
	if (is_cut)
		snprintf(ret + at, sz - at, "%s[cut]", at ? " " : "");
}

void cmdline_read(uint32_t pid, const struct cmdline_how *how, char *ret, size_t sz)
{
	char path[40], args[CMDLINE_SZ - 1];
	_cleanup_close_ int fd = -1;
	ssize_t n = 0;

	*ret = '\0';
	if (how->keep == CMDLINE_NONE)
		return;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, args, sizeof(args));
	if (n > 0)
		cmdline_make(args, (size_t)n, how, ret, sz);
}
