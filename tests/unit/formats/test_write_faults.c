// SPDX-License-Identifier: BSD-2-Clause
/*
 * Disks that fail: whatever write or fallocate does, a recording holds whole chunks only, what is
 * missing is counted in it, and writing goes on when it can. The calls of libc are this file's own,
 * so that each of them can be made to fail.
 */
#include "formats/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/chunk_scan.h"
#include "formats/cleanup.h"
#include "tests/test.h"

static struct {
	int from, to; /* calls from..to-1 fail (from 1) */
	int error;    /* with this errno, after writing short_by bytes less than asked (when > 0) */
	size_t short_by;
	int calls;
	int fallocate_error; /* of every fallocate from `from` on */
	int fallocate_calls;
} fault;

ssize_t pwrite(int fd, const void *buf, size_t n, off_t off)
{
	fault.calls++;
	if (fault.error && fault.calls >= fault.from && fault.calls < fault.to) {
		/* A disk that fills up takes a part first, and says why at the next call. */
		if (fault.short_by && fault.short_by < n && fault.calls == fault.from) {
			fault.to++;
			return syscall(SYS_pwrite64, fd, buf, n - fault.short_by, off);
		}
		errno = fault.error;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, buf, n, off);
}

int fallocate(int fd, int mode, off_t off, off_t len)
{
	fault.fallocate_calls++;
	if (fault.fallocate_error && fault.fallocate_calls >= fault.from &&
	    fault.fallocate_calls < fault.to) {
		errno = fault.fallocate_error;
		return -1;
	}
	return (int)syscall(SYS_fallocate, fd, mode, off, len);
}

static const char *path(void)
{
	static char name[64];

	snprintf(name, sizeof(name), "/tmp/varve-test-faults.%d", (int)getpid());
	return name;
}

#define CHUNKS 12
#define PER_CHUNK 3

struct written {
	struct recording_writer_stats stats;
	bool is_pipe;
	int torn; /* times the file was longer than its whole chunks */
	int failed_adds, close_code;
	int open_code;
};

static uint64_t file_sz(const char *name)
{
	struct stat st;

	return stat(name, &st) ? 0 : (uint64_t)st.st_size;
}

static void add_marks(struct recording_writer *w, struct written *out, const char *text)
{
	for (int i = 0; i < CHUNKS * PER_CHUNK; i++) {
		struct event ev = { .kind = EVENT_MARK,
				    .ts = 1000 + (unsigned)i,
				    .mark.text = text };

		out->failed_adds += !!recording_writer_add(w, &ev, NULL);
		if (i % PER_CHUNK != PER_CHUNK - 1)
			continue;
		(void)recording_writer_flush(w, NULL); /* failures show in the stats */
		/*
		 * Also at this moment, if the machine stopped now, the file would hold whole chunks
		 * only.
		 */
		out->torn += !out->is_pipe && file_sz(path()) != recording_writer_stats(w)->bytes;
	}
}

/* A recording of CHUNKS MARK chunks and an END, written under the present fault. */
static struct written write_recording(const char *to)
{
	static const struct recording_writer_options options = { .uuid = { 5 }, .force = true };
	struct event end = { .kind = EVENT_END, .ts = 9999, .end.reason = END_ENOSPC };
	struct recording_writer *w = NULL;
	struct written out = { .is_pipe = !strcmp(to, "-") };

	out.open_code = recording_writer_open(to, &options, &w, NULL);
	if (out.open_code)
		return out;
	add_marks(w, &out, "a mark of some length, so that a chunk is not all header");
	(void)recording_writer_add(w, &end, NULL);
	out.stats = *recording_writer_stats(w);
	out.close_code = recording_writer_close(w, NULL);
	return out;
}

struct read_back {
	uint64_t marks, lost, damage, first_lost_ts, last_lost_ts;
	bool has_end;
};

static struct read_back read_recording(const char *from)
{
	struct recording_reader *r = NULL;
	struct read_back got = { 0 };
	struct event ev;

	CHECK_EQ(recording_reader_open(from, &r, NULL), 0);
	while (recording_reader_next(r, &ev, NULL) == 1) {
		got.marks += ev.kind == EVENT_MARK;
		got.has_end |= ev.kind == EVENT_END;
		if (ev.kind == EVENT_LOSS && ev.loss.stream == EVENT_MARK &&
		    ev.loss.reason == LOSS_CHUNK_WRITE) {
			got.lost += ev.loss.cnt;
			got.first_lost_ts = ev.ts;
			got.last_lost_ts = ev.ts + ev.loss.dur_ns;
		}
	}
	got.damage = recording_reader_summary(r)->damage_cnt;
	recording_reader_close(r);
	return got;
}

/*
 * The number of the first chunk that says it follows a loss, -1 for none. Numbers have no gap: what
 * was not written got none.
 */
static int64_t after_loss_chunk(const char *from)
{
	struct chunk_scan scan = { .in.fd = -1 };
	int64_t found = -1;

	CHECK_EQ(input_open(&scan.in, from, -1, NULL), 0);
	for (uint64_t seq = 0; chunk_scan_next(&scan, NULL) == 1; seq++) {
		CHECK_EQ(scan.header.seq, seq);
		if (scan.header.flags & CHUNK_AFTER_LOSS && found < 0)
			found = (int64_t)seq;
	}
	chunk_scan_deinit(&scan);
	return found;
}

TEST(one_failed_write_costs_its_chunk_and_is_told_in_the_file)
{
	for (size_t short_by = 0; short_by < 200; short_by += 50) {
		for (int n = 2; n <= CHUNKS + 1; n++) {
			struct written w;
			struct read_back r;

			memset(&fault, 0, sizeof(fault));
			fault.from = n;
			fault.to = n + 1;
			fault.error = ENOSPC;
			fault.short_by = short_by;
			w = write_recording(path());
			CHECK_EQ(w.open_code, 0);
			CHECK_EQ(w.torn, 0);
			CHECK_EQ(w.stats.dropped[EVENT_MARK], PER_CHUNK);
			CHECK_EQ(after_loss_chunk(path()),
				 n == CHUNKS + 1 ? -1 : n - 2); /* the last has none behind it */
			r = read_recording(path());
			CHECK_EQ(r.marks, (CHUNKS - 1) * PER_CHUNK);
			CHECK_EQ(r.lost, PER_CHUNK);
			CHECK_EQ(r.first_lost_ts, 1000 + (n - 2) * PER_CHUNK);
			CHECK_EQ(r.last_lost_ts, 1000 + (n - 1) * PER_CHUNK - 1);
			CHECK_EQ(r.damage, 0);
			CHECK(r.has_end);
		}
	}
	unlink(path());
}

TEST(a_disk_that_stays_full_leaves_whole_chunks_and_the_end_fits_the_reserve)
{
	for (int n = 2; n <= CHUNKS; n++) {
		struct written w;
		struct read_back r;
		struct stat st;

		memset(&fault, 0, sizeof(fault));
		fault.from = n;
		fault.to = 1 << 20;
		fault.fallocate_error = ENOSPC;
		w = write_recording(path());
		r = read_recording(path());
		CHECK_EQ(r.marks, (n - 2) * PER_CHUNK);
		CHECK_EQ(r.lost, (CHUNKS - n + 2) * PER_CHUNK);
		CHECK_EQ(w.stats.dropped[EVENT_MARK] + r.marks, CHUNKS * PER_CHUNK);
		CHECK_EQ(r.damage, 0);
		CHECK(r.has_end);
		/* The reserve behind the end was given back. */
		CHECK(!stat(path(), &st) && st.st_blocks * 512 <= st.st_size + 8192);
	}
	unlink(path());
}

TEST(an_io_error_that_stays_leaves_whole_chunks_and_is_returned)
{
	for (int n = 2; n <= CHUNKS; n++) {
		struct written w;
		struct read_back r;

		memset(&fault, 0, sizeof(fault));
		fault.from = n;
		fault.to = 1 << 20;
		fault.error = EIO;
		fault.short_by = 17;
		w = write_recording(path());
		CHECK_EQ(w.close_code, -EIO);
		CHECK_EQ(w.torn, 0);
		r = read_recording(path());
		CHECK_EQ(r.marks, (n - 2) * PER_CHUNK);
		CHECK_EQ(r.damage, 0);
		CHECK(!r.has_end);
	}
	unlink(path());
}

/* ---- segments ---- */

static const char *part(int n)
{
	static char name[96];

	snprintf(name, sizeof(name), "%s.%06d.varve", path(), n);
	return name;
}

/* A segment of a chunk and an END each. */
static struct recording_writer_stats write_parts(int cnt, int *ret_failed)
{
	static const struct recording_writer_options options = { .uuid = { 6 }, .force = true, .is_segmented = true };
	struct recording_writer *w = NULL;
	struct recording_writer_stats stats;

	*ret_failed = 0;
	CHECK_EQ(recording_writer_open(path(), &options, &w, NULL), 0);
	for (int n = 0; n < cnt; n++) {
		struct event end = { .kind = EVENT_END, .ts = 9999, .end.reason = END_SEGMENT };
		struct event ev = { .kind = EVENT_MARK, .ts = 1000 + (unsigned)n, .mark.text = "a mark of some length, so that a chunk is not all header" };

		CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
		CHECK_EQ(recording_writer_add(w, &end, NULL), 0);
		if (n + 1 < cnt)
			*ret_failed += !!recording_writer_next_segment(w, 1, 1000 + (unsigned)n, NULL);
	}
	*ret_failed += !!recording_writer_flush(w, NULL);
	stats = *recording_writer_stats(w);
	*ret_failed += !!recording_writer_close(w, NULL);
	return stats;
}

TEST(a_write_that_fails_anywhere_in_segments_leaves_whole_chunks_and_is_counted)
{
	for (int n = 2; n <= 14; n++) {
		struct recording_writer_stats stats;
		uint64_t marks = 0, damage = 0;
		int failed;

		memset(&fault, 0, sizeof(fault));
		fault.from = n;
		fault.to = n + 1;
		fault.error = ENOSPC;
		fault.short_by = 20;
		stats = write_parts(5, &failed);
		CHECK_EQ(failed > 0, fault.calls >= n);
		for (int i = 1; i <= 5; i++) {
			struct read_back r = { 0 };

			if (!access(part(i), F_OK))
				r = read_recording(part(i));
			marks += r.marks;
			damage += r.damage;
			unlink(part(i));
		}
		CHECK_EQ(marks, stats.written[EVENT_MARK]);
		CHECK_EQ(marks + stats.dropped[EVENT_MARK], 5);
		CHECK_EQ(damage, 0);
	}
}

TEST(a_full_disk_costs_the_oldest_segments_where_they_may_go)
{
	struct recording_writer_options o = { .uuid = { 6 }, .force = true, .is_segmented = true, .keep.age_ns = UINT64_MAX };
	const struct event ev = { .kind = EVENT_MARK, .ts = 1000, .mark.text = "a mark of some length, so that a chunk is not all header" };
	const struct event end = { .kind = EVENT_END, .ts = 1001 };
	struct recording_writer *w = NULL;

	memset(&fault, 0, sizeof(fault));
	CHECK_EQ(recording_writer_open(path(), &o, &w, NULL), 0);
	for (int n = 0; n < 3; n++)
		CHECK_EQ(recording_writer_next_segment(w, 1, 2, NULL), 0);
	CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
	fault.from = fault.calls + 1;
	fault.to = fault.from + 2; /* two failures: two segments have to go */
	fault.error = ENOSPC;
	CHECK_EQ(recording_writer_flush(w, NULL), 0);
	CHECK(access(part(1), F_OK));
	CHECK(access(part(2), F_OK));
	CHECK(!access(part(3), F_OK));
	fault.from = fault.calls + 1;
	fault.to = 1 << 20;
	CHECK_EQ(recording_writer_add(w, &ev, NULL), 0);
	CHECK_EQ(recording_writer_flush(w, NULL), -ENOSPC);
	CHECK(access(part(3), F_OK));
	CHECK(!access(part(4), F_OK)); /* the one being written stays */
	memset(&fault, 0, sizeof(fault));
	fault.from = fault.calls + 3; /* its LOSS and END, then the next one's header: it is the only one, and goes on */
	fault.to = fault.from + 1;
	fault.error = ENOSPC;
	CHECK_EQ(recording_writer_add(w, &end, NULL), 0);
	CHECK_EQ(recording_writer_next_segment(w, 1, 2, NULL), -ENOSPC);
	CHECK(access(part(5), F_OK));
	CHECK(!access(part(4), F_OK));
	CHECK_EQ(recording_writer_close(w, NULL), 0);
	CHECK_EQ(read_recording(part(4)).marks, 1);
	CHECK_EQ(read_recording(part(4)).lost, 1);
	unlink(part(4));
}

TEST(a_header_that_cannot_be_written_leaves_no_file)
{
	memset(&fault, 0, sizeof(fault));
	fault.from = 1;
	fault.to = 2;
	fault.error = EIO;
	CHECK_EQ(write_recording(path()).open_code, -EIO);
	CHECK(access(path(), F_OK));
}

TEST(interrupted_writes_and_refused_reserves_do_no_harm)
{
	struct read_back r;

	memset(&fault, 0, sizeof(fault));
	fault.from = 3;
	fault.to = 6;
	fault.error = EINTR;
	fault.fallocate_error = EOPNOTSUPP;
	CHECK_EQ(write_recording(path()).close_code, 0);
	r = read_recording(path());
	CHECK_EQ(r.marks, CHUNKS * PER_CHUNK);
	CHECK_EQ(r.lost, 0);
	CHECK(r.has_end);
	CHECK_EQ(fault.fallocate_calls, 3); /* asked till it was refused, then no more */
	unlink(path());
}

/* What the kernel itself does at a limit: part of a write, then EFBIG. */
TEST(a_file_size_limit_leaves_whole_chunks)
{
	struct rlimit old, limit;
	struct written w;
	struct read_back r;

	memset(&fault, 0, sizeof(fault));
	fault.fallocate_error = EOPNOTSUPP;
	fault.to = 100;
	signal(SIGXFSZ, SIG_IGN);
	CHECK(!getrlimit(RLIMIT_FSIZE, &old));
	for (rlim_t max = 200; max < 1400; max += 37) {
		limit = (struct rlimit){ max, old.rlim_max };
		fault.fallocate_calls = 0;
		CHECK(!setrlimit(RLIMIT_FSIZE, &limit));
		w = write_recording(path());
		CHECK(!setrlimit(RLIMIT_FSIZE, &old));
		CHECK_EQ(w.close_code, -EFBIG);
		r = read_recording(path());
		CHECK_EQ(r.marks + w.stats.dropped[EVENT_MARK], CHUNKS * PER_CHUNK);
		CHECK_EQ(r.damage, 0);
	}
	unlink(path());
}

/* ---- pipes ---- */

/* Run write_recording("-") in a child with its stdout a pipe. Returns the read end. */
static int recorder_child(pid_t *ret_pid)
{
	int fds[2];

	CHECK(!pipe(fds));
	fflush(stdout);
	*ret_pid = fork();
	CHECK(*ret_pid >= 0);
	if (!*ret_pid) {
		struct written w;

		signal(SIGPIPE, SIG_IGN);
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		w = write_recording("-");
		_exit(w.open_code ? 2 : w.close_code == -EPIPE ? 1 : w.close_code ? 3 : 0);
	}
	close(fds[1]);
	return fds[0];
}

static int child_status(pid_t pid)
{
	int status = -1;

	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

TEST(a_recording_goes_through_a_pipe)
{
	int saved = dup(STDIN_FILENO), fd;
	struct read_back r;
	pid_t pid;

	memset(&fault, 0, sizeof(fault));
	fd = recorder_child(&pid);
	dup2(fd, STDIN_FILENO);
	close(fd);
	r = read_recording("-");
	dup2(saved, STDIN_FILENO);
	close(saved);
	CHECK_EQ(child_status(pid), 0);
	CHECK_EQ(r.marks, CHUNKS * PER_CHUNK);
	CHECK_EQ(r.damage, 0);
	CHECK(r.has_end);
}

TEST(a_reader_that_went_away_is_epipe)
{
	char some[100];
	pid_t pid;
	int fd;

	memset(&fault, 0, sizeof(fault));
	fd = recorder_child(&pid);
	CHECK(read(fd, some, sizeof(some)) > 0);
	close(fd);
	/*
	 * The child may have been done before the pipe was closed: both ends are right, a crash is
	 * not.
	 */
	CHECK(child_status(pid) <= 2);
}

TEST_MAIN()
