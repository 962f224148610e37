// SPDX-License-Identifier: BSD-2-Clause
#include "record/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/cleanup.h"

#define GRACE_MS 2000

/* In the child: nothing but async-signal-safe calls. */
static void wait_and_exec(int go_fd, int result_fd, char **argv)
{
	char c;
	int code;
	ssize_t n;

	do
		n = read(go_fd, &c, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(125); /* the recorder gave up */
	execvp(argv[0], argv);
	code = errno;
	(void)!write(result_fd, &code, sizeof(code));
	_exit(code == ENOENT ? 127 : 126);
}

int launch_start(struct launch *l, char **argv, struct err *err)
{
	int go[2] = { -1, -1 }, result[2] = { -1, -1 };
	pid_t pid;

	*l = (struct launch){ .pid_fd = -1, .go_fd = -1, .result_fd = -1 };
	if (pipe2(go, O_CLOEXEC) || pipe2(result, O_CLOEXEC)) {
		int code = err_errno(err, "make a pipe for '%s'", argv[0]);

		cleanup_closep(&go[0]);
		cleanup_closep(&go[1]);
		return code;
	}
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		close(result[0]);
		wait_and_exec(go[0], result[1], argv);
	}
	close(go[0]);
	close(result[1]);
	if (pid < 0) {
		int code = err_errno(err, "start '%s'", argv[0]);

		close(go[1]);
		close(result[0]);
		return code;
	}
	l->pid = pid;
	l->go_fd = go[1];
	l->result_fd = result[0];
	l->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	return 0;
}

int launch_release(struct launch *l, const char *name, struct err *err)
{
	int code = 0;
	ssize_t n;

	if (write(l->go_fd, "g", 1) != 1)
		return err_errno(err, "let '%s' run", name);
	close(take_fd(&l->go_fd));
	do
		n = read(l->result_fd, &code, sizeof(code));
	while (n < 0 && errno == EINTR);
	close(take_fd(&l->result_fd));
	if (n == sizeof(code))
		return err_code(err, -code, "run '%s'", name);
	return 0;
}

bool launch_poll(struct launch *l)
{
	if (l->pid && !l->ended && waitpid(l->pid, &l->status, WNOHANG) == l->pid)
		l->ended = true;
	return l->ended;
}

void launch_wait(struct launch *l, int signal_fd)
{
	struct signalfd_siginfo si = { 0 };

	while (l->pid && !launch_poll(l)) {
		struct pollfd p[] = { { .fd = l->pid_fd, .events = POLLIN }, { .fd = signal_fd, .events = POLLIN } };

		(void)poll(p, ARRAY_SIZE(p), 1000);
		/* Ctrl-C reaches the command from the terminal */
		if (read(signal_fd, &si, sizeof(si)) == sizeof(si) && si.ssi_signo != SIGINT)
			return;
	}
}

void launch_finish(struct launch *l)
{
	if (!l->pid)
		return;
	cleanup_closep(&l->go_fd); /* one still held ends by itself */
	l->go_fd = -1;
	cleanup_closep(&l->result_fd);
	l->result_fd = -1;
	if (!launch_poll(l)) {
		kill(l->pid, SIGTERM);
		for (int i = 0; i < GRACE_MS / 10 && !launch_poll(l); i++)
			(void)poll(NULL, 0, 10);
	}
	if (!l->ended) {
		kill(l->pid, SIGKILL);
		if (waitpid(l->pid, &l->status, 0) == l->pid)
			l->ended = true;
	}
	cleanup_closep(&l->pid_fd);
	l->pid_fd = -1;
}
