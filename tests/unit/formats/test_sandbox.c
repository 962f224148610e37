// SPDX-License-Identifier: BSD-2-Clause
#include "formats/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "tests/test.h"

/* the last three are the address sanitizer's, when it says goodbye */
static const int some[] = { SYS_exit_group, SYS_close, SYS_write, SYS_sigaltstack, SYS_mmap, SYS_munmap };

/* The exit status of what runs in a sandbox of its own. */
static int run(bool may_open, int (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		int r = sandbox_allow(some, ARRAY_SIZE(some), may_open);

		_exit(r ? 99 : fn());
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	if (WEXITSTATUS(status) == 99)
		SKIP("no seccomp here");
	return WEXITSTATUS(status);
}

static int forbidden(void)
{
	return syscall(SYS_getppid) == -1 && errno == EPERM ? 0 : 1;
}

static int allowed(void)
{
	return syscall(SYS_write, -1, "", 1) == -1 && errno == EBADF ? 0 : 1;
}

static long open_with(int flags)
{
	return syscall(SYS_openat, AT_FDCWD, "/dev/null", flags, 0600) < 0 ? errno : 0;
}

static int opens_for_reading_only(void)
{
	static const int writing[] = { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_RDONLY | O_APPEND, O_WRONLY | O_CLOEXEC };

	for (size_t i = 0; i < ARRAY_SIZE(writing); i++)
		if (open_with(writing[i]) != EPERM)
			return 1;
	return open_with(O_RDONLY | O_CLOEXEC) ? 2 : 0;
}

static int opens_nothing(void)
{
	return open_with(O_RDONLY) == EPERM ? 0 : 1;
}

TEST(sandbox_refuses_what_is_not_allowed)
{
	CHECK_EQ(run(false, forbidden), 0);
	CHECK_EQ(run(true, forbidden), 0);
	CHECK_EQ(run(false, allowed), 0);
}

TEST(sandbox_opens_for_reading_only_and_only_when_it_may)
{
	CHECK_EQ(run(true, opens_for_reading_only), 0);
	CHECK_EQ(run(false, opens_nothing), 0);
}

TEST(sandbox_with_too_many_calls_is_refused)
{
	static const int many[SANDBOX_CALLS_MAX + 1];

	CHECK_EQ(sandbox_allow(many, ARRAY_SIZE(many), false), -E2BIG);
}

TEST(sandbox_knows_what_is_mapped)
{
	uint64_t before = sandbox_mapped_bytes();
	void *p = mmap(NULL, 64 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(before > 0 && p != MAP_FAILED);
	CHECK(sandbox_mapped_bytes() >= before + (64 << 20));
	munmap(p, 64 << 20);
}

TEST_MAIN()
