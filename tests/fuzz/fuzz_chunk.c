// SPDX-License-Identifier: BSD-2-Clause
/*
 * A raw chunk payload, as it stands behind decompression, from an enemy. Whatever is accepted must
 * be readable to the last pointer, in time order, and come out the same after being written and
 * read again.
 */
#include <stdlib.h>
#include <string.h>

#include "formats/chunk_reader.h"
#include "formats/chunk_writer.h"
#include "formats/crc32c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAMES_MAX STACK_DEPTH_MAX

/* All of a stack, leaf first, into frames. */
static void expand(const struct chunk_reader *r, struct event_stack *s, struct frame *frames)
{
	uint32_t n = 0;

	for (uint32_t node = s->id; node; node = r->view.node_parent[node]) {
		if (node >= r->view.node_cnt || r->view.node_parent[node] >= node ||
		    n >= FRAMES_MAX)
			abort();
		frames[n++] = r->view.frames[r->view.node_frame[node]];
	}
	if (n != s->cnt)
		abort();
	s->frames = frames;
}

/* A sum over what an event says, stacks by their frames. */
static uint32_t sum_event(const struct event *ev)
{
	const struct section_desc *desc = section_find(ev->kind);
	uint32_t sum = crc32c(0, &ev->kind, sizeof(ev->kind));

	for (unsigned c = 0; c < desc->column_cnt; c++) {
		const char *field = (const char *)ev + desc->columns[c].off;
		const struct event_stack *stack = (const struct event_stack *)field;
		const struct task_ref *task = (const struct task_ref *)field;

		switch (desc->columns[c].type) {
		case COLUMN_STR:
			sum = crc32c(sum, *(const char *const *)field,
				     strlen(*(const char *const *)field));
			break;
		case COLUMN_TASK:
			sum = crc32c(sum, &task->pid, 4);
			sum = crc32c(sum, &task->tid, 4);
			sum = crc32c(sum, &task->start_ts, 8);
			sum = crc32c(sum, task->comm, strlen(task->comm));
			break;
		case COLUMN_STACK:
			for (uint32_t i = 0; i < stack->cnt; i++)
				sum = crc32c(sum, &stack->frames[i], sizeof(stack->frames[i]));
			sum = crc32c(sum, &stack->end, sizeof(stack->end));
			break;
		default:
			sum = crc32c(sum, field,
				     desc->columns[c].type == COLUMN_U8 ? 1
				     : desc->columns[c].type == COLUMN_U64 ||
						     desc->columns[c].type == COLUMN_I64
					     ? 8
					     : 4);
		}
	}
	return sum;
}

/*
 * Read all of it; the events also go to w when that is given. Returns the sum of their sums:
 * parting by CPU may reorder equals.
 */
static uint64_t drain(struct chunk_reader *r, struct chunk_writer *w, uint64_t *ret_cnt)
{
	static struct frame frames[2][FRAMES_MAX];
	uint64_t sum = 0, last_ts = 0;
	struct event ev;

	*ret_cnt = 0;
	while (chunk_reader_next(r, &ev)) {
		if (ev.ts < last_ts)
			abort();
		last_ts = ev.ts;
		expand(r, &ev.stack, frames[0]);
		if (ev.kind == EVENT_OFFCPU)
			expand(r, &ev.offcpu.waker_stack, frames[1]);
		sum += sum_event(&ev);
		++*ret_cnt;
		if (w && chunk_writer_add(w, &ev))
			abort();
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct modtab modules = { 0 };
	struct chunk_reader r;
	struct chunk_writer w;
	struct buffer again = { 0 };
	struct err err;
	uint64_t sum, cnt, cnt2;

	chunk_reader_init(&r, &modules);
	chunk_writer_init(&w, &modules);
	if (!chunk_reader_load(&r, data, size, 1, 5, &err)) {
		sum = drain(&r, &w, &cnt);
		if (chunk_writer_finish(&w, &again) ||
		    chunk_reader_load(&r, again.data, again.len, 2, 5, &err))
			abort();
		if (drain(&r, NULL, &cnt2) != sum || cnt2 != cnt)
			abort();
	}
	chunk_reader_deinit(&r);
	chunk_writer_deinit(&w);
	buffer_deinit(&again);
	modtab_deinit(&modules);
	return 0;
}
