// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

/* Runs fn in a sandboxed child. Returns its wait status. */
static int in_sandbox(int (*fn)(int fd))
{
	int fd = memfd_create("test", MFD_CLOEXEC), status;
	pid_t pid;

	CHECK(fd >= 0);
	pid = fork();
	if (!pid) {
		fd = sym_sandbox_enter(fd);
		if (fd < 0)
			_exit(99);
		sym_sandbox_limit(256 << 20, 1);
		_exit(fn(fd));
	}
	CHECK(pid > 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	close(fd);
	return status;
}

/* Each returns the number of the first thing that was allowed and must not be (or refused and must
 * be). */
static int try_all(int fd)
{
	char *argv[] = {"true", NULL};

	if (open("/tmp/varve-must-not-exist", O_WRONLY | O_CREAT, 0600) >= 0 || errno != EPERM)
		return 1;
	if (open("/dev/null", O_RDWR) >= 0 || errno != EPERM)
		return 2;
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
		return 3;
	if (execv("/bin/true", argv) != -1 || errno != EPERM)
		return 4;
	if (fork() >= 0)
		return 5;
	if (kill(getppid(), 0) != -1)
		return 6;
	if (unlink("/tmp/varve-must-not-exist") != -1 || errno != EPERM)
		return 7;
	if (open("/proc/self/maps", O_RDONLY) < 0)
		return 8;
	if (write(fd, "x", 1) != 1)
		return 9;
	if (fcntl(10, F_GETFD) != -1)
		return 10;
	return 0;
}

TEST(sym_sandbox_allows_reading_and_the_result_only)
{
	int other = dup2(2, 10), status = in_sandbox(try_all);

	CHECK_EQ(other, 10);
	close(10);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
	CHECK(access("/tmp/varve-must-not-exist", F_OK));
}

static int burn(int fd)
{
	for (volatile unsigned long n = 0;; n++)
		;
	return 0;
}

TEST(sym_sandbox_ends_a_loop_by_its_cpu_limit)
{
	int status = in_sandbox(burn);

	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGXCPU);
}

static int hog(int fd)
{
	for (int i = 0; i < 64; i++) {
		volatile char *p = malloc(16 << 20);

		if (!p)
			return i > 8 ? 0 : 1;
		p[0] = 1;
	}
	return 2;
}

TEST(sym_sandbox_ends_growth_by_its_memory_limit)
{
#ifdef __SANITIZE_ADDRESS__
	SKIP("the sanitizer needs terabytes of address space");
#endif
	int status = in_sandbox(hog);

	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

TEST_MAIN()
