// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/perfmap.h"

/* ---- planted files --------------------------------------------------------------------------------------------- */

static char dir[64];
static int root_fd = -1;

static void make_root(void)
{
	char path[96];

	strcpy(dir, "/tmp/varve-perfmap-XXXXXX");
	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/tmp", dir);
	CHECK_EQ(mkdir(path, 0777), 0);
	root_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(root_fd >= 0);
}

static void remove_root(void)
{
	char cmd[128];

	close(root_fd);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	CHECK_EQ(system(cmd), 0);
}

static const char *in_root(const char *name)
{
	static char path[2][128];
	static int i;

	i ^= 1;
	snprintf(path[i], sizeof(path[i]), "%s/tmp/%s", dir, name);
	return path[i];
}

static void plant(const char *name, mode_t mode)
{
	int fd = open(in_root(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(fchmod(fd, mode), 0);
	CHECK_EQ(write(fd, "10 10 f\n", 8), 8);
	close(fd);
}

TEST(perfmap_open_takes_the_owners_file_and_no_planted_one)
{
	uint32_t uid = getuid();
	struct err err;
	int fd;

	make_root();
	plant("perf-1.map", 0644);
	fd = perfmap_open(root_fd, 1, uid, 0, &err);
	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(perfmap_open(root_fd, 99, uid, 0, &err), -ENOENT);
	plant("perf-2.map", 0666);
	CHECK_EQ(perfmap_open(root_fd, 2, uid, 0, &err), -EPERM);
	CHECK_HAS(err.text, "writable by everybody");
	CHECK_EQ(symlink("/etc/shadow", in_root("perf-3.map")), 0);
	CHECK_EQ(perfmap_open(root_fd, 3, uid, 0, &err), -ELOOP);
	CHECK_EQ(mkfifo(in_root("perf-4.map"), 0600), 0);
	CHECK_EQ(perfmap_open(root_fd, 4, uid, 0, &err), -EPERM); /* at once, without a writer */
	CHECK_HAS(err.text, "not a regular file");
	CHECK_EQ(mkdir(in_root("perf-5.map"), 0700), 0);
	CHECK_EQ(perfmap_open(root_fd, 5, uid, 0, &err), -EPERM);
	plant("perf-6.map", 0644);
	CHECK_EQ(truncate(in_root("perf-6.map"), 10LL << 30), 0);
	CHECK_EQ(perfmap_open(root_fd, 6, uid, 0, &err), -EFBIG);
	plant("perf-7.map", 0644);
	CHECK_EQ(link(in_root("perf-7.map"), in_root("other")), 0);
	CHECK_EQ(perfmap_open(root_fd, 7, uid, 0, &err), -EPERM);
	CHECK_HAS(err.text, "2 names");
	if (!uid) {
		plant("perf-8.map", 0644);
		CHECK_EQ(chown(in_root("perf-8.map"), 1234, 1234), 0);
		CHECK_EQ(perfmap_open(root_fd, 8, 1000, 0, &err), -EPERM);
		CHECK_HAS(err.text, "owned by 1234");
		fd = perfmap_open(root_fd, 8, 1234, 0, &err);
		CHECK(fd >= 0);
		close(fd);
	}
	remove_root();
}

TEST(perfmap_left_over_from_an_earlier_process_is_not_taken)
{
	const struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	struct timespec t;
	struct err err;
	uint64_t now;
	int fd;

	clock_gettime(CLOCK_BOOTTIME, &t);
	now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	make_root();
	plant("perf-1.map", 0644);
	fd = perfmap_open(root_fd, 1, getuid(), now, &err);
	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(utimensat(AT_FDCWD, in_root("perf-1.map"), old, 0), 0);
	CHECK_EQ(perfmap_open(root_fd, 1, getuid(), now, &err), -ESTALE);
	CHECK_HAS(err.text, "older than the process");
	remove_root();
}

TEST_MAIN()
