// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <errno.h>

#include "record/space.h"
#include "record/tasks.h"

#define SEC 1000000000ULL

static struct tasks *make(void)
{
	struct tasks *t;

	CHECK_EQ(tasks_create(&t), 0);
	return t;
}

/* "module:offset" of addr, or "-"; valid until the next call. */
static const char *at(struct tasks *t, uint32_t pid, uint64_t ts, uint64_t addr)
{
	static char text[64];
	struct frame f;

	if (!tasks_resolve(t, pid, ts, addr, &f, NULL)) {
		CHECK_EQ(f.module, 0);
		CHECK_EQ(f.off, addr);
		return "-";
	}
	snprintf(text, sizeof(text), "%u:%llx", f.module, (unsigned long long)f.off);
	return text;
}

TEST(tasks_resolve_by_address_and_offset)
{
	struct tasks *t = make();
	struct frame f;
	bool known;

	CHECK_EQ(tasks_mmap(t, 0, 10, 0x1000, 0x3000, 0x500, 7), 0);
	CHECK_EQ(tasks_mmap(t, 0, 10, 0x8000, 0x9000, 0, 8), 0);
	CHECK_STR(at(t, 10, 5, 0x1000), "7:500");
	CHECK_STR(at(t, 10, 5, 0x2fff), "7:24ff");
	CHECK_STR(at(t, 10, 5, 0x3000), "-");
	CHECK_STR(at(t, 10, 5, 0xfff), "-");
	CHECK_STR(at(t, 10, 5, 0x8001), "8:1");
	CHECK(!tasks_resolve(t, 10, 5, 0, &f, &known) && known);
	CHECK(!tasks_resolve(t, 11, 5, 0x1000, &f, &known) && !known);
	CHECK_EQ(tasks_mmap(t, 0, 10, 5, 5, 0, 1), -EINVAL);
	tasks_destroy(t);
}

TEST(tasks_an_empty_range_is_refused_and_makes_no_process)
{
	struct tasks *t = make();
	struct tasks_stats stats;

	CHECK_EQ(tasks_mmap(t, 5, 10, 0x3000, 0x3000, 0, 7), -EINVAL);
	CHECK_EQ(tasks_mmap(t, 5, 10, 0x3000, 0x1000, 0, 7), -EINVAL);
	tasks_get_stats(t, &stats);
	CHECK_EQ(stats.processes, 0);
	CHECK_EQ(stats.dropped, 0);
	tasks_destroy(t);
}

TEST(tasks_newer_mapping_evicts_what_it_overlaps_and_splits_the_rest)
{
	struct tasks *t = make();

	tasks_mmap(t, 10, 1, 0x1000, 0x5000, 0, 1);
	tasks_mmap(t, 20, 1, 0x2000, 0x3000, 0x100, 2);
	CHECK_STR(at(t, 1, 25, 0x1800), "1:800");
	CHECK_STR(at(t, 1, 25, 0x2800), "2:900");
	CHECK_STR(at(t, 1, 25, 0x4800), "1:3800"); /* the tail keeps its offset */
	CHECK_STR(at(t, 1, 15, 0x2800), "1:1800"); /* as it was before */
	tasks_mmap(t, 30, 1, 0x0, 0x10000, 0, 3);
	CHECK_STR(at(t, 1, 35, 0x1800), "3:1800");
	CHECK_STR(at(t, 1, 25, 0x2800), "2:900");
	CHECK_STR(at(t, 1, 15, 0x2800), "1:1800");
	CHECK_STR(at(t, 1, 25, 0x8000), "3:8000"); /* 5 ns before it was announced: within the slop */
	tasks_destroy(t);
}

TEST(tasks_mapping_far_in_the_future_is_not_used)
{
	struct tasks *t = make();

	tasks_mmap(t, 10 * SEC, 1, 0x1000, 0x2000, 0, 1);
	CHECK_STR(at(t, 1, 10 * SEC, 0x1000), "1:0");
	CHECK_STR(at(t, 1, 9 * SEC, 0x1000), "-");
	tasks_destroy(t);
}

TEST(tasks_exec_clears_but_older_samples_still_resolve)
{
	struct tasks *t = make();
	struct task_ref ref;

	CHECK_EQ(tasks_fork(t, 10, 5, 5, 1), 0);
	tasks_mmap(t, 11, 5, 0x1000, 0x2000, 0, 1);
	CHECK_EQ(tasks_exec(t, 100, 5, 5, "first"), 0);
	tasks_mmap(t, 101, 5, 0x1000, 0x2000, 0, 2);
	CHECK_EQ(tasks_exec(t, 200, 5, 5, "second"), 0);
	CHECK_STR(at(t, 5, 50, 0x1004), "1:4");
	CHECK_STR(at(t, 5, 150, 0x1004), "2:4");
	CHECK_STR(at(t, 5, 250, 0x1004), "-");
	CHECK(tasks_find(t, 5, 250, &ref));
	CHECK_STR(ref.comm, "second");
	CHECK_EQ(ref.pid, 5);
	tasks_destroy(t);
}

TEST(tasks_fork_inherits_and_then_lives_its_own_life)
{
	struct tasks *t = make();

	tasks_mmap(t, 0, 1, 0x1000, 0x2000, 0, 1);
	CHECK_EQ(tasks_fork(t, 10, 2, 2, 1), 0);
	CHECK_STR(at(t, 2, 11, 0x1000), "1:0");
	tasks_mmap(t, 20, 2, 0x1000, 0x2000, 0, 2);
	CHECK_STR(at(t, 2, 21, 0x1000), "2:0");
	CHECK_STR(at(t, 1, 21, 0x1000), "1:0");
	tasks_mmap(t, 30, 1, 0x5000, 0x6000, 0, 3);
	CHECK_STR(at(t, 2, 31, 0x5000), "-");
	tasks_exit(t, 40, 1, 1);
	CHECK_STR(at(t, 2, 41, 0x1000), "2:0");
	tasks_destroy(t);
}

TEST(tasks_a_reused_pid_is_told_apart_by_time)
{
	struct tasks *t = make();
	struct task_ref ref;

	tasks_fork(t, 10, 7, 7, 1);
	tasks_note(t, &(struct task_info){ .ts = 11, .pid = 7, .tid = 7, .uid = -1, .start_ts = 111, .comm = "old" });
	tasks_mmap(t, 12, 7, 0x1000, 0x2000, 0, 1);
	tasks_exit(t, 20, 7, 7);
	tasks_fork(t, 30, 7, 7, 1);
	tasks_mmap(t, 31, 7, 0x1000, 0x2000, 0, 2);
	CHECK_STR(at(t, 7, 15, 0x1000), "1:0");
	CHECK_STR(at(t, 7, 25, 0x1000), "1:0"); /* the last breath */
	CHECK_STR(at(t, 7, 35, 0x1000), "2:0");
	CHECK(tasks_find(t, 7, 15, &ref));
	CHECK_EQ(ref.start_ts, 111);
	CHECK(tasks_find_process(t, 7, 35, &ref));
	CHECK_EQ(ref.start_ts, 0);
	tasks_destroy(t);
}

TEST(tasks_a_fork_without_the_exit_before_it_starts_afresh)
{
	struct tasks *t = make();

	tasks_fork(t, 10, 7, 7, 1);
	tasks_fork(t, 11, 7, 8, 7); /* a second thread */
	tasks_mmap(t, 12, 7, 0x1000, 0x2000, 0, 1);
	tasks_fork(t, 30, 7, 7, 1);
	CHECK_STR(at(t, 7, 35, 0x1000), "-");
	CHECK_STR(at(t, 7, 15, 0x1000), "1:0");
	tasks_destroy(t);
}

TEST(tasks_fork_record_older_than_the_scan_is_the_same_task)
{
	struct tasks *t = make();

	tasks_note(t, &(struct task_info){ .ts = 100, .pid = 7, .tid = 7, .uid = -1, .start_ts = 5 });
	tasks_mmap(t, 0, 7, 0x1000, 0x2000, 0, 1);
	tasks_fork(t, 90, 7, 7, 1); /* drained late */
	CHECK_STR(at(t, 7, 110, 0x1000), "1:0");
	tasks_exit(t, 80, 7, 7); /* of the pid's former owner */
	CHECK_STR(at(t, 7, 110, 0x1000), "1:0");
	tasks_destroy(t);
}

TEST(tasks_fact_that_comes_after_the_exit_finds_the_dead_one)
{
	struct tasks *t = make();
	struct task_ref ref;
	struct tasks_stats stats;

	tasks_fork(t, 10, 7, 7, 1);
	tasks_exit(t, 20, 7, 7);
	tasks_note(t, &(struct task_info){ .ts = 12, .pid = 7, .tid = 7, .uid = -1, .start_ts = 77 });
	tasks_get_stats(t, &stats);
	CHECK_EQ(stats.threads, 1);
	CHECK(tasks_find(t, 7, 15, &ref));
	CHECK_EQ(ref.start_ts, 77);
	tasks_note(t, &(struct task_info){ .pid = 7, .tid = 7, .uid = -1, .start_ts = 78 }); /* at no told time */
	tasks_get_stats(t, &stats);
	CHECK_EQ(stats.threads, 1);
	tasks_note(t, &(struct task_info){ .ts = 5000000000, .pid = 7, .tid = 7, .uid = -1 }); /* long after: another */
	tasks_get_stats(t, &stats);
	CHECK_EQ(stats.threads, 2);
	tasks_destroy(t);
}

TEST(tasks_end_with_their_last_thread_and_are_forgotten_after_the_grace)
{
	struct tasks *t = make();
	struct tasks_stats stats;

	tasks_fork(t, 10, 7, 7, 1);
	tasks_fork(t, 11, 7, 8, 7);
	tasks_mmap(t, 12, 7, 0x1000, 0x2000, 0, 1);
	tasks_exit(t, 20, 7, 7); /* the leader first */
	tasks_mmap(t, 21, 7, 0x2000, 0x3000, 0, 2);
	CHECK_STR(at(t, 7, 22, 0x2000), "2:0");
	tasks_exit(t, 30, 7, 8);
	tasks_prune(t, 30 + TASKS_GRACE_NS - 1);
	CHECK_STR(at(t, 7, 25, 0x2000), "2:0");
	tasks_prune(t, 31 + TASKS_GRACE_NS);
	CHECK_STR(at(t, 7, 25, 0x2000), "-");
	tasks_get_stats(t, &stats);
	CHECK_EQ(stats.threads, 0);
	CHECK_EQ(stats.processes, 0);
	tasks_destroy(t);
}

TEST(tasks_exec_of_a_second_thread_ends_the_others)
{
	struct tasks *t = make();
	struct tasks_stats stats;

	tasks_fork(t, 10, 7, 7, 1);
	tasks_fork(t, 11, 7, 8, 7);
	tasks_fork(t, 11, 7, 9, 7);
	tasks_exit(t, 20, 7, 7); /* the old leader dies, thread 8 takes its tid and execs */
	tasks_exec(t, 21, 7, 7, "new");
	tasks_exit(t, 30, 7, 7);
	tasks_prune(t, 31 + TASKS_GRACE_NS);
	tasks_get_stats(t, &stats);
	CHECK_EQ(stats.threads, 0);
	CHECK_EQ(stats.processes, 0);
	tasks_destroy(t);
}

TEST(tasks_fork_storm_stays_bounded)
{
	struct tasks *t = make();
	struct tasks_stats stats;

	for (uint32_t i = 0; i < 200000; i++) {
		uint32_t pid = 100 + i % 30000;

		CHECK_EQ(tasks_fork(t, i, pid, pid, 1), 0);
		CHECK_EQ(tasks_mmap(t, i, pid, 0x1000, 0x2000, 0, 1), 0);
		tasks_exit(t, i, pid, pid);
		if (i % 1000 == 0)
			tasks_prune(t, i);
	}
	tasks_get_stats(t, &stats);
	CHECK(stats.threads <= TASKS_DEAD_MAX + 1000);
	CHECK(stats.processes <= TASKS_DEAD_MAX + 1001);
	CHECK_EQ(stats.dropped, 0);
	tasks_destroy(t);
}

TEST(tasks_one_process_cannot_have_endless_mappings)
{
	struct tasks *t = make();
	struct tasks_stats stats;

	for (uint64_t i = 0; i < SPACE_RANGE_MAX + 10; i++)
		tasks_mmap(t, 1, 1, i * 0x2000, i * 0x2000 + 0x1000, 0, 1);
	tasks_get_stats(t, &stats);
	CHECK_EQ(stats.dropped, 10);
	CHECK_STR(at(t, 1, 2, 0x2000 * (SPACE_RANGE_MAX - 1)), "1:0");
	for (uint64_t i = 0; i < 50000; i++) /* one address, again and again */
		CHECK_EQ(tasks_mmap(t, 1, 2, 0x1000, 0x2000, i, 1), 0);
	CHECK_STR(at(t, 2, 1, 0x1000), "1:c34f");
	tasks_destroy(t);
}

/* ---- the listener sees each change ------------------------------------------------------------------------- */

static char log_text[1024];

static void say(const char *fmt, unsigned a, unsigned b, unsigned c)
{
	size_t len = strlen(log_text);

	snprintf(log_text + len, sizeof(log_text) - len, fmt, a, b, c);
}

static void on_added(void *ctx, uint32_t pid, uint64_t start, uint64_t end, uint64_t off_base, uint32_t module)
{
	say("+%u:%x-%x ", pid, (unsigned)start, (unsigned)end);
}

static void on_removed(void *ctx, uint32_t pid, uint64_t start, uint64_t end)
{
	say("-%u:%x-%x ", pid, (unsigned)start, (unsigned)end);
}

static void on_forked(void *ctx, uint32_t pid, uint32_t parent)
{
	say("fork%u<%u ", pid, parent, 0);
}

static void on_cleared(void *ctx, uint32_t pid)
{
	say("clear%u ", pid, 0, 0);
}

static void on_exited(void *ctx, uint32_t pid)
{
	say("exit%u ", pid, 0, 0);
}

TEST(tasks_listener_hears_what_changes_and_nothing_else)
{
	const struct tasks_listener l = { NULL, on_added, on_removed, on_forked, on_cleared, on_exited };
	struct tasks *t = make();

	log_text[0] = '\0';
	tasks_set_listener(t, &l);
	tasks_mmap(t, 1, 1, 0x1000, 0x4000, 0, 1);
	tasks_mmap(t, 2, 1, 0x1000, 0x4000, 0, 1); /* the same again */
	tasks_mmap(t, 3, 1, 0x2000, 0x5000, 0, 2);
	tasks_fork(t, 4, 2, 2, 1);
	tasks_fork(t, 5, 2, 3, 2); /* a thread */
	tasks_exec(t, 6, 2, 2, "x");
	tasks_exit(t, 7, 2, 2);
	CHECK_STR(log_text, "+1:1000-4000 -1:2000-4000 +1:2000-5000 fork2<1 clear2 exit2 ");
	tasks_destroy(t);
}

/* ---- walks --------------------------------------------------------------------------------------------------- */

static int count_thread(void *ctx, const struct task_info *i)
{
	int *n = ctx;

	CHECK_EQ(i->pid, 5);
	CHECK_STR(i->exe, "/bin/x");
	(*n)++;
	return 0;
}

static int stop_at_first(void *ctx, const struct task_ref *p, uint64_t ts, uint64_t start, uint64_t end,
			 uint64_t off_base, uint32_t module)
{
	CHECK_EQ(p->start_ts, 9);
	CHECK_EQ(start, 0x1000);
	CHECK_EQ(module, 4);
	return 42;
}

TEST(tasks_walks_show_the_living)
{
	struct tasks *t = make();
	int n = 0;

	tasks_fork(t, 1, 5, 5, 1);
	tasks_fork(t, 2, 5, 6, 5);
	tasks_fork(t, 3, 5, 7, 5);
	tasks_exit(t, 4, 5, 7);
	tasks_note(t, &(struct task_info){ .ts = 5, .pid = 5, .tid = 5, .start_ts = 9, .exe = "/bin/x" });
	tasks_mmap(t, 5, 5, 0x1000, 0x2000, 0, 4);
	tasks_mmap(t, 5, 5, 0x3000, 0x4000, 0, 4);
	CHECK_EQ(tasks_each_thread(t, count_thread, &n), 0);
	CHECK_EQ(n, 2);
	CHECK_EQ(tasks_each_mapping(t, stop_at_first, NULL), 42);
	tasks_destroy(t);
}

TEST(tasks_comm_is_cut_to_what_the_kernel_keeps)
{
	struct tasks *t = make();
	struct task_ref ref;

	tasks_comm(t, 1, 5, 6, "a-name-longer-than-fifteen");
	CHECK(tasks_find(t, 6, 2, &ref));
	CHECK_STR(ref.comm, "a-name-longer-t");
	CHECK_EQ(ref.pid, 5);
	CHECK(!tasks_find(t, 99, 2, &ref));
	CHECK_STR(ref.comm, "");
	tasks_destroy(t);
}

TEST_MAIN()
