// SPDX-License-Identifier: BSD-2-Clause
/*
 * A small recording kept in tests/golden, and the folded stacks it must give, byte for byte. `test_golden --make` writes the
 * recording anew (the format is append-only: that should never be needed for an old file).
 */
#include "report/folded.h"
#include "report/profile.h"
#include "tests/unit/report/synth.h"

#define GOLDEN "tests/golden/report"

static struct synth syn;

static void waits(struct task_ref t, struct task_ref waker, int64_t ts, const struct frame *fr, uint32_t cnt, char state, uint8_t flags)
{
	struct event ev = { .kind = EVENT_OFFCPU, .ts = (uint64_t)ts, .cpu = 0, .task = t, .other = waker };

	ev.stack.frames = fr;
	ev.stack.cnt = cnt;
	ev.offcpu.dur_ns = 5000000;
	ev.offcpu.runq_ns = state == 'R' ? 5000000 : 250000;
	ev.offcpu.state = (uint8_t)state;
	ev.offcpu.cpu_in = 1;
	ev.offcpu.waker_flags = flags;
	ev.offcpu.waker_stack.frames = fr + 1;
	ev.offcpu.waker_stack.cnt = cnt - 1;
	synth_add(&syn, &ev);
}

static void tasks(const struct task_ref *t, int cnt)
{
	for (int i = 0; i < cnt; i++) {
		struct event ev = { .kind = EVENT_TASK, .task = t[i] };

		ev.proc.ppid = 1;
		ev.proc.uid = 1000;
		ev.proc.cgroup_id = 5;
		ev.proc.exe = i < 2 ? "/usr/bin/app" : "/usr/bin/node";
		synth_add(&syn, &ev);
	}
}

static void make(void)
{
	const struct task_ref t[] = { synth_task(100, 100, -5000000000, "app"), synth_task(100, 101, 1000000, "app;io\n"),
				      synth_task(200, 200, -4000000000, "node") };
	static const struct task_ref nobody = { .comm = "" };
	uint32_t app, krn, jit;
	struct module m = { .kind = MODULE_JIT, .path = "//anon", .pid = 200, .start_ts = t[2].start_ts };
	struct event ev = { .kind = EVENT_META };

	synth_init(&syn, 77);
	ev.meta.key = "hostname";
	ev.meta.value = "golden";
	synth_add(&syn, &ev);
	synth_clock(&syn);
	ev = (struct event){ .kind = EVENT_CGROUP };
	ev.cgroup.id = ev.cgroup.memory_id = 5;
	ev.cgroup.memory_max = ev.cgroup.cpu_quota_us = ev.cgroup.cpu_period_us = UNKNOWN_U64;
	ev.cgroup.path = "/web/app";
	ev.cgroup.controller = "";
	synth_add(&syn, &ev);
	tasks(t, 3);
	app = synth_module(&syn, MODULE_ELF, "/usr/bin/app", 1);
	krn = synth_module(&syn, MODULE_KERNEL, "[kernel]", 2);
	jit = (uint32_t)recording_writer_add_module(syn.w, &m);
	const struct frame work[] = { { app, FRAME_EXACT, 0x1210 }, { app, 0, 0x1105 } };
	const struct frame fault[] = { { krn, FRAME_EXACT, 0x2010 }, { krn, 0, 0x2110 }, { app, FRAME_EXACT, 0x1300 }, { app, 0, 0x1105 } };
	const struct frame js[] = { { jit, FRAME_EXACT, 0x3f001010 }, { jit, 0, 0x3f002010 }, { app, 0, 0x1105 } };
	const struct frame evil[] = { { app, FRAME_EXACT, 0x1400 }, { 0, 0, 0xdead0000 } };
	for (int i = 0; i < 40; i++) {
		int64_t ts = 10000000LL * (i + 1);

		synth_sample(&syn, ts, 0, t[0], i % 4 ? work : fault, i % 4 ? 2 : 4);
		synth_sample(&syn, ts, 1, t[2], js, 3);
		if (i % 8 == 0)
			synth_sample(&syn, ts + 1, 0, t[1], evil, 2);
		if (i % 5 == 0)
			waits(t[1], t[0], ts, fault, 4, 'S', 0);
		if (i % 10 == 0)
			waits(t[0], nobody, ts, fault, 4, i % 20 ? 'D' : 'R', i % 20 ? WAKER_IRQ : 0);
		if (i % 8 == 7)
			synth_flush(&syn);
	}
	synth_symbol(&syn, app, 0x1100, 0x100, "main");
	synth_symbol(&syn, app, 0x1200, 0x100, "work");
	synth_symbol(&syn, app, 0x1300, 0x100, "touch");
	synth_symbol(&syn, app, 0x1400, 0x100, "evil;name\n\x1b[31m 7");
	synth_symbol(&syn, krn, 0x2000, 0x100, "handle_mm_fault");
	synth_symbol(&syn, krn, 0x2100, 0x100, "exc_page_fault");
	synth_symbol(&syn, jit, 0x3f001000, 0x100, "LazyCompile:*tick app.js:3");
	synth_symbol(&syn, jit, 0x3f002000, 0x100, "loop app.js:9");
	ev = (struct event){ .kind = EVENT_END, .ts = 500000000 };
	ev.end.reason = END_DURATION;
	synth_add(&syn, &ev);
	synth_close(&syn);
}

static char *folded(const char *path, const char *event)
{
	const struct symbolizer_options only_recorded = { .no_files = true };
	struct import_damage damage;
	struct filter f = { 0 };
	struct err err = { 0 };
	struct profile p;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	CHECK_EQ(filter_set(&f, "event", event, &err), 0);
	profile_init(&p);
	if (profile_import(&p, &path, 1, &only_recorded, &f, &damage, &err))
		printf("# %s\n", err.text);
	CHECK_EQ(err.code, 0);
	CHECK_EQ(damage.stretches, 0);
	CHECK_EQ(folded_write(&p, &f, out, &err), 0);
	fclose(out);
	profile_deinit(&p);
	filter_deinit(&f);
	return text;
}

static char *file_text(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 65536);

	if (!f) {
		free(text);
		SKIP("needs to run in the source tree");
	}
	CHECK(fread(text, 1, 65535, f) > 0);
	fclose(f);
	return text;
}

static const char *const kinds[] = { "on-cpu", "off-cpu", "run-queue", "wakeup" };

TEST(golden_recording_gives_its_folded_stacks_byte_for_byte)
{
	for (size_t i = 0; i < 4; i++) {
		char path[128], *want, *got;

		snprintf(path, sizeof(path), GOLDEN ".%s.folded", kinds[i]);
		want = file_text(path);
		got = folded(GOLDEN ".varve", kinds[i]);
		CHECK_STR(got, want);
		free(want);
		free(got);
	}
}

TEST(golden_recording_made_anew_says_the_same)
{
	char *want = file_text(GOLDEN ".on-cpu.folded"), *got;

	make();
	got = folded(syn.path, "on-cpu");
	CHECK_STR(got, want);
	free(want);
	free(got);
	synth_remove(&syn);
}

int test_main(int argc, char **argv);
#define main test_main
TEST_MAIN()
#undef main

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--make")) {
		if (setjmp(test_escape))
			return 1;
		make();
		printf("%s\n", syn.path);
		return 0;
	}
	return test_main(argc, argv);
}
