// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/targets.h"

TEST(a_process_has_ended_when_it_waits_to_be_asked_for_and_when_it_is_gone)
{
	siginfo_t info;
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	CHECK(!targets_has_ended((uint32_t)getpid()));
	CHECK(!targets_has_ended((uint32_t)pid));
	kill(pid, SIGKILL);
	CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0); /* it is still a zombie */
	CHECK(targets_has_ended((uint32_t)pid));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK(targets_has_ended((uint32_t)pid));
}

/* The descriptor itself: whose stack it lay on has ended. */
static void *tell_and_stay(void *fd)
{
	if (write((int)(intptr_t)fd, "", 1) != 1)
		_exit(1);
	pause();
	return NULL;
}

TEST(a_process_whose_first_thread_has_ended_has_not)
{
	int fds[2];
	char c;
	pid_t pid;

	CHECK_EQ(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		pthread_t t;

		if (pthread_create(&t, NULL, tell_and_stay, (void *)(intptr_t)fds[1]))
			_exit(1);
		pthread_exit(NULL);
	}
	close(fds[1]); /* a child that is gone is an end of file */
	CHECK_EQ(read(fds[0], &c, 1), 1);
	for (int i = 0; i < 100; i++, usleep(1000)) /* during which the first thread ends, for all that is known */
		CHECK(!targets_has_ended((uint32_t)pid));
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK(targets_has_ended((uint32_t)pid));
	close(fds[0]);
}

TEST_MAIN()
