// SPDX-License-Identifier: BSD-2-Clause
#include "formats/chunk_reader.h"

#include <stdlib.h>

#include "formats/chunk_tables.h"
#include "formats/format.h"

void chunk_reader_init(struct chunk_reader *r, struct modtab *modules)
{
	*r = (struct chunk_reader){ .modules = modules };
}

void chunk_reader_deinit(struct chunk_reader *r)
{
	free(r->string_offs);
	free(r->tasks);
	free(r->module_ids);
	free(r->frames);
	free(r->node_parent);
	free(r->node_frame);
	free(r->node_depth);
	free(r->node_end);
	free(r->last_called);
	free(r->sections);
	free(r->heap);
}

/* ---- sections ---- */

static int open_table(struct chunk_reader *r, const struct section_header *h, struct err *err)
{
	struct section_cursor *s = chunk_tables_cursor(r, (unsigned)h->id);

	if (s->desc)
		return err_set(err, -EBADMSG, "section %s is there twice", s->desc->name);
	r->table_rows += h->rows;
	if (r->table_rows > TABLE_ROWS_MAX)
		return err_set(err, -EBADMSG, "tables of more than %u rows", TABLE_ROWS_MAX);
	return section_open(s, section_find(h->id), h, &r->unknown_columns, err);
}

static int open_section(struct chunk_reader *r, const struct section_header *h, struct err *err)
{
	const struct section_desc *desc = section_find(h->id);
	struct section_cursor *s;

	if (h->id < SECTION_TABLE)
		r->event_cnt += h->rows;
	if (!desc) {
		r->unknown_sections++;
		return 0;
	}
	if (h->id >= SECTION_TABLE)
		return open_table(r, h, err);
	if (r->section_cnt >= CHUNK_SECTIONS_MAX)
		return err_set(err, -EBADMSG, "more than %u sections", CHUNK_SECTIONS_MAX);
	if (ARRAY_GROW(r->sections, r->section_cap, r->section_cnt))
		return err_set(err, -ENOMEM, "out of memory for a chunk's sections");
	s = &r->sections[r->section_cnt++];
	return section_open(s, desc, h, &r->unknown_columns, err);
}

static int open_sections(struct chunk_reader *r, struct cursor payload, struct err *err)
{
	struct section_header h;
	int ret;

	while ((ret = section_header_next(&payload, &h, err)) > 0) {
		ret = open_section(r, &h, err);
		if (ret)
			return ret;
	}
	return ret;
}

/*
 * Read a section to its end without keeping anything: after that its rows can be given out blindly.
 */
static int check_section(const struct section_cursor *s, struct err *err)
{
	struct section_cursor probe = *s;
	uint64_t ts = 0;

	while (probe.left) {
		if (!section_read_row(&probe))
			return section_bad_row(&probe, err);
		if (probe.values[0] < ts)
			return err_set(err, -EBADMSG, "section %s: time goes back", s->desc->name);
		ts = probe.values[0];
	}
	return section_at_end(&probe) ? 0 : section_bad_end(s, err);
}

/* ---- merging by time ---- */

static bool is_before(const struct section_cursor *a, const struct section_cursor *b)
{
	return a->values[0] != b->values[0] ? a->values[0] < b->values[0] : a->order < b->order;
}

static void sift_down(struct chunk_reader *r, uint32_t i)
{
	struct section_cursor *s = r->heap[i];

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= r->heap_cnt)
			break;
		if (child + 1 < r->heap_cnt && is_before(r->heap[child + 1], r->heap[child]))
			child++;
		if (!is_before(r->heap[child], s))
			break;
		r->heap[i] = r->heap[child];
		i = child;
	}
	r->heap[i] = s;
}

/* Check each section of events and take its first row. */
static int start_sections(struct chunk_reader *r, struct err *err)
{
	struct column_limits limits = chunk_tables_limits(r);

	for (uint32_t i = 0; i < r->section_cnt; i++) {
		struct section_cursor *s = &r->sections[i];
		int ret;

		section_limit(s, &limits);
		ret = check_section(s, err);
		if (ret)
			return ret;
		if (ARRAY_GROW(r->heap, r->heap_cap, i))
			return err_set(err, -ENOMEM, "out of memory for a chunk's sections");
		s->order = i;
		r->heap[i] = s;
		(void)section_read_row(s); /* cannot fail: it was checked */
	}
	r->heap_cnt = r->section_cnt;
	for (uint32_t i = r->heap_cnt / 2; i-- > 0;)
		sift_down(r, i);
	return 0;
}

static void reset(struct chunk_reader *r, uint64_t seq, unsigned type)
{
	r->view = (struct chunk_view){ .seq = seq, .type = type };
	r->string_cnt = r->task_cnt = r->module_cnt = 0;
	r->table_rows = r->event_cnt = 0;
	r->section_cnt = r->heap_cnt = 0;
	memset(r->tables, 0, sizeof(r->tables));
}

int chunk_reader_load(struct chunk_reader *r, const void *payload, size_t len, uint64_t seq,
		      unsigned type, struct err *err)
{
	struct cursor bytes = { payload, (const uint8_t *)payload + len };
	int ret;

	reset(r, seq, type);
	ret = open_sections(r, bytes, err);
	if (!ret)
		ret = chunk_tables_load(r, err);
	if (!ret)
		ret = start_sections(r, err);
	if (ret) {
		reset(r, seq, type);
		return ret;
	}
	r->view.node_parent = r->node_parent;
	r->view.node_frame = r->node_frame;
	r->view.node_end = r->node_end;
	r->view.frames = r->frames;
	return 0;
}

/* ---- events ---- */

static struct event_stack stack_of(const struct chunk_reader *r, uint64_t ref)
{
	uint32_t id = ref < STACK_REF_BASE ? 0 : (uint32_t)(ref - STACK_REF_BASE + 1);

	return (struct event_stack){
		.id = id,
		.cnt = r->node_depth[id],
		.end = id ? r->node_end[id] : (enum stack_end)ref,
	};
}

static void set_field(const struct chunk_reader *r, struct event *ev, const struct column_desc *c,
		      uint64_t v)
{
	char *field = (char *)ev + c->off;

	switch ((enum column_type)c->type) {
	case COLUMN_U8:
		*(uint8_t *)field = (uint8_t)v;
		break;
	case COLUMN_U32:
	case COLUMN_I32:
		*(uint32_t *)field = (uint32_t)v;
		break;
	case COLUMN_U64:
	case COLUMN_I64:
		*(uint64_t *)field = v;
		break;
	case COLUMN_STR:
		*(const char **)field = chunk_tables_string(r, v);
		break;
	case COLUMN_TASK:
		if (v)
			*(struct task_ref *)field = r->tasks[v - 1];
		break;
	case COLUMN_STACK:
		*(struct event_stack *)field = stack_of(r, v);
		break;
	case COLUMN_MODULE:
		*(uint32_t *)field = v ? r->module_ids[v - 1] : 0;
		break;
	case COLUMN_BYTES:
		break;
	}
}

bool chunk_reader_next(struct chunk_reader *r, struct event *ev)
{
	struct section_cursor *s;

	if (!r->heap_cnt)
		return false;
	s = r->heap[0];
	memset(ev, 0, sizeof(*ev));
	ev->kind = (enum event_kind)s->desc->id;
	ev->task.comm = ev->other.comm = "";
	for (unsigned c = 0; c < s->desc->column_cnt; c++)
		set_field(r, ev, &s->desc->columns[c], s->values[c]);
	if (s->left)
		(void)section_read_row(s); /* cannot fail: it was checked */
	else
		r->heap[0] = r->heap[--r->heap_cnt];
	if (r->heap_cnt)
		sift_down(r, 0);
	return true;
}
