// SPDX-License-Identifier: BSD-2-Clause
#include "record/launch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

static void wait_end(struct launch *l)
{
	for (int i = 0; i < 6000 && !launch_poll(l); i++)
		poll(NULL, 0, 10);
}

TEST(the_command_runs_only_when_it_is_let_go)
{
	char path[] = "/tmp/varve-test-launch.XXXXXX", script[64];
	char *argv[] = { "/bin/sh", "-c", script, NULL };
	struct launch l;
	struct stat st;
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	close(fd);
	unlink(path);
	snprintf(script, sizeof(script), ": >%s; exit 42", path);
	CHECK_EQ(launch_start(&l, argv, NULL), 0);
	poll(NULL, 0, 50);
	CHECK(stat(path, &st) != 0);
	CHECK(!launch_poll(&l));
	CHECK_EQ(launch_release(&l, argv[0], NULL), 0);
	wait_end(&l);
	CHECK(l.ended);
	CHECK(WIFEXITED(l.status));
	CHECK_EQ(WEXITSTATUS(l.status), 42);
	CHECK_EQ(stat(path, &st), 0);
	unlink(path);
	launch_finish(&l);
}

TEST(a_command_that_cannot_be_run_tells_why)
{
	char *missing[] = { "/nonexistent/program", NULL }, *no_program[] = { "/etc/passwd", NULL };
	struct launch l;
	struct err err = { 0 };

	CHECK_EQ(launch_start(&l, missing, NULL), 0);
	CHECK_EQ(launch_release(&l, missing[0], &err), -ENOENT);
	CHECK_HAS(err.text, "/nonexistent/program");
	wait_end(&l);
	launch_finish(&l);
	CHECK_EQ(WEXITSTATUS(l.status), 127);
	CHECK_EQ(launch_start(&l, no_program, NULL), 0);
	CHECK_EQ(launch_release(&l, no_program[0], &err), -EACCES);
	wait_end(&l);
	launch_finish(&l);
	CHECK_EQ(WEXITSTATUS(l.status), 126);
}

TEST(one_that_is_never_let_go_ends_without_running)
{
	char *argv[] = { "/bin/sh", "-c", "kill -KILL $PPID", NULL };
	struct launch l;

	CHECK_EQ(launch_start(&l, argv, NULL), 0);
	launch_finish(&l);
	CHECK(l.ended);
}

TEST(finish_ends_one_that_still_runs)
{
	char *argv[] = { "/bin/sleep", "1000", NULL };
	struct launch l;

	CHECK_EQ(launch_start(&l, argv, NULL), 0);
	CHECK_EQ(launch_release(&l, argv[0], NULL), 0);
	launch_finish(&l);
	CHECK(l.ended);
	CHECK(WIFSIGNALED(l.status));
	CHECK_EQ(WTERMSIG(l.status), SIGTERM);
}

TEST_MAIN()
