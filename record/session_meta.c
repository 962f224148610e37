// SPDX-License-Identifier: BSD-2-Clause
#include "record/session_meta.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "formats/cleanup.h"

#define JUMP_NS 50000000LL

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

uint64_t session_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int session_clock_write(struct recording_writer *w, int64_t *offset_ns, struct err *err)
{
	/* the middle of two readings is where the others were taken, to within half of what they took */
	uint64_t before = clock_ns(CLOCK_MONOTONIC), real = clock_ns(CLOCK_REALTIME), boot = clock_ns(CLOCK_BOOTTIME);
	uint64_t after = clock_ns(CLOCK_MONOTONIC);
	const struct event ev = {
		.kind = EVENT_CLOCK,
		.ts = before + (after - before) / 2,
		.clock = { .realtime_ns = real, .boottime_ns = boot },
	};

	if (offset_ns)
		*offset_ns = (int64_t)(real - ev.ts);
	return recording_writer_add(w, &ev, err);
}

/* adjtimex(2) slews by 0.5 ms a second at most. Being preempted between the two readings looks like a jump, and costs a row. */
bool session_clock_jumped(int64_t offset_ns)
{
	uint64_t real = clock_ns(CLOCK_REALTIME);
	int64_t since = (int64_t)(real - clock_ns(CLOCK_MONOTONIC)) - offset_ns;

	return since > JUMP_NS || since < -JUMP_NS;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void read_boot_id(uint8_t id[16])
{
	_cleanup_close_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t len = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	unsigned digits = 0;

	memset(id, 0, 16);
	for (ssize_t i = 0; i < len && digits < 32; i++) {
		int d = hex_digit(text[i]);

		if (d < 0)
			continue;
		id[digits / 2] |= (uint8_t)(d << (digits % 2 ? 0 : 4));
		digits++;
	}
}

void session_header_fill(struct recording_writer_options *o, bool is_anonymous)
{
	if (getrandom(o->uuid, sizeof(o->uuid), 0) != sizeof(o->uuid)) {
		uint64_t now[2] = { clock_ns(CLOCK_REALTIME), (uint64_t)getpid() };

		memcpy(o->uuid, now, sizeof(o->uuid));
	}
	if (!is_anonymous)
		read_boot_id(o->boot_id);
	o->realtime_ns = clock_ns(CLOCK_REALTIME);
	o->monotonic_ns = session_now();
	o->start_later = true;
	o->arch = EM_X86_64;
}

/* CLOCK_REALTIME when CLOCK_MONOTONIC was start_ts, a moment ago. */
static uint64_t realtime_at(uint64_t start_ts)
{
	uint64_t before = session_now(), real = clock_ns(CLOCK_REALTIME), after = session_now();

	return real - (before + (after - before) / 2 - start_ts);
}

int session_header_start(struct recording_writer *w, uint64_t start_ts, struct err *err)
{
	return recording_writer_start(w, realtime_at(start_ts), start_ts, err);
}

int session_segment_start(struct recording_writer *w, uint64_t start_ts, struct err *err)
{
	return recording_writer_next_segment(w, realtime_at(start_ts), start_ts, err);
}

struct meta_writer {
	struct recording_writer *w;
	uint64_t ts;
	int code;
	struct err *err;
};

static void put(struct meta_writer *m, const char *key, const char *value)
{
	const struct event ev = { .kind = EVENT_META, .ts = m->ts, .meta = { key, value } };

	if (!m->code)
		m->code = recording_writer_add(m->w, &ev, m->err);
}

static void put_number(struct meta_writer *m, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	put(m, key, text);
}

static void put_events(struct meta_writer *m, uint32_t events)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{ EVENTS_ON_CPU, "on-cpu" }, { EVENTS_OFF_CPU, "off-cpu" }, { EVENTS_SCHED, "sched" },
		{ EVENTS_OOM, "oom" },	     { EVENTS_TASK, "task" },
	};
	char text[64] = "";

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (events & names[i].bit)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? "," : "",
				 names[i].name);
	put(m, "events", text);
}

/* Which helpers and fields the kernel had: why a recording shows less than another. */
static void put_kernel(struct meta_writer *m, const struct kernel *k)
{
	const struct {
		bool has;
		const char *name;
	} parts[] = {
		{ k->task_storage, "task-storage" }, { k->task_btf, "task-btf" },	{ k->task_pt_regs, "task-pt-regs" },
		{ k->task_stack, "task-stack" },     { k->probe_read, "probe-read" },	{ k->loop, "loop" },
		{ k->switch_state, "switch-state" }, { k->preempt_count, "preempt-count" }, { k->fentry, "fentry" },
		{ k->mark_victim_task, "mark-victim-task" },
	};
	char text[256] = "";

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i].has)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? "," : "",
				 parts[i].name);
	put(m, "kernel_features", text);
}

static void put_host(struct meta_writer *m, bool is_anonymous)
{
	struct utsname u;

	if (uname(&u))
		return;
	if (is_anonymous)
		put(m, "anonymized", "yes");
	else
		put(m, "hostname", u.nodename);
	put(m, "kernel_release", u.release);
	put(m, "kernel_version", u.version);
	put(m, "machine", u.machine);
}

/* "all": what is recorded of one thread is recorded of every other. */
static const char *target_word(const struct options *o)
{
	if (o->command && !o->all_cpus)
		return "command";
	return o->pids.cnt || o->tids.cnt || o->uids.cnt || o->cgroups.cnt || o->comms.cnt || o->no_comms.cnt || o->no_kthreads ?
		       "chosen" : "all";
}

int session_meta_write(struct recording_writer *w, const struct session_facts *f, uint64_t now_ts, struct err *err)
{
	struct meta_writer m = { .w = w, .ts = now_ts, .err = err };
	const struct options *o = f->options;

	put(&m, "recorder", "varve-record " VARVE_VERSION);
	put_host(&m, o->anonymize);
	put_number(&m, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_CONF));
	put_number(&m, "cpus_online", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	put_number(&m, "page_size", (uint64_t)sysconf(_SC_PAGESIZE));
	put_number(&m, "memory_kb", (uint64_t)sysconf(_SC_PHYS_PAGES) * ((uint64_t)sysconf(_SC_PAGESIZE) / 1024));
	put_events(&m, o->events);
	if (f->freq) {
		put_number(&m, "freq", f->freq);
		put(&m, "sampler", f->is_hardware ? "cycles" : "cpu-clock");
	}
	if (o->events & EVENTS_OFF_CPU)
		put_number(&m, "off_cpu_thresh_ns", o->off_cpu_thresh_ns);
	put_number(&m, "max_stack", o->max_stack);
	put(&m, "target", target_word(o));
	if (o->command)
		put(&m, "command", o->command[0]); /* its arguments may hold secrets */
	put_kernel(&m, f->kernel);
	if (*f->missing)
		put(&m, "missing", f->missing);
	put_number(&m, "kptr_restricted", f->kptr_restricted);
	return m.code;
}
