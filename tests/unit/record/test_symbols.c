// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/names_worker.h"
#include "record/procscan.h"
#include "record/symbols.h"

void symbols_first_function(void);
void symbols_second_function(void);

__attribute__((noinline)) void symbols_first_function(void)
{
	__asm__ volatile("nop; nop; nop");
}

__attribute__((noinline)) void symbols_second_function(void)
{
	__asm__ volatile("nop; nop; nop; nop");
}

struct fixture {
	struct recording_writer *w;
	struct modules *m;
	struct tasks *t;
	struct symbols *s;
	struct symbols_stats stats;
	char dir[64], file[96], names[4096];
};

static void setup(struct fixture *f, enum options_symbols mode)
{
	struct recording_writer_options o = {};
	struct procscan_options scan;

	memset(f, 0, sizeof(*f));
	strcpy(f->dir, "/tmp/varve-symbols-XXXXXX");
	CHECK(mkdtemp(f->dir));
	snprintf(f->file, sizeof(f->file), "%s/x.varve", f->dir);
	CHECK_EQ(recording_writer_open(f->file, &o, &f->w, NULL), 0);
	CHECK_EQ(modules_create(f->w, 0, &f->m, NULL), 0);
	CHECK_EQ(tasks_create(&f->t), 0);
	CHECK_EQ(symbols_create(mode, false, &f->s), 0);
	scan = (struct procscan_options){ .tasks = f->t, .modules = f->m };
	CHECK(procscan_run(&scan, NULL) > 0);
}

static void teardown(struct fixture *f)
{
	char cmd[96];

	symbols_destroy(f->s);
	tasks_destroy(f->t);
	modules_destroy(f->m);
	CHECK_EQ(recording_writer_close(f->w, NULL), 0);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	CHECK_EQ(system(cmd), 0);
}

static void hit(struct fixture *f, const void *p, uint32_t flags)
{
	struct frame fr = { .flags = flags };

	CHECK(tasks_resolve(f->t, (uint32_t)getpid(), UINT64_MAX, (uint64_t)(uintptr_t)p, &fr, NULL));
	symbols_hit(f->s, &fr);
}

/* Emits, and collects "name " of each symbol read back. */
static const char *emit(struct fixture *f)
{
	struct recording_reader *r;
	struct event ev;

	const struct symbols_sources src = { .modules = f->m, .writer = f->w };

	CHECK(symbols_emit(f->s, &src, 0, &f->stats, NULL) >= 0);
	CHECK_EQ(recording_writer_flush(f->w, NULL), 0);
	CHECK_EQ(recording_reader_open(f->file, &r, NULL), 0);
	while (recording_reader_next(r, &ev, NULL) == 1) {
		size_t len = strlen(f->names);

		if (ev.kind == EVENT_SYMBOL && len < sizeof(f->names) - 300)
			snprintf(f->names + len, sizeof(f->names) - len, "%.200s ", ev.symbol.name);
	}
	recording_reader_close(r);
	return f->names;
}

TEST(symbols_of_hit_frames_travel_once_each)
{
	struct fixture f;

	setup(&f, SYMBOLS_HIT);
	hit(&f, (char *)symbols_first_function + 1, 0);
	hit(&f, (char *)symbols_first_function + 1, FRAME_EXACT);
	hit(&f, (char *)symbols_first_function + 2, FRAME_EXACT);
	hit(&f, (void *)symbols_second_function, FRAME_EXACT);
	CHECK_STR(emit(&f), "symbols_first_function symbols_second_function ");
	CHECK_EQ(f.stats.frames, 3);
	CHECK_EQ(f.stats.written, 2);
	CHECK_EQ(f.stats.modules_failed, 0);
	teardown(&f);
}

TEST(symbols_are_written_once_in_each_segment)
{
	struct fixture f;

	setup(&f, SYMBOLS_HIT);
	hit(&f, (void *)symbols_first_function, FRAME_EXACT);
	emit(&f);
	CHECK_EQ(f.stats.written, 1);
	hit(&f, (void *)symbols_first_function, FRAME_EXACT);
	hit(&f, (void *)symbols_second_function, FRAME_EXACT);
	emit(&f);
	CHECK_EQ(f.stats.written, 1);
	symbols_next_segment(f.s, 0);
	emit(&f);
	CHECK_EQ(f.stats.written, 0);
	hit(&f, (void *)symbols_second_function, FRAME_EXACT);
	symbols_next_segment(f.s, 1); /* of the segment before, which is in memory */
	emit(&f);
	CHECK_EQ(f.stats.written, 1);
	teardown(&f);
	setup(&f, SYMBOLS_ALL);
	emit(&f);
	CHECK(f.stats.written > 1000);
	emit(&f);
	CHECK_EQ(f.stats.written, 0);
	symbols_next_segment(f.s, 0);
	emit(&f);
	CHECK(f.stats.written > 1000);
	teardown(&f);
}

TEST(symbols_look_before_a_return_address)
{
	struct fixture f;

	setup(&f, SYMBOLS_HIT);
	hit(&f, (void *)symbols_second_function, 0); /* the call was the last instruction of what is before */
	emit(&f);
	CHECK(!strstr(f.names, "symbols_second_function"));
	teardown(&f);
}

TEST(symbols_all_writes_functions_nobody_hit_and_none_writes_nothing)
{
	struct fixture f;

	setup(&f, SYMBOLS_ALL);
	emit(&f);
	CHECK(f.stats.written > 1000); /* libc is mapped */
	teardown(&f);
	setup(&f, SYMBOLS_NONE);
	hit(&f, (void *)symbols_first_function, FRAME_EXACT);
	CHECK_STR(emit(&f), "");
	teardown(&f);
}

TEST(symbols_of_the_vdso_come_from_its_image)
{
	struct fixture f;
	struct module_entry *e = NULL;
	struct frame fr = { .flags = FRAME_EXACT };

	setup(&f, SYMBOLS_HIT);
	for (uint32_t i = 0; i < modules_count(f.m); i++)
		if (modules_at(f.m, i)->m.kind == MODULE_VDSO && modules_at(f.m, i)->m.seg_cnt)
			e = modules_at(f.m, i);
	if (!e)
		SKIP("no vdso");
	fr.module = e->id;
	for (fr.off = e->m.segs[0].offset; fr.off < e->m.segs[0].offset + e->m.segs[0].filesz; fr.off += 16)
		symbols_hit(f.s, &fr);
	CHECK_HAS(emit(&f), "clock_gettime");
	teardown(&f);
}

TEST(symbols_of_jit_code_come_from_the_perf_map_and_the_last_entry_holds)
{
	char path[64], map[256];
	struct fixture f;
	char *jit;
	int fd;

	setup(&f, SYMBOLS_HIT);
	jit = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_EQ(procscan_run(&(struct procscan_options){ .tasks = f.t, .modules = f.m }, NULL) > 0, 1);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	(void)unlink(path); /* of a former owner of this pid */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	snprintf(map, sizeof(map), "%lx 100 old_code\nnonsense\n%lx 40 py::new code:/a.py\n%lx 10 elsewhere\n",
		 (unsigned long)jit, (unsigned long)jit + 0x40, (unsigned long)jit + 0x200);
	CHECK_EQ(write(fd, map, strlen(map)), (ssize_t)strlen(map));
	close(fd);
	hit(&f, jit + 0x10, FRAME_EXACT);
	hit(&f, jit + 0x44, FRAME_EXACT);
	hit(&f, jit + 0x50, 0);
	emit(&f);
	unlink(path);
	CHECK_STR(f.names, "old_code py::new code:/a.py ");
	munmap(jit, 4096);
	teardown(&f);
}

TEST(symbols_hits_beyond_the_cap_are_counted)
{
	struct frame fr = { .module = 1 };
	struct fixture f;

	setup(&f, SYMBOLS_HIT);
	for (fr.off = 0; fr.off < 600000; fr.off++)
		symbols_hit(f.s, &fr);
	const struct symbols_sources src = { .writer = f.w };
	CHECK(symbols_emit(f.s, &src, 0, &f.stats, NULL) >= 0);
	CHECK_EQ(f.stats.frames, 524288);
	CHECK_EQ(f.stats.over_cap, 600000 - 524288);
	teardown(&f);
}

/* ---- the parent has other things to do ------------------------------------------------------------------------------ */

static void count_idle(void *ctx)
{
	++*(int *)ctx;
}

static int be_slow(void *ctx, uint32_t module, const struct symtab_symbol *s)
{
	usleep(100);
	return 0;
}

TEST(names_worker_lets_the_parent_go_on_meanwhile)
{
	FILE *map = tmpfile();
	struct names_job job = { .module = 1, .is_perfmap = true, .dump_fd = -1 };
	int calls = 0;
	const struct names_idle idle = { count_idle, &calls };

	CHECK(map);
	for (int i = 0; i < 3000; i++)
		fprintf(map, "%x 10 a_function_with_a_name_of_some_length_%d\n", 0x1000 + i * 16, i);
	fflush(map);
	job.map_fd = fileno(map);
	CHECK_EQ(names_worker_run(&job, 1, 200000000000, &idle, be_slow, NULL, NULL), 0);
	CHECK(calls > 0);
	fclose(map);
}

/* ---- the child dies ------------------------------------------------------------------------------------------------ */

static int count_name(void *ctx, uint32_t module, const struct symtab_symbol *s)
{
	CHECK_EQ(module, 3);
	++*(int *)ctx;
	return 0;
}

static struct names_job self_job(int fd, const struct module_segment *seg, const uint64_t *off)
{
	return (struct names_job){ .module = 3, .map_fd = -1, .dump_fd = -1, .offs = off, .off_cnt = 1,
				   .elf = { .image = { .fd = fd }, .debug = { .fd = -1 }, .segs = seg, .seg_cnt = 1 } };
}

TEST(names_worker_that_crashes_costs_one_module_only)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const struct module_segment all = { 0, 0, 1 << 30 };
	struct names_job jobs[4];
	uint64_t off = 0;
	int n = 0;

	/* any function of this program: the entry point */
	CHECK_EQ(pread(fd, &off, 8, 24), 8);
	jobs[0] = jobs[1] = jobs[2] = jobs[3] = self_job(fd, &all, &off);
	jobs[1].elf.image = (struct elf_source){ .fd = -1, .data = (void *)16, .len = 1 << 20 }; /* not memory */
	CHECK_EQ(names_worker_run(jobs, 4, 20000000000, NULL, count_name, &n, NULL), 0);
	CHECK(!jobs[0].failed && jobs[1].failed && !jobs[2].failed && !jobs[3].failed);
	CHECK_EQ(n, 3);
}

TEST(names_worker_that_takes_too_long_is_ended)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	const struct module_segment all = { 0, 0, 1 << 30 };
	struct names_job jobs[3];
	uint64_t off = 1;
	int n = 0;

	jobs[0] = jobs[1] = jobs[2] = self_job(fd, &all, &off);
	jobs[0].is_perfmap = true;
	jobs[0].map_fd = zero; /* a map that never ends (the reader gives up after 256 MiB) */
	CHECK_EQ(names_worker_run(jobs, 3, 5000000, NULL, count_name, &n, NULL), 0);
	CHECK(jobs[0].failed && jobs[1].failed && jobs[2].failed);
	CHECK_EQ(n, 0);
}

static int refuse(void *ctx, uint32_t module, const struct symtab_symbol *s)
{
	return -ENOSPC;
}

TEST(names_worker_stops_when_the_writer_fails)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const struct module_segment all = { 0, 0, 1 << 30 };
	struct names_job job;
	uint64_t off = 0;

	CHECK_EQ(pread(fd, &off, 8, 24), 8);
	job = self_job(fd, &all, &off);
	CHECK_EQ(names_worker_run(&job, 1, 20000000000, NULL, refuse, NULL, NULL), -ENOSPC);
}

TEST_MAIN()
