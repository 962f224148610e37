/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes a large recording of a host that never was, through the real writer: what `-e all` leaves of a busy machine, at a scale no test
 * machine reaches in a test's time. Threads are pinned to CPUs, run, are preempted or wait, and are woken; waits of 100 us and more are
 * events with stacks, as the recorder's are. Every name travels in the recording. The same arguments give the same events.
 *   big_recording FILE SAMPLES SWITCHES [STACKS]
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/recording.h"

#define CPUS 8
#define PER_CPU 24 /* threads */
#define THREADS (CPUS * PER_CPU)
#define PER_PROCESS 8 /* threads */
#define MODULES 12 /* the first is the kernel */
#define FUNCTIONS 1500 /* to a module */
#define FUNCTION_SZ 256
#define DEPTH 48
#define T0 1000000000000ull
#define BOOT_AHEAD 5000000000ull
#define STEP_NS 1000000ull /* the CPUs take turns of this length */
#define THRESHOLD_NS 100000ull

struct stack {
	struct frame frames[DEPTH];
	uint32_t cnt;
};

enum state { RUNNABLE, RUNNING, WAITING };

struct thread {
	struct task_ref ref;
	enum state state;
	uint64_t since, woken, wake_at; /* switched out, woken, and when that is to be */
	uint32_t waker;
	uint8_t out_state;
	char comm[16];
};

struct cpu {
	uint64_t now, turn_end, next_sample;
	int running; /* of its threads; -1: idle */
};

struct host {
	struct recording_writer *w;
	struct thread threads[THREADS];
	struct cpu cpus[CPUS];
	struct stack *stacks;
	uint32_t stack_cnt, modules[MODULES];
	uint64_t samples, switches, sample_max, switch_max, sample_ns, turn_ns, seed;
};

static const struct task_ref idle = { .comm = "swapper" };

static uint64_t roll(struct host *h)
{
	h->seed ^= h->seed << 13;
	h->seed ^= h->seed >> 7;
	h->seed ^= h->seed << 17;
	return h->seed;
}

static uint64_t below(struct host *h, uint64_t n)
{
	return roll(h) % n;
}

/* A few are most of it, as in life: the first percent of n gets a bit over half. */
static uint64_t skewed(struct host *h, uint64_t n)
{
	double x = (double)(roll(h) >> 11) / 0x1p53;

	x = x * x * x;
	return (uint64_t)((double)n * x * x * x);
}

static void add(struct host *h, struct event *ev)
{
	struct err err = { 0 };

	if (recording_writer_add(h->w, ev, &err)) {
		fprintf(stderr, "big_recording: %s\n", err.text);
		exit(1);
	}
}

/* ---- code and stacks -------------------------------------------------------------------------------------- */

static void add_modules(struct host *h)
{
	static const struct module_segment seg = { .offset = 0x1000, .vaddr = 0x1000, .filesz = FUNCTIONS * FUNCTION_SZ };
	char path[64], name[64];

	for (uint32_t i = 0; i < MODULES; i++) {
		struct module m = { .kind = i ? MODULE_ELF : MODULE_KERNEL, .path = i ? path : "[kernel]", .build_id_sz = 20 };

		snprintf(path, sizeof(path), "/opt/service/lib/libpart%u.so.1", i);
		memset(m.build_id, (int)(0xa0 + i), 20);
		if (i) {
			m.segs = &seg;
			m.seg_cnt = 1;
		}
		h->modules[i] = (uint32_t)recording_writer_add_module(h->w, &m);
		for (uint32_t f = 0; f < FUNCTIONS; f++) {
			struct event ev = { .kind = EVENT_SYMBOL };

			snprintf(name, sizeof(name), "%s_%u_does_part_%u", i ? "service" : "sys", i, f);
			ev.symbol.module = h->modules[i];
			ev.symbol.off = 0x1000 + f * FUNCTION_SZ;
			ev.symbol.size = FUNCTION_SZ;
			ev.symbol.source = i ? SYMBOL_SYMTAB : SYMBOL_KALLSYMS;
			ev.symbol.name = name;
			add(h, &ev);
		}
	}
}

static struct frame random_frame(struct host *h, bool kernel)
{
	uint32_t module = kernel ? 0 : 1 + (uint32_t)skewed(h, MODULES - 1);

	return (struct frame){ .module = h->modules[module], .off = 0x1000 + skewed(h, FUNCTIONS) * FUNCTION_SZ + 16 * (1 + skewed(h, 15)) };
}

/* Each stack leaves an earlier one somewhere and goes its own way, 25 to 45 frames deep: neighbours share their outer frames. */
static void make_stacks(struct host *h)
{
	h->stacks = calloc(h->stack_cnt, sizeof(*h->stacks));
	if (!h->stacks)
		exit(1);
	for (uint32_t i = 0; i < h->stack_cnt; i++) {
		struct stack *s = &h->stacks[i];
		uint32_t depth = 25 + (uint32_t)below(h, 21), kept = 0, kernel = (uint32_t)below(h, 6);

		if (i) {
			const struct stack *of = &h->stacks[below(h, i)];

			kept = (uint32_t)below(h, (of->cnt < depth ? of->cnt : depth) - 6);
			memcpy(s->frames + depth - kept, of->frames + of->cnt - kept, kept * sizeof(*s->frames));
		}
		for (uint32_t k = depth - kept; k-- > 0;)
			s->frames[k] = random_frame(h, k < kernel && k < 6);
		s->frames[0].flags = FRAME_EXACT;
		s->cnt = depth;
	}
}

static struct event_stack pick_stack(struct host *h, uint32_t thread)
{
	/* a thread has its own favourites among the stacks */
	const struct stack *s = &h->stacks[(skewed(h, h->stack_cnt) + thread * 37) % h->stack_cnt];

	return (struct event_stack){ .frames = s->frames, .cnt = s->cnt };
}

/* It waits in few places. */
static struct event_stack pick_wait(struct host *h, uint32_t thread)
{
	const struct stack *s = &h->stacks[(skewed(h, 40) * 7 + thread % 13 * 311) % h->stack_cnt];

	return (struct event_stack){ .frames = s->frames, .cnt = s->cnt };
}

/* ---- scheduling ------------------------------------------------------------------------------------------- */

static void add_tasks(struct host *h)
{
	for (uint32_t i = 0; i < THREADS; i++) {
		struct thread *t = &h->threads[i];
		uint32_t pid = 1000 + i / PER_PROCESS * PER_PROCESS;
		struct event ev = { .kind = EVENT_TASK, .ts = T0 };

		snprintf(t->comm, sizeof(t->comm), "worker-%u", i / PER_PROCESS);
		t->ref = (struct task_ref){ .pid = pid, .tid = 1000 + i, .start_ts = T0 - 1000000000 + i * 12345, .comm = t->comm };
		t->since = T0;
		ev.task = t->ref;
		ev.proc.ppid = 1;
		ev.proc.exe = "/opt/service/bin/worker";
		ev.proc.cmdline = "";
		add(h, &ev);
	}
}

static struct thread *thread_of(struct host *h, uint32_t cpu, int k)
{
	return &h->threads[cpu * PER_CPU + (uint32_t)k];
}

static void add_wait(struct host *h, uint32_t cpu, const struct thread *t, uint64_t ts)
{
	struct event ev = { .kind = EVENT_OFFCPU, .ts = t->since, .cpu = cpu, .task = t->ref };

	if (ts - t->since < THRESHOLD_NS)
		return;
	ev.offcpu.dur_ns = ts - t->since;
	ev.offcpu.runq_ns = ts - t->woken;
	ev.offcpu.state = t->out_state;
	ev.offcpu.iowait = t->out_state == 'D';
	ev.offcpu.cpu_in = cpu;
	ev.stack = pick_wait(h, t->ref.tid);
	if (t->out_state != 'R') {
		ev.other = h->threads[t->waker].ref;
		ev.offcpu.waker_stack = pick_wait(h, t->waker);
	}
	add(h, &ev);
}

static void wake(struct host *h, uint32_t cpu, struct thread *t)
{
	struct event ev = { .kind = EVENT_WAKEUP, .ts = t->wake_at, .cpu = cpu, .task = t->ref };

	t->waker = (uint32_t)skewed(h, THREADS);
	ev.other = h->threads[t->waker].ref;
	ev.wakeup.target_cpu = cpu;
	t->state = RUNNABLE;
	t->woken = t->wake_at;
	add(h, &ev);
}

/* Whoever is to be woken by then is; returns who has been runnable longest, or -1. *ret_next: the next wakeup to come. */
static int choose(struct host *h, uint32_t cpu, uint64_t ts, uint64_t *ret_next)
{
	int best = -1;

	*ret_next = UINT64_MAX;
	for (int k = 0; k < PER_CPU; k++) {
		struct thread *t = thread_of(h, cpu, k);

		if (t->state == WAITING && t->wake_at <= ts)
			wake(h, cpu, t);
		if (t->state == WAITING && t->wake_at < *ret_next)
			*ret_next = t->wake_at;
		if (t->state == RUNNABLE && (best < 0 || t->woken < thread_of(h, cpu, best)->woken))
			best = k;
	}
	return best;
}

static void leave(struct host *h, struct thread *t, uint64_t ts)
{
	uint64_t dice = below(h, 100);

	t->since = t->woken = ts;
	t->out_state = dice < 25 ? 'R' : dice < 92 ? 'S' : 'D';
	t->state = t->out_state == 'R' ? RUNNABLE : WAITING;
	/* two threads of a CPU do most of the switching, with short waits; the others sleep long */
	t->wake_at = ts + 2000 + (t->ref.tid % (PER_CPU / 2) ? below(h, 2000 * h->turn_ns) : below(h, h->turn_ns));
}

static void switch_to(struct host *h, uint32_t cpu, int next, uint64_t ts)
{
	struct cpu *c = &h->cpus[cpu];
	struct event ev = { .kind = EVENT_SWITCH, .ts = ts, .cpu = cpu, .task = idle, .other = idle };

	ev.sw.prev_state = 'R';
	ev.sw.prev_prio = ev.sw.next_prio = 120;
	if (c->running >= 0) {
		struct thread *t = thread_of(h, cpu, c->running);

		leave(h, t, ts);
		ev.task = t->ref;
		ev.sw.prev_state = t->out_state;
	}
	if (next >= 0) {
		struct thread *t = thread_of(h, cpu, next);

		ev.other = t->ref;
		add_wait(h, cpu, t, ts);
		t->state = RUNNING;
	}
	add(h, &ev);
	h->switches++;
	c->running = next;
}

static void sample(struct host *h, uint32_t cpu, uint64_t until)
{
	struct cpu *c = &h->cpus[cpu];

	for (; c->next_sample < until; c->next_sample += h->sample_ns) {
		const struct thread *t = c->running < 0 ? NULL : thread_of(h, cpu, c->running);
		struct event ev = { .kind = EVENT_SAMPLE, .ts = c->next_sample, .cpu = cpu };

		if (!t || h->samples == h->sample_max)
			continue;
		ev.task = t->ref;
		ev.sample.weight_ns = h->sample_ns;
		ev.stack = pick_stack(h, t->ref.tid);
		add(h, &ev);
		h->samples++;
	}
}

static void run_cpu(struct host *h, uint32_t cpu, uint64_t until)
{
	struct cpu *c = &h->cpus[cpu];
	uint64_t next_wake;
	int next;

	while (c->turn_end < until) {
		sample(h, cpu, c->turn_end);
		c->now = c->turn_end;
		next = choose(h, cpu, c->now, &next_wake);
		if (h->switches < h->switch_max && (next >= 0 || c->running >= 0))
			switch_to(h, cpu, next, c->now);
		if (c->running >= 0)
			c->turn_end = c->now + 1000 + below(h, 2 * h->turn_ns);
		else
			c->turn_end = next_wake == UINT64_MAX || next_wake <= c->now ? c->now + 1000 : next_wake;
	}
}

static void add_frame_events(struct host *h, bool at_end, uint64_t ts)
{
	struct event ev = { .kind = at_end ? EVENT_END : EVENT_CLOCK, .ts = ts };

	if (at_end) {
		ev.end.reason = END_DURATION;
	} else {
		ev.clock.realtime_ns = 1700000000000000000ull;
		ev.clock.boottime_ns = T0 + BOOT_AHEAD;
	}
	add(h, &ev);
}

int main(int argc, char **argv)
{
	static struct host h = { .seed = 88172645463325252ull, .turn_ns = 70000, .stack_cnt = 30000 };
	struct recording_writer_options o = { .realtime_ns = 1700000000000000000ull, .monotonic_ns = T0, .arch = 62, .force = true,
					      .uuid = { 1 }, .sync_ns = 0 };
	struct err err = { 0 };
	uint64_t now;

	if (argc < 4) {
		fprintf(stderr, "usage: big_recording FILE SAMPLES SWITCHES [STACKS]\n");
		return 2;
	}
	h.sample_max = strtoull(argv[2], NULL, 10);
	h.switch_max = strtoull(argv[3], NULL, 10);
	if (argc > 4)
		h.stack_cnt = (uint32_t)strtoul(argv[4], NULL, 10);
	/* both run out at about the same time */
	h.sample_ns = h.sample_max ? (h.switch_max ?: h.sample_max) * h.turn_ns * 9 / 10 / h.sample_max : h.turn_ns;
	if (recording_writer_open(argv[1], &o, &h.w, &err)) {
		fprintf(stderr, "big_recording: %s\n", err.text);
		return 1;
	}
	add_frame_events(&h, false, T0);
	add_modules(&h);
	make_stacks(&h);
	add_tasks(&h);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		h.cpus[cpu] = (struct cpu){ T0, T0 + 1000 + cpu * 100, T0 + 2000 + cpu * 10, -1 };
	for (now = T0; h.samples < h.sample_max || h.switches < h.switch_max; now += STEP_NS)
		for (uint32_t cpu = 0; cpu < CPUS; cpu++)
			run_cpu(&h, cpu, now + STEP_NS);
	add_frame_events(&h, true, now);
	free(h.stacks);
	if (recording_writer_close(h.w, &err)) {
		fprintf(stderr, "big_recording: %s\n", err.text);
		return 1;
	}
	printf("samples=%lu switches=%lu seconds=%.3f\n", (unsigned long)h.samples, (unsigned long)h.switches, (double)(now - T0) / 1e9);
	return 0;
}
