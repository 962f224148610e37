/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small recordings of known content for the tests of report/: events go through the real writer into a file in a private directory. Times
 * given here are ns since the recording's start.
 */
#ifndef VARVE_SYNTH_H
#define VARVE_SYNTH_H

#include <fcntl.h>
#include <unistd.h>

#include "formats/recording.h"
#include "tests/test.h"

#define SYNTH_T0 1000000000000ULL     /* CLOCK_MONOTONIC at the start */
#define SYNTH_REAL 1700000000000000000ULL
#define SYNTH_BOOT_AHEAD 5000000000ULL /* CLOCK_BOOTTIME minus CLOCK_MONOTONIC */

struct synth {
	struct recording_writer *w;
	char dir[64], path[96], db[96];
};

static inline void synth_init_at(struct synth *s, uint8_t uuid, uint64_t realtime_ns)
{
	struct recording_writer_options o = { .realtime_ns = realtime_ns, .monotonic_ns = SYNTH_T0, .arch = 62 };
	struct err err = { 0 };

	o.uuid[0] = uuid;
	strcpy(s->dir, "/tmp/varve-synth-XXXXXX");
	CHECK(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/r.varve", s->dir);
	snprintf(s->db, sizeof(s->db), "%s/r.db", s->dir);
	CHECK_EQ(recording_writer_open(s->path, &o, &s->w, &err), 0);
}

static inline void synth_init(struct synth *s, uint8_t uuid)
{
	synth_init_at(s, uuid, SYNTH_REAL);
}

static inline void synth_close(struct synth *s)
{
	struct err err = { 0 };

	CHECK_EQ(recording_writer_close(s->w, &err), 0);
	s->w = NULL;
}

static inline void synth_remove(struct synth *s)
{
	unlink(s->path);
	unlink(s->db);
	rmdir(s->dir);
}

static inline void synth_add(struct synth *s, struct event *ev)
{
	struct err err = { 0 };

	ev->ts += SYNTH_T0;
	if (recording_writer_add(s->w, ev, &err)) {
		printf("# %s\n", err.text);
		CHECK(!"recording_writer_add");
	}
}

/* A chunk boundary. */
static inline void synth_flush(struct synth *s)
{
	struct err err = { 0 };

	CHECK_EQ(recording_writer_flush(s->w, &err), 0);
}

/* A start as the recorder sees it: CLOCK_BOOTTIME of an instant of the recording. */
static inline uint64_t synth_start(int64_t ts)
{
	return SYNTH_T0 + SYNTH_BOOT_AHEAD + (uint64_t)ts;
}

static inline uint32_t synth_module(struct synth *s, enum module_kind kind, const char *path, uint8_t id)
{
	static const struct module_segment seg = { .offset = 0x1000, .vaddr = 0x401000, .filesz = 0x10000 };
	struct module m = { .kind = kind, .path = path, .build_id_sz = 20, .build_id = { id, 2, 3 } };

	if (kind == MODULE_ELF) {
		m.segs = &seg;
		m.seg_cnt = 1;
	}
	return (uint32_t)recording_writer_add_module(s->w, &m);
}

static inline void synth_symbol(struct synth *s, uint32_t module, uint64_t off, uint64_t size, const char *name)
{
	struct event ev = { .kind = EVENT_SYMBOL };

	ev.symbol.module = module;
	ev.symbol.off = off;
	ev.symbol.size = size;
	ev.symbol.source = SYMBOL_SYMTAB;
	ev.symbol.name = name;
	synth_add(s, &ev);
}

static inline void synth_clock(struct synth *s)
{
	struct event ev = { .kind = EVENT_CLOCK };

	ev.clock.realtime_ns = SYNTH_REAL;
	ev.clock.boottime_ns = SYNTH_T0 + SYNTH_BOOT_AHEAD;
	synth_add(s, &ev);
}

static inline struct task_ref synth_task(uint32_t pid, uint32_t tid, int64_t start, const char *comm)
{
	return (struct task_ref){ .pid = pid, .tid = tid, .start_ts = synth_start(start), .comm = comm };
}

static inline void synth_sample(struct synth *s, int64_t ts, uint32_t cpu, struct task_ref task, const struct frame *frames,
				uint32_t cnt)
{
	struct event ev = { .kind = EVENT_SAMPLE, .ts = (uint64_t)ts, .cpu = cpu, .task = task };

	ev.stack.frames = frames;
	ev.stack.cnt = cnt;
	ev.sample.weight_ns = 10000000;
	synth_add(s, &ev);
}

#endif
