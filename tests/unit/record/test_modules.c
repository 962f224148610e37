// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/elf_note.h"
#include "record/module_file.h"
#include "record/modules.h"

struct fixture {
	struct recording_writer *w;
	struct modules *m;
	char dir[64];
};

static void setup(struct fixture *f, unsigned fd_max)
{
	struct recording_writer_options o = {};
	char path[96];

	strcpy(f->dir, "/tmp/varve-modules-XXXXXX");
	CHECK(mkdtemp(f->dir));
	snprintf(path, sizeof(path), "%s/x.varve", f->dir);
	CHECK_EQ(recording_writer_open(path, &o, &f->w, NULL), 0);
	CHECK_EQ(modules_create(f->w, fd_max, &f->m, NULL), 0);
}

static void teardown(struct fixture *f)
{
	char cmd[96];

	modules_destroy(f->m);
	CHECK_EQ(recording_writer_close(f->w, NULL), 0);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	CHECK_EQ(system(cmd), 0);
}

static const char *in_dir(const struct fixture *f, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return path;
}

/* This program's own file, under another name. */
static void copy_self(const char *path)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "cp /proc/%d/exe %s", getpid(), path);
	CHECK_EQ(system(cmd), 0);
}

static void *map_file(const char *path, size_t len)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = mmap(NULL, len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	CHECK(fd >= 0 && p != MAP_FAILED);
	return p;
}

static struct mapping_desc describe(const void *p, size_t len, const char *path)
{
	struct stat st = {};

	(void)stat(path, &st);
	return (struct mapping_desc){ .pid = (uint32_t)getpid(), .start = (uint64_t)(uintptr_t)p,
				      .end = (uint64_t)(uintptr_t)p + len, .path = path, .ino = st.st_ino,
				      .min = 1 };
}

static struct module_entry *find(struct fixture *f, const struct mapping_desc *d)
{
	struct module_entry *e;
	uint64_t base;

	CHECK_EQ(modules_find(f->m, d, &e, &base, NULL), 0);
	return e;
}

TEST(modules_one_file_mapped_twice_is_one_module)
{
	struct module_entry *a, *b;
	struct mapping_desc d;
	struct fixture f;
	const char *path;
	void *p, *q;

	setup(&f, 0);
	path = in_dir(&f, "prog");
	copy_self(path);
	p = map_file(path, 4096);
	q = map_file(path, 8192);
	d = describe(p, 4096, path);
	a = find(&f, &d);
	d = describe(q, 8192, path);
	b = find(&f, &d);
	CHECK(a == b && a->fd >= 0 && a->m.build_id_sz && !a->m.is_content_id);
	CHECK_EQ(modules_count(f.m), 1);
	CHECK(modules_get(f.m, a->id) == a);
	d.ino = 0; /* the same, told by build-id */
	d.build_id = a->m.build_id;
	d.build_id_sz = a->m.build_id_sz;
	CHECK(find(&f, &d) == a);
	munmap(p, 4096);
	munmap(q, 8192);
	teardown(&f);
}

TEST(modules_deleted_file_is_opened_all_the_same)
{
	struct module_entry *e;
	struct mapping_desc d;
	struct elf_ident id;
	struct fixture f;
	char name[160];
	const char *path;
	void *p;

	if (geteuid())
		SKIP("/proc/PID/map_files needs root");
	setup(&f, 0);
	path = in_dir(&f, "prog");
	copy_self(path);
	p = map_file(path, 4096);
	d = describe(p, 4096, path);
	snprintf(name, sizeof(name), "%s (deleted)", path);
	d.path = name;
	CHECK_EQ(unlink(path), 0);
	e = find(&f, &d);
	CHECK_STR(e->m.path, path);
	CHECK(e->fd >= 0);
	CHECK_EQ(elf_ident_read(e->fd, &id, NULL), 0);
	munmap(p, 4096);
	teardown(&f);
}

/* Overlay before 6.8: maps has the inode of the layer, stat another one. */
TEST(modules_file_with_another_inode_in_maps_is_known_by_its_name)
{
	struct mapping_desc d;
	struct fixture f;
	const char *path;
	void *p;

	if (geteuid())
		SKIP("/proc/PID/map_files needs root");
	setup(&f, 0);
	path = in_dir(&f, "prog");
	copy_self(path);
	p = map_file(path, 4096);
	d = describe(p, 4096, path);
	d.ino += 12345;
	CHECK(find(&f, &d)->fd >= 0);
	d.ino++;
	d.path = "/usr/bin/another"; /* the range has changed hands: neither inode nor name */
	CHECK_EQ(find(&f, &d)->fd, -1);
	munmap(p, 4096);
	teardown(&f);
}

TEST(modules_replaced_file_is_not_taken_for_the_mapped_one)
{
	uint8_t other[BUILD_ID_MAX] = { 1, 2, 3 };
	struct module_entry *e;
	struct mapping_desc d;
	struct fixture f;
	const char *path;

	setup(&f, 0);
	path = in_dir(&f, "prog");
	copy_self(path);
	d = describe((void *)0x1000, 4096, path);
	d.pid = 0x7ffffff0; /* a process that is gone */
	d.build_id = other;
	d.build_id_sz = 20;
	e = find(&f, &d);
	CHECK_EQ(e->fd, -1); /* what lies there now has another build-id */
	CHECK_EQ(e->m.seg_cnt, 0);
	CHECK(!memcmp(e->m.build_id, other, 20));
	CHECK_EQ(modules_open_file(e), -1);
	d.build_id_sz = 0;
	d.ino++;
	CHECK_EQ(find(&f, &d)->fd, -1); /* another inode of that name */
	teardown(&f);
}

TEST(modules_rewritten_file_without_build_id_is_another_module)
{
	struct module_entry *a, *b;
	struct mapping_desc d;
	struct fixture f;
	const char *path;
	int fd;
	void *p;

	if (geteuid())
		SKIP("/proc/PID/map_files needs root");
	setup(&f, 0);
	path = in_dir(&f, "data");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0700);
	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, 8192), 0);
	p = map_file(path, 4096);
	d = describe(p, 4096, path);
	a = find(&f, &d);
	CHECK(a->m.is_content_id && a->m.build_id_sz == 16 && !a->m.seg_cnt);
	CHECK(find(&f, &d) == a);
	CHECK_EQ(pwrite(fd, "changed", 7, 100), 7);
	CHECK_EQ(futimens(fd, (struct timespec[2]){ { 1, 1 }, { 1, 1 } }), 0);
	b = find(&f, &d);
	CHECK(a != b && b->m.is_content_id);
	close(fd);
	munmap(p, 4096);
	teardown(&f);
}

TEST(modules_jit_memory_is_one_per_process_instance)
{
	struct mapping_desc d = { .pid = (uint32_t)getpid(), .start = 0x10000, .end = 0x20000, .path = "//anon", .start_ts = 5 };
	struct module_entry *a, *b;
	struct fixture f;
	uint64_t base;

	setup(&f, 0);
	CHECK_EQ(modules_find(f.m, &d, &a, &base, NULL), 0);
	CHECK_EQ(a->m.kind, MODULE_JIT);
	CHECK_EQ(base, 0x10000);
	CHECK(a->root_fd >= 0);
	CHECK_EQ(a->ns_pid, getpid());
	d.start = 0x50000;
	d.path = "";
	CHECK(find(&f, &d) == a);
	d.start_ts = 6;
	b = find(&f, &d);
	CHECK(a != b);
	modules_process_exit(f.m, (uint32_t)getpid());
	CHECK_EQ(a->root_fd, -1);
	CHECK_EQ(a->map_fd, -1);
	teardown(&f);
}

TEST(modules_memfd_with_code_only_is_jit_and_with_elf_is_a_file)
{
	_cleanup_close_ int fd = memfd_create("doublemapper", MFD_CLOEXEC), elf = memfd_create("prog", MFD_CLOEXEC);
	_cleanup_close_ int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct mapping_desc d;
	struct fixture f;
	char buf[65536];
	ssize_t n;
	void *p;

	if (geteuid())
		SKIP("/proc/PID/map_files needs root");
	setup(&f, 0);
	CHECK_EQ(ftruncate(fd, 4096), 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	d = describe(p, 4096, "/memfd:doublemapper (deleted)");
	CHECK_EQ(find(&f, &d)->m.kind, MODULE_JIT);
	munmap(p, 4096);
	while ((n = read(self, buf, sizeof(buf))) > 0)
		CHECK_EQ(write(elf, buf, (size_t)n), n);
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, elf, 0);
	d = describe(p, 4096, "/memfd:prog (deleted)");
	d.ino = ({ struct stat st; CHECK_EQ(fstat(elf, &st), 0); st.st_ino; });
	CHECK_EQ(find(&f, &d)->m.kind, MODULE_ELF);
	CHECK_STR(find(&f, &d)->m.path, "/memfd:prog");
	CHECK(find(&f, &d)->m.build_id_sz > 0);
	munmap(p, 4096);
	teardown(&f);
}

TEST(modules_vdso_has_its_segment_and_32_bit_ones_are_apart)
{
	struct mapping_desc d = { .pid = 1, .start = 0x7fff00000000, .end = 0x7fff00002000, .path = "[vdso]" };
	struct module_entry *a, *b;
	struct fixture f;
	uint64_t base = 9;
	size_t sz;

	setup(&f, 0);
	CHECK_EQ(modules_find(f.m, &d, &a, &base, NULL), 0);
	CHECK(a->m.kind == MODULE_VDSO && base == 0);
	if (modules_vdso_image(&sz))
		CHECK(a->m.seg_cnt == 1 && a->m.build_id_sz);
	d.start = 0xf7f00000;
	b = find(&f, &d);
	CHECK(a != b);
	CHECK_STR(b->m.path, "[vdso32]");
	teardown(&f);
}

TEST(modules_vdso_image_is_as_long_as_its_mapping)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	const void *image;
	char line[512];
	size_t sz = 0;

	image = modules_vdso_image(&sz);
	if (!image)
		SKIP("no vdso");
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "[vdso]") && sscanf(line, "%lx-%lx", &start, &end) == 2)
			CHECK((const void *)start == image && end - start == sz);
}

static void on_new(void *ctx, struct module_entry *e)
{
	CHECK(e->fd >= 0); /* even over the cap, while it is being told */
	++*(int *)ctx;
}

TEST(modules_listener_gets_every_file_open_even_over_the_cap)
{
	struct module_entry *e;
	struct mapping_desc d;
	struct fixture f;
	const char *path;
	int n = 0, fd;
	void *p;

	setup(&f, 1);
	modules_set_listener(f.m, on_new, &n);
	path = in_dir(&f, "a");
	copy_self(path);
	p = map_file(path, 4096);
	d = describe(p, 4096, path);
	CHECK(find(&f, &d)->fd >= 0);
	munmap(p, 4096);
	path = in_dir(&f, "b");
	copy_self(path);
	p = map_file(path, 4096);
	d = describe(p, 4096, path);
	e = find(&f, &d);
	CHECK_EQ(e->fd, -1);
	CHECK_EQ(n, 2);
	fd = modules_open_file(e); /* by name again, its build-id compared */
	CHECK(fd >= 0);
	close(fd);
	munmap(p, 4096);
	teardown(&f);
}

TEST(module_file_never_opens_a_fifo_or_a_device)
{
	struct fixture f;

	setup(&f, 0);
	CHECK_EQ(mkfifo(in_dir(&f, "fifo"), 0600), 0);
	CHECK_EQ(module_file_open_path(in_dir(&f, "fifo")), -EINVAL);
	CHECK_EQ(module_file_open_path("/dev/zero"), -EINVAL);
	CHECK_EQ(module_file_open_path(f.dir), -EINVAL);
	CHECK_EQ(module_file_open_path("/nonexistent"), -ENOENT);
	teardown(&f);
}

static bool is_wanted(void *ctx, uint32_t id)
{
	const uint32_t *wanted = ctx;

	return id == wanted[0] || id == wanted[1];
}

static void count(void *ctx, uint32_t id)
{
	++*(int *)ctx;
}

TEST(modules_that_nobody_wants_are_forgotten_with_their_files)
{
	struct mapping_desc jit = { .pid = (uint32_t)getpid(), .start = 0x10000, .end = 0x20000, .path = "//anon", .start_ts = 5 };
	struct module_entry *kept, *gone, *old, *again;
	struct mapping_desc d, d2;
	uint32_t wanted[2];
	struct fixture f;
	char path[2][160];
	void *p[2];
	int n = 0;

	setup(&f, 0);
	for (int i = 0; i < 2; i++) {
		snprintf(path[i], sizeof(path[i]), "%s", in_dir(&f, i ? "two" : "one"));
		copy_self(path[i]);
		p[i] = map_file(path[i], 4096);
	}
	d = describe(p[0], 4096, path[0]);
	d2 = describe(p[1], 4096, path[1]);
	gone = find(&f, &d);
	kept = find(&f, &d2);
	old = find(&f, &jit);
	jit.start_ts = 6;
	again = find(&f, &jit);
	CHECK(gone->fd >= 0 && kept->fd >= 0 && modules_files_held(f.m) == 4);
	modules_each_lasting(f.m, count, &n);
	CHECK_EQ(n, 2); /* the processes live, as far as was told */
	wanted[0] = kept->id;
	wanted[1] = again->id;
	modules_sweep(f.m, is_wanted, wanted);
	CHECK_EQ(modules_count(f.m), 2);
	CHECK_EQ(modules_files_held(f.m), 2);
	CHECK(modules_get(f.m, wanted[0]) == kept && modules_at(f.m, 0) == kept && modules_at(f.m, 1) == again);
	CHECK(find(&f, &d2) == kept && find(&f, &jit) == again);
	recording_writer_forget_modules(f.w, is_wanted, wanted);
	CHECK_EQ(find(&f, &d)->fd >= 0, true); /* as if it had never been here */
	CHECK_EQ(modules_count(f.m), 3);
	modules_process_exit(f.m, (uint32_t)getpid());
	n = 0;
	modules_each_lasting(f.m, count, &n);
	CHECK_EQ(n, 0);
	(void)old;
	munmap(p[0], 4096);
	munmap(p[1], 4096);
	teardown(&f);
}

TEST(modules_want_a_sweep_when_they_are_many_and_not_again_at_once)
{
	struct mapping_desc d = { .pid = 1, .start = 0x10000, .end = 0x20000, .path = "//anon" };
	uint32_t wanted[2] = { 1, 0 };
	struct fixture f;

	setup(&f, 0);
	CHECK(!modules_want_sweep(f.m));
	for (d.start_ts = 1; !modules_want_sweep(f.m) && d.start_ts < 10000; d.start_ts++)
		(void)find(&f, &d);
	CHECK(d.start_ts < 10000);
	modules_sweep(f.m, is_wanted, wanted);
	CHECK_EQ(modules_count(f.m), 1);
	CHECK_EQ(modules_files_held(f.m) <= 1, true);
	CHECK(!modules_want_sweep(f.m));
	teardown(&f);
}

TEST_MAIN()
