/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Children that end in every way a process can: by exit code and by signal. Prints each with its wait(2) status.
 *   exits
 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "workload.h"

struct ending {
	const char *name; /* the child's comm */
	int code, signal;
};

static const struct ending endings[] = {
	{ "exit-0", 0, 0 },	{ "exit-1", 1, 0 },	    { "exit-42", 42, 0 },      { "exit-255", 255, 0 },
	{ "sig-kill", 0, SIGKILL }, { "sig-term", 0, SIGTERM }, { "sig-segv", 0, SIGSEGV }, { "sig-abrt", 0, SIGABRT },
};

static void child_end(const struct ending *e)
{
	struct rlimit no_core = { 0, 0 };

	setrlimit(RLIMIT_CORE, &no_core);
	set_name(e->name);
	sleep_ns(2000000);
	if (e->signal) {
		signal(e->signal, SIG_DFL);
		kill(getpid(), e->signal);
	}
	_exit(e->code);
}

int main(void)
{
	printf("pid=%d\n", getpid());
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		int status;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0)
			child_end(&endings[i]);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			err(1, "fork or wait");
		printf("child comm=%s pid=%d code=%d signal=%d\n", endings[i].name, pid, WIFEXITED(status) ? WEXITSTATUS(status) : 0,
		       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	}
	return 0;
}
