// SPDX-License-Identifier: BSD-2-Clause
/* A stream whose reader takes nothing. (Files, and errors of each call: test_io_faults.c.) */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "formats/output.h"

#define MUCH (1 << 20) /* more than a pipe holds */

struct fixture {
	struct output out;
	int read_fd, stop_rd, stop_wr;
	char *data;
};

/* Standard output becomes a pipe just while it is opened. */
static void setup(struct fixture *f, int flags)
{
	int p[2], stop[2], old;

	signal(SIGPIPE, SIG_IGN);
	CHECK(!pipe2(p, O_CLOEXEC) && !pipe2(stop, O_CLOEXEC) && !fcntl(p[1], F_SETFL, flags));
	fflush(stdout);
	old = dup(STDOUT_FILENO);
	CHECK_EQ(dup2(p[1], STDOUT_FILENO), STDOUT_FILENO);
	int code = output_open(&f->out, "-", false, NULL);
	CHECK_EQ(dup2(old, STDOUT_FILENO), STDOUT_FILENO);
	close(old);
	close(p[1]);
	CHECK_EQ(code, 0);
	f->read_fd = p[0];
	f->stop_rd = stop[0];
	f->stop_wr = stop[1];
	f->out.grace_ms = 20;
	f->data = malloc(MUCH);
	CHECK(f->data);
	for (size_t i = 0; i < MUCH; i++)
		f->data[i] = (char)(i * 7 >> 3);
}

static void teardown(struct fixture *f)
{
	CHECK_EQ(output_close(&f->out, NULL), 0);
	close(f->read_fd);
	close(f->stop_rd);
	close(f->stop_wr);
	free(f->data);
}

/* Reads all there is, slowly first; exits with 0 where it is what was to be written. */
static pid_t start_reader(const struct fixture *f)
{
	pid_t pid = fork();
	size_t at = 0;
	char buf[5000];
	ssize_t n;

	if (pid)
		return pid;
	close(f->out.fd);
	usleep(50000);
	while ((n = read(f->read_fd, buf, sizeof(buf))) > 0 && !memcmp(buf, f->data + at, (size_t)n))
		at += (size_t)n;
	_exit(n || at != MUCH);
}

static void check_all_is_read(int flags, bool is_asked)
{
	struct fixture f;
	struct err err = { 0 };
	int status;
	pid_t pid;

	setup(&f, flags);
	f.out.grace_ms = 60000;
	output_stop_on(&f.out, f.stop_rd);
	if (is_asked)
		CHECK_EQ(write(f.stop_wr, "x", 1), 1);
	pid = start_reader(&f);
	close(f.read_fd);
	f.read_fd = -1;
	CHECK_EQ(output_write(&f.out, f.data, MUCH, false, &err), 0);
	CHECK_EQ(f.out.pos, MUCH);
	close(f.out.fd);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	f.out.fd = -1;
	free(f.out.path);
	teardown(&f);
}

TEST(output_waits_for_a_slow_reader_and_gives_it_every_byte)
{
	check_all_is_read(0, false);
	check_all_is_read(O_NONBLOCK, false);
	check_all_is_read(0, true); /* in time, also where it is to end */
}

static void check_stopped(struct fixture *f)
{
	struct err err = { 0 };

	CHECK_EQ(output_write(&f->out, f->data, MUCH, false, &err), -ETIMEDOUT);
	CHECK_HAS(err.text, "its reader takes nothing");
	CHECK_EQ(output_write(&f->out, f->data, 1, false, &err), -EPIPE); /* what follows half a piece is of no use */
	teardown(f);
}

TEST(output_that_is_to_end_does_not_wait_for_ever)
{
	struct fixture f;

	setup(&f, 0);
	output_stop_on(&f.out, f.stop_rd);
	CHECK_EQ(write(f.stop_wr, "x", 1), 1);
	check_stopped(&f);
	setup(&f, O_NONBLOCK);
	output_stop_on(&f.out, -1);
	check_stopped(&f);
}

/* It is asked to end while it waits: by a child, which does so when the pipe is full. */
TEST(output_is_told_to_end_while_it_waits)
{
	struct fixture f;
	pid_t pid;

	setup(&f, 0);
	output_stop_on(&f.out, f.stop_rd);
	pid = fork();
	if (!pid) {
		usleep(100000);
		_exit(write(f.stop_wr, "x", 1) != 1);
	}
	check_stopped(&f);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(output_tells_a_reader_that_went_away)
{
	struct fixture f;
	struct err err = { 0 };

	setup(&f, 0);
	close(f.read_fd);
	f.read_fd = -1;
	CHECK_EQ(output_write(&f.out, f.data, MUCH, false, &err), -EPIPE);
	teardown(&f);
}

TEST_MAIN()
