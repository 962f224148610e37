// SPDX-License-Identifier: BSD-2-Clause
#include "formats/chunk_tables.h"

#include <stdlib.h>

#include "formats/cleanup.h"
#include "formats/format.h"

struct column_limits chunk_tables_limits(const struct chunk_reader *r)
{
	return (struct column_limits){
		.str = r->string_cnt,
		.task = r->task_cnt,
		.stack = r->view.node_cnt + STACK_REF_BASE - 2,
		.module = r->module_cnt,
	};
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory for a chunk's tables");
}

static int load_strings(struct chunk_reader *r, struct err *err)
{
	struct section_cursor *s = chunk_tables_cursor(r, SECTION_STR);
	const char *p = (const char *)s->bytes.p, *end = (const char *)s->bytes.end;

	r->text = p;
	for (; s->left; s->left--) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));

		if (!nul || nul - p > STRING_MAX)
			return err_set(err, -EBADMSG, "section STR: a string does not end");
		if (ARRAY_GROW(r->string_offs, r->string_cap, r->string_cnt))
			return no_memory(err);
		r->string_offs[r->string_cnt++] = (uint32_t)(p - r->text);
		p = nul + 1;
	}
	return p == end ? 0 : section_bad_end(s, err);
}

static int load_segments(struct chunk_reader *r, struct module_segment *segs, uint64_t cnt,
			 struct err *err)
{
	struct section_cursor *s = chunk_tables_cursor(r, SECTION_SEGMENT);

	for (uint64_t i = 0; i < cnt; i++) {
		if (!section_read_row(s))
			return section_bad_row(s, err);
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
	if (ARRAY_GROW(r->module_ids, r->module_cap, r->module_cnt))
		return no_memory(err);
	r->module_ids[r->module_cnt++] = (uint32_t)id;
	return 0;
}

static int load_module(struct chunk_reader *r, struct section_cursor *s, struct err *err)
{
	struct section_cursor *segments = chunk_tables_cursor(r, SECTION_SEGMENT);
	struct module m = {
		.kind = (enum module_kind)s->values[0],
		.build_id_sz = (uint8_t)s->values[1],
		.is_content_id = s->values[3] != 0,
		.path = chunk_tables_string(r, s->values[4]),
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
		return err_set(err, -EBADMSG,
			       "section MODULE: a module has more segments than there are");
	segs = malloc((s->values[7] + 1) * sizeof(*segs));
	if (!segs)
		return no_memory(err);
	ret = load_segments(r, segs, s->values[7], err);
	m.segs = segs;
	return ret ? ret : add_module(r, &m, err);
}

static int load_modules(struct chunk_reader *r, struct err *err)
{
	struct section_cursor *s = chunk_tables_cursor(r, SECTION_MODULE);

	while (s->left) {
		int ret = section_read_row(s) ? load_module(r, s, err) : section_bad_row(s, err);

		if (ret)
			return ret;
	}
	if (chunk_tables_cursor(r, SECTION_SEGMENT)->left)
		return err_set(err, -EBADMSG, "section SEGMENT holds rows of no module");
	return 0;
}

static int load_tasks(struct chunk_reader *r, struct err *err)
{
	struct section_cursor *s = chunk_tables_cursor(r, SECTION_TASK);

	while (s->left) {
		if (!section_read_row(s))
			return section_bad_row(s, err);
		if (ARRAY_GROW(r->tasks, r->task_cap, r->task_cnt))
			return no_memory(err);
		r->tasks[r->task_cnt++] = (struct task_ref){
			.pid = (uint32_t)s->values[0],
			.tid = (uint32_t)s->values[1],
			.start_ts = s->values[2],
			.comm = chunk_tables_string(r, s->values[3]),
		};
	}
	return 0;
}

static int load_frames(struct chunk_reader *r, struct err *err)
{
	struct section_cursor *s = chunk_tables_cursor(r, SECTION_FRAME);

	while (s->left) {
		if (!section_read_row(s))
			return section_bad_row(s, err);
		if (ARRAY_GROW(r->frames, r->frame_cap, r->view.frame_cnt))
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
	if (ARRAY_GROW(r->node_parent, cap, n))
		return -ENOMEM;
	cap = r->node_cap;
	if (ARRAY_GROW(r->node_frame, cap, n))
		return -ENOMEM;
	cap = r->node_cap;
	if (ARRAY_GROW(r->node_depth, cap, n))
		return -ENOMEM;
	cap = r->node_cap;
	if (ARRAY_GROW(r->node_end, cap, n))
		return -ENOMEM;
	r->node_cap = cap;
	return 0;
}

/*
 * The parent of node n, of which up says how far it is above node n - 1: a cycle cannot be said. 0
 * when there is none.
 */
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
			return err_set(err, -EBADMSG,
				       "section STACK: node %u has a parent above the root", n);
	}
	last = &r->last_called[parent ? r->node_frame[parent] : r->view.frame_cnt];
	frame = *last + unzigzag(frame_step);
	if (frame >= r->view.frame_cnt)
		return err_set(err, -EBADMSG, "section STACK: node %u has frame %llu of %u", n,
			       (unsigned long long)frame, r->view.frame_cnt);
	*last = (uint32_t)frame;
	r->node_parent[n] = parent;
	r->node_frame[n] = (uint32_t)frame;
	r->node_end[n] = parent ? r->node_end[parent] : (uint8_t)up;
	r->node_depth[n] = r->node_depth[parent] + 1;
	if (r->node_depth[n] > STACK_DEPTH_MAX)
		return err_set(err, -EBADMSG, "section STACK: deeper than %u frames",
			       STACK_DEPTH_MAX);
	r->view.node_cnt++;
	return 0;
}

/* Which frame each frame called last; see stack_order.h. The roots' place is behind the frames'. */
static int start_calls(struct chunk_reader *r)
{
	uint32_t n = r->view.frame_cnt;

	if (ARRAY_GROW(r->last_called, r->last_called_cap, n))
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		r->last_called[i] = i;
	r->last_called[n] = 0;
	return 0;
}

static int load_stacks(struct chunk_reader *r, struct err *err)
{
	struct section_cursor *s = chunk_tables_cursor(r, SECTION_STACK);

	if (grow_nodes(r) || start_calls(r))
		return no_memory(err);
	r->node_parent[0] = r->node_frame[0] = 0;
	r->node_depth[0] = r->node_end[0] = 0;
	r->view.node_cnt = 1;
	while (s->left) {
		int ret = section_read_row(s) ? add_node(r, s->values[0], s->values[1], err)
					      : section_bad_row(s, err);

		if (ret)
			return ret;
	}
	return 0;
}

/* Say what the table's columns may hold, now that the tables it refers to are known. */
static void limit_table(struct chunk_reader *r, unsigned id)
{
	struct column_limits limits = chunk_tables_limits(r);

	/* In STACK itself it is levels, which add_node() checks. */
	limits.stack = STACK_REF_BASE + STACK_DEPTH_MAX;
	if (chunk_tables_cursor(r, id)->desc)
		section_limit(chunk_tables_cursor(r, id), &limits);
}

/* In the order they refer to one another. */
int chunk_tables_load(struct chunk_reader *r, struct err *err)
{
	static const struct {
		unsigned id;
		int (*load)(struct chunk_reader *, struct err *);
	} order[] = {
		{ SECTION_STR, load_strings },	  { SECTION_SEGMENT, NULL },
		{ SECTION_MODULE, load_modules }, { SECTION_TASK, load_tasks },
		{ SECTION_FRAME, load_frames },	  { SECTION_STACK, load_stacks },
	};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		int ret;

		limit_table(r, order[i].id);
		ret = order[i].load ? order[i].load(r, err) : 0;
		if (ret)
			return ret;
	}
	for (size_t i = 0; i < ARRAY_SIZE(r->tables); i++)
		if (r->tables[i].desc && !section_at_end(&r->tables[i]))
			return section_bad_end(&r->tables[i], err);
	return 0;
}
