// SPDX-License-Identifier: BSD-2-Clause
/*
 * A process in a root of its own (a container) announces mappings under names it chose: none leads out of its root, to a FIFO that hangs, or to another
 * file than the one that was mapped. What is out there is given the inode number the mapping has, so that a name that led there would be believed.
 */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/module_file.h"
#include "record/perfmap.h"

struct fixture {
	char dir[64]; /* holds "secret", and "root" */
	pid_t pid;    /* lives in root; has a /proc there */
	uint64_t secret_ino;
};

static const char *in_dir(const struct fixture *f, const char *name)
{
	static char path[4][192];
	static unsigned i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", f->dir, name);
	return path[i];
}

static uint64_t plant(const char *path)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	CHECK(fd >= 0 && !fstat(fd, &st));
	CHECK_EQ(write(fd, "10 10 f\n", 8), 8);
	return st.st_ino;
}

/* Becomes a process of the root, and tells so. */
static void live_there(const char *root, int ready_fd)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || chroot(root) || chdir("/") ||
	    mount("proc", "/proc", "proc", 0, NULL) || write(ready_fd, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void setup(struct fixture *f)
{
	int ready[2];
	char c;

	if (geteuid())
		SKIP("needs root, for a root of its own");
	strcpy(f->dir, "/tmp/varve-module-file-XXXXXX");
	CHECK(mkdtemp(f->dir) && !pipe2(ready, O_CLOEXEC));
	CHECK(!mkdir(in_dir(f, "root"), 0755) && !mkdir(in_dir(f, "root/proc"), 0755) && !mkdir(in_dir(f, "root/lib"), 0755));
	f->secret_ino = plant(in_dir(f, "secret"));
	f->pid = fork();
	if (!f->pid)
		live_there(in_dir(f, "root"), ready[1]);
	close(ready[1]);
	CHECK_EQ(read(ready[0], &c, 1), 1);
	close(ready[0]);
}

static void end_process(struct fixture *f)
{
	kill(f->pid, SIGKILL);
	CHECK_EQ(waitpid(f->pid, NULL, 0), f->pid);
}

static void teardown(struct fixture *f)
{
	char cmd[96];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	CHECK_EQ(system(cmd), 0);
}

/* What became of a mapping announced under that name, which is no more; maj:min is no device of ours. */
static int open_as(const struct fixture *f, const char *path, uint64_t ino)
{
	const struct mapping_desc d = { .pid = (uint32_t)f->pid, .start = 0x1000, .end = 0x2000, .path = path, .ino = ino, .maj = 4095, .min = 1 };
	struct module_file file;
	int code = module_file_open(&d, path, &file);

	if (!code)
		close(file.fd);
	else
		CHECK_EQ(file.fd, -1);
	return code;
}

/* Does the name lead to the secret where nobody keeps it from doing so? */
static bool would_leave(const struct fixture *f, const char *path)
{
	char name[64];
	_cleanup_close_ int root_fd = -1, fd = -1;
	struct stat st;

	snprintf(name, sizeof(name), "/proc/%d/root", f->pid);
	root_fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = openat(root_fd, path + 1, O_PATH | O_CLOEXEC);
	return fd >= 0 && !fstat(fd, &st) && st.st_ino == f->secret_ino;
}

static void check_kept_inside(const struct fixture *f, const char *path)
{
	CHECK(would_leave(f, path));
	CHECK_EQ(open_as(f, path, f->secret_ino), -ENOENT);
}

TEST(module_file_of_a_process_stays_in_its_root)
{
	struct fixture f;
	char magic[128];

	setup(&f);
	CHECK_EQ(open_as(&f, "/lib/own", plant(in_dir(&f, "root/lib/own"))), 0); /* this way it goes */
	CHECK_EQ(symlink(in_dir(&f, "secret"), in_dir(&f, "root/lib/absolute")), 0);
	check_kept_inside(&f, "/lib/absolute");
	CHECK_EQ(symlink("../../secret", in_dir(&f, "root/lib/up")), 0);
	check_kept_inside(&f, "/lib/up");
	check_kept_inside(&f, "/../secret");
	check_kept_inside(&f, "/lib/../../secret");
	CHECK_EQ(symlink(f.dir, in_dir(&f, "root/lib/directory")), 0);
	check_kept_inside(&f, "/lib/directory/secret");
	/* a link of /proc leads where no name could: to the root of whom nothing confines */
	snprintf(magic, sizeof(magic), "/proc/%d/root%s/secret", getpid(), f.dir);
	check_kept_inside(&f, magic);
	end_process(&f);
	teardown(&f);
}

TEST(module_file_absolute_links_lead_where_the_process_would_get)
{
	struct fixture f;
	uint64_t ino;

	setup(&f);
	ino = plant(in_dir(&f, "root/lib/own"));
	CHECK_EQ(symlink("/lib/own", in_dir(&f, "root/lib/link")), 0);
	CHECK_EQ(open_as(&f, "/lib/link", ino), 0);
	CHECK_EQ(open_as(&f, "/lib/link", ino + 1), -ENOENT); /* another file by now */
	end_process(&f);
	CHECK_EQ(open_as(&f, "/lib/link", ino), -ENOENT); /* nor is there another root to look in */
	CHECK_EQ(open_as(&f, in_dir(&f, "secret"), f.secret_ino), -ENOENT);
	teardown(&f);
}

TEST(module_file_in_a_root_is_neither_fifo_nor_device)
{
	struct fixture f;
	struct stat st;

	setup(&f);
	CHECK_EQ(mkfifo(in_dir(&f, "root/lib/fifo"), 0600), 0);
	CHECK_EQ(stat(in_dir(&f, "root/lib/fifo"), &st), 0);
	CHECK_EQ(open_as(&f, "/lib/fifo", st.st_ino), -ENOENT); /* and does not hang */
	CHECK_EQ(symlink("fifo", in_dir(&f, "root/lib/to-fifo")), 0);
	CHECK_EQ(open_as(&f, "/lib/to-fifo", st.st_ino), -ENOENT);
	CHECK_EQ(mknod(in_dir(&f, "root/lib/zero"), S_IFCHR | 0600, makedev(1, 5)), 0);
	CHECK_EQ(stat(in_dir(&f, "root/lib/zero"), &st), 0);
	CHECK_EQ(open_as(&f, "/lib/zero", st.st_ino), -ENOENT);
	end_process(&f);
	teardown(&f);
}

/* Its root stays usable by who has it open, and confines as before. */
TEST(perfmap_in_a_root_is_read_after_the_process_and_stays_inside)
{
	struct fixture f;
	char name[64];
	int root_fd, fd;

	setup(&f);
	CHECK_EQ(mkdir(in_dir(&f, "root/tmp"), 0755), 0);
	plant(in_dir(&f, "root/tmp/perf-7.map"));
	snprintf(name, sizeof(name), "/proc/%d/root", f.pid);
	root_fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	end_process(&f);
	fd = perfmap_open(root_fd, 7, 0, 0, NULL);
	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(rename(in_dir(&f, "root/tmp"), in_dir(&f, "outside")), 0);
	CHECK_EQ(symlink("../outside", in_dir(&f, "root/tmp")), 0);
	CHECK_EQ(perfmap_open(root_fd, 7, 0, 0, NULL), -ENOENT);
	CHECK_EQ(unlink(in_dir(&f, "root/tmp")), 0);
	CHECK_EQ(symlink(in_dir(&f, "outside"), in_dir(&f, "root/tmp")), 0);
	CHECK_EQ(perfmap_open(root_fd, 7, 0, 0, NULL), -ELOOP); /* in there, the link's /tmp is the link */
	close(root_fd);
	teardown(&f);
}

TEST_MAIN()
