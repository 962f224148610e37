// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every call that writing makes of the kernel fails once, or from there on, in every way a disk has: of one file, of segments, of a recording in
 * memory with a snapshot. And disks of every size in steps of a block. The calls of libc are this file's own, counted together.
 */
#include "formats/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "formats/output.h"
#include "tests/scratch.h"
#include "tests/unit/formats/random_events.h"

/* ---- the calls --------------------------------------------------------------------------------------------------- */

enum how { CLEANLY, HALF, TORN }; /* an error; half is written and no error; half is written and an error the next time */

static struct {
	int at; /* the call that fails, from 1; 0: none */
	bool for_good, is_torn;
	enum how how;
	int error;
	int calls;
	uint64_t disk_sz; /* 0: without end */
} fault;

static bool strikes(void)
{
	fault.calls++;
	return fault.at && (fault.calls == fault.at || (fault.for_good && fault.calls > fault.at));
}

/* How many of n bytes are written before the error, which comes with the next call. */
static ssize_t part_of(size_t n)
{
	if (fault.how == CLEANLY || n < 2 || fault.is_torn)
		return 0;
	if (fault.how == TORN) {
		fault.is_torn = true;
		fault.at++;
	}
	return (ssize_t)n / 2;
}

static int fail(void)
{
	errno = fault.error;
	return -1;
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t off)
{
	bool is_struck = strikes();
	ssize_t part = is_struck ? part_of(n) : 0;

	if (is_struck && !part && fault.how != HALF)
		return fail();
	n = part ? (size_t)part : n;
	if (fault.disk_sz && (uint64_t)off + n > fault.disk_sz) {
		if ((uint64_t)off >= fault.disk_sz) {
			errno = ENOSPC;
			return -1;
		}
		n = fault.disk_sz - (uint64_t)off;
	}
	return syscall(SYS_pwrite64, fd, buf, n, off);
}

/* A call that has no half. */
static bool is_refused(void)
{
	return strikes() && fault.how != HALF;
}

int fallocate(int fd, int mode, off_t off, off_t len)
{
	if (is_refused())
		return fail();
	if (fault.disk_sz && (uint64_t)(off + len) > fault.disk_sz) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_fallocate, fd, mode, off, len);
}

int ftruncate(int fd, off_t len)
{
	return is_refused() ? fail() : (int)syscall(SYS_ftruncate, fd, len);
}

int fdatasync(int fd)
{
	return is_refused() ? fail() : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	return is_refused() ? fail() : 0; /* it takes long, and there is no power to lose here */
}

int openat(int dir_fd, const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	if (flags & O_CREAT && is_refused())
		return fail();
	return (int)syscall(SYS_openat, dir_fd, path, flags, mode);
}

/* Linux closes all the same. */
int close(int fd)
{
	bool is_struck = is_refused();
	int ret = (int)syscall(SYS_close, fd);

	return is_struck ? fail() : ret;
}

/* ---- recordings ---------------------------------------------------------------------------------------------------- */

enum shape { ONE_FILE, SEGMENTS, IN_MEMORY, SHAPES };

#define PARTS 3
#define PER_PART 4
#define MARKS (PARTS * PER_PART)

struct outcome {
	int open_code;
	int failed; /* calls of ours that said so */
	uint64_t written, dropped;
};

static int mark(struct recording_writer *w, int i)
{
	const struct event ev = { .kind = EVENT_MARK, .ts = 1000 + (uint64_t)i, .mark.text = "a mark of some length, so that a chunk is not all header" };

	return recording_writer_add(w, &ev, NULL);
}

static int next_part(struct recording_writer *w, enum shape shape, uint64_t ts)
{
	struct output out;
	int code;

	if (shape == ONE_FILE)
		return recording_writer_tick(w, ts + 10000000000ULL, NULL); /* which syncs */
	code = recording_writer_next_segment(w, 1, ts, NULL);
	if (shape != IN_MEMORY || code)
		return code;
	code = recording_writer_open_snapshot(w, ts, &out, NULL);
	return code ?: recording_writer_write_snapshot(w, &out, NULL) ?: recording_writer_end_snapshot(w, 1, ts);
}

static struct outcome record(enum shape shape)
{
	const struct recording_writer_options o = {
		.uuid = { 7 }, .force = true, .sync_ns = UNKNOWN_U64, .is_segmented = shape != ONE_FILE, .flight.bytes = shape == IN_MEMORY ? 64 << 20 : 0,
	};
	const struct event end = { .kind = EVENT_END, .ts = 9999, .end.reason = END_USER };
	char path[192];
	struct recording_writer *w = NULL;
	struct outcome out = { 0 };

	snprintf(path, sizeof(path), "%s", scratch_path("r.varve"));
	out.open_code = recording_writer_open(path, &o, &w, NULL);
	if (out.open_code)
		return out;
	for (int i = 0; i < MARKS; i++) {
		out.failed += !!mark(w, i);
		if (i % 2)
			out.failed += !!recording_writer_flush(w, NULL);
		if (i % PER_PART == PER_PART - 1 && i + 1 < MARKS)
			out.failed += !!next_part(w, shape, 2000 + (uint64_t)i);
	}
	(void)recording_writer_add(w, &end, NULL);
	out.failed += !!recording_writer_flush(w, NULL);
	out.written = recording_writer_stats(w)->written[EVENT_MARK];
	out.dropped = recording_writer_stats(w)->dropped[EVENT_MARK];
	out.failed += !!recording_writer_close(w, NULL);
	return out;
}

struct found {
	int files, unreadable;
	uint64_t marks, damage;
	bool has_end;
};

static void read_one(const char *path, struct found *f)
{
	struct recording_reader *r = NULL;
	struct event ev;

	if (access(path, F_OK))
		return;
	f->files++;
	if (recording_reader_open(path, &r, NULL)) {
		f->unreadable++;
		return;
	}
	while (recording_reader_next(r, &ev, NULL) == 1) {
		f->marks += ev.kind == EVENT_MARK;
		f->has_end |= ev.kind == EVENT_END;
	}
	f->damage += recording_reader_summary(r)->damage_cnt;
	recording_reader_close(r);
	unlink(path);
}

static struct found read_all(enum shape shape)
{
	struct found f = { 0 };
	char name[64];

	if (shape == ONE_FILE)
		read_one(scratch_path("r.varve"), &f);
	for (int i = 1; shape != ONE_FILE && i <= PARTS + 1; i++) {
		snprintf(name, sizeof(name), "r.%06d.varve", i);
		read_one(scratch_path(name), &f);
	}
	return f;
}

/* What holds whatever failed. */
static void check(enum shape shape, const struct outcome *o, const struct found *f)
{
	bool is_harmless = fault.how == HALF || (fault.error == EINTR && fault.how == CLEANLY && !fault.for_good);

	CHECK(!o->open_code || !f->files); /* what never began leaves nothing */
	if (o->open_code)
		return;
	CHECK_EQ(o->written + o->dropped, MARKS);
	CHECK(!o->dropped || o->failed); /* no loss without a word */
	if (shape != IN_MEMORY)
		CHECK_EQ(f->marks, o->written);
	/* a torn piece can be taken back, unless nothing works any more; then the reader says so */
	CHECK(!f->damage || (fault.how == TORN && fault.for_good));
	CHECK(!f->unreadable || (shape == IN_MEMORY && o->failed)); /* a snapshot's file is made before its bytes are written */
	if (is_harmless) {
		CHECK_EQ(o->failed, 0);
		CHECK_EQ(o->dropped, 0);
		CHECK(f->has_end);
	}
	if (shape == IN_MEMORY && !o->failed)
		CHECK(f->marks >= MARKS);
}

static void each_call(enum shape shape, enum how how, int error, bool for_good)
{
	for (int n = 1;; n += TEST_STEP) {
		struct outcome o;
		struct found f;
		int calls;

		memset(&fault, 0, sizeof(fault));
		fault.at = n;
		fault.how = how;
		fault.error = error;
		fault.for_good = for_good;
		o = record(shape);
		calls = fault.calls;
		fault.at = 0; /* what follows is ours */
		f = read_all(shape);
		if (calls < n) {
			CHECK(n > 10 && !o.failed && f.has_end);
			return;
		}
		check(shape, &o, &f);
	}
}

static const int errors[] = { EIO, EINTR, EAGAIN, ENOSPC, EDQUOT, EFBIG };

static void every_way(bool for_good)
{
	scratch_begin("io-faults");
	for (int shape = 0; shape < SHAPES; shape++) {
		for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
			if (errors[i] == EINTR && for_good)
				continue; /* which is to be tried again, for good */
			each_call(shape, CLEANLY, errors[i], for_good);
			each_call(shape, TORN, errors[i], for_good);
		}
		if (!for_good)
			each_call(shape, HALF, 0, false);
	}
	scratch_end();
}

TEST(each_call_that_fails_once_costs_a_chunk_at_most_and_is_told)
{
	every_way(false);
}

TEST(each_call_that_fails_from_there_on_leaves_what_was_written)
{
	every_way(true);
}

/* ---- a disk that is full at any block --------------------------------------------------------------------------------- */

#define BLOCK 4096
#define BLOCKS 512

/* About 2 MiB, in chunks of 3 to 12 KiB that do not compress. */
static int fill_disk(struct recording_writer *w)
{
	uint64_t state = 5;
	char text[3001];
	int code = 0;

	for (int i = 0; i < 700 && !code; i++) {
		const struct event ev = { .kind = EVENT_MARK, .ts = 1000 + (uint64_t)i, .mark.text = text };

		for (size_t k = 0; k < sizeof(text) - 1; k++)
			text[k] = (char)(1 + random_next(&state) % 255);
		text[sizeof(text) - 1] = '\0';
		code = recording_writer_add(w, &ev, NULL);
		if (!code && random_next(&state) % 3 == 0)
			code = recording_writer_flush(w, NULL);
	}
	return code;
}

TEST(a_disk_that_is_full_at_any_block_has_whole_chunks_and_the_end)
{
	static const struct recording_writer_options o = { .uuid = { 7 }, .force = true, .level = 1 };
	const struct event end = { .kind = EVENT_END, .ts = 9999, .end.reason = END_ENOSPC };
	int tried = 0, began = 0, ended = 0;
	char path[192];

	scratch_begin("io-full");
	snprintf(path, sizeof(path), "%s", scratch_path("r.varve"));
	for (uint64_t blocks = 1; blocks <= BLOCKS; blocks += TEST_STEP) {
		struct recording_writer *w = NULL;
		struct found f = { 0 };

		tried++;
		memset(&fault, 0, sizeof(fault));
		fault.disk_sz = blocks * BLOCK;
		if (recording_writer_open(path, &o, &w, NULL)) {
			CHECK(access(path, F_OK));
			continue;
		}
		began++;
		CHECK_EQ(fill_disk(w), -ENOSPC);
		(void)recording_writer_add(w, &end, NULL);
		CHECK_EQ(recording_writer_close(w, NULL), 0); /* which has room for what it adds */
		fault.disk_sz = 0;
		read_one(path, &f);
		CHECK_EQ(f.damage + (uint64_t)f.unreadable, 0);
		ended += f.has_end;
	}
	scratch_end();
	printf("# of %d sizes %d were large enough to begin, %d have their END\n", tried, began, ended);
	CHECK(began >= tried * 95 / 100 && ended == began);
}

/* ---- a pipe that somebody made non-blocking ----------------------------------------------------------------------------- */

TEST(a_pipe_that_does_not_wait_is_waited_for)
{
	int fds[2], status = -1, saved = dup(STDIN_FILENO);
	struct found f = { 0 };
	pid_t pid;

	memset(&fault, 0, sizeof(fault));
	CHECK(saved >= 0 && !pipe(fds) && !fcntl(fds[1], F_SETFL, O_NONBLOCK));
	fcntl(fds[1], F_SETPIPE_SZ, 4096); /* else it is larger, and less often full */
	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		static const struct recording_writer_options o = { .uuid = { 7 } };
		const struct event end = { .kind = EVENT_END, .ts = 9999, .end.reason = END_USER };
		struct recording_writer *w = NULL;

		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		_exit(recording_writer_open("-", &o, &w, NULL) || fill_disk(w) || recording_writer_add(w, &end, NULL) || recording_writer_close(w, NULL));
	}
	close(fds[1]);
	CHECK(!poll(NULL, 0, 100)); /* it is full by then: whatever it does now, it has to wait */
	dup2(fds[0], STDIN_FILENO);
	close(fds[0]);
	{
		struct recording_reader *r = NULL;
		struct event ev;

		CHECK_EQ(recording_reader_open("-", &r, NULL), 0);
		while (recording_reader_next(r, &ev, NULL) == 1) {
			f.marks += ev.kind == EVENT_MARK;
			f.has_end |= ev.kind == EVENT_END;
		}
		f.damage = recording_reader_summary(r)->damage_cnt;
		recording_reader_close(r);
	}
	dup2(saved, STDIN_FILENO);
	close(saved);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(f.marks, 700);
	CHECK_EQ(f.damage, 0);
	CHECK(f.has_end);
}

TEST_MAIN()
