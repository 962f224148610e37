// SPDX-License-Identifier: BSD-2-Clause
#include "report/import.h"

#include "report/folded.h"
#include "report/profile.h"
#include "tests/unit/report/synth_db.h"

static char *folded_of(struct profile *p, const struct filter *f)
{
	struct err err = { 0 };
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	CHECK_EQ(folded_write(p, f, out, &err), 0);
	fclose(out);
	return text;
}

/* Straight from the recording, and from the database: must be the same. */
static char *folded_both(struct synth *s, struct db *db, const struct filter *f)
{
	const char *paths[] = { s->path };
	struct import_damage damage;
	struct err err = { 0 };
	struct profile p;
	char *direct, *from_db;

	profile_init(&p);
	CHECK_EQ(profile_import(&p, paths, 1, &only_recorded, f, &damage, &err), 0);
	direct = folded_of(&p, f);
	profile_deinit(&p);
	profile_init(&p);
	CHECK_EQ(profile_read(&p, db, f, &err), 0);
	from_db = folded_of(&p, f);
	profile_deinit(&p);
	CHECK_STR(direct, from_db);
	free(from_db);
	return direct;
}

TEST(import_gives_samples_their_thread_stack_and_names)
{
	struct synth s;
	struct db *db;
	char *text;

	synth_init(&s, 1);
	synth_clock(&s);
	uint32_t app = synth_module(&s, MODULE_ELF, "/bin/app", 1), krn = synth_module(&s, MODULE_KERNEL, "[kernel]", 2);
	struct task_ref t = synth_task(100, 100, -2000000000, "app"), worker = synth_task(100, 105, 1000, "wo;rk");
	struct event task = { .kind = EVENT_TASK, .task = t };
	task.proc.ppid = 1;
	task.proc.uid = 1000;
	task.proc.exe = "/bin/app";
	synth_add(&s, &task);
	struct frame main_leaf[] = { { app, FRAME_EXACT, 0x1010 }, { app, 0, 0x1105 } };
	struct frame in_kernel[] = { { krn, FRAME_EXACT, 0x20 }, { app, 0, 0x1010 }, { app, 0, 0x1105 } };
	synth_sample(&s, 10, 0, t, main_leaf, 2);
	synth_sample(&s, 20, 0, t, main_leaf, 2);
	synth_sample(&s, 20, 1, worker, in_kernel, 3);
	synth_sample(&s, 30, 1, worker, NULL, 0);
	synth_symbol(&s, app, 0x1000, 0x100, "work");
	synth_symbol(&s, app, 0x1100, 0x100, "main");
	synth_symbol(&s, krn, 0, 0x100, "entry");
	synth_close(&s);

	db = import(&s);
	CHECK_STR(rows(db, "SELECT ts, cpu, tid, weight_ns, folded FROM sample JOIN thread_v USING(utid) LEFT JOIN stack_text USING(stack_id)"),
		  "10|0|100|10000000|main;work\n20|0|100|10000000|main;work\n20|1|105|10000000|main;work;entry_[k]\n30|1|105|10000000|\n");
	CHECK_STR(rows(db, "SELECT pid, ppid, uid, comm, exe, start_ts FROM process"), "100|1|1000|app|/bin/app|-2000000000\n");
	CHECK_STR(rows(db, "SELECT tid, comm, is_main, uncertain, start_ts FROM thread"), "100|app|1|0|-2000000000\n105|wo;rk|0|1|1000\n");
	CHECK_STR(rows(db, "SELECT function, image, kind, printf('%x', rel_addr) FROM frame_v ORDER BY 4"),
		  "entry|[kernel]|kernel|20\nwork|/bin/app|elf|401010\nwork|/bin/app|elf|401010\nmain|/bin/app|elf|401105\n");
	CHECK_STR(rows(db, "SELECT function, self_ns, total_ns, self_samples FROM oncpu_function ORDER BY 1"),
		  "entry|10000000|10000000|1\nmain|0|30000000|0\nwork|20000000|30000000|2\n");
	CHECK_STR(rows(db, "SELECT * FROM function_total EXCEPT SELECT * FROM function_total_def"), "");
	CHECK_STR(rows(db, "SELECT * FROM function_total_def EXCEPT SELECT * FROM function_total"), "");
	struct filter f = { 0 };
	text = folded_both(&s, db, &f);
	CHECK_STR(text, "app;main;work 2\nwo:rk 1\nwo:rk;main;work;entry_[k] 1\n");
	CHECK_STR(rows(db, "SELECT folded||' '||samples FROM oncpu_folded ORDER BY folded"), text);
	free(text);
	db_close(db);
	synth_remove(&s);
}

TEST(import_takes_chunks_in_any_order)
{
	struct synth s;
	struct db *db;

	/* the sample's chunk stands before the one that tells of its task, and before the clock */
	synth_init(&s, 2);
	struct task_ref t = synth_task(7, 7, -1000, "late");
	uint32_t app = synth_module(&s, MODULE_ELF, "/bin/app", 1);
	struct frame fr[] = { { app, FRAME_EXACT, 0x1010 } };
	synth_sample(&s, 50, 0, t, fr, 1);
	synth_flush(&s);
	synth_symbol(&s, app, 0x1000, 0x100, "f");
	struct event ev = { .kind = EVENT_FORK, .ts = 5, .task = t, .other = synth_task(1, 1, -999999, "init") };
	ev.proc.uid = 3;
	synth_add(&s, &ev);
	ev = (struct event){ .kind = EVENT_COMM, .ts = 20, .task = synth_task(7, 7, -1000, "late") };
	synth_add(&s, &ev);
	ev = (struct event){ .kind = EVENT_EXIT, .ts = 60, .task = t };
	ev.exit.status = 9;
	synth_add(&s, &ev);
	synth_flush(&s);
	synth_clock(&s);
	synth_close(&s);

	db = import(&s);
	CHECK_STR(rows(db, "SELECT p.pid, p.comm, p.uid, p.start_ts, p.exit_ts, p.exit_code, p.exit_signal, pp.comm FROM process p LEFT JOIN process pp ON pp.upid=p.parent_upid ORDER BY 1"),
		  "1|init||-999999||||\n7|late|3|-1000|60||9|init\n");
	CHECK_STR(rows(db, "SELECT tid, uncertain FROM thread ORDER BY tid"), "1|1\n7|0\n");
	CHECK_STR(rows(db, "SELECT ts, tid, folded FROM sample JOIN thread USING(utid) JOIN stack_text USING(stack_id)"), "50|7|f\n");
	db_close(db);
	synth_remove(&s);
}

TEST(import_tells_reused_pids_apart)
{
	struct synth s;
	struct db *db;

	synth_init(&s, 3);
	synth_clock(&s);
	for (int i = 0; i < 3; i++) {
		char comm[16];
		snprintf(comm, sizeof(comm), "life%d", i);
		struct task_ref leader = synth_task(50, 50, i * 1000 + 7, comm), worker = synth_task(50, 51, i * 1000 + 507, "w");
		synth_sample(&s, i * 1000 + 600, 0, worker, NULL, 0); /* the worker is met before its leader */
		synth_sample(&s, i * 1000 + 700, 0, leader, NULL, 0);
	}
	synth_close(&s);
	db = import(&s);
	CHECK_STR(rows(db, "SELECT ts, process, thread, tid FROM sample JOIN thread_v USING(utid) ORDER BY ts"),
		  "600|life0|w|51\n700|life0|life0|50\n1600|life1|w|51\n1700|life1|life1|50\n2600|life2|w|51\n2700|life2|life2|50\n");
	CHECK_STR(rows(db, "SELECT count(*) FROM process"), "3\n");
	db_close(db);
	synth_remove(&s);
}

TEST(import_knows_a_start_in_ticks_and_in_ns_as_one_thread)
{
	struct synth s;
	struct db *db;

	synth_init(&s, 4);
	struct task_ref ticks = { .pid = 9, .tid = 9, .start_ts = 1230000000, .comm = "t" };
	struct task_ref exact = { .pid = 9, .tid = 9, .start_ts = 1234567890, .comm = "t" };
	struct task_ref unknown = { .pid = 9, .tid = 9, .start_ts = 0, .comm = "t" };
	struct task_ref other = { .pid = 9, .tid = 9, .start_ts = 1244567890, .comm = "o" };
	synth_sample(&s, 1, 0, unknown, NULL, 0);
	synth_sample(&s, 2, 0, ticks, NULL, 0);
	synth_sample(&s, 3, 0, exact, NULL, 0);
	synth_sample(&s, 4, 0, other, NULL, 0);
	synth_close(&s);
	db = import(&s);
	CHECK_STR(rows(db, "SELECT count(*), count(DISTINCT utid) FROM sample"), "4|2\n");
	db_close(db);
	synth_remove(&s);
}

TEST(import_follows_exec_and_names)
{
	struct synth s;
	struct db *db;

	synth_init(&s, 5);
	synth_clock(&s);
	struct event ev = { .kind = EVENT_FORK, .ts = 10, .task = synth_task(20, 20, 10, "sh"), .other = synth_task(1, 1, -5, "sh") };
	ev.proc.ppid = 1;
	synth_add(&s, &ev);
	ev = (struct event){ .kind = EVENT_EXEC, .ts = 30, .task = synth_task(20, 20, 10, "ls") };
	ev.proc.exe = "/bin/ls";
	ev.proc.cmdline = "ls -l";
	synth_add(&s, &ev);
	ev = (struct event){ .kind = EVENT_COMM, .ts = 40, .task = synth_task(20, 20, 10, "renamed") };
	synth_add(&s, &ev);
	ev = (struct event){ .kind = EVENT_EXIT, .ts = 90, .task = synth_task(20, 20, 10, "renamed") };
	ev.exit.status = 3 << 8;
	synth_add(&s, &ev);
	synth_close(&s);
	db = import(&s);
	CHECK_STR(rows(db, "SELECT comm, exe, cmdline, start_ts, exec_ts, exit_ts, exit_code, exit_signal FROM process WHERE pid=20"),
		  "renamed|/bin/ls|ls -l|10|30|90|3|\n");
	CHECK_STR(rows(db, "SELECT ts, n.comm FROM thread_name n JOIN thread USING(utid) WHERE tid=20"), "10|sh\n30|ls\n40|renamed\n");
	CHECK_STR(rows(db, "SELECT e.ts, e.filename, e.args, p.pid FROM exec_event e JOIN process p ON p.upid=e.parent_upid"), "30|/bin/ls|ls -l|1\n");
	db_close(db);
	synth_remove(&s);
}

TEST(import_keeps_waits_with_their_wakers)
{
	struct task_ref a = synth_task(1, 1, 1, "a"), b = synth_task(2, 2, 2, "b"), none = { .comm = "" };
	struct synth s;
	struct db *db;
	char *text;

	synth_init(&s, 6);
	uint32_t app = synth_module(&s, MODULE_ELF, "/bin/app", 1);
	struct frame fr[] = { { app, FRAME_EXACT, 0x1010 }, { app, 0, 0x1105 } };
	synth_symbol(&s, app, 0x1000, 0x100, "wait");
	synth_symbol(&s, app, 0x1100, 0x100, "main");
	add_offcpu(&s, 100, a, b, 5000, 1000, 'S', fr, 2, 0);
	add_offcpu(&s, 200, a, none, 700, UNKNOWN_U64, 'D', fr, 2, 0);
	add_offcpu(&s, 300, b, a, 900, 900, 'R', NULL, 0, WAKER_IRQ);
	synth_close(&s);
	db = import(&s);
	CHECK_STR(rows(db, "SELECT o.ts, t.comm, o.dur_ns, o.runq_ns, o.state, w.comm, o.cpu_out, o.cpu_in, o.waker_irq, o.stack_id IS NULL, o.waker_stack_id IS NULL FROM offcpu o JOIN thread t USING(utid) LEFT JOIN thread w ON w.utid=o.waker_utid"),
		  "100|a|5000|1000|S|b|1|2|0|0|0\n200|a|700||D||1|2|0|0|0\n300|b|900|900|R||1|2|1|1|1\n");
	CHECK_STR(rows(db, "SELECT waker, wakee, wakeups, blocked_ns FROM wakeup_edge ORDER BY 4"), "|a|1|700\nb|a|1|4000\n");
	struct filter f = { .event = FILTER_OFF_CPU };
	text = folded_both(&s, db, &f);
	CHECK_STR(text, "a;main;wait 5700\nb 900\n");
	CHECK_STR(rows(db, "SELECT folded||' '||ns FROM offcpu_folded ORDER BY folded"), text);
	free(text);
	f.event = FILTER_RUN_QUEUE;
	text = folded_both(&s, db, &f);
	CHECK_STR(text, "a;main;wait 1000\nb 900\n");
	free(text);
	f.event = FILTER_WAKEUP;
	text = folded_both(&s, db, &f);
	CHECK_STR(text, "b;wait_[w] 4000\n");
	free(text);
	f.event = FILTER_OFF_CPU;
	f.offwake = true;
	text = folded_both(&s, db, &f);
	CHECK_STR(text, "a;main;wait;--;[unknown]_[w];wait_[w] 700\na;main;wait;--;b_[w];wait_[w] 5000\nb;--;[interrupt]_[w] 900\n");
	free(text);
	f.offwake = false;
	f.weight = FILTER_WEIGHT_SAMPLES;
	f.states = (char *)"DR";
	text = folded_both(&s, db, &f);
	CHECK_STR(text, "a;main;wait 1\nb 1\n");
	free(text);
	db_close(db);
	synth_remove(&s);
}

/* An address that was in no mapping at its moment, and mappings that come later in the file: of this process, after an exec, of another. */
TEST(import_places_addresses_by_process_and_time)
{
	struct task_ref a = synth_task(1, 1, 1, "a"), b = synth_task(2, 2, 2, "b");
	struct frame raw[] = { { 0, FRAME_EXACT, 0x7f0000001010 } };
	const int64_t sec = 1LL << 30;
	struct synth s;
	struct db *db;

	synth_init(&s, 7);
	synth_clock(&s);
	uint32_t m1 = synth_module(&s, MODULE_ELF, "/lib/one", 1), m2 = synth_module(&s, MODULE_ELF, "/lib/two", 2);
	synth_sample(&s, 10 * sec, 0, a, raw, 1);
	synth_sample(&s, 10 * sec, 1, b, raw, 1);
	synth_sample(&s, 40 * sec, 0, a, raw, 1);
	synth_sample(&s, 70 * sec, 0, a, raw, 1);
	synth_flush(&s);
	struct event map = { .kind = EVENT_MAPPING, .ts = 1, .task = a };
	map.mapping.start = 0x7f0000000000;
	map.mapping.end = 0x7f0000010000;
	map.mapping.pgoff = 0x1000;
	map.mapping.module = m1;
	synth_add(&s, &map);
	map.ts = (uint64_t)(30 * sec);
	map.mapping.module = m2;
	map.mapping.pgoff = 0;
	synth_add(&s, &map);
	struct event exec = { .kind = EVENT_EXEC, .ts = (uint64_t)(60 * sec), .task = a };
	synth_add(&s, &exec);
	synth_symbol(&s, m1, 0x2010, 0x10, "in_one");
	synth_symbol(&s, m2, 0x1010, 0x10, "in_two");
	synth_close(&s);
	db = import(&s);
	CHECK_STR(rows(db, "SELECT ts>>30, tid, folded FROM sample JOIN thread USING(utid) JOIN stack_text USING(stack_id)"),
		  "10|1|in_one\n10|2|[unknown]\n40|1|in_two\n70|1|[unknown]\n");
	CHECK_STR(rows(db, "SELECT DISTINCT path, kind FROM frame JOIN image ON image.id=frame.image_id ORDER BY 1"),
		  "/lib/one|elf\n/lib/two|elf\n[unknown]|anon\n");
	db_close(db);
	synth_remove(&s);
}

TEST(import_splits_time_by_switches_without_a_gap)
{
	struct task_ref a = synth_task(1, 1, 1, "a"), b = synth_task(2, 2, 2, "b"), idle = { .comm = "swapper/0" };
	struct synth s;
	struct db *db;

	synth_init(&s, 8);
	add_switch(&s, 1000, 0, idle, a, 'R');
	add_switch(&s, 1500, 0, a, b, 'S'); /* a ran 500 */
	struct event wake = { .kind = EVENT_WAKEUP, .ts = 1700, .cpu = 0, .task = a, .other = b };
	synth_add(&s, &wake);		    /* a blocked 200 */
	add_switch(&s, 2000, 0, b, a, 'R'); /* a waited 300; b ran 500, preempted */
	add_switch(&s, 2600, 0, a, b, 'D'); /* a ran 600; b waited 600 */
	struct event mig = { .kind = EVENT_MIGRATE, .ts = 2650, .task = b };
	mig.migrate.to_cpu = 1;
	synth_add(&s, &mig);
	add_switch(&s, 3000, 0, b, idle, 'S'); /* b ran 400; a blocked until the end: 400 */
	synth_close(&s);
	db = import(&s);
	CHECK_STR(rows(db, "SELECT ts, cpu, dur_ns, comm, end_state, prio, runq_ns, waker_utid=(SELECT utid FROM thread WHERE comm='b') FROM sched_slice JOIN thread USING(utid) ORDER BY ts"),
		  "1000|0|500|a|S|120||\n1500|0|500|b|R|120||\n2000|0|600|a|D|120|300|1\n2600|0|400|b|S|120|600|\n");
	CHECK_STR(rows(db, "SELECT comm, wall_ns, running_ns, runq_ns, blocked_ns, lost_ns, source FROM thread_account JOIN thread USING(utid) ORDER BY 1"),
		  "a|2000|1100|300|600|0|switch\nb|1500|900|600|0|0|switch\n");
	CHECK_STR(rows(db, "SELECT comm, from_cpu, to_cpu FROM migration JOIN thread USING(utid)"), "b|0|1\n");
	CHECK_STR(rows(db, "SELECT latency_ns FROM runq_latency ORDER BY 1"), "300\n600\n");
	db_close(db);
	synth_remove(&s);
}

TEST(import_gives_bystanders_of_a_targeted_recording_no_time)
{
	struct task_ref a = synth_task(1, 1, 1, "a"), b = synth_task(2, 2, 2, "b"), c = synth_task(3, 3, 3, "c");
	struct task_ref idle = { .comm = "swapper/0" };
	struct event target = { .kind = EVENT_META, .meta = { "target", "command" } };
	struct event account = { .kind = EVENT_ACCOUNT, .ts = 9000, .task = c };
	struct synth s;
	struct db *db;

	synth_init(&s, 21);
	synth_add(&s, &target);
	add_switch(&s, 1000, 0, b, a, 'R'); /* b: only ever the other side */
	add_switch(&s, 1500, 0, a, b, 'R');
	/* whatever ran in between was not recorded: b did not run 1500 */
	add_switch(&s, 3000, 0, b, a, 'R');
	add_switch(&s, 3500, 0, a, idle, 'S'); /* a must be the target: the idle task never is */
	add_switch(&s, 4000, 1, b, c, 'R');
	add_switch(&s, 4600, 1, c, b, 'S'); /* c has an account */
	account.account.first_ts = SYNTH_T0 + 4000;
	account.account.running_ns = 600;
	account.account.blocked_ns = 4400;
	synth_add(&s, &account);
	synth_close(&s);
	db = import(&s);
	CHECK_STR(rows(db, "SELECT ts, cpu, dur_ns, comm, end_state FROM sched_slice JOIN thread USING(utid) ORDER BY ts"),
		  "1000|0|500|a|R\n3000|0|500|a|S\n4000|1|600|c|S\n");
	CHECK_STR(rows(db, "SELECT comm, running_ns FROM thread_account JOIN thread USING(utid) ORDER BY 1"), "a|1000\nc|600\n");
	db_close(db);
	synth_remove(&s);
}

TEST(import_says_which_time_a_lost_switch_leaves_unknown)
{
	struct task_ref a = synth_task(1, 1, 1, "a"), b = synth_task(2, 2, 2, "b"), c = synth_task(3, 3, 3, "c");
	struct synth s;
	struct db *db;

	synth_init(&s, 9);
	add_switch(&s, 1000, 0, a, b, 'S');
	/* lost: b → a, some time */
	add_switch(&s, 2000, 0, a, c, 'S');
	add_switch(&s, 2500, 0, c, b, 'S');
	synth_close(&s);
	db = import(&s);
	/* a: came back without a known wakeup, so it was blocked, and is not known to run; b: never seen to leave */
	CHECK_STR(rows(db, "SELECT comm, wall_ns, running_ns, runq_ns, blocked_ns, lost_ns FROM thread_account JOIN thread USING(utid) ORDER BY 1"),
		  "a|1500|0|0|500|1000\nb|1500|0|0|0|1500\nc|500|500|0|0|0\n");
	db_close(db);
	synth_remove(&s);
}

TEST(import_takes_the_last_account_of_a_thread)
{
	struct task_ref a = synth_task(1, 1, 1, "a");
	struct synth s;
	struct db *db;

	synth_init(&s, 10);
	for (int i = 2; i >= 1; i--) { /* the older one stands later in the file */
		struct event ev = { .kind = EVENT_ACCOUNT, .ts = (uint64_t)i * 1000, .task = a };
		ev.account.first_ts = SYNTH_T0 + 100;
		ev.account.running_ns = (uint64_t)i * 400;
		ev.account.runq_ns = 30;
		ev.account.blocked_ns = 1000;
		ev.account.short_ns = 7;
		ev.account.short_cnt = 3;
		synth_add(&s, &ev);
		synth_flush(&s);
	}
	synth_close(&s);
	db = import(&s);
	CHECK_STR(rows(db, "SELECT first_ts, wall_ns, running_ns, runq_ns, blocked_ns, short_ns, short_waits, lost_ns, source FROM thread_account"),
		  "100|1900|800|30|1000|7|3|70|account\n");
	db_close(db);
	synth_remove(&s);
}

TEST(import_keeps_an_oom_kill_whole)
{
	struct task_ref victim = synth_task(30, 30, 1, "hog"), alloc = synth_task(30, 31, 2, "hog-t");
	struct synth s;
	struct db *db;

	synth_init(&s, 11);
	uint32_t krn = synth_module(&s, MODULE_KERNEL, "[kernel]", 2);
	struct frame fr[] = { { krn, FRAME_EXACT, 0x20 } };
	synth_symbol(&s, krn, 0, 0x100, "oom_kill_process");
	struct event ev = { .kind = EVENT_CGROUP };
	ev.cgroup.id = 77;
	ev.cgroup.memory_id = 78;
	ev.cgroup.memory_max = 64 << 20;
	ev.cgroup.cpu_quota_us = ev.cgroup.cpu_period_us = UNKNOWN_U64;
	ev.cgroup.path = "/kubepods/burstable/pod12345678-1234-1234-1234-123456789abc/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	ev.cgroup.controller = "";
	synth_add(&s, &ev);
	struct event task = { .kind = EVENT_OOM_TASK, .ts = 4000, .task = victim };
	task.oom_task.oom_ts = SYNTH_T0 + 5000;
	task.oom_task.rss_kb = 60000;
	task.oom_task.anon_kb = 50000;
	task.oom_task.swap_kb = 0;
	task.oom_task.oom_score_adj = -5;
	task.oom_task.uid = UINT32_MAX; /* not told */
	synth_add(&s, &task);
	struct event o = { .kind = EVENT_OOM, .ts = 5000, .task = victim, .other = alloc };
	o.oom.scope = OOM_SCOPE_MEMCG;
	o.oom.cgroup_id = 78;
	o.oom.total_vm_kb = 100000;
	o.oom.anon_rss_kb = 65000;
	o.oom.file_rss_kb = 12;
	o.oom.shmem_rss_kb = UNKNOWN_U64;
	o.oom.pgtables_kb = 200;
	o.oom.swap_kb = 0;
	o.oom.oom_score_adj = -5;
	o.oom.limit_bytes = 64 << 20;
	o.oom.usage_bytes = UNKNOWN_U64;
	o.oom.snapshot_ts = SYNTH_T0 + 4000;
	o.oom.uid = 1000;
	o.stack.frames = fr;
	o.stack.cnt = 1;
	synth_add(&s, &o);
	synth_close(&s);
	db = import(&s);
	CHECK_STR(rows(db, "SELECT o.ts, p.pid, t.comm, victim_pid, victim_comm, scope, g.pod_uid, g.runtime, substr(g.container_id,1,8), total_vm_kb, anon_rss_kb, file_rss_kb, shmem_rss_kb, pgtables_kb, swap_kb, oom_score_adj, o.uid, limit_bytes>>20, usage_bytes, snapshot_ts, folded FROM oom o JOIN process p ON p.upid=o.victim_upid JOIN thread t ON t.utid=o.trigger_utid JOIN cgroup g ON g.id=o.cgroup_id JOIN stack_text USING(stack_id)"),
		  "5000|30|hog-t|30|hog|memcg|12345678-1234-1234-1234-123456789abc|containerd|01234567|100000|65000|12||200|0|-5|1000|64||4000|oom_kill_process_[k]\n");
	CHECK_STR(rows(db, "SELECT oom_id, pid, comm, uid, rss_kb, anon_kb, swap_kb, oom_score_adj FROM oom_task"), "1|30|hog||60000|50000|0|-5\n");
	struct filter f = { .event = FILTER_OOM };
	char *text = folded_both(&s, db, &f);
	CHECK_STR(text, "hog-t;oom_kill_process_[k] 1\n");
	free(text);
	db_close(db);
	synth_remove(&s);
}

/* The clock is set 10 years ahead in the midst of it, and back: each kill has the wall clock of its own time. */
TEST(import_tells_the_wall_clock_on_both_sides_of_a_jump)
{
	static const int64_t minute = 60000000000, ahead = 315360000000000000; /* 3,650 days */
	const struct { int64_t ts, set; } clocks[] = { { minute, 0 }, { 2 * minute, ahead }, { 3 * minute, 0 } };
	static const int64_t kills[] = { minute / 2, 3 * minute / 2, 5 * minute / 2, 7 * minute / 2 };
	struct synth s;
	struct db *db;

	synth_init(&s, 14);
	for (size_t i = 0; i < 3; i++) {
		struct event ev = { .kind = EVENT_CLOCK, .ts = (uint64_t)clocks[i].ts };

		ev.clock.realtime_ns = SYNTH_REAL + (uint64_t)(clocks[i].ts + clocks[i].set);
		ev.clock.boottime_ns = SYNTH_T0 + SYNTH_BOOT_AHEAD + (uint64_t)clocks[i].ts;
		synth_add(&s, &ev);
	}
	for (size_t i = 0; i < 4; i++) {
		struct event kill = { .kind = EVENT_OOM, .ts = (uint64_t)kills[i], .task = synth_task(30, 30, 1, "hog"), .other = synth_task(31, 31, 1, "a") };

		synth_add(&s, &kill);
	}
	synth_close(&s);
	db = import(&s);
	CHECK_STR(rows(db, "SELECT ts, wall FROM oom_report ORDER BY ts"),
		  "30000000000|2023-11-14T22:13:50Z\n90000000000|2023-11-14T22:14:50Z\n150000000000|2033-11-11T22:15:50Z\n210000000000|2023-11-14T22:16:50Z\n");
	db_close(db);
	synth_remove(&s);
}

TEST(import_keeps_facts_losses_and_totals)
{
	struct synth s;
	struct db *db;

	synth_init(&s, 12);
	synth_clock(&s);
	static const char *const facts[][2] = { { "hostname", "box" }, { "ncpu", "4" }, { "id", "007" }, { "t0_unix_ns", "1" } };
	for (size_t i = 0; i < 4; i++) {
		struct event ev = { .kind = EVENT_META };
		ev.meta.key = facts[i][0];
		ev.meta.value = facts[i][1];
		synth_add(&s, &ev);
	}
	struct event loss = { .kind = EVENT_LOSS, .ts = 100, .cpu = 1 };
	loss.loss.stream = EVENT_SAMPLE;
	loss.loss.reason = LOSS_RING_FULL;
	loss.loss.cnt = 5;
	loss.loss.dur_ns = 50;
	synth_add(&s, &loss);
	struct event cnt = { .kind = EVENT_COUNTER, .ts = 120 };
	cnt.counter.name = "psi.memory.some_us";
	cnt.counter.scope = "host";
	cnt.counter.value = -3;
	synth_add(&s, &cnt);
	struct event mark = { .kind = EVENT_MARK, .ts = 130 };
	mark.mark.text = "here";
	synth_add(&s, &mark);
	struct event total = { .kind = EVENT_STREAM_TOTAL, .ts = 140 };
	total.total.stream = EVENT_SAMPLE;
	total.total.seen = 10;
	total.total.written = 5;
	total.total.ring_full = 5;
	synth_add(&s, &total);
	struct event end = { .kind = EVENT_END, .ts = 150 };
	end.end.reason = END_USER;
	synth_add(&s, &end);
	synth_close(&s);
	db = import(&s);
	CHECK_STR(rows(db, "SELECT key, value, typeof(value) FROM meta WHERE key IN('hostname','ncpu','id','t0_unix_ns','duration_ns') ORDER BY 1"),
		  "duration_ns|150|integer\nhostname|box|text\nid|007|text\nncpu|4|integer\nt0_unix_ns|1700000000000000000|integer\n");
	CHECK_STR(rows(db, "SELECT host, t0_unix_ns, start_ts, duration_ns, ended IS NOT NULL FROM recording"), "box|1700000000000000000|0|150|1\n");
	CHECK_STR(rows(db, "SELECT ts, dur_ns, stream, cpu, lost, bytes FROM loss"), "100|50|sample|1|5|\n");
	CHECK_STR(rows(db, "SELECT ts, name, scope, value FROM counter"), "120|psi.memory.some_us|host|-3.0\n");
	CHECK_STR(rows(db, "SELECT ts, text FROM mark"), "130|here\n");
	CHECK_STR(rows(db, "SELECT stream, seen, written, ring_full, imported FROM stream_total"), "sample|10|5|5|0\n");
	CHECK_STR(rows(db, "SELECT count(*) FROM clock"), "1\n");
	db_close(db);
	synth_remove(&s);
}

/* No recorder writes such; where they are, the sums of what is in the database and what is not must hold all the same. */
TEST(import_counts_each_row_it_has_no_place_for)
{
	struct task_ref a = synth_task(30, 30, 1, "a");
	struct event comm[] = { { .kind = EVENT_COMM, .ts = 200, .task = synth_task(30, 30, 1, "b") }, { .kind = EVENT_COMM, .ts = 200, .task = synth_task(30, 30, 1, "c") } };
	struct event task = { .kind = EVENT_OOM_TASK, .ts = 4000, .task = a }, kill = { .kind = EVENT_OOM, .ts = 5000, .task = a, .other = a };
	struct import_damage damage;
	struct import *im;
	struct err err = { 0 };
	struct synth s;
	struct db *db;

	synth_init(&s, 13);
	for (int i = 0; i < 3; i++)
		synth_clock(&s);
	synth_sample(&s, 100, 0, a, NULL, 0);
	synth_add(&s, &comm[0]);
	synth_add(&s, &comm[1]);
	task.oom_task.oom_ts = kill.oom.snapshot_ts = SYNTH_T0 + 5000;
	synth_add(&s, &task);
	synth_add(&s, &task);
	synth_add(&s, &kill);
	synth_close(&s);
	CHECK_EQ(db_create(s.db, &db, &err), 0);
	const struct import_options o = { .symbols = only_recorded, .db = db };
	CHECK_EQ(import_create(&o, &im, &err), 0);
	CHECK_EQ(import_read(im, s.path, &err), 0);
	CHECK_EQ(import_finish(im, &err), 0);
	CHECK_EQ(db_finish(db, &err), 0);
	import_damage(im, &damage);
	import_destroy(im);
	CHECK_STR(rows(db, "SELECT lost, reason FROM loss WHERE stream='recording' ORDER BY reason"),
		  "1|duplicate: a process twice in one memory snapshot\n1|duplicate: a thread renamed twice at one time\n2|duplicate: the clocks read twice at one time\n");
	CHECK_EQ(damage.duplicates, 4);
	CHECK_STR(rows(db, "SELECT (SELECT count(*) FROM clock), (SELECT count(*) FROM oom_task), (SELECT count(*) FROM thread_name WHERE ts=200)"), "1|1|1\n");
	db_close(db);
	synth_remove(&s);
}

TEST(import_names_the_time_that_damage_took)
{
	struct task_ref a = synth_task(1, 1, 1, "a");
	struct synth s;
	struct db *db;
	struct import_damage damage;
	struct err err = { 0 };

	synth_init(&s, 13);
	long sizes[4];
	for (int i = 0; i < 3; i++) {
		synth_sample(&s, 1000 * (i + 1), 0, a, NULL, 0);
		synth_flush(&s);
		sizes[i] = (long)recording_writer_stats(s.w)->bytes;
	}
	synth_close(&s);
	int fd = open(s.path, O_RDWR);
	CHECK(fd >= 0);
	char byte;
	CHECK_EQ(pread(fd, &byte, 1, sizes[1] - 12), 1); /* in the second sample's chunk */
	byte ^= 0x10;
	CHECK_EQ(pwrite(fd, &byte, 1, sizes[1] - 12), 1);
	close(fd);

	db = import(&s);
	CHECK_STR(rows(db, "SELECT ts FROM sample"), "1000\n3000\n");
	CHECK_STR(rows(db, "SELECT stream, ts, ts+dur_ns, reason LIKE 'damage: %', bytes>0 FROM loss"), "recording|2000|2000|1|1\n");
	db_close(db);
	const char *paths[] = { s.path };
	struct filter f = { 0 };
	struct profile p;
	profile_init(&p);
	CHECK_EQ(profile_import(&p, paths, 1, &only_recorded, &f, &damage, &err), 0);
	CHECK_EQ(damage.stretches, 1);
	profile_deinit(&p);
	synth_remove(&s);
}

/* A recording and a copy of it, a snapshot and a later one of the same run: what both hold is there once, in the database and without. */
TEST(import_takes_a_chunk_of_two_inputs_once)
{
	struct task_ref a = synth_task(1, 1, 1, "a");
	struct event mark = { .kind = EVENT_MARK, .ts = 130 };
	struct import_damage damage;
	struct err err = { 0 };
	struct filter f = { 0 };
	struct import *im;
	struct profile p;
	struct synth s;
	struct db *db;

	synth_init(&s, 42);
	synth_sample(&s, 100, 0, a, NULL, 0);
	synth_flush(&s);
	mark.mark.text = "here";
	synth_add(&s, &mark);
	synth_close(&s);
	CHECK_EQ(db_create(s.db, &db, &err), 0);
	const struct import_options o = { .symbols = only_recorded, .db = db };
	CHECK_EQ(import_create(&o, &im, &err), 0);
	CHECK_EQ(import_read(im, s.path, &err), 0);
	CHECK_EQ(import_read(im, s.path, &err), 0);
	CHECK_EQ(import_finish(im, &err), 0);
	CHECK_EQ(db_finish(db, &err), 0);
	import_damage(im, &damage);
	CHECK_EQ(damage.known_chunks, 2);
	CHECK_EQ(damage.duplicates, 0);
	import_destroy(im);
	CHECK_STR(rows(db, "SELECT (SELECT count(*) FROM sample), (SELECT sum(n) FROM thread_total), (SELECT count(*) FROM mark), (SELECT count(*) FROM loss)"),
		  "1|1|1|0\n");
	db_close(db);
	const char *paths[] = { s.path, s.path };
	profile_init(&p);
	CHECK_EQ(profile_import(&p, paths, 2, &only_recorded, &f, &damage, &err), 0);
	CHECK_EQ(p.cnt, 1);
	profile_deinit(&p);
	synth_remove(&s);
}

TEST(import_puts_two_recordings_on_one_time_line)
{
	struct task_ref a = synth_task(1, 1, 1, "a");
	struct synth first, second, *const s[] = { &first, &second };
	struct import *im;
	struct err err = { 0 };
	struct db *db;

	for (int i = 0; i < 2; i++) {
		synth_init_at(s[i], (uint8_t)(40 + i), SYNTH_REAL + (uint64_t)i * 5000);
		synth_sample(s[i], 100, 0, a, NULL, 0);
		synth_close(s[i]);
	}
	CHECK_EQ(db_create(s[0]->db, &db, &err), 0);
	const struct import_options o = { .symbols = only_recorded, .db = db };
	CHECK_EQ(import_create(&o, &im, &err), 0);
	CHECK_EQ(import_read(im, s[0]->path, &err), 0);
	CHECK_EQ(import_read(im, s[1]->path, &err), 0);
	CHECK_EQ(import_finish(im, &err), 0);
	CHECK_EQ(db_finish(db, &err), 0);
	import_destroy(im);
	/* the same tid and start on two hosts are two threads */
	CHECK_STR(rows(db, "SELECT ts, utid, recording_id FROM sample JOIN thread_v USING(utid)"), "100|1|1\n5100|2|2\n");
	CHECK_STR(rows(db, "SELECT id, start_ts FROM recording"), "1|0\n2|5000\n");
	db_close(db);
	synth_remove(s[0]);
	synth_remove(s[1]);
}

TEST_MAIN()
