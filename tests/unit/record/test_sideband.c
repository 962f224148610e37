// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/sideband.h"

/* ---- records made by hand ---------------------------------------------------------------------------------------- */

static uint8_t rec[512];
static size_t rec_len;

static void put(const void *data, size_t len)
{
	memcpy(rec + rec_len, data, len);
	rec_len += len;
}

static void put32(uint32_t v)
{
	put(&v, 4);
}

static void put64(uint64_t v)
{
	put(&v, 8);
}

static void begin(uint32_t type, uint16_t misc)
{
	struct perf_event_header h = { type, misc, 0 };

	rec_len = 0;
	put(&h, sizeof(h));
}

static void end(void)
{
	struct perf_event_header h;

	put32(10);
	put32(11);
	put64(5000);
	put32(3);
	put32(0);
	memcpy(&h, rec, sizeof(h));
	h.size = (uint16_t)rec_len;
	memcpy(rec, &h, sizeof(h));
}

static void make_mmap2(bool is_marked, const char *path)
{
	char name[64] = "";

	begin(PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER | (is_marked ? PERF_RECORD_MISC_MMAP_BUILD_ID : 0));
	put32(10);
	put32(11);
	put64(0x7f0000001000);
	put64(0x2000);
	put64(0x3000);
	put32(0xfe);
	put32(1);
	put64(1234);
	put64(9);
	put32(PROT_READ | PROT_EXEC);
	put32(2);
	strcpy(name, path);
	put(name, (strlen(path) + 8) & ~7UL);
	end();
}

TEST(sideband_parse_reads_mmap2_whatever_its_mark_says)
{
	struct sideband_record r;

	make_mmap2(false, "/usr/lib/x.so");
	CHECK_EQ(sideband_parse(rec, rec_len, &r), 1);
	CHECK_EQ(r.kind, SIDEBAND_MMAP);
	CHECK(r.is_exec);
	CHECK_EQ(r.ts, 5000);
	CHECK_EQ(r.cpu, 3);
	CHECK_EQ(r.map.pid, 10);
	CHECK_EQ(r.map.start, 0x7f0000001000);
	CHECK_EQ(r.map.end, 0x7f0000003000);
	CHECK_EQ(r.map.pgoff, 0x3000);
	CHECK_EQ(r.map.maj, 0xfe);
	CHECK_EQ(r.map.ino, 1234);
	CHECK_EQ(r.map.ino_gen, 9);
	CHECK(!r.map.build_id);
	CHECK_STR(r.map.path, "/usr/lib/x.so");
	make_mmap2(true, "//anon");
	CHECK_EQ(sideband_parse(rec, rec_len, &r), 1);
	CHECK_EQ(r.map.build_id_sz, 0);
	CHECK_EQ(r.map.ino, 1234); /* the mark is for somebody else's event */
}

TEST(sideband_parse_reads_tasks_names_and_losses)
{
	struct sideband_record r;

	begin(PERF_RECORD_FORK, 0);
	put32(20);
	put32(10);
	put32(21);
	put32(11);
	put64(5000);
	end();
	CHECK_EQ(sideband_parse(rec, rec_len, &r), 1);
	CHECK(r.kind == SIDEBAND_FORK && r.pid == 20 && r.ppid == 10 && r.tid == 21 && r.ptid == 11);
	begin(PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC);
	put32(20);
	put32(20);
	put("newname\0", 8);
	end();
	CHECK_EQ(sideband_parse(rec, rec_len, &r), 1);
	CHECK_EQ(r.kind, SIDEBAND_EXEC);
	CHECK_STR(r.comm, "newname");
	begin(PERF_RECORD_LOST, 0);
	put64(1);
	put64(77);
	end();
	CHECK_EQ(sideband_parse(rec, rec_len, &r), 1);
	CHECK(r.kind == SIDEBAND_LOST && r.lost == 77);
	begin(PERF_RECORD_THROTTLE, 0);
	put64(1);
	end();
	CHECK_EQ(sideband_parse(rec, rec_len, &r), 0);
	CHECK_EQ(r.ts, 5000);
}

TEST(sideband_parse_survives_every_length_and_byte)
{
	struct sideband_record r;

	for (int form = 0; form < 2; form++) {
		make_mmap2(form, "/usr/lib/x.so");
		for (size_t len = 0; len < rec_len; len++) {
			_cleanup_free_ uint8_t *copy = malloc(len + !len);

			memcpy(copy, rec, len);
			(void)sideband_parse(copy, len, &r);
		}
		for (size_t i = 0; i < rec_len; i++) {
			for (int v = 0; v < 256; v++) {
				uint8_t saved = rec[i];

				rec[i] = (uint8_t)v;
				(void)sideband_parse(rec, rec_len, &r);
				rec[i] = saved;
			}
		}
	}
	CHECK_EQ(sideband_parse(rec, 8, &r), -EBADMSG);
	make_mmap2(false, "/x");
	memset(rec + 8 + 64, 'x', 8); /* a name without its NUL */
	CHECK_EQ(sideband_parse(rec, rec_len, &r), -EBADMSG);
	make_mmap2(false, "/x");
	memset(rec + 8 + 16, 0xff, 8); /* a length past the address space */
	CHECK_EQ(sideband_parse(rec, rec_len, &r), -EBADMSG);
}

/* ---- the kernel's ------------------------------------------------------------------------------------------------- */

struct live {
	struct recording_writer *w;
	struct modules *m;
	struct tasks *t;
	struct sideband *s;
	char path[64];
};

static void setup(struct live *l, uint32_t pages)
{
	struct recording_writer_options wo = {};
	struct sideband_options o;
	struct err err;
	int r;

	strcpy(l->path, "/tmp/varve-sideband-XXXXXX");
	CHECK(mkdtemp(l->path));
	strcat(l->path, "/x.varve");
	CHECK_EQ(recording_writer_open(l->path, &wo, &l->w, NULL), 0);
	CHECK_EQ(modules_create(l->w, 0, &l->m, NULL), 0);
	CHECK_EQ(tasks_create(&l->t), 0);
	o = (struct sideband_options){ .writer = l->w, .modules = l->m, .tasks = l->t, .ring_pages = pages };
	r = sideband_open(&o, &l->s, &err);
	if (r == -EACCES || r == -EPERM || r == -ENOSYS) {
		CHECK_HAS(err.text, "perf_event_open");
		SKIP("needs perf_event_open system-wide");
	}
	CHECK_EQ(r, 0);
}

static void teardown(struct live *l)
{
	sideband_close(l->s);
	tasks_destroy(l->t);
	modules_destroy(l->m);
	CHECK_EQ(recording_writer_close(l->w, NULL), 0);
	CHECK_EQ(unlink(l->path), 0);
	*strrchr(l->path, '/') = '\0';
	CHECK_EQ(rmdir(l->path), 0);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

TEST(sideband_live_follows_a_childs_fork_exec_and_exit)
{
	struct sideband_stats stats;
	struct task_ref ref = { .comm = "" };
	struct live l;
	struct frame f;
	int go[2], status;
	uint64_t before;
	char *jit;
	pid_t pid;

	setup(&l, 0);
	jit = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_EQ(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		char c;

		if (read(go[0], &c, 1) == 1)
			execlp("sleep", "sleep", "20", NULL);
		_exit(1);
	}
	CHECK(sideband_drain(l.s, NULL) > 0);
	/* our JIT page reached the child by its fork alone */
	CHECK(tasks_resolve(l.t, (uint32_t)pid, now_ns(), (uint64_t)(uintptr_t)jit, &f, NULL));
	CHECK_EQ(modules_get(l.m, f.module)->m.kind, MODULE_JIT);
	CHECK_EQ(f.off, (uint64_t)(uintptr_t)jit);
	before = now_ns();
	CHECK_EQ(write(go[1], "x", 1), 1);
	for (int i = 0; i < 6000; i++) { /* a loaded machine takes its time */
		usleep(10000);
		CHECK(sideband_drain(l.s, NULL) >= 0);
		if (tasks_find(l.t, (uint32_t)pid, now_ns(), &ref) && !strcmp(ref.comm, "sleep"))
			break;
	}
	CHECK_STR(ref.comm, "sleep");
	CHECK(!tasks_resolve(l.t, (uint32_t)pid, now_ns(), (uint64_t)(uintptr_t)jit, &f, NULL));
	CHECK(tasks_resolve(l.t, (uint32_t)pid, before, (uint64_t)(uintptr_t)jit, &f, NULL));
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(sideband_drain(l.s, NULL) > 0);
	sideband_get_stats(l.s, &stats);
	CHECK_EQ(stats.bad, 0);
	tasks_prune(l.t, now_ns() + TASKS_GRACE_NS + 1000000000);
	CHECK(!tasks_find(l.t, (uint32_t)pid, now_ns(), &ref));
	munmap(jit, 8192);
	close(go[0]);
	close(go[1]);
	teardown(&l);
}

TEST(sideband_live_names_a_new_mapping_by_its_build_id)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct recording_reader *r;
	const struct module_entry *e;
	bool was_written = false;
	struct event ev;
	struct live l;
	struct frame f;
	char *p;

	setup(&l, 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 4096);
	CHECK(p != MAP_FAILED);
	CHECK(sideband_drain(l.s, NULL) > 0);
	CHECK(tasks_resolve(l.t, (uint32_t)getpid(), now_ns(), (uint64_t)(uintptr_t)p + 8, &f, NULL));
	CHECK_EQ(f.off, 4096 + 8);
	e = modules_get(l.m, f.module);
	CHECK(e && e->fd >= 0 && e->m.build_id_sz == 20 && !e->m.is_content_id && e->m.seg_cnt);
	CHECK_EQ(recording_writer_flush(l.w, NULL), 0);
	CHECK_EQ(recording_reader_open(l.path, &r, NULL), 0);
	while (recording_reader_next(r, &ev, NULL) == 1)
		if (ev.kind == EVENT_MAPPING && ev.task.pid == (uint32_t)getpid() &&
		    ev.mapping.start == (uint64_t)(uintptr_t)p)
			was_written = ev.mapping.pgoff == 4096;
	CHECK(was_written);
	recording_reader_close(r);
	munmap(p, 4096);
	teardown(&l);
}

TEST(sideband_live_wakes_by_fill_level_and_counts_what_is_lost)
{
	struct sideband_stats stats;
	struct live l;
	struct pollfd pfd;
	cpu_set_t all, one;

	setup(&l, 8);
	/* a loss is told in the ring it happened in, with the next record there */
	CHECK_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	CHECK_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
	pfd = (struct pollfd){ .fd = sideband_fd(l.s), .events = POLLIN };
	CHECK_EQ(sideband_drain(l.s, NULL) < 0, 0);
	for (int i = 0; i < 3000; i++) { /* a record of some 100 bytes each, into 32 KiB */
		char *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		CHECK(p != MAP_FAILED);
		munmap(p, 4096);
	}
	CHECK_EQ(poll(&pfd, 1, 60000), 1);
	CHECK(sideband_drain(l.s, NULL) > 100);
	munmap(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
	CHECK(sideband_drain(l.s, NULL) > 0); /* LOST is told with the next record */
	sideband_get_stats(l.s, &stats);
	CHECK(stats.lost > 0);
	CHECK(sideband_take_lost(l.s));
	CHECK(!sideband_take_lost(l.s));
	CHECK_EQ(sched_setaffinity(0, sizeof(all), &all), 0);
	teardown(&l);
}

TEST_MAIN()
