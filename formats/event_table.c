// SPDX-License-Identifier: BSD-2-Clause
#include "formats/event_table.h"

#include "formats/cleanup.h"
#include "formats/format.h"

/* name, id, type, preferred encoding, field of struct event */
#define COL(n, i, t, e, field) { n, i, COLUMN_##t, ENC_##e, 0, offsetof(struct event, field) }
/* The same, stored as the difference to the column of index `to`. */
#define COL_REL(n, i, t, e, field, to) { n, i, COLUMN_##t, ENC_##e, (to) + 1, offsetof(struct event, field) }
/* A column of a table: no field of struct event. */
#define TAB(n, i, t, e) { n, i, COLUMN_##t, ENC_##e, 0, 0 }
#define TAB_REL(n, i, t, e, to) { n, i, COLUMN_##t, ENC_##e, (to) + 1, 0 }

#define TS COL("ts", 1, U64, DELTA_PLANES, ts)
#define CPU COL("cpu", 2, U32, PLAIN, cpu)
#define TASK COL("task", 3, TASK, PLAIN, task)
#define OTHER(n) COL(n, 4, TASK, PLAIN, other)
#define STACK COL("stack", 5, STACK, PLAIN_PLANES, stack)

static const struct column_desc meta[] = {
	TS,
	COL("key", 16, STR, PLAIN, meta.key),
	COL("value", 17, STR, PLAIN, meta.value),
};

static const struct column_desc clock_columns[] = {
	TS,
	COL_REL("realtime_ns", 16, U64, DELTA_ZIGZAG, clock.realtime_ns, 0),
	COL_REL("boottime_ns", 17, U64, DELTA_ZIGZAG, clock.boottime_ns, 0),
};

#define PROC                                                                                       \
	COL("ppid", 16, U32, DELTA_ZIGZAG, proc.ppid), COL("uid", 17, U32, PLAIN, proc.uid),     \
		COL("ns_pid", 18, U32, DELTA_ZIGZAG, proc.ns_pid),                                 \
		COL("is_kernel", 19, U8, PLAIN_PLANES, proc.is_kernel),                                      \
		COL("cgroup_id", 20, U64, DELTA_ZIGZAG, proc.cgroup_id),                           \
		COL("exe", 21, STR, PLAIN, proc.exe),                                            \
		COL("cmdline", 22, STR, PLAIN, proc.cmdline)

static const struct column_desc task[] = { TS, CPU, TASK, PROC };
static const struct column_desc fork_columns[] = { TS, CPU, TASK, OTHER("creator"), PROC };
static const struct column_desc exec[] = { TS, CPU, TASK, PROC };
static const struct column_desc comm[] = { TS, CPU, TASK };

static const struct column_desc exit_columns[] = {
	TS,
	CPU,
	TASK,
	COL("status", 16, I32, ZIGZAG, exit.status),
};

static const struct column_desc mapping[] = {
	TS,
	CPU,
	TASK,
	COL("start", 16, U64, DELTA_ZIGZAG, mapping.start),
	COL_REL("end", 17, U64, ZIGZAG, mapping.end, 3),
	COL("pgoff", 18, U64, PLAIN, mapping.pgoff),
	COL("module", 19, MODULE, PLAIN, mapping.module),
};

static const struct column_desc cgroup[] = {
	TS,
	COL("id", 16, U64, DELTA_ZIGZAG, cgroup.id),
	COL("memory_max", 17, U64, ZIGZAG, cgroup.memory_max),
	COL("memory_id", 18, U64, PLAIN, cgroup.memory_id),
	COL("cpu_quota_us", 19, U64, ZIGZAG, cgroup.cpu_quota_us),
	COL("cpu_period_us", 20, U64, ZIGZAG, cgroup.cpu_period_us),
	COL("path", 21, STR, PLAIN, cgroup.path),
	COL("controller", 22, STR, PLAIN, cgroup.controller),
};

static const struct column_desc sample[] = {
	TS, CPU, TASK, STACK, COL("weight_ns", 16, U64, PLAIN, sample.weight_ns),
};

static const struct column_desc offcpu[] = {
	TS,
	CPU,
	TASK,
	OTHER("waker"),
	STACK,
	COL("dur_ns", 16, U64, PLAIN_PLANES, offcpu.dur_ns),
	COL("runq_ns", 17, U64, ZIGZAG_PLANES, offcpu.runq_ns),
	COL("state", 18, U8, PLAIN_PLANES, offcpu.state),
	COL("iowait", 19, U8, PLAIN_PLANES, offcpu.iowait),
	COL("waker_flags", 20, U8, PLAIN_PLANES, offcpu.waker_flags),
	COL_REL("cpu_in", 21, U32, ZIGZAG, offcpu.cpu_in, 1),
	COL("waker_stack", 22, STACK, PLAIN_PLANES, offcpu.waker_stack),
};

static const struct column_desc account[] = {
	TS,
	TASK,
	COL_REL("first_ts", 16, U64, ZIGZAG, account.first_ts, 0),
	COL("running_ns", 17, U64, PLAIN, account.running_ns),
	COL("runq_ns", 18, U64, PLAIN, account.runq_ns),
	COL("blocked_ns", 19, U64, PLAIN, account.blocked_ns),
	COL("short_ns", 20, U64, PLAIN, account.short_ns),
	COL("short_cnt", 21, U64, PLAIN, account.short_cnt),
};

/* On one CPU, who goes out is who came in before: the differences are zero. */
static const struct column_desc switch_columns[] = {
	TS,
	CPU,
	COL_REL("task", 3, TASK, ZIGZAG, task, 3),
	COL("next", 4, TASK, PLAIN_PLANES, other),
	COL("prev_state", 16, U8, PLAIN_PLANES, sw.prev_state),
	COL_REL("prev_prio", 17, U32, ZIGZAG, sw.prev_prio, 6),
	COL("next_prio", 18, U32, PLAIN, sw.next_prio),
};

static const struct column_desc wakeup[] = {
	TS,
	CPU,
	TASK,
	OTHER("waker"),
	COL_REL("target_cpu", 16, U32, ZIGZAG, wakeup.target_cpu, 1),
	COL("is_new", 17, U8, PLAIN_PLANES, wakeup.is_new),
};

static const struct column_desc migrate[] = {
	TS,
	CPU,
	TASK,
	COL_REL("from_cpu", 16, U32, ZIGZAG, migrate.from_cpu, 1),
	COL_REL("to_cpu", 17, U32, ZIGZAG, migrate.to_cpu, 1),
};

static const struct column_desc oom[] = {
	TS,
	CPU,
	TASK,
	OTHER("allocator"),
	STACK,
	COL("scope", 16, U32, PLAIN, oom.scope),
	COL("cgroup_id", 17, U64, PLAIN, oom.cgroup_id),
	COL("total_vm_kb", 18, U64, ZIGZAG, oom.total_vm_kb),
	COL("anon_rss_kb", 19, U64, ZIGZAG, oom.anon_rss_kb),
	COL("file_rss_kb", 20, U64, ZIGZAG, oom.file_rss_kb),
	COL("shmem_rss_kb", 21, U64, ZIGZAG, oom.shmem_rss_kb),
	COL("pgtables_kb", 22, U64, ZIGZAG, oom.pgtables_kb),
	COL("swap_kb", 23, U64, ZIGZAG, oom.swap_kb),
	COL("oom_score_adj", 24, I32, ZIGZAG, oom.oom_score_adj),
	COL("limit_bytes", 25, U64, ZIGZAG, oom.limit_bytes),
	COL("usage_bytes", 26, U64, ZIGZAG, oom.usage_bytes),
	COL_REL("snapshot_ts", 27, U64, ZIGZAG, oom.snapshot_ts, 0),
	COL("uid", 28, U32, PLAIN, oom.uid),
};

static const struct column_desc oom_task[] = {
	TS,
	CPU,
	TASK,
	COL_REL("oom_ts", 16, U64, ZIGZAG, oom_task.oom_ts, 0),
	COL("uid", 17, U32, PLAIN, oom_task.uid),
	COL("rss_kb", 18, U64, ZIGZAG, oom_task.rss_kb),
	COL("anon_kb", 19, U64, ZIGZAG, oom_task.anon_kb),
	COL("swap_kb", 20, U64, ZIGZAG, oom_task.swap_kb),
	COL("oom_score_adj", 21, I32, ZIGZAG, oom_task.oom_score_adj),
};

static const struct column_desc counter[] = {
	TS,
	CPU,
	TASK,
	COL("name", 16, STR, PLAIN, counter.name),
	COL("scope", 17, STR, PLAIN, counter.scope),
	COL("scope_id", 18, U64, PLAIN, counter.scope_id),
	COL("value", 19, I64, ZIGZAG, counter.value),
};

static const struct column_desc loss[] = {
	TS,
	CPU,
	COL("stream", 16, U32, PLAIN, loss.stream),
	COL("reason", 17, U32, PLAIN, loss.reason),
	COL("cnt", 18, U64, PLAIN, loss.cnt),
	COL("dur_ns", 19, U64, PLAIN, loss.dur_ns),
	COL("bytes", 20, U64, PLAIN, loss.bytes),
};

static const struct column_desc symbol[] = {
	TS,
	COL("module", 16, MODULE, PLAIN, symbol.module),
	COL("off", 17, U64, DELTA_ZIGZAG, symbol.off),
	COL("size", 18, U64, PLAIN, symbol.size),
	COL("source", 19, U32, PLAIN, symbol.source),
	COL("name", 20, STR, PLAIN, symbol.name),
};

static const struct column_desc stream_total[] = {
	TS,
	COL("stream", 16, U32, PLAIN, total.stream),
	COL("seen", 17, U64, PLAIN, total.seen),
	COL("written", 18, U64, PLAIN, total.written),
	COL("ring_full", 19, U64, PLAIN, total.ring_full),
	COL("map_full", 20, U64, PLAIN, total.map_full),
	COL("stack_error", 21, U64, PLAIN, total.stack_error),
	COL("user_dropped", 22, U64, PLAIN, total.user_dropped),
};

static const struct column_desc mark[] = { TS, CPU, TASK, COL("text", 16, STR, PLAIN, mark.text) };

static const struct column_desc end_columns[] = {
	TS,
	COL("reason", 16, U32, PLAIN, end.reason),
	COL("detail", 17, I32, ZIGZAG, end.detail),
};

static const struct column_desc str_table[] = { TAB("text", 1, BYTES, BYTES) };

static const struct column_desc module_table[] = {
	TAB("kind", 1, U8, PLAIN_PLANES),
	TAB("id_sz", 2, U8, PLAIN_PLANES),
	TAB("id", 3, BYTES, BYTES),
	TAB("is_content_id", 4, U8, PLAIN_PLANES),
	TAB("path", 5, STR, PLAIN),
	TAB("pid", 6, U32, PLAIN),
	TAB("start_ts", 7, U64, PLAIN),
	TAB("segment_cnt", 8, U32, PLAIN),
};

static const struct column_desc segment_table[] = {
	TAB("offset", 1, U64, PLAIN),
	TAB_REL("vaddr", 2, U64, ZIGZAG, 0),
	TAB("filesz", 3, U64, PLAIN),
};

static const struct column_desc frame_table[] = {
	TAB("off", 1, U64, DELTA_ZIGZAG),
	TAB("module", 2, MODULE, DELTA_ZIGZAG),
	TAB("flags", 3, U32, PLAIN),
};

static const struct column_desc stack_table[] = {
	TAB("up", 1, STACK, PLAIN),
	TAB("frame_step", 2, U64, PLAIN),
};

static const struct column_desc task_table[] = {
	TAB("pid", 1, U32, DELTA_ZIGZAG),
	TAB_REL("tid", 2, U32, ZIGZAG, 0),
	TAB("start_ts", 3, U64, DELTA_ZIGZAG),
	TAB("comm", 4, STR, PLAIN),
};

#define SECTION(i, n, type, cols) [i] = { n, i, type, ARRAY_SIZE(cols), cols }

static const struct section_desc sections[SECTION_END] = {
	SECTION(EVENT_META, "META", CHUNK_META, meta),
	SECTION(EVENT_CLOCK, "CLOCK", CHUNK_CLOCK, clock_columns),
	SECTION(EVENT_TASK, "TASK", CHUNK_TASK, task),
	SECTION(EVENT_FORK, "FORK", CHUNK_TASK, fork_columns),
	SECTION(EVENT_EXEC, "EXEC", CHUNK_TASK, exec),
	SECTION(EVENT_COMM, "COMM", CHUNK_TASK, comm),
	SECTION(EVENT_EXIT, "EXIT", CHUNK_TASK, exit_columns),
	SECTION(EVENT_MAPPING, "MAPPING", CHUNK_TASK, mapping),
	SECTION(EVENT_CGROUP, "CGROUP", CHUNK_TASK, cgroup),
	SECTION(EVENT_SAMPLE, "SAMPLE", CHUNK_SAMPLE, sample),
	SECTION(EVENT_OFFCPU, "OFFCPU", CHUNK_OFFCPU, offcpu),
	SECTION(EVENT_ACCOUNT, "ACCOUNT", CHUNK_OFFCPU, account),
	SECTION(EVENT_SWITCH, "SWITCH", CHUNK_SCHED, switch_columns),
	SECTION(EVENT_WAKEUP, "WAKEUP", CHUNK_SCHED, wakeup),
	SECTION(EVENT_MIGRATE, "MIGRATE", CHUNK_SCHED, migrate),
	SECTION(EVENT_OOM, "OOM", CHUNK_OOM, oom),
	SECTION(EVENT_OOM_TASK, "OOM_TASK", CHUNK_OOM, oom_task),
	SECTION(EVENT_COUNTER, "COUNTER", CHUNK_HEALTH, counter),
	SECTION(EVENT_LOSS, "LOSS", CHUNK_LOSS, loss),
	SECTION(EVENT_SYMBOL, "SYMBOL", CHUNK_SYMTAB, symbol),
	SECTION(EVENT_STREAM_TOTAL, "STREAM_TOTAL", CHUNK_END, stream_total),
	SECTION(EVENT_MARK, "MARK", CHUNK_MARK, mark),
	SECTION(EVENT_END, "END", CHUNK_END, end_columns),
	SECTION(SECTION_STR, "STR", 0, str_table),
	SECTION(SECTION_MODULE, "MODULE", 0, module_table),
	SECTION(SECTION_SEGMENT, "SEGMENT", 0, segment_table),
	SECTION(SECTION_FRAME, "FRAME", 0, frame_table),
	SECTION(SECTION_STACK, "STACK", 0, stack_table),
	SECTION(SECTION_TASK, "TASK_REF", 0, task_table),
};

const struct section_desc *section_find(uint64_t id)
{
	return id < SECTION_END && sections[id].columns ? &sections[id] : NULL;
}
