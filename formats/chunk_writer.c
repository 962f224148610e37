// SPDX-License-Identifier: BSD-2-Clause
#include "formats/chunk_writer.h"

#include <stdlib.h>

#include "formats/cleanup.h"
#include "formats/format.h"

void chunk_writer_init(struct chunk_writer *w, const struct modtab *modules)
{
	*w = (struct chunk_writer){ .modules = modules, .first_ts = UINT64_MAX };
}

void chunk_writer_deinit(struct chunk_writer *w)
{
	strtab_deinit(&w->strings);
	tasktab_deinit(&w->tasks);
	stacktab_deinit(&w->stacks);
	free(w->module_rows);
	free(w->node_rows);
	free(w->module_ids);
	for (size_t i = 0; i < ARRAY_SIZE(w->rows); i++)
		free(w->rows[i].values);
	row_order_deinit(&w->order);
	buffer_deinit(&w->body);
	buffer_deinit(&w->column);
	buffer_deinit(&w->scratch);
}

void chunk_writer_clear(struct chunk_writer *w)
{
	memset(w->task_cache, 0, sizeof(w->task_cache));
	strtab_clear(&w->strings);
	tasktab_clear(&w->tasks);
	stacktab_clear(&w->stacks);
	for (uint32_t i = 0; i < w->module_cnt; i++)
		w->module_rows[w->module_ids[i]] = 0;
	w->module_cnt = 0;
	w->has_unlisted = false;
	for (size_t i = 0; i < ARRAY_SIZE(w->rows); i++)
		w->rows[i].cnt = 0;
	w->first_ts = UINT64_MAX;
	w->last_ts = 0;
	w->event_cnt = 0;
	w->estimate = 0;
}

/* ---- interning: each gives the value of a column, or a negative errno ---- */

static int64_t intern_string(struct chunk_writer *w, const char *s)
{
	size_t before = w->strings.text.len;
	int64_t id = strtab_add(&w->strings, s);

	w->estimate += w->strings.text.len - before;
	return id;
}

static bool is_same_task(const struct chunk_writer *w, uint32_t id, const struct task_ref *task)
{
	const struct tasktab_row *row = &w->tasks.rows[id - 1];

	return row->tid == task->tid && row->pid == task->pid && row->start_ts == task->start_ts &&
	       !strcmp(strtab_get(&w->strings, row->comm), task->comm ? task->comm : "");
}

/*
 * The same few tasks come over and over: a look at the last one of that number is cheaper than two
 * searches.
 */
static int64_t intern_task(struct chunk_writer *w, const struct task_ref *task)
{
	struct tasktab_row row = { task->pid, task->tid, task->start_ts, 0 };
	uint32_t *cached = &w->task_cache[task->tid % ARRAY_SIZE(w->task_cache)];
	uint32_t before = w->tasks.cnt;
	int64_t comm, id;

	if (*cached && is_same_task(w, *cached, task))
		return *cached;
	comm = intern_string(w, task->comm);
	if (comm < 0)
		return comm;
	row.comm = (uint32_t)comm;
	id = tasktab_add(&w->tasks, &row);
	w->estimate += 8 * (w->tasks.cnt - before);
	if (id > 0)
		*cached = (uint32_t)id;
	return id;
}

int64_t chunk_writer_module(struct chunk_writer *w, uint32_t module)
{
	uint32_t old_cap = w->module_rows_cap;
	const struct module *m;

	if (!module)
		return 0;
	m = modtab_get(w->modules, module);
	if (!m)
		return -EINVAL;
	if (array_grow(&w->module_rows, &w->module_rows_cap, module, sizeof(*w->module_rows)))
		return -ENOMEM;
	if (w->module_rows_cap > old_cap)
		memset(w->module_rows + old_cap, 0,
		       (w->module_rows_cap - old_cap) * sizeof(*w->module_rows));
	if (w->module_rows[module])
		return w->module_rows[module];
	if (array_grow(&w->module_ids, &w->module_cap, w->module_cnt, sizeof(*w->module_ids)))
		return -ENOMEM;
	w->module_ids[w->module_cnt++] = module;
	w->module_rows[module] = w->module_cnt;
	w->estimate += 32 + strlen(m->path) + 4 * m->seg_cnt;
	return w->module_cnt;
}

bool chunk_writer_uses_module(const struct chunk_writer *w, uint32_t module)
{
	return w->has_unlisted || (module < w->module_rows_cap && w->module_rows[module]);
}

static bool has_valid_modules(const struct chunk_writer *w, const struct event_stack *s)
{
	for (uint32_t i = 0; i < s->cnt; i++)
		if (s->frames[i].module && !modtab_get(w->modules, s->frames[i].module))
			return false;
	return true;
}

/* hint: whose stack it is. */
static int64_t intern_stack(struct chunk_writer *w, const struct event_stack *s, uint32_t hint)
{
	uint32_t nodes = w->stacks.node_cnt, frames = w->stacks.frame_cnt;
	int64_t node;

	if (s->cnt > STACK_DEPTH_MAX || (unsigned)s->end >= STACK_REF_BASE ||
	    (s->cnt && !s->frames))
		return -EINVAL;
	if (!s->cnt)
		return s->end;
	if (!has_valid_modules(w, s))
		return -EINVAL;
	node = stacktab_add(&w->stacks, s->frames, s->cnt, s->end, hint);
	w->estimate += 4 * (w->stacks.node_cnt - nodes) + 6 * (w->stacks.frame_cnt - frames);
	/*
	 * Here for their share of the estimate; should memory lack, they are asked for again when
	 * the chunk is encoded.
	 */
	for (; frames < w->stacks.frame_cnt; frames++)
		w->has_unlisted |= chunk_writer_module(w, w->stacks.frames[frames].module) < 0;
	return node < 0 ? node : node + STACK_REF_BASE - 1;
}

/* The value of one column of ev. Negative errno in *err. */
static uint64_t column_value(struct chunk_writer *w, const struct event *ev,
			     const struct column_desc *c, int *err)
{
	const char *field = (const char *)ev + c->off;
	int64_t id;

	switch ((enum column_type)c->type) {
	case COLUMN_U8:
		return *(const uint8_t *)field;
	case COLUMN_U32:
		return *(const uint32_t *)field;
	case COLUMN_U64:
	case COLUMN_I64:
		return *(const uint64_t *)field;
	case COLUMN_I32:
		return (uint64_t)(int64_t) * (const int32_t *)field;
	case COLUMN_STR:
		id = intern_string(w, *(const char *const *)field);
		break;
	case COLUMN_TASK:
		id = intern_task(w, (const struct task_ref *)field);
		break;
	case COLUMN_STACK:
		id = intern_stack(w, (const struct event_stack *)field,
				  c->id == COLUMN_ID_STACK ? ev->task.tid : ~ev->other.tid);
		break;
	case COLUMN_MODULE:
		id = chunk_writer_module(w, *(const uint32_t *)field);
		break;
	default:
		id = -EINVAL;
	}
	if (id < 0)
		*err = (int)id;
	return (uint64_t)id;
}

/* Double the rows a section can stage; its columns move apart. */
static int grow_rows(struct staged_rows *r, unsigned column_cnt)
{
	uint32_t cap = r->cap ? r->cap * 2 : 64;
	size_t sz;
	uint64_t *values;

	if (cap < r->cap || __builtin_mul_overflow((size_t)cap * sizeof(*values), column_cnt, &sz))
		return -ENOMEM;
	values = malloc(sz);
	if (!values)
		return -ENOMEM;
	for (unsigned c = 0; c < column_cnt && r->cnt; c++)
		memcpy(values + (size_t)c * cap, r->values + (size_t)c * r->cap,
		       r->cnt * sizeof(*values));
	free(r->values);
	r->values = values;
	r->cap = cap;
	return 0;
}

int chunk_writer_add(struct chunk_writer *w, const struct event *ev)
{
	const struct section_desc *desc =
		(unsigned)ev->kind < EVENT_KIND_CNT ? section_find(ev->kind) : NULL;
	struct staged_rows *r;
	int err = 0;

	if (!desc)
		return -EINVAL;
	r = &w->rows[ev->kind];
	if (r->cnt == r->cap)
		err = grow_rows(r, desc->column_cnt);
	for (unsigned c = 0; c < desc->column_cnt && !err; c++)
		r->values[(size_t)c * r->cap + r->cnt] =
			column_value(w, ev, &desc->columns[c], &err);
	if (err)
		return err;
	r->cnt++;
	if (ev->ts) {
		w->first_ts = ev->ts < w->first_ts ? ev->ts : w->first_ts;
		w->last_ts = ev->ts > w->last_ts ? ev->ts : w->last_ts;
	}
	w->event_cnt++;
	w->estimate += 2 * desc->column_cnt;
	return 0;
}
