// SPDX-License-Identifier: BSD-2-Clause
/* Wire records in, a recording out, read back: what a record says is what the event says. */
#include "record/events.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/modules.h"
#include "tests/test.h"

struct rig {
	char path[64];
	struct recording_writer *writer;
	struct tasks *tasks;
	struct events *events;
	struct recording_reader *reader;
	struct event ev; /* the last one read */
};

static struct rig *rig_new_of(bool want_task)
{
	struct rig *r = calloc(1, sizeof(*r));
	const struct recording_writer_options wo = { .monotonic_ns = 1, .arch = 62, .force = true };
	struct events_options eo = { .want_task = want_task, .weight_ns = 10101010 };

	snprintf(r->path, sizeof(r->path), "/tmp/varve-test-events.%d", getpid());
	CHECK_EQ(recording_writer_open(r->path, &wo, &r->writer, NULL), 0);
	CHECK_EQ(tasks_create(&r->tasks), 0);
	eo.writer = r->writer;
	eo.sources.tasks = r->tasks;
	CHECK_EQ(events_create(&eo, &r->events, NULL), 0);
	return r;
}

static struct rig *rig_new(void)
{
	return rig_new_of(true);
}

/* Everything written, closed and opened again. */
static void rig_read(struct rig *r)
{
	CHECK_EQ(events_flush(r->events, UINT64_MAX, NULL), 0);
	CHECK_EQ(recording_writer_close(r->writer, NULL), 0);
	r->writer = NULL;
	CHECK_EQ(recording_reader_open(r->path, &r->reader, NULL), 0);
}

static const struct event *next(struct rig *r, enum event_kind kind)
{
	while (recording_reader_next(r->reader, &r->ev, NULL) == 1)
		if (r->ev.kind == kind)
			return &r->ev;
	return NULL;
}

/* The addresses of a stack as read, leaf first; returns their number. */
static int stack_of(const struct rig *r, const struct event_stack *s, uint64_t *off, uint32_t *flags, int max)
{
	const struct chunk_view *v = recording_reader_chunk(r->reader);
	int n = 0;

	for (uint32_t id = s->id; id && n < max; id = v->node_parent[id], n++) {
		off[n] = v->frames[v->node_frame[id]].off;
		flags[n] = v->frames[v->node_frame[id]].flags;
	}
	return n;
}

static void rig_free(struct rig *r)
{
	recording_reader_close(r->reader);
	events_destroy(r->events);
	tasks_destroy(r->tasks);
	unlink(r->path);
	free(r);
}

static struct wire_task task(uint32_t pid, uint32_t tid, const char *comm)
{
	struct wire_task t = { .pid = pid, .tid = tid, .start_ts = 1000 + tid };

	memcpy(t.comm, comm, strnlen(comm, sizeof(t.comm)));
	return t;
}

/* A record with its addresses, allocated exactly. */
static void *with_addresses(const void *rec, size_t sz, const uint64_t *addr, size_t cnt)
{
	char *p = malloc(sz + cnt * 8);

	memcpy(p, rec, sz);
	memcpy(p + sz, addr, cnt * 8);
	return p;
}

TEST(a_sample_has_its_thread_weight_and_both_halves_of_the_stack)
{
	const uint64_t addr[] = { 0xffffffff81000010, 0xffffffff81000020, 0x401000 | WIRE_ADDR_EXACT, 0x402000 };
	const struct wire_sample s = {
		.head = { .ts = 5000, .kind = WIRE_SAMPLE, .cpu = 3 },
		.task = task(10, 11, "sixteen-letters!"),
		.stack = { .kernel_cnt = 2, .user_cnt = 2, .user_end = STACK_END_COMPLETE, .flags = WIRE_STACK_KERNEL_EXACT },
	};
	struct rig *r = rig_new();
	void *rec = with_addresses(&s, sizeof(s), addr, 4);
	const struct event *ev;
	uint64_t off[8];
	uint32_t flags[8];

	CHECK_EQ(events_add(r->events, rec, sizeof(s) + 32, NULL), 0);
	rig_read(r);
	ev = next(r, EVENT_SAMPLE);
	CHECK(ev);
	CHECK_EQ(ev->ts, 5000);
	CHECK_EQ(ev->cpu, 3);
	CHECK_EQ(ev->task.pid, 10);
	CHECK_EQ(ev->task.tid, 11);
	CHECK_EQ(ev->task.start_ts, 1011);
	CHECK_STR(ev->task.comm, "sixteen-letters!");
	CHECK_EQ(ev->sample.weight_ns, 10101010);
	CHECK_EQ(stack_of(r, &ev->stack, off, flags, 8), 4);
	CHECK_EQ(off[0], 0xffffffff81000010);
	CHECK_EQ(flags[0], FRAME_EXACT);
	CHECK_EQ(flags[1], 0);
	CHECK_EQ(off[2], 0x401000);
	CHECK_EQ(flags[2], FRAME_EXACT);
	CHECK_EQ(off[3], 0x402000);
	CHECK_EQ(flags[3], 0);
	free(rec);
	rig_free(r);
}

static void add_wait(struct rig *r, uint8_t state, uint64_t wake_ts, uint32_t flags)
{
	const struct wire_wait w = {
		.head = { .ts = 9000, .kind = WIRE_WAIT, .cpu = 1, .flags = flags },
		.task = task(10, 11, "waiter"),
		.off_ts = 2000,
		.wake_ts = wake_ts,
		.waker_pid = 20,
		.waker_tid = 21,
		.waker_start_ts = 777,
		.epoch = 4,
		.cpu_out = 2,
		.state = state,
	};

	CHECK_EQ(events_add(r->events, &w, sizeof(w), NULL), 0);
}

TEST(a_wait_is_split_at_its_wakeup)
{
	struct rig *r = rig_new();
	const struct event *ev;

	add_wait(r, 'S', 8500, WIRE_WAIT_KERNEL | WIRE_WAIT_IOWAIT);
	rig_read(r);
	ev = next(r, EVENT_OFFCPU);
	CHECK(ev);
	CHECK_EQ(ev->ts, 2000);
	CHECK_EQ(ev->cpu, 2);
	CHECK_EQ(ev->offcpu.cpu_in, 1);
	CHECK_EQ(ev->offcpu.dur_ns, 7000);
	CHECK_EQ(ev->offcpu.runq_ns, 500);
	CHECK_EQ(ev->offcpu.state, 'S');
	CHECK_EQ(ev->offcpu.iowait, 1);
	CHECK_EQ(ev->other.tid, 21);
	CHECK_EQ(ev->other.pid, 20);
	CHECK_EQ(ev->other.start_ts, 777);
	rig_free(r);
}

TEST(a_preempted_thread_waits_on_the_run_queue_and_was_woken_by_nobody)
{
	struct rig *r = rig_new();
	const struct event *ev;

	add_wait(r, 'R', 0, WIRE_WAIT_KERNEL);
	rig_read(r);
	ev = next(r, EVENT_OFFCPU);
	CHECK(ev);
	CHECK_EQ(ev->offcpu.runq_ns, 7000);
	CHECK_EQ(ev->other.tid, 0);
	CHECK_STR(ev->other.comm, "");
	rig_free(r);
}

TEST(a_wait_without_a_wakeup_does_not_claim_a_run_queue_time)
{
	struct rig *r = rig_new();
	const struct event *ev;

	add_wait(r, 'S', 0, WIRE_WAIT_KERNEL);
	rig_read(r);
	ev = next(r, EVENT_OFFCPU);
	CHECK(ev);
	CHECK(ev->offcpu.runq_ns == UNKNOWN_U64);
	rig_free(r);
}

TEST(a_wait_whose_user_stack_never_came_says_so)
{
	struct rig *r = rig_new();
	const struct event *ev;
	const struct chunk_view *v;

	add_wait(r, 'D', 8000, WIRE_WAIT_USER_PENDING);
	rig_read(r);
	CHECK_EQ(events_stats(r->events)->stack_errors[EVENT_OFFCPU], 1);
	ev = next(r, EVENT_OFFCPU);
	CHECK(ev);
	v = recording_reader_chunk(r->reader);
	CHECK(ev->stack.id == 0 || v->node_end[ev->stack.id] == STACK_END_NOT_TAKEN);
	rig_free(r);
}

TEST(scheduler_events_name_their_threads_from_what_is_known)
{
	struct rig *r = rig_new();
	const struct wire_sched s = { .ts = 50, .kind = WIRE_SWITCH, .cpu = 1, .state = 'D', .prio_a = 120, .prio_b = 98, .a = 11, .b = 0 };
	const struct wire_sched w = { .ts = 60, .kind = WIRE_WAKEUP, .cpu = 1, .is_new = 1, .target_cpu = 2, .a = 11, .b = 12 };
	const struct wire_sched m = { .ts = 70, .kind = WIRE_MIGRATE, .cpu = 1, .target_cpu = 3, .a = 12, .b = 2 };
	const struct task_info a = { .pid = 10, .tid = 11, .uid = UINT32_MAX, .start_ts = 5, .comm = "eleven" };
	const struct task_info b = { .pid = 10, .tid = 12, .uid = UINT32_MAX, .start_ts = 6, .comm = "twelve" };
	const struct event *ev;

	CHECK_EQ(tasks_note(r->tasks, &a), 0);
	CHECK_EQ(tasks_note(r->tasks, &b), 0);
	CHECK_EQ(events_add(r->events, &s, sizeof(s), NULL), 0);
	CHECK_EQ(events_add(r->events, &w, sizeof(w), NULL), 0);
	CHECK_EQ(events_add(r->events, &m, sizeof(m), NULL), 0);
	rig_read(r);
	ev = next(r, EVENT_SWITCH);
	CHECK(ev);
	CHECK_STR(ev->task.comm, "eleven");
	CHECK_EQ(ev->task.pid, 10);
	CHECK_EQ(ev->other.tid, 0);
	CHECK_EQ(ev->sw.prev_state, 'D');
	CHECK_EQ(ev->sw.prev_prio, 120);
	CHECK_EQ(ev->sw.next_prio, 98);
	ev = next(r, EVENT_WAKEUP);
	CHECK(ev);
	CHECK_STR(ev->task.comm, "eleven");
	CHECK_STR(ev->other.comm, "twelve");
	CHECK_EQ(ev->wakeup.target_cpu, 2);
	CHECK_EQ(ev->wakeup.is_new, 1);
	ev = next(r, EVENT_MIGRATE);
	CHECK(ev);
	CHECK_EQ(ev->task.tid, 12);
	CHECK_EQ(ev->migrate.from_cpu, 2);
	CHECK_EQ(ev->migrate.to_cpu, 3);
	rig_free(r);
}

TEST(lives_of_tasks_become_events_and_knowledge)
{
	struct rig *r = rig_new();
	struct wire_proc p = {
		.head = { .ts = 100, .kind = WIRE_FORK },
		.task = task(30, 30, "child"),
		.parent = task(10, 11, "parent"),
		.cgroup_id = 99,
		.uid = 1000,
	};
	struct {
		struct wire_proc p;
		char path[8];
	} x;
	struct task_ref known;
	const struct event *ev;

	CHECK_EQ(events_add(r->events, &p, sizeof(p), NULL), 0);
	CHECK(tasks_find(r->tasks, 30, 150, &known));
	CHECK_EQ(known.start_ts, 1030);
	p.head.kind = WIRE_EXEC;
	p.head.ts = 200;
	p.path_sz = 8;
	x.p = p;
	memcpy(x.path, "/bin/xy", 8);
	CHECK_EQ(events_add(r->events, &x, sizeof(p) + 8, NULL), 0);
	p.head.kind = WIRE_EXIT;
	p.head.ts = 300;
	p.path_sz = 0;
	p.status = 7 << 8;
	CHECK_EQ(events_add(r->events, &p, sizeof(p), NULL), 0);
	rig_read(r);
	ev = next(r, EVENT_FORK);
	CHECK(ev);
	CHECK_EQ(ev->task.pid, 30);
	CHECK_EQ(ev->other.tid, 11);
	CHECK_STR(ev->other.comm, "parent");
	CHECK_EQ(ev->proc.ppid, 10);
	CHECK_EQ(ev->proc.uid, 1000);
	CHECK_EQ(ev->proc.cgroup_id, 99);
	ev = next(r, EVENT_EXEC);
	CHECK(ev);
	CHECK_STR(ev->proc.exe, "/bin/xy");
	CHECK_STR(ev->proc.cmdline, "");
	ev = next(r, EVENT_EXIT);
	CHECK(ev);
	CHECK_EQ(ev->exit.status, 7 << 8);
	rig_free(r);
}

TEST(new_processes_and_execs_are_told_without_task_events_too)
{
	static const enum wire_kind kinds[] = { WIRE_FORK, WIRE_EXEC, WIRE_COMM, WIRE_EXIT };
	struct rig *r = rig_new_of(false);
	struct wire_proc p = { .task = task(30, 30, "child"), .parent = task(10, 11, "parent") };
	int cnt[EVENT_KIND_CNT] = { 0 };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		p.head.kind = kinds[i];
		p.head.ts = 100 + i;
		CHECK_EQ(events_add(r->events, &p, sizeof(p), NULL), 0);
	}
	p.task = task(30, 31, "thread");
	p.head.kind = WIRE_FORK;
	p.head.flags = WIRE_TASK_THREAD;
	CHECK_EQ(events_add(r->events, &p, sizeof(p), NULL), 0);
	rig_read(r);
	while (recording_reader_next(r->reader, &r->ev, NULL) == 1)
		cnt[r->ev.kind]++;
	CHECK_EQ(cnt[EVENT_FORK], 1);
	CHECK_EQ(cnt[EVENT_EXEC], 1);
	CHECK_EQ(cnt[EVENT_COMM] + cnt[EVENT_EXIT], 0);
	rig_free(r);
}

TEST(an_oom_kill_waits_for_its_scope_and_keeps_what_is_unknown_unknown)
{
	struct rig *r = rig_new();
	const uint64_t addr[] = { 0xffffffff81000010 };
	struct wire_oom o = {
		.head = { .ts = 1000, .kind = WIRE_OOM, .flags = WIRE_OOM_GLOBAL | WIRE_OOM_SCOPE_FOLLOWS | WIRE_OOM_VICTIM },
		.victim = task(40, 40, "hog"),
		.trigger = task(10, 11, "asker"),
		.memcg_limit = WIRE_UNKNOWN,
		.memcg_usage = WIRE_UNKNOWN,
		.total_vm = 1000,
		.anon = 100,
		.file = WIRE_UNKNOWN,
		.pgtables = 8192,
		.oom_score_adj = -500,
		.stack = { .kernel_cnt = 1 },
	};
	struct wire_oom_scope s = { .head = { .ts = 1100, .kind = WIRE_OOM_SCOPE, .flags = WIRE_OOM_CPUSET }, .trigger_tid = 11, .victim_tid = 40 };
	void *rec = with_addresses(&o, sizeof(o), addr, 1);
	const struct event *ev;

	CHECK_EQ(events_add(r->events, rec, sizeof(o) + 8, NULL), 0);
	CHECK_EQ(events_flush(r->events, 2000, NULL), 0);
	CHECK(!events_take_oom(r->events));
	CHECK_EQ(events_add(r->events, &s, sizeof(s), NULL), 0);
	CHECK_EQ(events_flush(r->events, 2000, NULL), 0);
	CHECK(events_take_oom(r->events));
	CHECK(!events_take_oom(r->events));
	rig_read(r);
	ev = next(r, EVENT_OOM);
	CHECK(ev);
	CHECK_STR(ev->task.comm, "hog");
	CHECK_STR(ev->other.comm, "asker");
	CHECK_EQ(ev->oom.scope, OOM_SCOPE_CPUSET);
	CHECK_EQ(ev->oom.total_vm_kb, 4000);
	CHECK_EQ(ev->oom.anon_rss_kb, 400);
	CHECK(ev->oom.file_rss_kb == UNKNOWN_U64);
	CHECK_EQ(ev->oom.pgtables_kb, 8);
	CHECK_EQ(ev->oom.oom_score_adj, -500);
	CHECK(ev->oom.limit_bytes == UNKNOWN_U64);
	free(rec);
	rig_free(r);
}

TEST(a_memory_cgroups_limit_is_told_in_bytes_and_no_limit_is_unknown)
{
	struct rig *r = rig_new();
	struct wire_oom o = {
		.head = { .ts = 1000, .kind = WIRE_OOM, .flags = WIRE_OOM_MEMCG },
		.victim = task(40, 40, "hog"),
		.memcg_id = 55,
		.memcg_limit = 16384,
		.memcg_usage = 16380,
	};
	const struct event *ev;

	CHECK_EQ(events_add(r->events, &o, sizeof(o), NULL), 0);
	o.memcg_limit = INT64_MAX / 4096;
	CHECK_EQ(events_add(r->events, &o, sizeof(o), NULL), 0);
	rig_read(r);
	ev = next(r, EVENT_OOM);
	CHECK(ev);
	CHECK_EQ(ev->oom.scope, OOM_SCOPE_MEMCG);
	CHECK_EQ(ev->oom.cgroup_id, 55);
	CHECK_EQ(ev->oom.limit_bytes, 64 << 20);
	CHECK_EQ(ev->oom.usage_bytes, 16380 * 4096);
	ev = next(r, EVENT_OOM);
	CHECK(ev);
	CHECK(ev->oom.limit_bytes == UNKNOWN_U64);
	rig_free(r);
}

/* Every kind at every length below its own: never an event, never a read past the end (the sanitizer's to see). */
TEST(records_that_are_too_short_are_counted_and_passed_over)
{
	static const struct {
		uint16_t kind;
		size_t sz;
	} sizes[] = {
		{ WIRE_SAMPLE, sizeof(struct wire_sample) },   { WIRE_WAIT, sizeof(struct wire_wait) },
		{ WIRE_WAKER, sizeof(struct wire_waker) },     { WIRE_USER_STACK, sizeof(struct wire_user_stack) },
		{ WIRE_SWITCH, sizeof(struct wire_sched) },    { WIRE_MIGRATE, sizeof(struct wire_sched) },
		{ WIRE_FORK, sizeof(struct wire_proc) },       { WIRE_EXIT, sizeof(struct wire_proc) },
		{ WIRE_ACCOUNT, sizeof(struct wire_account) }, { WIRE_OOM, sizeof(struct wire_oom) },
		{ WIRE_OOM_SCOPE, sizeof(struct wire_oom_scope) }, { 0, 64 }, { 999, 64 },
	};
	struct rig *r = rig_new();
	uint64_t dropped = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (size_t sz = 0; sz < sizes[i].sz; sz++) {
			char *rec = calloc(1, sz ?: 1);

			if (sz >= offsetof(struct wire_head, kind) + 2)
				memcpy(rec + offsetof(struct wire_head, kind), &sizes[i].kind, 2);
			CHECK_EQ(events_add(r->events, rec, sz, NULL), 0);
			CHECK_EQ(events_stats(r->events)->dropped[EVENT_NONE], ++dropped);
			free(rec);
		}
	rig_read(r);
	CHECK(!next(r, EVENT_SAMPLE));
	rig_free(r);
}

TEST(a_record_that_claims_more_frames_than_it_has_is_passed_over)
{
	struct rig *r = rig_new();
	struct wire_sample s = {
		.head = { .ts = 5000, .kind = WIRE_SAMPLE },
		.task = task(10, 11, "x"),
		.stack = { .kernel_cnt = 1 },
	};

	CHECK_EQ(events_add(r->events, &s, sizeof(s), NULL), 0);
	s.stack.kernel_cnt = 0;
	s.stack.user_cnt = UINT16_MAX;
	CHECK_EQ(events_add(r->events, &s, sizeof(s), NULL), 0);
	CHECK_EQ(events_stats(r->events)->dropped[EVENT_NONE], 2);
	rig_read(r);
	CHECK(!next(r, EVENT_SAMPLE));
	rig_free(r);
}

TEST_MAIN()
