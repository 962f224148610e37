// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/counters.h"
#include "record/health.h"
#include "record/memsnap.h"

#define SEC 1000000000ULL

/* A /proc of our own. */
struct fixture {
	struct recording_writer *w;
	struct memsnap *m;
	char dir[64], file[96];
};

static void put(const struct fixture *f, const char *name, const char *fmt, ...)
{
	char path[160];
	va_list ap;
	FILE *out;

	snprintf(path, sizeof(path), "%s/proc/%s", f->dir, name);
	out = fopen(path, "we");
	CHECK(out);
	va_start(ap, fmt);
	vfprintf(out, fmt, ap);
	va_end(ap);
	fclose(out);
}

static void make_dir(const struct fixture *f, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	CHECK_EQ(mkdir(path, 0700), 0);
}

static void put_task(const struct fixture *f, int pid, int rss_pages, const char *comm)
{
	char name[64];

	snprintf(name, sizeof(name), "proc/%d", pid);
	make_dir(f, name);
	snprintf(name, sizeof(name), "%d/statm", pid);
	put(f, name, "%d %d 1 0 0 0 0\n", rss_pages * 2, rss_pages);
	snprintf(name, sizeof(name), "%d/status", pid);
	put(f, name, "Name:\t%s\nUid:\t1000\t1001\t0\t0\nVmRSS:\t%d kB\nRssAnon:\t%d kB\nVmSwap:\t7 kB\n", comm, rss_pages * 4,
	    rss_pages * 4 - 4);
	snprintf(name, sizeof(name), "%d/oom_score_adj", pid);
	put(f, name, "-500\n");
}

static void put_meminfo(const struct fixture *f, int anon_kb)
{
	put(f, "meminfo", "MemTotal: 1000000 kB\nMemFree: 10 kB\nAnonPages: %d kB\nShmem: 5 kB\n", anon_kb);
}

static void setup(struct fixture *f)
{
	struct recording_writer_options wo = {};
	struct memsnap_options o;
	char proc[96];

	strcpy(f->dir, "/tmp/varve-memsnap-XXXXXX");
	CHECK(mkdtemp(f->dir));
	make_dir(f, "proc");
	make_dir(f, "proc/pressure");
	put_meminfo(f, 100000);
	put(f, "vmstat", "nr_free_pages 1\noom_kill 3\npgmajfault 42\n");
	put(f, "pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=46\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=44\n");
	put_task(f, 10, 1000, "big");
	put_task(f, 11, 10, "small");
	put_task(f, 12, 0, "kthread");
	snprintf(f->file, sizeof(f->file), "%s/x.varve", f->dir);
	CHECK_EQ(recording_writer_open(f->file, &wo, &f->w, NULL), 0);
	snprintf(proc, sizeof(proc), "%s/proc", f->dir);
	/* long intervals: the cost of a snapshot, times 1000, must pass on a busy machine too */
	o = (struct memsnap_options){ .writer = f->w, .proc = proc, .snapshot_ns = 20 * SEC };
	CHECK_EQ(memsnap_create(&o, &f->m, NULL), 0);
}

static void teardown(struct fixture *f)
{
	char cmd[96];

	memsnap_destroy(f->m);
	CHECK_EQ(recording_writer_close(f->w, NULL), 0);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	CHECK_EQ(system(cmd), 0);
}

/* "name=value " of each counter, "pid:comm:rss:anon:swap:adj:uid@ts " of each OOM task, in order. */
static const char *read_back(struct fixture *f)
{
	static char text[4096];
	struct recording_reader *r;
	struct event ev;

	text[0] = '\0';
	CHECK_EQ(recording_writer_flush(f->w, NULL), 0);
	CHECK_EQ(recording_reader_open(f->file, &r, NULL), 0);
	while (recording_reader_next(r, &ev, NULL) == 1) {
		size_t len = strlen(text);

		if (ev.kind == EVENT_COUNTER)
			snprintf(text + len, sizeof(text) - len, "%s/%s=%lld ", ev.counter.scope, ev.counter.name,
				 (long long)ev.counter.value);
		else if (ev.kind == EVENT_OOM_TASK)
			snprintf(text + len, sizeof(text) - len, "%u:%s:%llu:%llu:%llu:%d:%u@%llu ", ev.task.pid, ev.task.comm,
				 (unsigned long long)ev.oom_task.rss_kb, (unsigned long long)ev.oom_task.anon_kb,
				 (unsigned long long)ev.oom_task.swap_kb, ev.oom_task.oom_score_adj, ev.oom_task.uid,
				 (unsigned long long)ev.ts);
	}
	recording_reader_close(r);
	return text;
}

TEST(memsnap_oom_rows_are_of_the_snapshot_before_the_kill)
{
	struct fixture f;

	setup(&f);
	CHECK_EQ(memsnap_before(f.m, 100 * SEC), 0);
	CHECK_EQ(memsnap_tick(f.m, 10 * SEC, NULL), 0);
	put_meminfo(&f, 200000);
	put_task(&f, 13, 5000, "hog");
	CHECK_EQ(memsnap_tick(f.m, 30 * SEC, NULL), 0);
	CHECK_EQ(memsnap_before(f.m, 12 * SEC), 10 * SEC);
	CHECK_EQ(memsnap_before(f.m, 31 * SEC), 30 * SEC);
	CHECK_EQ(memsnap_emit_oom(f.m, 12 * SEC, NULL), 2);
	CHECK_HAS(read_back(&f), "10:big:4000:3996:7:-500:1000@10000000000 11:small:40:36:7:-500:1000@10000000000 ");
	CHECK(!strstr(read_back(&f), "hog"));
	CHECK_EQ(memsnap_emit_oom(f.m, 31 * SEC, NULL), 3);
	CHECK_HAS(read_back(&f), "13:hog:20000");
	CHECK_EQ(memsnap_emit_oom(f.m, 5 * SEC, NULL), 0); /* nothing is that old */
	teardown(&f);
}

TEST(memsnap_is_quiet_while_memory_is)
{
	struct fixture f;

	setup(&f);
	CHECK_EQ(memsnap_tick(f.m, 10 * SEC, NULL), 0);
	for (uint64_t s = 11; s < 40; s++)
		CHECK_EQ(memsnap_tick(f.m, s * SEC, NULL), 0);
	CHECK_EQ(memsnap_before(f.m, 100 * SEC), 10 * SEC);
	CHECK_EQ(memsnap_tick(f.m, 40 * SEC, NULL), 0);
	CHECK_EQ(memsnap_before(f.m, 100 * SEC), 40 * SEC);
	put_meminfo(&f, 300000); /* a jump does not wait until the next is due */
	CHECK_EQ(memsnap_tick(f.m, 55 * SEC, NULL), 0);
	CHECK_EQ(memsnap_before(f.m, 100 * SEC), 55 * SEC);
	teardown(&f);
}

/* One that came while a process grew, or the first one of a cold start, must not cost the next one. */
TEST(memsnap_follows_what_grows_fast_for_a_while)
{
	uint64_t ts = 100 * SEC, last = 0, taken = 0;
	struct fixture f;

	setup(&f);
	for (int i = 0; i < 300; i++)
		put_task(&f, 100 + i, 100, "t");
	for (int i = 0; i < 400; i++, ts += SEC / 4) {
		put_meminfo(&f, 100000 + i * 20000);
		CHECK_EQ(memsnap_tick(f.m, ts, NULL), 0);
		taken += memsnap_before(f.m, ts + 1) != last;
		last = memsnap_before(f.m, ts + 1);
		if (i == 2)
			CHECK_EQ(taken, 3);
	}
	CHECK(taken < 300); /* 400 of 1 ms and more, in 100 s */
	teardown(&f);
}

TEST(memsnap_keeps_the_largest_of_many)
{
	struct fixture f;

	setup(&f);
	for (int i = 0; i < 100; i++)
		put_task(&f, 100 + i, 100 + (i * 37) % 100, "t");
	CHECK_EQ(memsnap_tick(f.m, 10 * SEC, NULL), 0);
	CHECK_EQ(memsnap_emit_oom(f.m, 11 * SEC, NULL), MEMSNAP_TOP);
	CHECK_HAS(read_back(&f), "10:big:4000");
	CHECK_HAS(read_back(&f), ":t:796:"); /* 199 pages */
	CHECK_HAS(read_back(&f), ":t:676:"); /* 169: the 31st of them */
	CHECK(!strstr(read_back(&f), ":t:672:"));
	teardown(&f);
}

TEST(memsnap_counters_are_written_when_they_change)
{
	struct fixture f;

	setup(&f);
	CHECK_EQ(memsnap_tick(f.m, 10 * SEC, NULL), 0);
	CHECK_STR(read_back(&f), "host/mem.total_kb=1000000 host/mem.free_kb=10 host/mem.anon_kb=100000 host/mem.shmem_kb=5 "
				 "host/vm.pgmajfault=42 host/vm.oom_kill=3 host/psi.memory.some_us=46 host/psi.memory.full_us=44 ");
	put_meminfo(&f, 100001);
	CHECK_EQ(memsnap_tick(f.m, 11 * SEC, NULL), 0);
	CHECK_HAS(read_back(&f), "psi.memory.full_us=44 host/mem.anon_kb=100001 ");
	CHECK(!strstr(strstr(read_back(&f), "=100001"), "mem.free"));
	teardown(&f);
}

TEST(memsnap_survives_garbage_in_proc)
{
	struct fixture f;

	setup(&f);
	put(&f, "meminfo", "MemTotal: x\n\n\nAnonPages:");
	put(&f, "vmstat", "");
	put(&f, "pressure/memory", "some total=\nfull avg");
	put(&f, "10/statm", "x y");
	put(&f, "11/status", "Name:\t");
	CHECK_EQ(memsnap_tick(f.m, 10 * SEC, NULL), 0);
	CHECK_EQ(memsnap_emit_oom(f.m, 11 * SEC, NULL), 1);
	CHECK_HAS(read_back(&f), "11::40:36:0:-500:4294967295@");
	teardown(&f);
}

TEST(memsnap_of_this_host_costs_little)
{
	struct memsnap_options o;
	struct fixture f;

	setup(&f);
	memsnap_destroy(f.m);
	o = (struct memsnap_options){ .writer = f.w };
	CHECK_EQ(memsnap_create(&o, &f.m, NULL), 0);
	CHECK_EQ(memsnap_tick(f.m, 10 * SEC, NULL), 0);
	CHECK(memsnap_emit_oom(f.m, 11 * SEC, NULL) > 0);
	CHECK_HAS(read_back(&f), "mem.available_kb=");
	teardown(&f);
}

TEST(health_writes_once_a_second_what_the_recorder_costs)
{
	const struct health_extra extra = { "varve.ring_fill_pct", 12 };
	struct fixture f;
	struct health h;

	setup(&f);
	health_init(&h, f.w);
	CHECK_EQ(health_tick(&h, 10 * SEC, &extra, 1, NULL), 1);
	CHECK_EQ(health_tick(&h, 10 * SEC + 5, &extra, 1, NULL), 0);
	CHECK_HAS(read_back(&f), "varve/varve.cpu_us=");
	CHECK_HAS(read_back(&f), "varve/varve.rss_kb=");
	CHECK(!strstr(read_back(&f), "rss_kb=0 "));
	CHECK_HAS(read_back(&f), "varve/varve.ring_fill_pct=12 ");
	CHECK_EQ(health_tick(&h, 11 * SEC, NULL, 0, NULL), 1);
	health_deinit(&h);
	teardown(&f);
}

TEST_MAIN()
