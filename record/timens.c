// SPDX-License-Identifier: BSD-2-Clause
#include "record/timens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/cleanup.h"
#include "record/procfile.h"

#define NS 1000000000LL

int64_t timens_parse(const char *text)
{
	long long sec, nsec, ns;

	if (sscanf(text, " monotonic %lld %lld", &sec, &nsec) != 2)
		return 0;
	return __builtin_mul_overflow(sec, NS, &ns) || __builtin_add_overflow(ns, nsec, &ns) ? 0 : ns;
}

/* The file tells of the namespace that children will be in: ours, but for who has left it for them. */
static bool is_ours(void)
{
	struct stat own, childrens;

	return !stat("/proc/self/ns/time", &own) && !stat("/proc/self/ns/time_for_children", &childrens) && own.st_ino == childrens.st_ino;
}

int timens_check(struct err *err)
{
	_cleanup_free_ char *text = NULL;
	int64_t ns;

	if (!is_ours() || procfile_read(AT_FDCWD, "/proc/self/timens_offsets", 4096, &text) < 0)
		return 0;
	ns = timens_parse(text);
	if (!ns)
		return 0;
	err_set(err, -ENOTSUP, "the recorder is in a time namespace: its clock is %+.3f s from the kernel's, which events have", (double)ns / 1e9);
	err_hint(err, "start it outside: nsenter --time --target 1 varve-record ... (a target may be in one)");
	return -ENOTSUP;
}
