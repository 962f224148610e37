// SPDX-License-Identifier: BSD-2-Clause
#include "report/fence.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "formats/sandbox.h"

/* What files are mapped, and what is shared, does not count. */
static int limit_memory(struct err *err)
{
#ifndef __SANITIZE_ADDRESS__ /* its shadow alone is terabytes */
	rlim_t most = (rlim_t)sysconf(_SC_PHYS_PAGES) / 4 * 3 * (rlim_t)sysconf(_SC_PAGESIZE);
	struct rlimit l;

	if (getrlimit(RLIMIT_DATA, &l))
		return err_errno(err, "ask for the limit of memory");
	if (l.rlim_cur <= most) /* infinity is the largest of all */
		return 0;
	l.rlim_cur = most;
	if (setrlimit(RLIMIT_DATA, &l))
		return err_errno(err, "limit memory");
#endif
	return 0;
}

int fence_enter(bool may_connect, struct err *err)
{
	int code = limit_memory(err), fence;

	if (code)
		return code;
	fence = sandbox_fence(may_connect);
	if (fence && fence != -EINVAL && fence != -ENOTSUP)
		return err_code(err, fence, "refuse system calls that a report has no use for");
	return 0;
}
