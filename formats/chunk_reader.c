// SPDX-License-Identifier: BSD-2-Clause
#include "formats/chunk_reader.h"

#include <stdlib.h>

#include "formats/cleanup.h"
#include "formats/format.h"
#include "formats/section_reader.h"

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

static struct column_limits limits_of(const struct chunk_reader *r)
{
	return (struct column_limits){
		.str = r->string_cnt,
		.task = r->task_cnt,
		.stack = r->view.node_cnt + STACK_REF_BASE - 2,
		.module = r->module_cnt,
	};
}

static const char *string_at(const struct chunk_reader *r, uint64_t id)
{
	return id ? r->text + r->string_offs[id - 1] : "";
}

/* ---- tables ---- */

static struct section_cursor *table_of(struct chunk_reader *r, unsigned id)
{
	return &r->tables[id - SECTION_TABLE];
}

/* Room for one more element behind cnt. */
#define GROW(array, cap, cnt) array_grow(&(array), &(cap), (cnt), sizeof(*(array)))

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory for a chunk's tables");
}

static int bad_row(const struct section_cursor *s, struct err *err)
{
	return err_set(err, -EBADMSG, "section %s: a row is cut short, or a value is out of range (%llu rows were left)",
		       s->desc->name, (unsigned long long)s->left);
}

static int bad_end(const struct section_cursor *s, struct err *err)
{
	return err_set(err, -EBADMSG, "section %s: a column holds more than its rows", s->desc->name);
}

static int load_strings(struct chunk_reader *r, struct err *err)
{
	struct section_cursor *s = table_of(r, SECTION_STR);
	const char *p = (const char *)s->bytes.p, *end = (const char *)s->bytes.end;

	r->text = p;
	for (; s->left; s->left--) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));

		if (!nul || nul - p > STRING_MAX)
			return err_set(err, -EBADMSG, "section STR: a string does not end");
		if (GROW(r->string_offs, r->string_cap, r->string_cnt))
			return no_memory(err);
		r->string_offs[r->string_cnt++] = (uint32_t)(p - r->text);
		p = nul + 1;
	}
	return p == end ? 0 : bad_end(s, err);
}

static int load_segments(struct chunk_reader *r, struct module_segment *segs, uint64_t cnt, struct err *err)
{
	struct section_cursor *s = table_of(r, SECTION_SEGMENT);
	struct column_limits limits = limits_of(r);

	for (uint64_t i = 0; i < cnt; i++) {
		if (!section_read_row(s, &limits))
			return bad_row(s, err);
		segs[i] = (struct module_segment){ s->values[0], s->values[1], s->values[2] };
	}
	return 0;
}

static int add_module(struct chunk_reader *r, const struct module *m, struct err *err)
{
	int64_t id = modtab_add(r->modules, m);

	if (id < 0)
		return err_set(err, (int)id, "section MODULE: module '%.100s' %s", m->path,
			       id == -E2BIG ? "is one too many for a recording" : "cannot be held");
	if (GROW(r->module_ids, r->module_cap, r->module_cnt))
		return no_memory(err);
	r->module_ids[r->module_cnt++] = (uint32_t)id;
	return 0;
}

static int load_module(struct chunk_reader *r, struct section_cursor *s, struct err *err)
{
	struct section_cursor *segments = table_of(r, SECTION_SEGMENT);
	struct module m = {
		.kind = (enum module_kind)s->values[0],
		.build_id_sz = (uint8_t)s->values[1],
		.is_content_id = s->values[3] != 0,
		.path = string_at(r, s->values[4]),
		.pid = (uint32_t)s->values[5],
		.start_ts = s->values[6],
		.seg_cnt = (uint32_t)s->values[7],
	};
	_cleanup_free_ struct module_segment *segs = NULL;
	struct cursor id;
	int ret;

	if (m.build_id_sz > BUILD_ID_MAX || !cursor_take(&s->bytes, m.build_id_sz, &id))
		return err_set(err, -EBADMSG, "section MODULE: a build-id ends past the section");
	if (m.build_id_sz)
		memcpy(m.build_id, id.p, m.build_id_sz);
	if (s->values[7] > segments->left)
		return err_set(err, -EBADMSG, "section MODULE: a module has more segments than there are");
	segs = malloc((s->values[7] + 1) * sizeof(*segs));
	if (!segs)
		return no_memory(err);
	ret = load_segments(r, segs, s->values[7], err);
	m.segs = segs;
	return ret ? ret : add_module(r, &m, err);
}

static int load_modules(struct chunk_reader *r, struct err *err)
{
	struct section_cursor *s = table_of(r, SECTION_MODULE);
	struct column_limits limits = limits_of(r);

	while (s->left) {
		int ret = section_read_row(s, &limits) ? load_module(r, s, err) : bad_row(s, err);

		if (ret)
			return ret;
	}
	if (table_of(r, SECTION_SEGMENT)->left)
		return err_set(err, -EBADMSG, "section SEGMENT holds rows of no module");
	return 0;
}

static int load_tasks(struct chunk_reader *r, struct err *err)
{
	struct section_cursor *s = table_of(r, SECTION_TASK);
	struct column_limits limits = limits_of(r);

	while (s->left) {
		if (!section_read_row(s, &limits))
			return bad_row(s, err);
		if (GROW(r->tasks, r->task_cap, r->task_cnt))
			return no_memory(err);
		r->tasks[r->task_cnt++] = (struct task_ref){
			.pid = (uint32_t)s->values[0],
			.tid = (uint32_t)s->values[1],
			.start_ts = s->values[2],
			.comm = string_at(r, s->values[3]),
		};
	}
	return 0;
}

static int load_frames(struct chunk_reader *r, struct err *err)
{
	struct section_cursor *s = table_of(r, SECTION_FRAME);
	struct column_limits limits = limits_of(r);

	while (s->left) {
		if (!section_read_row(s, &limits))
			return bad_row(s, err);
		if (GROW(r->frames, r->frame_cap, r->view.frame_cnt))
			return no_memory(err);
		r->frames[r->view.frame_cnt++] = (struct frame){
			.off = s->values[0],
			.module = s->values[1] ? r->module_ids[s->values[1] - 1] : 0,
			.flags = (uint32_t)s->values[2],
		};
	}
	return 0;
}

static int grow_nodes(struct chunk_reader *r)
{
	uint32_t cap, n = r->view.node_cnt;

	if (n < r->node_cap)
		return 0;
	/* Each array grows from the same old capacity to the same new one. */
	cap = r->node_cap;
	if (GROW(r->node_parent, cap, n))
		return -ENOMEM;
	cap = r->node_cap;
	if (GROW(r->node_frame, cap, n))
		return -ENOMEM;
	cap = r->node_cap;
	if (GROW(r->node_depth, cap, n))
		return -ENOMEM;
	cap = r->node_cap;
	if (GROW(r->node_end, cap, n))
		return -ENOMEM;
	r->node_cap = cap;
	return 0;
}

/* The parent of node n, of which up says how far it is above node n - 1: a cycle cannot be said. 0 when there is none. */
static uint32_t parent_of(const struct chunk_reader *r, uint32_t n, uint64_t up)
{
	uint32_t parent = n - 1;

	if (up >= r->node_depth[parent])
		return 0;
	for (; up; up--)
		parent = r->node_parent[parent];
	return parent;
}

/* Node n from its row. */
static int add_node(struct chunk_reader *r, uint64_t up, uint64_t frame_step, struct err *err)
{
	uint32_t n = r->view.node_cnt, parent = 0, *last;
	uint64_t frame;

	if (grow_nodes(r))
		return no_memory(err);
	if (up >= STACK_REF_BASE) {
		parent = parent_of(r, n, up - STACK_REF_BASE);
		if (!parent)
			return err_set(err, -EBADMSG, "section STACK: node %u has a parent above the root", n);
	}
	last = &r->last_called[parent ? r->node_frame[parent] : r->view.frame_cnt];
	frame = *last + unzigzag(frame_step);
	if (frame >= r->view.frame_cnt)
		return err_set(err, -EBADMSG, "section STACK: node %u has frame %llu of %u", n, (unsigned long long)frame,
			       r->view.frame_cnt);
	*last = (uint32_t)frame;
	r->node_parent[n] = parent;
	r->node_frame[n] = (uint32_t)frame;
	r->node_end[n] = parent ? r->node_end[parent] : (uint8_t)up;
	r->node_depth[n] = r->node_depth[parent] + 1;
	if (r->node_depth[n] > STACK_DEPTH_MAX)
		return err_set(err, -EBADMSG, "section STACK: deeper than %u frames", STACK_DEPTH_MAX);
	r->view.node_cnt++;
	return 0;
}

/* Which frame each frame called last; see stack_order.h. The roots' place is behind the frames'. */
static int start_calls(struct chunk_reader *r)
{
	uint32_t n = r->view.frame_cnt;

	if (GROW(r->last_called, r->last_called_cap, n))
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		r->last_called[i] = i;
	r->last_called[n] = 0;
	return 0;
}

static int load_stacks(struct chunk_reader *r, struct err *err)
{
	struct section_cursor *s = table_of(r, SECTION_STACK);
	struct column_limits limits = { .stack = STACK_REF_BASE + STACK_DEPTH_MAX };

	if (grow_nodes(r) || start_calls(r))
		return no_memory(err);
	r->node_parent[0] = r->node_frame[0] = 0;
	r->node_depth[0] = r->node_end[0] = 0;
	r->view.node_cnt = 1;
	while (s->left) {
		int ret = section_read_row(s, &limits) ? add_node(r, s->values[0], s->values[1], err) : bad_row(s, err);

		if (ret)
			return ret;
	}
	return 0;
}

/* In the order they refer to one another. */
static int load_tables(struct chunk_reader *r, struct err *err)
{
	static int (*const loaders[])(struct chunk_reader *, struct err *) = {
		load_strings, load_modules, load_tasks, load_frames, load_stacks,
	};

	for (size_t i = 0; i < ARRAY_SIZE(loaders); i++) {
		int ret = loaders[i](r, err);

		if (ret)
			return ret;
	}
	for (size_t i = 0; i < ARRAY_SIZE(r->tables); i++)
		if (r->tables[i].desc && !section_at_end(&r->tables[i]))
			return bad_end(&r->tables[i], err);
	return 0;
}

/* ---- sections ---- */

static int open_table(struct chunk_reader *r, const struct section_header *h, struct err *err)
{
	struct section_cursor *s = table_of(r, (unsigned)h->id);

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
	if (GROW(r->sections, r->section_cap, r->section_cnt))
		return no_memory(err);
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

/* Read a section to its end without keeping anything: after that its rows can be given out blindly. */
static int check_section(const struct section_cursor *s, const struct column_limits *limits, struct err *err)
{
	struct section_cursor probe = *s;
	uint64_t ts = 0;

	while (probe.left) {
		if (!section_read_row(&probe, limits))
			return bad_row(&probe, err);
		if (probe.values[0] < ts)
			return err_set(err, -EBADMSG, "section %s: time goes back", s->desc->name);
		ts = probe.values[0];
	}
	return section_at_end(&probe) ? 0 : bad_end(s, err);
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
	struct column_limits limits = limits_of(r);

	for (uint32_t i = 0; i < r->section_cnt; i++) {
		struct section_cursor *s = &r->sections[i];
		int ret = check_section(s, &limits, err);

		if (ret)
			return ret;
		if (GROW(r->heap, r->heap_cap, i))
			return no_memory(err);
		s->order = i;
		r->heap[i] = s;
		(void)section_read_row(s, &limits); /* cannot fail: it was checked */
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

int chunk_reader_load(struct chunk_reader *r, const void *payload, size_t len, uint64_t seq, unsigned type,
		      struct err *err)
{
	struct cursor bytes = { payload, (const uint8_t *)payload + len };
	int ret;

	reset(r, seq, type);
	ret = open_sections(r, bytes, err);
	if (!ret)
		ret = load_tables(r, err);
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

static void set_field(const struct chunk_reader *r, struct event *ev, const struct column_desc *c, uint64_t v)
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
		*(const char **)field = string_at(r, v);
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
	struct column_limits limits = limits_of(r);

	if (!r->heap_cnt)
		return false;
	s = r->heap[0];
	memset(ev, 0, sizeof(*ev));
	ev->kind = (enum event_kind)s->desc->id;
	ev->task.comm = ev->other.comm = "";
	for (unsigned c = 0; c < s->desc->column_cnt; c++)
		set_field(r, ev, &s->desc->columns[c], s->values[c]);
	if (s->left)
		(void)section_read_row(s, &limits); /* cannot fail: it was checked */
	else
		r->heap[0] = r->heap[--r->heap_cnt];
	if (r->heap_cnt)
		sift_down(r, 0);
	return true;
}
