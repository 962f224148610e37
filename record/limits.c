// SPDX-License-Identifier: BSD-2-Clause
#include "record/limits.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILES_WANTED 8192 /* twice what modules.c holds at most, and then some */
#define FILES_BPF 96	  /* maps, programs, links, some extents of rows; -e all has 64 */
#define FILES_PER_CPU 4

int limits_raise_files(struct err *err)
{
	rlim_t need = FILES_BPF + FILES_PER_CPU * (rlim_t)sysconf(_SC_NPROCESSORS_CONF);
	struct rlimit lim, want;

	if (getrlimit(RLIMIT_NOFILE, &lim))
		return err_errno(err, "read the limit of open files");
	if (lim.rlim_cur >= FILES_WANTED)
		return 0;
	/* root may go past the hard limit, anybody up to it */
	want = (struct rlimit){ FILES_WANTED, lim.rlim_max > FILES_WANTED ? lim.rlim_max : FILES_WANTED };
	if (!setrlimit(RLIMIT_NOFILE, &want))
		return 0;
	want = (struct rlimit){ lim.rlim_max < FILES_WANTED ? lim.rlim_max : FILES_WANTED, lim.rlim_max };
	if (!setrlimit(RLIMIT_NOFILE, &want))
		lim = want;
	if (lim.rlim_cur >= need)
		return 0;
	err_set(err, -EMFILE, "only %llu files may be open at a time (EMFILE), recording needs %llu", (unsigned long long)lim.rlim_cur,
		(unsigned long long)need);
	err_hint(err, "ulimit -n %llu", (unsigned long long)FILES_WANTED);
	return -EMFILE;
}
