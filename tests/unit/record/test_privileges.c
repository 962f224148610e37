// SPDX-License-Identifier: BSD-2-Clause
#include "record/privileges.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/names_sandbox.h"
#include "tests/scratch.h"

#define CAP(c) (1ULL << (c))
#define ALL ((1ULL << (CAP_CHECKPOINT_RESTORE + 1)) - 1)

/* what README's setcap line names, and CAP_IPC_LOCK */
#define BASE                                                                                                      \
	(CAP(CAP_BPF) | CAP(CAP_PERFMON) | CAP(CAP_IPC_LOCK) | CAP(CAP_SYS_PTRACE) | CAP(CAP_CHECKPOINT_RESTORE) | \
	 CAP(CAP_DAC_READ_SEARCH) | CAP(CAP_SYSLOG))

/* ---- how much ---------------------------------------------------------------------------------------------------- */

TEST(privileges_of_a_whole_host_are_seven)
{
	const struct privileges_situation s = { .permitted = ALL, .perf_event_paranoid = 2, .is_others_directory = true };

	CHECK_EQ(privileges_needed(&s), BASE);
}

TEST(privileges_above_paranoid_2_hold_sys_admin)
{
	struct privileges_situation s = { .permitted = ALL, .perf_event_paranoid = 3 };

	CHECK_EQ(privileges_needed(&s), BASE | CAP(CAP_SYS_ADMIN));
	s.perf_event_paranoid = INT_MAX;
	CHECK_EQ(privileges_needed(&s), BASE | CAP(CAP_SYS_ADMIN));
}

TEST(privileges_that_sys_admin_stands_for_keep_it)
{
	static const int split[] = { CAP_BPF, CAP_PERFMON, CAP_CHECKPOINT_RESTORE };

	for (size_t i = 0; i < ARRAY_SIZE(split); i++) {
		const struct privileges_situation s = { .permitted = ALL & ~CAP(split[i]), .perf_event_paranoid = 1 };

		CHECK_EQ(privileges_needed(&s), (BASE & ~CAP(split[i])) | CAP(CAP_SYS_ADMIN));
	}
}

TEST(privileges_for_what_comes_later_are_kept_where_it_comes)
{
	struct privileges_situation s = { .permitted = ALL, .perf_event_paranoid = 2, .has_command = true };

	CHECK_EQ(privileges_needed(&s), BASE | CAP(CAP_KILL));
	s = (struct privileges_situation){ .permitted = ALL, .perf_event_paranoid = 2, .may_change_user = true };
	CHECK_EQ(privileges_needed(&s), BASE | CAP(CAP_KILL) | CAP(CAP_SETUID) | CAP(CAP_SETGID));
	s = (struct privileges_situation){ .permitted = ALL, .perf_event_paranoid = 2, .makes_files_later = true };
	CHECK_EQ(privileges_needed(&s), BASE);
	s.is_others_directory = true;
	CHECK_EQ(privileges_needed(&s), BASE | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FOWNER));
}

TEST(privileges_are_never_more_than_were_there)
{
	const struct privileges_situation s = {
		.permitted = CAP(CAP_BPF) | CAP(CAP_PERFMON), .perf_event_paranoid = 3, .has_command = true, .makes_files_later = true,
		.is_others_directory = true,
	};

	CHECK_EQ(privileges_needed(&s), CAP(CAP_BPF) | CAP(CAP_PERFMON));
}

TEST(privileges_know_whose_directory_it_is)
{
	char other[192];

	scratch_begin("privileges");
	CHECK(!privileges_is_others_directory(scratch_path("x.varve")));
	if (!geteuid()) {
		snprintf(other, sizeof(other), "%s", scratch_path("other"));
		CHECK_EQ(mkdir(other, 0777), 0);
		CHECK_EQ(chown(other, 1234, 1234), 0);
		CHECK(privileges_is_others_directory(scratch_path("other/x.varve")));
		CHECK(!privileges_is_others_directory(scratch_path("other"))); /* the name of a file in ours */
	}
	CHECK(privileges_is_others_directory(scratch_path("nowhere/x.varve")));
	scratch_end();
}

/* ---- giving up ------------------------------------------------------------------------------------------------------ */

#define NO_SECCOMP 99

/* Behind the fence, with `keep` of what there is; the status of wait(2). */
static int behind(uint64_t keep, int (*fn)(void))
{
	int status = -1, code;
	pid_t pid = fork();

	if (!pid) {
		code = privileges_fence(NULL);
		if (code)
			_exit(code == -EINVAL ? NO_SECCOMP : 98);
		if (privileges_keep(keep & privileges_permitted(), NULL))
			_exit(97);
		_exit(fn());
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_SECCOMP)
		SKIP("no seccomp here");
	return status;
}

static int run_true(void)
{
	execl("/bin/true", "true", NULL);
	return 1;
}

static int run_true_at(void)
{
	char *argv[] = { "true", NULL }, *envp[] = { NULL };

	return (int)syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, envp, 0);
}

static int talk(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int run_in_a_child(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(run_true());
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? 0 : 1;
}

/* The number that x32 has for a call that is refused. */
static int by_other_numbers(void)
{
	return (int)syscall(0x40000000 | SYS_socket, AF_INET, SOCK_STREAM, 0);
}

TEST(privileges_fence_ends_who_runs_programs_or_talks)
{
	int (*const fns[])(void) = { run_true, run_true_at, talk, by_other_numbers };

	for (size_t i = 0; i < ARRAY_SIZE(fns); i++) {
		int status = behind(0, fns[i]);

		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), SIGSYS);
	}
	CHECK_EQ(behind(0, run_in_a_child), 0);
}

/* A call that a tracer has skipped has the number -1. */
static int skipped_call(void)
{
	return syscall(-1) == -1 && errno == ENOSYS ? 0 : 1;
}

static int ordinary_calls(void)
{
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC), status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(names_sandbox_enter() ? 1 : 0);
	if (fd < 0 || waitpid(pid, &status, 0) != pid || status)
		return 1;
	return close(fd);
}

TEST(privileges_fence_leaves_the_rest_and_workers_still_have_their_sandbox)
{
	CHECK_EQ(behind(0, skipped_call), 0);
	CHECK_EQ(behind(0, ordinary_calls), 0);
}

static uint64_t status_value(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long value = ~0ULL;
	char line[256];
	size_t len = strlen(key);

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, len) && line[len] == ':')
			value = strtoull(line + len + 1, NULL, 16);
	if (f)
		fclose(f);
	return value;
}

static int has_what_was_kept_only(void)
{
	uint64_t want = CAP(CAP_SYSLOG) | CAP(CAP_KILL);

	if (status_value("CapEff") != want || status_value("CapPrm") != want || privileges_permitted() != want)
		return 1;
	if (status_value("CapInh") || status_value("CapAmb") || status_value("NoNewPrivs") != 1 || status_value("Seccomp") != 2)
		return 2;
	if (!privileges_keep(want | CAP(CAP_SYS_ADMIN), NULL)) /* what is gone is gone */
		return 3;
	return prctl(PR_GET_SECUREBITS) & 1 ? 0 : 4; /* SECBIT_NOROOT */
}

TEST(privileges_that_are_given_up_are_gone_and_the_others_there)
{
	if ((privileges_permitted() & ALL & ~CAP(CAP_SYS_RESOURCE)) < CAP(CAP_CHECKPOINT_RESTORE))
		SKIP("needs root");
	CHECK_EQ(behind(CAP(CAP_SYSLOG) | CAP(CAP_KILL), has_what_was_kept_only), 0);
}

TEST_MAIN()
