// SPDX-License-Identifier: BSD-2-Clause
#include "record/perfmap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "formats/cleanup.h"

#define START_SLACK_NS 1000000000ULL

static int check_stat(int fd, uint32_t uid, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_errno(err, "stat of a perf map");
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EPERM, "perf map: not a regular file");
	if (st.st_nlink != 1)
		return err_set(err, -EPERM, "perf map: has %lu names", (unsigned long)st.st_nlink);
	if (st.st_uid != uid && st.st_uid != 0)
		return err_set(err, -EPERM, "perf map: owned by %u, neither %u nor root", st.st_uid, uid);
	if (st.st_mode & S_IWOTH)
		return err_set(err, -EPERM, "perf map: writable by everybody");
	if ((uint64_t)st.st_size > PERFMAP_SIZE_MAX)
		return err_set(err, -EFBIG, "perf map: %lld bytes", (long long)st.st_size);
	return 0;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Starts are known to 10 ms at worst; a clock that was set meanwhile must not cost a good map its names, so this errs on its side. */
static int check_age(int fd, uint64_t start_ts, struct err *err)
{
	uint64_t booted_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME), written_ns;
	struct stat st;

	if (!start_ts)
		return 0;
	if (fstat(fd, &st))
		return err_errno(err, "stat of a perf map");
	written_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
	if (written_ns + START_SLACK_NS < booted_ns + start_ts)
		return err_set(err, -ESTALE, "perf map: older than the process");
	return 0;
}

int perfmap_open(int root_fd, uint32_t ns_pid, uint32_t uid, uint64_t start_ts, struct err *err)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int fd = -1;
	char name[48];
	int r;

	snprintf(name, sizeof(name), "tmp/perf-%" PRIu32 ".map", ns_pid);
	fd = (int)syscall(SYS_openat2, root_fd, name, &how, sizeof(how));
	if (fd < 0)
		return err_errno(err, "open '%s'", name);
	r = check_stat(fd, uid, err) ?: check_age(fd, start_ts, err);
	return r ? r : take_fd(&fd);
}
