// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/cgroups.h"

#define S 1000000000ULL

struct fixture {
	struct recording_writer *w;
	struct cgroups *c;
	char dir[64], file[96];
};

static void setup(struct fixture *f)
{
	struct recording_writer_options o = {};

	strcpy(f->dir, "/tmp/varve-cgroups-XXXXXX");
	CHECK(mkdtemp(f->dir));
	snprintf(f->file, sizeof(f->file), "%s/x.varve", f->dir);
	CHECK_EQ(recording_writer_open(f->file, &o, &f->w, NULL), 0);
	CHECK_EQ(cgroups_create(f->w, &f->c, NULL), 0);
}

static void teardown(struct fixture *f)
{
	cgroups_destroy(f->c);
	CHECK_EQ(recording_writer_close(f->w, NULL), 0);
	CHECK_EQ(unlink(f->file), 0);
	CHECK_EQ(rmdir(f->dir), 0);
}

/* A cgroup made for the test where the kernel's tasks are told apart; "" when it cannot be made. */
static void make_cgroup(char *path, size_t sz, const char *const *bases, const char *name)
{
	for (size_t i = 0; bases[i]; i++) {
		snprintf(path, sz, "%s/%s-%d", bases[i], name, getpid());
		if (!access(bases[i], W_OK) && !mkdir(path, 0755))
			return;
	}
	path[0] = '\0';
}

static const char *const task_bases[] = { "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup", NULL };
static const char *const memory_bases[] = { "/sys/fs/cgroup/memory", "/sys/fs/cgroup", NULL };

static void write_to(const char *dir, const char *name, const char *text)
{
	char path[256];
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

TEST(cgroups_id_becomes_path_and_is_written_once)
{
	struct recording_reader *r;
	char path[128], *name;
	struct fixture f;
	struct event ev;
	uint64_t id;
	int n = 0;

	setup(&f);
	make_cgroup(path, sizeof(path), task_bases, "varve-test");
	if (!*path)
		SKIP("no cgroup could be made");
	name = strrchr(path, '/');
	CHECK_EQ(cgroups_find(f.c, name + 1, &id, NULL), 0);
	CHECK_EQ(cgroups_find(f.c, path, &id, NULL), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(cgroups_add(f.c, cgroups_task_hierarchy(f.c), id, 5, NULL), 0);
	CHECK_STR(cgroups_path(f.c, cgroups_task_hierarchy(f.c), id), name);
	CHECK_EQ(rmdir(path), 0);
	CHECK_STR(cgroups_path(f.c, cgroups_task_hierarchy(f.c), id), name); /* remembered */
	CHECK_EQ(cgroups_add(f.c, cgroups_task_hierarchy(f.c), 0xdeadbeefdead, 6, NULL), 0);
	CHECK(!cgroups_path(f.c, cgroups_task_hierarchy(f.c), 0xdeadbeefdead));
	CHECK_EQ(recording_writer_flush(f.w, NULL), 0);
	CHECK_EQ(recording_reader_open(f.file, &r, NULL), 0);
	while (recording_reader_next(r, &ev, NULL) == 1) {
		CHECK_EQ(ev.kind, EVENT_CGROUP);
		CHECK_STR(ev.cgroup.path, ev.cgroup.id == id ? name : "");
		CHECK_EQ(ev.cgroup.memory_max, UNKNOWN_U64);
		n++;
	}
	CHECK_EQ(n, 2);
	recording_reader_close(r);
	teardown(&f);
}

TEST(cgroups_that_were_removed_are_forgotten_in_time)
{
	enum cgroup_hierarchy h;
	struct fixture f;
	uint64_t id, own;
	char path[128];

	setup(&f);
	make_cgroup(path, sizeof(path), task_bases, "varve-test-gone");
	if (!*path)
		SKIP("no cgroup could be made");
	h = cgroups_task_hierarchy(f.c);
	own = cgroups_of_pid(f.c, (uint32_t)getpid());
	CHECK_EQ(cgroups_find(f.c, path, &id, NULL), 0);
	CHECK_EQ(cgroups_add(f.c, h, id, S, NULL), 0);
	CHECK_EQ(cgroups_add(f.c, h, own, S, NULL), 0);
	CHECK_EQ(cgroups_keyframe(f.c, 100 * S, NULL), 0);
	CHECK_EQ(cgroups_count(f.c), own && own != id ? 2 : 1); /* there is no age for one that is there */
	CHECK_EQ(rmdir(path), 0);
	CHECK_EQ(cgroups_keyframe(f.c, 200 * S, NULL), 0); /* found to be gone: what is under way may speak of it */
	CHECK(cgroups_path(f.c, h, id));
	CHECK_EQ(cgroups_add(f.c, h, id, 201 * S, NULL), 0); /* as this does */
	CHECK_EQ(cgroups_keyframe(f.c, 202 * S, NULL), 0);
	CHECK_EQ(cgroups_keyframe(f.c, 211 * S, NULL), 0);
	CHECK(cgroups_path(f.c, h, id));
	CHECK_EQ(cgroups_keyframe(f.c, 213 * S, NULL), 0);
	CHECK(!cgroups_path(f.c, h, id));
	CHECK_EQ(cgroups_count(f.c), own && own != id);
	CHECK(!own || cgroups_path(f.c, h, own));
	teardown(&f);
}

TEST(cgroups_memory_limit_and_usage_are_read)
{
	enum cgroup_hierarchy h;
	uint64_t limit, usage;
	struct fixture f;
	char path[128];
	struct stat st;

	setup(&f);
	h = cgroups_memory_hierarchy(f.c);
	make_cgroup(path, sizeof(path), memory_bases, "varve-mem");
	if (!*path)
		SKIP("no cgroup could be made");
	write_to(path, h == CGROUP_V2 ? "memory.max" : "memory.limit_in_bytes", "67108864");
	CHECK_EQ(stat(path, &st), 0);
	cgroups_memory(f.c, st.st_ino, &limit, &usage);
	CHECK_EQ(rmdir(path), 0);
	if (limit == UNKNOWN_U64 && h == CGROUP_V2)
		SKIP("no memory controller here");
	CHECK_EQ(limit, 67108864);
	CHECK(usage < 67108864);
	cgroups_memory(f.c, st.st_ino, &limit, &usage); /* gone */
	CHECK(limit == UNKNOWN_U64 && usage == UNKNOWN_U64);
	teardown(&f);
}

TEST(cgroups_of_this_process_is_a_cgroup_there_is)
{
	struct fixture f;
	uint64_t id;

	setup(&f);
	id = cgroups_of_pid(f.c, (uint32_t)getpid());
	if (!id)
		SKIP("no cgroups here");
	CHECK_EQ(cgroups_add(f.c, cgroups_task_hierarchy(f.c), id, 1, NULL), 0);
	CHECK(cgroups_path(f.c, cgroups_task_hierarchy(f.c), id));
	CHECK_EQ(cgroups_of_pid(f.c, 0x7ffffff0), 0);
	teardown(&f);
}

TEST(cgroups_unknown_name_is_said_with_where_to_look)
{
	struct fixture f;
	struct err err;
	uint64_t id;

	setup(&f);
	CHECK_EQ(cgroups_find(f.c, "no/such/group", &id, &err), -ENOENT);
	CHECK_HAS(err.text, "no/such/group");
	teardown(&f);
}

TEST_MAIN()
