// SPDX-License-Identifier: BSD-2-Clause
#include "report/fence.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/import.h"
#include "tests/unit/report/synth_db.h"

/* What becomes of a child that does this behind the fence: its signal, or its exit status. */
static int behind(bool may_connect, int (*what)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(fence_enter(may_connect, NULL) ? 99 : what());
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_program(void)
{
	execl("/bin/true", "true", NULL);
	return 1;
}

static int talk(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int follow_parent(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) != 0;
}

static int read_and_fork(void)
{
	FILE *f = fopen("/proc/self/status", "re"), *tmp = tmpfile();
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(0);
	return !f || !tmp || waitpid(pid, &status, 0) != pid || status;
}

TEST(fence_ends_who_runs_programs_talks_or_meddles)
{
	CHECK_EQ(behind(false, run_program), SIGSYS);
	CHECK_EQ(behind(true, run_program), SIGSYS);
	CHECK_EQ(behind(false, talk), SIGSYS);
	CHECK_EQ(behind(true, talk), 0);
#ifndef __SANITIZE_ADDRESS__
	CHECK_EQ(behind(false, follow_parent), SIGSYS);
#else
	(void)follow_parent;
#endif
	CHECK_EQ(behind(false, read_and_fork), 0);
}

#ifndef __SANITIZE_ADDRESS__ /* which has no limit */
static size_t physical(void)
{
	return (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
}

/* Untouched, so nothing is used up by it. */
static int take_all(void)
{
	void *all = mmap(NULL, physical(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	void *half = mmap(NULL, physical() / 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return all != MAP_FAILED || half == MAP_FAILED;
}

static int is_still_small(void)
{
	struct rlimit l;

	return getrlimit(RLIMIT_DATA, &l) || l.rlim_cur != 64 << 20;
}

static int take_all_of_little(void)
{
	struct rlimit l = { 64 << 20, RLIM_INFINITY };

	return setrlimit(RLIMIT_DATA, &l) ? 1 : behind(false, is_still_small);
}

TEST(fence_leaves_memory_for_others_and_a_smaller_limit_as_it_is)
{
	CHECK_EQ(behind(false, take_all), 0);
	CHECK_EQ(behind(false, take_all_of_little), 0);
}

#define TASKS 1500000 /* more than 64 MiB of memory */

static const char *bomb;

static int import_in_little(void)
{
	const struct rlimit little = { 64 << 20, 64 << 20 };
	struct err err = { 0 };
	struct import *im;
	int rc;

	if (setrlimit(RLIMIT_DATA, &little))
		return 1;
	const struct import_options o = { .symbols = only_recorded };
	if (import_create(&o, &im, &err))
		return 2;
	rc = import_read(im, bomb, &err);
	import_destroy(im);
	return rc == -ENOMEM && strstr(err.text, "out of memory") ? 0 : 3;
}

TEST(import_that_wants_more_memory_than_there_may_be_says_so)
{
	struct stat st;
	struct synth s;

	synth_init(&s, 77);
	for (int i = 1; i <= TASKS; i++) {
		struct event ev = { .kind = EVENT_TASK, .ts = 1, .task = { .pid = (uint32_t)i, .tid = (uint32_t)i, .comm = "x" } };

		synth_add(&s, &ev);
	}
	synth_close(&s);
	bomb = s.path;
	CHECK(!stat(bomb, &st));
	printf("# %d tasks are %lld bytes of a file\n", TASKS, (long long)st.st_size);
	CHECK_EQ(behind(false, import_in_little), 0);
	synth_remove(&s);
}
#endif

TEST_MAIN()
