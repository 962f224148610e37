// SPDX-License-Identifier: BSD-2-Clause
#include "record/watch.h"

#include <errno.h>
#include <unistd.h>

#include "tests/test.h"

static const struct task_ref who = { 7, 7, 1, "seven" };

static const char *taken(struct watch *w)
{
	const char *text;

	return watch_take(w, &text) ? text : "";
}

static struct event wait_of(uint64_t dur_ns, uint64_t runq_ns)
{
	struct event ev = { .kind = EVENT_OFFCPU, .task = who };

	ev.offcpu.dur_ns = dur_ns;
	ev.offcpu.runq_ns = runq_ns;
	return ev;
}

TEST(watch_sees_waits_that_are_longer_and_keeps_the_first)
{
	const struct options_triggers t = { .off_cpu_ns = 1000, .runq_ns = 300 };
	struct event ev;
	struct watch w;

	CHECK_EQ(watch_init(&w, &t, NULL, NULL), 0);
	ev = wait_of(1000, 300);
	watch_event(&w, &ev);
	ev = wait_of(900, UNKNOWN_U64); /* nobody woke it */
	watch_event(&w, &ev);
	CHECK_STR(taken(&w), "");
	ev = wait_of(1500000000, 0);
	watch_event(&w, &ev);
	ev = wait_of(1600000000, 0);
	watch_event(&w, &ev);
	CHECK_STR(taken(&w), "off-cpu 1.500000 s of seven (7)");
	CHECK_STR(taken(&w), "");
	ev = wait_of(900, 301);
	watch_event(&w, &ev);
	CHECK_STR(taken(&w), "run-queue 0.000000 s of seven (7)");
	watch_deinit(&w);
}

TEST(watch_sees_kills_and_processes_that_failed)
{
	const struct options_triggers t = { .oom = true, .failed_exit = true };
	struct event ev = { .kind = EVENT_EXIT, .task = who };
	struct watch w;

	CHECK_EQ(watch_init(&w, &t, NULL, NULL), 0);
	watch_event(&w, &ev);
	CHECK_STR(taken(&w), "");
	ev.task.tid = 8; /* a thread of it */
	ev.exit.status = 3 << 8;
	watch_event(&w, &ev);
	CHECK_STR(taken(&w), "");
	ev.task.tid = 7;
	watch_event(&w, &ev);
	CHECK_STR(taken(&w), "exit with status 3 of seven (7)");
	ev.exit.status = 11 | 0x80;
	watch_event(&w, &ev);
	CHECK_STR(taken(&w), "exit with signal 11 of seven (7)");
	ev = (struct event){ .kind = EVENT_OOM, .task = who };
	watch_event(&w, &ev);
	CHECK_STR(taken(&w), "OOM kill of seven (7)");
	ev = wait_of(UINT64_MAX, 5);
	watch_event(&w, &ev);
	CHECK_STR(taken(&w), "");
	watch_deinit(&w);
}

TEST(watch_that_was_told_nothing_sees_nothing)
{
	const struct options_triggers t = { 0 };
	struct event ev = wait_of(UINT64_MAX - 1, UINT64_MAX - 1);
	struct watch w;

	CHECK_EQ(watch_init(&w, &t, "/nonexistent", NULL), 0);
	watch_event(&w, &ev);
	ev = (struct event){ .kind = EVENT_OOM, .task = who };
	watch_event(&w, &ev);
	watch_tick(&w, 1ULL << 40);
	CHECK_STR(taken(&w), "");
	watch_deinit(&w);
}

static void put_psi(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CHECK(f);
	fputs(text, f);
	fclose(f);
}

TEST(watch_reads_memory_pressure_once_a_second)
{
	const struct options_triggers t = { .psi_mem_pct = 20 };
	struct err err = { 0 };
	char path[64];
	struct watch w;

	snprintf(path, sizeof(path), "/tmp/varve-test-watch.%d", (int)getpid());
	CHECK_EQ(watch_init(&w, &t, "/nonexistent/pressure", &err), -ENOENT);
	CHECK_HAS(err.text, "psi-mem");
	CHECK_HAS(err.hint, "CONFIG_PSI");
	put_psi(path, "some avg10=20.00 avg60=90.00 avg300=90.00 total=1\nfull avg10=90.00 avg60=0.00 avg300=0.00 total=1\n");
	CHECK_EQ(watch_init(&w, &t, path, NULL), 0);
	watch_tick(&w, 5000000000);
	CHECK_STR(taken(&w), "");
	put_psi(path, "some avg10=20.01 avg60=0.00 avg300=0.00 total=1\n");
	watch_tick(&w, 5900000000);
	CHECK_STR(taken(&w), "");
	watch_tick(&w, 6000000000);
	CHECK_STR(taken(&w), "memory pressure 20.01 % over 10 s");
	put_psi(path, "nonsense");
	watch_tick(&w, 8000000000);
	put_psi(path, "");
	watch_tick(&w, 10000000000);
	CHECK_STR(taken(&w), "");
	watch_deinit(&w);
	unlink(path);
}

TEST_MAIN()
