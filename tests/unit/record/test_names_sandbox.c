// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/names_sandbox.h"

#define COULD_NOT_ENTER 99

/* Runs fn in a child inside the sandbox; its result is the child's exit status. */
static int inside(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (names_sandbox_enter())
			_exit(COULD_NOT_ENTER);
		_exit(fn());
	}
	CHECK(pid > 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* 0: refused, as it should be. */
static int try_open(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static int try_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static int try_exec(void)
{
	execl("/bin/true", "true", NULL);
	return 0; /* here only when it was refused; otherwise the status is true's 0 as well */
}

static int try_exec_false(void)
{
	execl("/bin/false", "false", NULL);
	return 0;
}

static int try_kill(void)
{
	return !kill(getppid(), 0);
}

static int try_root(void)
{
	return !setuid(0) && !geteuid();
}

static int try_much_memory(void)
{
	return mmap(NULL, 4UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static int read_fd = -1;

static int try_pread(void)
{
	char c;

	return pread(read_fd, &c, 1, 0) == 1 && malloc(1 << 20) ? 0 : 1;
}

TEST(names_sandbox_leaves_reading_and_memory)
{
	read_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	CHECK(read_fd >= 0);
	CHECK_EQ(inside(try_pread), 0);
	close(read_fd);
}

TEST(names_sandbox_refuses_everything_else)
{
	CHECK_EQ(inside(try_open), 0);
	CHECK_EQ(inside(try_socket), 0);
	CHECK_EQ(inside(try_exec), 0);
	CHECK_EQ(inside(try_exec_false), 0);
	CHECK_EQ(inside(try_kill), 0);
	CHECK_EQ(inside(try_root), 0);
}

TEST(names_sandbox_bounds_memory)
{
#ifdef __SANITIZE_ADDRESS__
	SKIP("the sanitizer's own address space is larger");
#endif
	CHECK_EQ(inside(try_much_memory), 0);
}

/* What /proc says of a child that has entered and waits. */
TEST(names_sandbox_has_no_privileges_left)
{
	char path[64], text[4096];
	int go[2], status;
	FILE *f;
	pid_t pid;
	size_t n;

	CHECK_EQ(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		if (names_sandbox_enter() || write(go[1], "x", 1) != 1)
			_exit(1);
		for (;;) /* until we are killed: nothing that waits is allowed */
			;
	}
	CHECK_EQ(read(go[0], text, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	CHECK(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	close(go[0]);
	close(go[1]);
	CHECK_HAS(text, "CapEff:\t0000000000000000");
	CHECK_HAS(text, "CapPrm:\t0000000000000000");
	CHECK_HAS(text, "NoNewPrivs:\t1");
	CHECK_HAS(text, "Seccomp:\t2");
	if (!geteuid())
		CHECK_HAS(text, "Uid:\t65534\t65534\t65534\t65534");
}

TEST_MAIN()
