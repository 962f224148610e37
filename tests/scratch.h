/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory of a test's own, with small files in it: scratch_begin(), scratch_put(), scratch_end(). */
#ifndef VARVE_SCRATCH_H
#define VARVE_SCRATCH_H

#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

static char scratch_dir[64];

static __attribute__((unused)) void scratch_begin(const char *name)
{
	snprintf(scratch_dir, sizeof(scratch_dir), "/tmp/varve-%s-XXXXXX", name);
	CHECK(mkdtemp(scratch_dir));
}

static __attribute__((unused)) void scratch_end(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", scratch_dir);
	CHECK_EQ(system(cmd), 0);
}

/* The path of a file in it, valid until the next call. */
static __attribute__((unused)) const char *scratch_path(const char *name)
{
	static char path[192];

	CHECK((size_t)snprintf(path, sizeof(path), "%s/%s", scratch_dir, name) < sizeof(path));
	return path;
}

/* A file with this text, and the directories to it. */
static __attribute__((unused)) void scratch_put(const char *name, const char *text)
{
	char *path = strdup(scratch_path(name));
	FILE *f;

	for (char *p = path + strlen(scratch_dir) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		(void)mkdir(path, 0700); /* it may be there; if it cannot be, nor can the file */
	}
	f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
	free(path);
}

#endif
