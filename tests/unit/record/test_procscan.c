// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/procfile.h"
#include "record/procscan.h"

TEST(procscan_stat_with_a_hostile_comm)
{
	const char *text = "42 (a) R 9 (b\n) S 7 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 999 1\n";
	struct procscan_stat st;

	CHECK_EQ(procscan_parse_stat(text, strlen(text), &st), 0);
	CHECK_STR(st.comm, "a) R 9 (b\n");
	CHECK_EQ(st.state, 'S');
	CHECK_EQ(st.thread_cnt, 1);
	CHECK_EQ(st.ppid, 7);
	CHECK_EQ(st.flags, 4194560);
	CHECK_EQ(st.start_ticks, 123456);
}

TEST(procscan_stat_cut_anywhere_is_refused_or_whole)
{
	const char *text = "42 (name) S 7 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 999 1\n";
	size_t whole = (size_t)(strstr(text, " 999") - text);
	struct procscan_stat st;

	for (size_t len = 0; len <= strlen(text); len++) {
		_cleanup_free_ char *copy = malloc(len + !len);
		int r;

		memcpy(copy, text, len);
		r = procscan_parse_stat(copy, len, &st);
		if (len < whole - 5)
			CHECK_EQ(r, -EBADMSG);
		if (len >= whole)
			CHECK(r == 0 && st.start_ticks == 123456);
	}
	CHECK_EQ(procscan_parse_stat(")(", 2, &st), -EBADMSG);
}

TEST(procscan_maps_line_of_each_shape)
{
	char file[] = "7f0000001000-7f0000003000 r-xp 00002000 fe:01 1234                       /usr/lib/a b\\012c.so (deleted)";
	char anon[] = "7f0000001000-7f0000003000 rwxp 00000000 00:00 0 ";
	char vdso[] = "7ffd1000-7ffd3000 r-xp 00000000 00:00 0                          [vdso]";
	char data[] = "00400000-00401000 r--p 00000000 08:02 5 /x";
	struct mapping_desc d;
	bool exec;

	CHECK_EQ(procscan_parse_maps_line(file, &d, &exec), 0);
	CHECK(exec);
	CHECK_EQ(d.start, 0x7f0000001000);
	CHECK_EQ(d.end, 0x7f0000003000);
	CHECK_EQ(d.pgoff, 0x2000);
	CHECK_EQ(d.maj, 0xfe);
	CHECK_EQ(d.min, 1);
	CHECK_EQ(d.ino, 1234);
	CHECK_STR(d.path, "/usr/lib/a b\nc.so (deleted)");
	CHECK_EQ(procscan_parse_maps_line(anon, &d, &exec), 0);
	CHECK_STR(d.path, "");
	CHECK_EQ(procscan_parse_maps_line(vdso, &d, &exec), 0);
	CHECK_STR(d.path, "[vdso]");
	CHECK_EQ(procscan_parse_maps_line(data, &d, &exec), 0);
	CHECK(!exec);
}

TEST(procscan_maps_line_that_makes_no_sense_is_refused)
{
	static const char *const bad[] = {
		"", "x", "7f00-", "7f00-7e00 r-xp 0 0:0 0 /x", "7f00-8f00 r 0 0:0 0", "7f00-8f00 r-xp 0 0:0",
	};
	struct mapping_desc d;
	bool exec;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char line[64];

		snprintf(line, sizeof(line), "%s", bad[i]);
		CHECK_EQ(procscan_parse_maps_line(line, &d, &exec), -EBADMSG);
	}
}

TEST(procfile_finds_numbers_by_their_whole_key)
{
	const char *text = "MemTotal:       100 kB\nMemFreeX: 1\nMemFree:\t42 kB\nBad: x\n";
	uint64_t v;

	CHECK_EQ(procfile_find_u64(text, "MemFree:", &v), 0);
	CHECK_EQ(v, 42);
	CHECK_EQ(procfile_find_u64(text, "MemTotal:", &v), 0);
	CHECK_EQ(procfile_find_u64(text, "Mem", &v), -ENOENT);
	CHECK_EQ(procfile_find_u64(text, "Bad:", &v), -ENOENT);
	CHECK_EQ(procfile_find_u64("", "x", &v), -ENOENT);
}

TEST(procfile_status_gives_real_uid_and_innermost_pid)
{
	struct procfile_status st;

	procfile_parse_status("Name:\tx\nUid:\t1\t2\t3\t4\nNSpid:\t500\t20\t7\n", &st);
	CHECK_EQ(st.uid, 1);
	CHECK_EQ(st.ns_pid, 7);
	procfile_parse_status("Name:\tx\n", &st);
	CHECK_EQ(st.uid, UINT32_MAX);
	CHECK_EQ(st.ns_pid, 0);
}

/* ---- this very process, seen from outside ------------------------------------------------------------------------ */

struct scanned {
	struct recording_writer *w;
	struct modules *m;
	struct tasks *t;
	char path[64];
};

static void setup(struct scanned *s)
{
	struct recording_writer_options o = {};

	strcpy(s->path, "/tmp/varve-procscan-XXXXXX");
	CHECK(mkdtemp(s->path));
	strcat(s->path, "/x.varve");
	CHECK_EQ(recording_writer_open(s->path, &o, &s->w, NULL), 0);
	CHECK_EQ(modules_create(s->w, 0, &s->m, NULL), 0);
	CHECK_EQ(tasks_create(&s->t), 0);
}

static void teardown(struct scanned *s)
{
	tasks_destroy(s->t);
	modules_destroy(s->m);
	CHECK_EQ(recording_writer_close(s->w, NULL), 0);
	CHECK_EQ(unlink(s->path), 0);
	*strrchr(s->path, '/') = '\0';
	CHECK_EQ(rmdir(s->path), 0);
}

static pthread_barrier_t barrier;
static pid_t thread_tid;

static void *run_thread(void *arg)
{
	prctl(PR_SET_NAME, "a-thread");
	thread_tid = (pid_t)syscall(SYS_gettid);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

TEST(procscan_sees_this_process_its_thread_and_its_code)
{
	struct procscan_options o;
	struct scanned s;
	struct task_ref ref;
	struct frame f;
	const struct module_entry *e;
	char exe[256], *jit;
	pthread_t th;
	ssize_t n;

	setup(&s);
	pthread_barrier_init(&barrier, NULL, 2);
	CHECK_EQ(pthread_create(&th, NULL, run_thread, NULL), 0);
	pthread_barrier_wait(&barrier);
	jit = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(jit != MAP_FAILED);
	o = (struct procscan_options){ .tasks = s.t, .modules = s.m };
	CHECK(procscan_run(&o, NULL) >= 2);

	CHECK(tasks_find(s.t, (uint32_t)thread_tid, UINT64_MAX, &ref));
	CHECK_EQ(ref.pid, getpid());
	CHECK_STR(ref.comm, "a-thread");
	CHECK(ref.start_ts > 0);
	CHECK(tasks_resolve(s.t, (uint32_t)getpid(), UINT64_MAX, (uint64_t)(uintptr_t)setup, &f, NULL));
	e = modules_get(s.m, f.module);
	CHECK(e && e->m.kind == MODULE_ELF);
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	CHECK(n > 0);
	exe[n] = '\0';
	CHECK_STR(e->m.path, exe);
	CHECK(e->m.seg_cnt >= 1 && e->m.build_id_sz > 0);
	/* f.off lies in an executable segment of the file */
	CHECK(f.off >= e->m.segs[0].offset && f.off < e->m.segs[0].offset + e->m.segs[0].filesz);
	CHECK(tasks_resolve(s.t, (uint32_t)getpid(), UINT64_MAX, (uint64_t)(uintptr_t)jit + 5, &f, NULL));
	CHECK_EQ(modules_get(s.m, f.module)->m.kind, MODULE_JIT);
	CHECK_EQ(modules_get(s.m, f.module)->m.pid, getpid());
	CHECK_EQ(f.off, (uint64_t)(uintptr_t)jit + 5);

	pthread_barrier_wait(&barrier);
	pthread_join(th, NULL);
	munmap(jit, 4096);
	teardown(&s);
}

TEST(procscan_takes_exact_start_times_from_the_iterator)
{
	struct procscan_task known = { .pid = (uint32_t)getpid(), .tid = (uint32_t)getpid(), .cgroup_id = 77 };
	struct procscan_options o = { 0 };
	struct procscan_stat st;
	_cleanup_free_ char *text = NULL;
	struct scanned s;
	struct task_ref ref;
	ssize_t n;

	setup(&s);
	n = procfile_read(AT_FDCWD, "/proc/self/stat", 4096, &text);
	CHECK(n > 0);
	CHECK_EQ(procscan_parse_stat(text, (size_t)n, &st), 0);
	known.start_ts = st.start_ticks * 10000000 + 1234567;
	o = (struct procscan_options){ .tasks = s.t, .modules = s.m, .known = &known, .known_cnt = 1 };
	CHECK(procscan_run(&o, NULL) > 0);
	CHECK(tasks_find(s.t, (uint32_t)getpid(), UINT64_MAX, &ref));
	CHECK_EQ(ref.start_ts, known.start_ts);
	teardown(&s);
}

TEST(a_kernel_thread_that_the_iterator_knows_is_not_read)
{
	struct procscan_task known = { .pid = 77, .tid = 77, .ppid = 2, .start_ts = 1234567, .is_kernel = true, .comm = "kworker/0:1" };
	char proc[] = "/tmp/varve-procscan.XXXXXX", dir[64];
	struct procscan_options o;
	struct task_ref ref;
	struct scanned s;

	setup(&s);
	CHECK(mkdtemp(proc) != NULL);
	snprintf(dir, sizeof(dir), "%s/77", proc); /* with nothing in it */
	CHECK_EQ(mkdir(dir, 0700), 0);
	o = (struct procscan_options){ .tasks = s.t, .modules = s.m, .known = &known, .known_cnt = 1, .proc = proc };
	CHECK_EQ(procscan_run(&o, NULL), 1);
	CHECK(tasks_find(s.t, 77, UINT64_MAX, &ref));
	CHECK_EQ(ref.start_ts, 1234567);
	CHECK_STR(ref.comm, "kworker/0:1");
	known.is_kernel = false; /* a process without files is one that ended */
	CHECK_EQ(procscan_run(&o, NULL), 0);
	rmdir(dir);
	rmdir(proc);
	teardown(&s);
}

TEST(procscan_keyframe_reads_back)
{
	const struct cmdline_how how = { .keep = CMDLINE_FIRST };
	struct procscan_options o;
	struct recording_reader *r;
	struct scanned s;
	struct event ev;
	bool saw_task = false, saw_map = false;

	setup(&s);
	o = (struct procscan_options){ .tasks = s.t, .modules = s.m };
	CHECK(procscan_run(&o, NULL) > 0);
	CHECK_EQ(procscan_keyframe(s.t, s.w, 1000, NULL, NULL, &how, NULL), 0);
	CHECK_EQ(recording_writer_flush(s.w, NULL), 0);
	CHECK_EQ(recording_reader_open(s.path, &r, NULL), 0);
	while (recording_reader_next(r, &ev, NULL) == 1) {
		if (ev.task.pid != (uint32_t)getpid())
			continue;
		if (ev.kind == EVENT_TASK && ev.task.tid == ev.task.pid) {
			saw_task = true;
			CHECK_EQ(ev.proc.uid, getuid());
			CHECK_EQ(ev.proc.ppid, getppid());
			CHECK_HAS(ev.proc.exe, "procscan");
			CHECK_HAS(ev.proc.cmdline, "procscan");
		}
		if (ev.kind == EVENT_MAPPING && ev.mapping.start <= (uint64_t)(uintptr_t)setup &&
		    (uint64_t)(uintptr_t)setup < ev.mapping.end) {
			saw_map = true;
			CHECK_HAS(recording_reader_module(r, ev.mapping.module)->path, "procscan");
		}
	}
	CHECK(saw_task && saw_map);
	recording_reader_close(r);
	teardown(&s);
}

TEST_MAIN()
