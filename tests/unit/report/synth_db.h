/* SPDX-License-Identifier: BSD-2-Clause */
/* A made-up recording (synth.h) imported, and asked: for the tests of what import writes and of what is asked of it. */
#ifndef VARVE_TEST_SYNTH_DB_H
#define VARVE_TEST_SYNTH_DB_H

#include "report/import.h"
#include "tests/unit/report/synth.h"

static const struct symbolizer_options only_recorded = { .no_files = true };

/* Import s->path into s->db and open it. */
static __attribute__((unused)) struct db *import(struct synth *s)
{
	struct err err = { 0 };
	struct db *db;
	struct import *im;

	CHECK_EQ(db_create(s->db, &db, &err), 0);
	const struct import_options o = { .symbols = only_recorded, .db = db };
	CHECK_EQ(import_create(&o, &im, &err), 0);
	if (import_read(im, s->path, &err) || import_finish(im, &err) || db_finish(db, &err)) {
		printf("# %s\n", err.text);
		CHECK(!"import");
	}
	import_destroy(im);
	return db;
}

/* The rows of a query as "a|b\nc|d\n": NULL as nothing. */
static __attribute__((unused)) const char *rows(struct db *db, const char *sql)
{
	static char text[16384];
	struct err err = { 0 };
	struct db_stmt *st;
	size_t len = 0;
	int rc = db_query(db, sql, &st, &err);

	if (rc) {
		printf("# %s\n", err.text);
		CHECK(!"query");
	}
	text[0] = '\0';
	while ((rc = db_step(st, &err)) == 1)
		for (int c = 0; c < db_column_count(st); c++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", db_column_text(st, c, NULL) ?: "",
						c + 1 < db_column_count(st) ? "|" : "\n");
	db_stmt_close(st);
	CHECK_EQ(rc, 0);
	return text;
}

static __attribute__((unused)) void add_offcpu(struct synth *s, int64_t ts, struct task_ref t, struct task_ref waker, uint64_t dur, uint64_t runq, char state,
		       const struct frame *fr, uint32_t cnt, uint8_t flags)
{
	struct event ev = { .kind = EVENT_OFFCPU, .ts = (uint64_t)ts, .cpu = 1, .task = t, .other = waker };

	ev.offcpu.dur_ns = dur;
	ev.offcpu.runq_ns = runq;
	ev.offcpu.state = (uint8_t)state;
	ev.offcpu.cpu_in = 2;
	ev.offcpu.waker_flags = flags;
	ev.stack.frames = fr;
	ev.stack.cnt = cnt;
	ev.stack.end = cnt ? STACK_END_COMPLETE : STACK_END_NOT_TAKEN;
	ev.offcpu.waker_stack.frames = fr;
	ev.offcpu.waker_stack.cnt = cnt ? 1 : 0;
	synth_add(s, &ev);
}

static __attribute__((unused)) void add_switch(struct synth *s, int64_t ts, uint32_t cpu, struct task_ref prev, struct task_ref next, char state)
{
	struct event ev = { .kind = EVENT_SWITCH, .ts = (uint64_t)ts, .cpu = cpu, .task = prev, .other = next };

	ev.sw.prev_state = (uint8_t)state;
	ev.sw.prev_prio = ev.sw.next_prio = 120;
	synth_add(s, &ev);
}

#endif
