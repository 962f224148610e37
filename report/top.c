// SPDX-License-Identifier: BSD-2-Clause
#include "report/top.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"

static const char *const by_names[] = { "function", "module",  "line",	"comm",
					"thread",   "process", "cgroup", "recording" };

int top_by_parse(const char *name, enum top_by *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(by_names); i++)
		if (!strcmp(name, by_names[i])) {
			*ret = (enum top_by)i;
			return 0;
		}
	return err_set(
		err, -EINVAL,
		"--by: '%s' is none of function, module, line, comm, thread, process, cgroup, recording",
		name);
}

/* Rows are found by the address of an interned name and an interned detail. 0: out of memory. */
static uint32_t row_of(struct top *t, const char *name, const char *detail)
{
	const char *n = strpool_add(&t->names, name), *d = strpool_add(&t->names, detail);
	uint32_t hash, pos, id;

	if (!n || !d)
		return 0;
	hash = hash_mix((uintptr_t)n, (uintptr_t)d);
	for (id = idmap_first(&t->map, hash, &pos); id; id = idmap_next(&t->map, hash, &pos))
		if (t->rows.row[id].name == n && t->rows.row[id].detail == d)
			return id;
	id = table_add(&t->rows);
	if (!id || idmap_add(&t->map, hash, id))
		return 0;
	t->rows.row[id].name = n;
	t->rows.row[id].detail = d;
	return id;
}

/* ---- by what is in the stack -------------------------------------------- */

static uint32_t line_row(struct top *t, const struct stacks *s, const struct stack_frame *f)
{
	const struct stack_function *fn = &s->functions.row[f->function];
	uint32_t file = f->file ?: fn->file;
	_cleanup_free_ char *text = NULL;

	if (!file)
		return row_of(t, fn->name, s->images.row[f->image].path);
	if (asprintf(&text, "%s:%u", s->files.row[file], f->line ?: fn->line) < 0)
		return 0;
	return row_of(t, text, fn->name);
}

static uint32_t frame_row(struct top *t, const struct stacks *s, uint32_t frame, enum top_by by)
{
	const struct stack_frame *f = &s->frames.row[frame];

	if (by == TOP_MODULE)
		return row_of(t, s->images.row[f->image].path, "");
	if (by == TOP_LINE)
		return line_row(t, s, f);
	return row_of(t, s->functions.row[f->function].name, s->images.row[f->image].path);
}

struct frames {
	uint32_t *rows;	 /* by frame; 0: not made yet */
	uint32_t *stamp; /* by row: the last entry that counted it, so that recursion counts once */
	uint32_t stamp_cap;
};

static int stamp(struct frames *fr, uint32_t row, uint32_t entry, bool *ret_is_first)
{
	void *p = fr->stamp;

	if (!table_grow(&p, &fr->stamp_cap, row, sizeof(*fr->stamp)))
		return -ENOMEM;
	fr->stamp = p;
	*ret_is_first = fr->stamp[row] != entry;
	fr->stamp[row] = entry;
	return 0;
}

static int add_stack(struct top *t, const struct stacks *s, struct frames *fr, uint32_t stack,
		     uint32_t entry, uint64_t value, enum top_by by)
{
	for (uint32_t n = stack; n; n = s->nodes.row[n].parent) {
		uint32_t frame = s->nodes.row[n].frame, row = fr->rows[frame];
		bool is_first;

		if (!row)
			row = fr->rows[frame] = frame_row(t, s, frame, by);
		if (!row || stamp(fr, row, entry, &is_first))
			return -ENOMEM;
		if (n == stack)
			t->rows.row[row].self += value;
		if (is_first)
			t->rows.row[row].total += value;
	}
	return 0;
}

/* ---- by whose it is ----------------------------------------------------- */

static uint32_t thread_row(struct top *t, const struct tasks *ts, uint32_t utid, enum top_by by)
{
	const struct thread *th = &ts->threads.row[utid];
	const struct process *p = &ts->processes.row[th->upid];
	const char *comm = utid && th->comm && *th->comm ? th->comm : "[unknown]";
	const char *path =
		p->cgroup && ts->cgroups.row[p->cgroup].path ? ts->cgroups.row[p->cgroup].path : "";
	char id[32];

	switch (by) {
	case TOP_THREAD:
		snprintf(id, sizeof(id), "tid %u", th->tid);
		return row_of(t, comm, id);
	case TOP_PROCESS:
		snprintf(id, sizeof(id), "pid %u", p->pid);
		return row_of(t, p->comm && *p->comm ? p->comm : comm, id);
	case TOP_CGROUP:
		return row_of(t, *path ? path : "[unknown]", "");
	case TOP_RECORDING:
		snprintf(id, sizeof(id), "recording %u", p->recording);
		return row_of(t,
			      p->recording && p->recording <= ts->hosts.cnt ?
				      ts->hosts.row[p->recording] :
				      "[unknown]",
			      id);
	default:
		return row_of(t, comm, "");
	}
}

static int compare_rows(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	return strcmp(x->name, y->name) ?: strcmp(x->detail, y->detail);
}

static int add_entry(struct top *t, const struct profile *p, const struct filter *f,
		     struct frames *fr, uint32_t id, enum top_by by)
{
	const struct profile_entry *e = &p->entries.row[id];
	bool is_waker = f->event == FILTER_WAKEUP;
	uint64_t value = filter_is_ns(f) ? e->ns : e->cnt;
	uint32_t row, stack;

	t->sum += value;
	stack = is_waker ? e->waker_stack : e->stack;
	if (by <= TOP_LINE && stack)
		return add_stack(t, p->stacks, fr, stack, id, value, by);
	row = by <= TOP_LINE ? row_of(t, "[no stack]", "") :
			       thread_row(t, p->tasks, is_waker ? e->waker_utid : e->utid, by);
	if (!row)
		return -ENOMEM;
	t->rows.row[row].self += value;
	t->rows.row[row].total += value;
	return 0;
}

int top_compute(struct top *t, const struct profile *p, const struct filter *f, enum top_by by,
		struct err *err)
{
	struct frames fr = { .rows = calloc((size_t)p->stacks->frames.cnt + 1, sizeof(*fr.rows)) };
	int rc = fr.rows ? 0 : -ENOMEM;

	for (uint32_t id = 1; id <= p->entries.cnt && !rc; id++)
		rc = add_entry(t, p, f, &fr, id, by);
	if (!rc && t->rows.cnt)
		qsort(t->rows.row + 1, t->rows.cnt, sizeof(*t->rows.row), compare_rows);
	free(fr.rows);
	free(fr.stamp);
	return rc ? err_set(err, rc, "top: out of memory") : 0;
}

void top_deinit(struct top *t)
{
	table_deinit(&t->rows);
	idmap_deinit(&t->map);
	strpool_deinit(&t->names);
}
