/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random events of every kind for tests: deep copies one can keep, and a comparison with what a
 * reader gives.
 */
#ifndef VARVE_TEST_RANDOM_EVENTS_H
#define VARVE_TEST_RANDOM_EVENTS_H

#include "formats/cleanup.h"
#include "formats/event_table.h"
#include "formats/recording.h"

static inline uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* Mostly small numbers, sometimes one at a varint's or a type's border. */
static inline uint64_t random_value(uint64_t *state)
{
	static const uint64_t borders[] = { 0,	   1,	       127,	   128,	      16383,
					    16384, UINT32_MAX, 1ull << 32, INT64_MAX, UINT64_MAX };
	uint64_t r = random_next(state);

	if (r % 4 == 0)
		return borders[(r >> 8) % (sizeof(borders) / sizeof(borders[0]))];
	return random_next(state) >> (r >> 8) % 64;
}

static inline const char *random_string(uint64_t *state)
{
	static const char *const strings[] = { "",
					       "a",
					       "swapper/0",
					       "kworker/u8:3-events_unbound",
					       "/usr/bin/python3.11",
					       "\xff\xfe\n\t;",
					       "x x",
					       "//anon",
					       "_ZN4llvm9DAGCombineE" };

	return strings[random_next(state) % (sizeof(strings) / sizeof(strings[0]))];
}

static const struct module_segment test_segments[] = { { 0x1000, 0x401000, 0x2345 },
						       { 0x8000, 0x409000, 1 } };

#define TEST_MODULES 4
static const struct module test_modules[TEST_MODULES] = {
	{ .kind = MODULE_ELF,
	  .build_id_sz = 20,
	  .build_id = "abcdefghijklmnopqrs",
	  .path = "/usr/bin/x",
	  .segs = test_segments,
	  .seg_cnt = 2 },
	{ .kind = MODULE_KERNEL, .path = "[kernel]", .build_id_sz = 20, .build_id = "kkkk" },
	{ .kind = MODULE_JIT, .path = "//anon", .pid = 77, .start_ts = 12345 },
	{ .kind = MODULE_ELF,
	  .path = "/usr/bin/x",
	  .is_content_id = 1,
	  .build_id_sz = 8,
	  .build_id = "1234567" },
};

#define RANDOM_FRAMES 40

struct random_event {
	struct event ev;
	struct frame frames[2][RANDOM_FRAMES]; /* what ev's stacks point to */
};

static inline void random_stack(uint64_t *state, struct event_stack *s, struct frame *frames)
{
	s->cnt = (uint32_t)(random_next(state) % RANDOM_FRAMES);
	s->end = random_next(state) % STACK_END_CNT;
	s->frames = frames;
	for (uint32_t i = 0; i < s->cnt; i++) {
		frames[i].module = (uint32_t)(random_next(state) % (TEST_MODULES + 1));
		frames[i].flags = random_next(state) % 2;
		frames[i].off =
			random_next(state) % 3 ? random_next(state) % 64 * 16 : random_value(state);
	}
}

/* Fill *e with an event of that kind: every column the table knows, nothing else. */
static inline void random_event(uint64_t *state, unsigned kind, struct random_event *e)
{
	const struct section_desc *desc = section_find(kind);
	unsigned stacks = 0;

	memset(e, 0, sizeof(*e));
	e->ev.kind = kind;
	e->ev.task.comm = e->ev.other.comm = "";
	for (unsigned c = 0; c < desc->column_cnt; c++) {
		char *field = (char *)&e->ev + desc->columns[c].off;
		struct task_ref *task = (struct task_ref *)field;

		switch (desc->columns[c].type) {
		case COLUMN_U8:
			*(uint8_t *)field = (uint8_t)random_next(state);
			break;
		case COLUMN_U32:
		case COLUMN_I32:
			*(uint32_t *)field = (uint32_t)random_value(state);
			break;
		case COLUMN_U64:
		case COLUMN_I64:
			*(uint64_t *)field = random_value(state);
			break;
		case COLUMN_STR:
			*(const char **)field = random_string(state);
			break;
		case COLUMN_TASK:
			*task = (struct task_ref){ random_next(state) % 9, random_next(state) % 9,
						   random_next(state) % 3, random_string(state) };
			break;
		case COLUMN_STACK:
			random_stack(state, (struct event_stack *)field, e->frames[stacks++]);
			break;
		case COLUMN_MODULE:
			*(uint32_t *)field = (uint32_t)(random_next(state) % (TEST_MODULES + 1));
			break;
		}
	}
	if (random_next(state) % 3)
		e->ev.ts = 1000000000 + random_next(state) % 1000000;
}

static inline bool same_task(const struct task_ref *a, const struct task_ref *b)
{
	return a->pid == b->pid && a->tid == b->tid && a->start_ts == b->start_ts &&
	       !strcmp(a->comm, b->comm);
}

/* Reader's module id → writer's: TEST_MODULES are told apart by path, pid and content id. */
static inline uint32_t written_module(const struct recording_reader *r, uint32_t id)
{
	const struct module *m = recording_reader_module(r, id);

	for (uint32_t i = 0; m && i < TEST_MODULES; i++)
		if (!strcmp(m->path, test_modules[i].path) &&
		    m->is_content_id == test_modules[i].is_content_id)
			return i + 1;
	return m ? UINT32_MAX : 0;
}

/* want: as written; got: as read. */
static inline bool same_stack(const struct event_stack *want, const struct event_stack *got,
			      const struct recording_reader *r)
{
	const struct chunk_view *v = recording_reader_chunk(r);
	uint32_t node = got->id;

	if (want->end != got->end || want->cnt != got->cnt)
		return false;
	for (uint32_t i = 0; i < want->cnt; i++, node = v->node_parent[node]) {
		const struct frame *f;

		if (!node || node >= v->node_cnt || v->node_end[node] != want->end)
			return false;
		f = &v->frames[v->node_frame[node]];
		if (written_module(r, f->module) != want->frames[i].module ||
		    f->off != want->frames[i].off || f->flags != want->frames[i].flags)
			return false;
	}
	return !node;
}

static inline bool same_field(const struct column_desc *col, const struct event *want,
			      const struct event *got, const struct recording_reader *r)
{
	const char *a = (const char *)want + col->off, *b = (const char *)got + col->off;

	switch (col->type) {
	case COLUMN_U8:
		return *a == *b;
	case COLUMN_U32:
	case COLUMN_I32:
		return !memcmp(a, b, 4);
	case COLUMN_MODULE:
		return *(const uint32_t *)a == written_module(r, *(const uint32_t *)b);
	case COLUMN_U64:
	case COLUMN_I64:
		return !memcmp(a, b, 8);
	case COLUMN_STR:
		return !strcmp(*(const char *const *)a, *(const char *const *)b);
	case COLUMN_TASK:
		return same_task((const struct task_ref *)a, (const struct task_ref *)b);
	case COLUMN_STACK:
		return same_stack((const struct event_stack *)a, (const struct event_stack *)b, r);
	}
	return false;
}

static inline bool same_event(const struct event *want, const struct event *got,
			      const struct recording_reader *r)
{
	const struct section_desc *desc = section_find(want->kind);

	if (want->kind != got->kind || !got->task.comm || !got->other.comm)
		return false;
	for (unsigned c = 0; c < desc->column_cnt; c++)
		if (!same_field(&desc->columns[c], want, got, r))
			return false;
	return true;
}

#endif
