// SPDX-License-Identifier: BSD-2-Clause
#include "report/sym_worker.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/test.h"

static char dir[] = "/tmp/varve-test-worker.XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[8][300];
	static int n;
	char *p = path[n++ % 8];

	snprintf(p, 300, "%s/%s", dir, name);
	return p;
}

static size_t open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	CHECK(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Files that are no ELF, in every way that could make a reader hang, crash or grow. */
static void plant(void)
{
	int fd;

	CHECK(mkdtemp(dir));
	CHECK_EQ(mkfifo(in_dir("fifo"), 0600), 0);
	CHECK_EQ(mkdir(in_dir("dir"), 0700), 0);
	CHECK_EQ(symlink("loop", in_dir("loop")), 0);
	CHECK_EQ(symlink("/dev/zero", in_dir("zero")), 0);
	fd = open(in_dir("sparse"), O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && !ftruncate(fd, 10LL << 30));
	CHECK_EQ(pwrite(fd,
			"\x7f"
			"ELF\2\1\1",
			7, 0),
		 7);
	close(fd);
	fd = open(in_dir("garbage"), O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0);
	for (int i = 0; i < 5000; i++)
		CHECK_EQ(write(fd,
			       i ? "\xff\x01\x7f"
				   "ELF"
				 : "\x7f"
				   "ELF\2\1",
			       6),
			 6);
	close(fd);
}

TEST(sym_worker_finishes_whatever_the_path_leads_to)
{
	static const char *const names[] = {"fifo",   "dir",	 "loop",  "zero",
					    "sparse", "garbage", "absent"};
	struct symbolizer_options o = {.jobs = 2};
	struct module m[7] = {0};
	struct sym_job jobs[7] = {0};
	struct timespec a, b;
	size_t fds = open_fds();

	plant();
	for (int i = 0; i < 7; i++) {
		m[i] = (struct module){.kind = MODULE_ELF,
				       .build_id_sz = 20,
				       .build_id = {1, 2, 3},
				       .path = strdup(in_dir(names[i]))};
		jobs[i].m = &m[i];
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	CHECK_EQ(sym_worker_run(&o, jobs, 7), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK(b.tv_sec - a.tv_sec < 120); /* a worker that hangs is given up after 300 s */
	for (int i = 0; i < 7; i++) {
		CHECK_STR(jobs[i].reason, "");
		CHECK(jobs[i].index.data);
		CHECK_EQ(jobs[i].index.h->symbol_cnt, 0);
		CHECK(sym_index_string(&jobs[i].index, jobs[i].index.h->reason));
		sym_index_deinit(&jobs[i].index);
		sym_index_deinit(&jobs[i].symbols);
		free((char *)m[i].path);
	}
	CHECK_EQ(open_fds(), fds);
	CHECK(chdir(dir) == 0 && system("rm -rf ./*") == 0 && rmdir(dir) == 0);
}

TEST(sym_worker_with_no_jobs_does_nothing)
{
	struct symbolizer_options o = {0};

	CHECK_EQ(sym_worker_run(&o, NULL, 0), 0);
}

TEST_MAIN()
