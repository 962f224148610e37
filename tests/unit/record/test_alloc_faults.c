// SPDX-License-Identifier: BSD-2-Clause
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray,--wrap=strdup,--wrap=strndup,--wrap=asprintf */
/*
 * The n-th allocation of a recording without a kernel fails, once or from there on, for every n: processes are read from /proc, records of every kind
 * become events, stacks become frames, rows are compiled, names are read by a worker, memory is looked at. Nothing crashes (the sanitizer build
 * sees leaks), errors say "out of memory", and the file holds whole chunks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/cgroups.h"
#include "record/events.h"
#include "record/jit.h"
#include "record/kallsyms.h"
#include "record/memsnap.h"
#include "record/procscan.h"
#include "record/symbols.h"
#include "record/unwinder.h"
#include "tests/scratch.h"

/* ---- the allocations ------------------------------------------------------------------------------------------------- */

static struct {
	long at; /* countdown, 0: over */
	bool for_good, is_on;
} fault;

static bool fails(void)
{
	if (!fault.is_on)
		return false;
	if (fault.at > 0)
		fault.at--;
	if (fault.at)
		return false;
	fault.is_on = fault.for_good;
	return true;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t sz);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t sz);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t sz);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t sz);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
int __wrap_asprintf(char **ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t sz)
{
	return fails() ? NULL : __real_calloc(n, sz);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t sz)
{
	return fails() ? NULL : __real_reallocarray(p, n, sz);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	return fails() ? NULL : __real_strndup(s, n);
}

int __wrap_asprintf(char **ret, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (fails())
		return -1;
	va_start(ap, fmt);
	n = vasprintf(ret, fmt, ap);
	va_end(ap);
	return n;
}

/* ---- a recording ------------------------------------------------------------------------------------------------------- */

struct rig {
	struct recording_writer *writer;
	struct cgroups *cgroups;
	struct modules *modules;
	struct tasks *tasks;
	struct symbols *symbols;
	struct kallsyms *kallsyms;
	struct jit *jit;
	struct memsnap *memsnap;
	struct unwinder *unwinder;
	struct events *events;
	int errors; /* of calls that had one */
};

/* What any call may say. */
static int check(struct rig *r, int code, const struct err *err)
{
	if (code >= 0)
		return code;
	r->errors++;
	if (code != -ENOMEM && code != -ENOBUFS)
		printf("# %d: %s\n", code, err ? err->text : "");
	CHECK(code == -ENOMEM || code == -ENOBUFS);
	if (err && *err->text)
		CHECK_HAS(err->text, "emory");
	return code;
}

static int open_rig(struct rig *r, struct err *err)
{
	const struct recording_writer_options wo = { .monotonic_ns = 1, .arch = 62, .force = true };
	char file[192], symbols[192], none[192], proc[192];
	const struct kallsyms_paths paths = { symbols, none, none, none, none };
	struct memsnap_options mo = { .proc = proc };
	struct unwinder_options uo = { .maps = { -1, -1, -1, -1, -1 } };
	struct events_options eo = { .want_task = true, .weight_ns = 10101010, .cmdline.keep = CMDLINE_FULL };
	int code;

	snprintf(file, sizeof(file), "%s", scratch_path("r.varve"));
	snprintf(symbols, sizeof(symbols), "%s", scratch_path("kallsyms"));
	snprintf(none, sizeof(none), "%s", scratch_path("none"));
	snprintf(proc, sizeof(proc), "%s", scratch_path("proc"));
	code = recording_writer_open(file, &wo, &r->writer, err) ?: cgroups_create(r->writer, &r->cgroups, err) ?:
	       modules_create(r->writer, 0, &r->modules, err) ?: kallsyms_create(r->writer, &paths, NULL, &r->kallsyms, err);
	if (code)
		return code;
	CHECK_STR(err->text, "");
	if (tasks_create(&r->tasks) || symbols_create(SYMBOLS_HIT, false, &r->symbols) || jit_create(r->modules, r->writer, &r->jit))
		return -ENOMEM;
	mo.writer = r->writer;
	code = memsnap_create(&mo, &r->memsnap, err);
	if (code)
		return code;
	uo.tasks = r->tasks;
	uo.modules = r->modules;
	code = unwinder_create(&uo, &r->unwinder, err);
	eo.writer = r->writer;
	eo.sources = (struct frames_sources){ .tasks = r->tasks, .kallsyms = r->kallsyms, .symbols = r->symbols, .jit = r->jit };
	eo.modules = r->modules;
	eo.cgroups = r->cgroups;
	eo.memsnap = r->memsnap;
	eo.unwinder = r->unwinder;
	return code ?: events_create(&eo, &r->events, err);
}

static void close_rig(struct rig *r)
{
	unwinder_destroy(r->unwinder);
	events_destroy(r->events);
	memsnap_destroy(r->memsnap);
	symbols_destroy(r->symbols);
	jit_destroy(r->jit);
	tasks_destroy(r->tasks);
	kallsyms_destroy(r->kallsyms);
	modules_destroy(r->modules);
	cgroups_destroy(r->cgroups);
}

/* ---- what happens in it ---------------------------------------------------------------------------------------------------- */

#define US ((uint32_t)getpid())
#define ITS_CHILD 4194303u /* no process has this pid */

static void add(struct rig *r, const void *rec, size_t sz)
{
	struct err err = { 0 };

	check(r, events_add(r->events, rec, sz, &err), &err);
}

static struct wire_task task(uint32_t pid, const char *comm)
{
	struct wire_task t = { .pid = pid, .tid = pid, .start_ts = 1000 };

	memcpy(t.comm, comm, strlen(comm));
	return t;
}

static void add_life(struct rig *r)
{
	struct {
		struct wire_proc p;
		char path[8];
	} x = { .p = { .head = { .ts = 100, .kind = WIRE_FORK }, .task = task(ITS_CHILD, "child"), .parent = task(US, "us"), .cgroup_id = 1, .uid = 5 } };

	add(r, &x.p, sizeof(x.p));
	memcpy(x.path, "/bin/xy", 8);
	x.p.head.kind = WIRE_EXEC;
	x.p.head.ts = 200;
	x.p.path_sz = 8;
	add(r, &x, sizeof(x.p) + 8);
	x.p.head.kind = WIRE_EXIT;
	x.p.head.ts = 300;
	x.p.path_sz = 0;
	add(r, &x.p, sizeof(x.p));
}

static void add_stacks(struct rig *r)
{
	struct {
		struct wire_sample s;
		uint64_t addr[4];
	} x = {
		.s = { .head = { .ts = 5000, .kind = WIRE_SAMPLE }, .task = task(US, "us"),
		       .stack = { .kernel_cnt = 2, .user_cnt = 2, .user_end = STACK_END_COMPLETE } },
		.addr = { 0xffffffff81000010, 0xffffffff81000110, (uint64_t)(uintptr_t)add_life, (uint64_t)(uintptr_t)strlen },
	};
	struct wire_wait w = {
		.head = { .ts = 9000, .kind = WIRE_WAIT, .flags = WIRE_WAIT_KERNEL }, .task = task(US, "us"), .off_ts = 2000, .wake_ts = 8500, .state = 'S',
		.waker_pid = US, .waker_tid = US,
	};
	const struct wire_sched s = { .ts = 50, .kind = WIRE_SWITCH, .state = 'D', .a = US, .b = 0 };

	for (int i = 0; i < 3; i++, x.addr[2]++)
		add(r, &x, sizeof(x.s) + sizeof(x.addr));
	add(r, &w, sizeof(w));
	w.head.flags = WIRE_WAIT_USER_PENDING;
	w.epoch = 3;
	add(r, &w, sizeof(w));
	add(r, &s, sizeof(s));
}

static void add_kill(struct rig *r)
{
	const struct wire_oom o = {
		.head = { .ts = 9500, .kind = WIRE_OOM, .flags = WIRE_OOM_MEMCG | WIRE_OOM_VICTIM }, .victim = task(US, "victim"), .trigger = task(US, "us"),
		.memcg_id = 1, .memcg_limit = 100, .memcg_usage = 99,
	};

	add(r, &o, sizeof(o));
}

static void live(struct rig *r)
{
	const struct cmdline_how full = { .keep = CMDLINE_FULL };
	const struct procscan_options po = { .tasks = r->tasks, .modules = r->modules };
	const struct symbols_sources src = { .modules = r->modules, .jit = r->jit, .kallsyms = r->kallsyms, .writer = r->writer };
	const uint64_t counts[UNWIND_COUNTS] = { 0 };
	struct symbols_stats stats;
	struct err err = { 0 };
	int64_t named;

	check(r, procscan_process(&po, US, &err), &err);
	check(r, cgroups_add(r->cgroups, CGROUP_V2, 1, 50, &err), &err);
	check(r, memsnap_tick(r->memsnap, 60, &err), &err);
	unwinder_flush(r->unwinder, 70);
	add_life(r);
	add_stacks(r);
	jit_poll(r->jit);
	check(r, memsnap_tick(r->memsnap, 5000000060, &err), &err);
	add_kill(r);
	check(r, events_flush(r->events, UINT64_MAX, &err), &err);
	check(r, procscan_keyframe(r->tasks, r->writer, 10000, NULL, NULL, &full, &err), &err);
	check(r, unwinder_write_counters(r->unwinder, counts, r->writer, 10000, &err), &err);
	check(r, recording_writer_flush(r->writer, &err), &err);
	named = symbols_emit(r->symbols, &src, 1000000000, &stats, &err);
	check(r, named < 0 ? (int)named : 0, &err);
	tasks_prune(r->tasks, 20000000000);
}

/* Events in the file; -1: there is none. */
static int64_t read_back(void)
{
	struct recording_reader *r = NULL;
	struct event ev;
	int64_t cnt = 0;

	if (access(scratch_path("r.varve"), F_OK))
		return -1;
	CHECK_EQ(recording_reader_open(scratch_path("r.varve"), &r, NULL), 0);
	while (recording_reader_next(r, &ev, NULL) == 1)
		cnt++;
	CHECK_EQ(recording_reader_summary(r)->damage_cnt, 0);
	recording_reader_close(r);
	return cnt;
}

/* One recording whose n-th allocation fails. False: there were fewer, and all was well. */
static bool record(long n, bool for_good, int64_t *ret_cnt)
{
	struct rig r = { 0 };
	struct err err = { 0 };
	int code, input = fcntl(STDIN_FILENO, F_GETFD);
	bool has_failed;

	fault.at = n;
	fault.for_good = for_good;
	fault.is_on = true;
	code = check(&r, open_rig(&r, &err), &err);
	if (!code)
		live(&r);
	check(&r, r.writer ? recording_writer_close(r.writer, NULL) : 0, NULL);
	close_rig(&r);
	has_failed = !fault.at;
	fault.is_on = false;
	*ret_cnt = read_back();
	CHECK_EQ(fcntl(STDIN_FILENO, F_GETFD), input); /* what was not opened is not closed */
	CHECK(has_failed || !r.errors);
	CHECK(code || *ret_cnt >= 0);
	return has_failed;
}

static void each_allocation(bool for_good)
{
	int64_t whole, cnt;
	long n = 1;

	scratch_begin("alloc-faults");
	scratch_put("kallsyms", "ffffffff81000000 T _text\nffffffff81000000 T first\nffffffff81000100 T second\nffffffff81001000 T _etext\n");
	scratch_put("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 500 kB\nMemAvailable: 600 kB\n");
	scratch_put("proc/vmstat", "pgfault 5\n");
	scratch_put("proc/7/statm", "100 50 10 1 0 20 0\n");
	scratch_put("proc/7/stat", "7 (seven) S 1 7 7 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 1 0 5 100 50 0\n");
	CHECK(!record(0x7fffffff, false, &whole));
	while (record(n, for_good, &cnt))
		n += TEST_STEP;
	printf("# about %ld allocations, %lld events when none fails\n", n - 1, (long long)whole);
	CHECK(n > 200 && whole > 20);
	scratch_end();
}

TEST(an_allocation_that_fails_costs_what_it_was_for)
{
	each_allocation(false);
}

TEST(no_memory_from_some_allocation_on_leaves_whole_chunks)
{
	each_allocation(true);
}

TEST_MAIN()
