// SPDX-License-Identifier: BSD-2-Clause
#include "record/census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "record/pidset.h"
#include "record/procscan.h"
#include "record/session_meta.h"

struct census {
	struct census_options o;
	bool has_targets;
	bool is_scanning;
	struct procscan_task *known; /* owned; what the iterator saw last, by tid */
	size_t known_cnt, known_cap;
	struct pidset runnable, targets; /* processes, as the iterator saw them last */
};

int census_create(const struct census_options *o, struct census **ret, struct err *err)
{
	struct census *c = calloc(1, sizeof(*c));

	if (!c || pidset_init(&c->runnable) || pidset_init(&c->targets)) {
		census_destroy(c);
		return err_code(err, -ENOMEM, "make room for processes");
	}
	c->o = *o;
	c->has_targets = programs_have_targets(o->programs);
	*ret = c;
	return 0;
}

void census_destroy(struct census *c)
{
	if (!c)
		return;
	pidset_deinit(&c->runnable);
	pidset_deinit(&c->targets);
	free(c->known);
	free(c);
}

void census_set_unwinder(struct census *c, struct unwinder *u)
{
	c->o.unwinder = u;
}

bool census_wants(void *ctx, uint32_t pid)
{
	const struct census *c = ctx;

	return !c->has_targets || tasks_is_marked(c->o.tasks, pid);
}

/*
 * What runs now will be sampled at once. An image that was just loaded will run, and its first stacks may be deep: with a slice of their
 * own, but that has an end.
 */
bool census_is_eager(void *ctx, uint32_t pid)
{
	const struct census *c = ctx;

	if (!c->o.options->no_stack_slices && c->is_scanning)
		return pidset_has(&c->runnable, pid);
	return census_wants(ctx, pid);
}

/* ---- the iterator -------------------------------------------------------------------------------------------------- */

static int note_known(void *ctx, const void *data, size_t sz)
{
	struct census *c = ctx;
	const struct wire_proc *p = data;
	struct procscan_task *t;

	if (p->head.kind != WIRE_TASK)
		return 0;
	if (c->known_cnt == c->known_cap) {
		size_t cap = c->known_cap ? c->known_cap * 2 : 1024;
		void *rows = reallocarray(c->known, cap, sizeof(*c->known));

		if (!rows)
			return -ENOMEM;
		c->known = rows;
		c->known_cap = cap;
	}
	t = &c->known[c->known_cnt++];
	*t = (struct procscan_task){
		.pid = p->task.pid,
		.tid = p->task.tid,
		.ppid = p->parent.pid,
		.uid = p->uid,
		.start_ts = p->task.start_ts,
		.cgroup_id = p->cgroup_id,
		.is_kernel = p->head.flags & WIRE_TASK_KERNEL,
		.is_target = p->head.flags & WIRE_TASK_TARGET,
		.is_runnable = p->head.flags & WIRE_TASK_RUNNABLE,
	};
	memcpy(t->comm, p->task.comm, sizeof(t->comm) - 1);
	return 0;
}

static int by_tid(const void *a, const void *b)
{
	uint32_t x = ((const struct procscan_task *)a)->tid, y = ((const struct procscan_task *)b)->tid;

	return x < y ? -1 : x > y;
}

static int take(struct census *c, struct err *err)
{
	int code;

	for (size_t i = 0; i < c->known_cnt; i++) {
		pidset_remove(&c->runnable, c->known[i].pid);
		pidset_remove(&c->targets, c->known[i].pid);
	}
	c->known_cnt = 0;
	code = programs_iterate(c->o.programs, WIRE_ITER_TASKS, note_known, c, err);
	for (size_t i = 0; code >= 0 && i < c->known_cnt; i++) {
		const struct procscan_task *t = &c->known[i];

		if (t->is_runnable && !t->is_kernel && t->is_target)
			(void)pidset_add(&c->runnable, t->pid); /* a pid past the kernel's limit cannot be */
		if (t->is_target)
			(void)pidset_add(&c->targets, t->pid);
	}
	if (c->known_cnt)
		qsort(c->known, c->known_cnt, sizeof(*c->known), by_tid);
	return code < 0 ? code : 0;
}

/* ---- /proc ------------------------------------------------------------------------------------------------------------ */

static bool is_runnable(void *ctx, uint32_t pid)
{
	return pidset_has(&((struct census *)ctx)->runnable, pid);
}

/* Those met before are read again: it may be their records that were lost. */
static bool is_wanted(void *ctx, uint32_t pid)
{
	struct census *c = ctx;

	return !c->has_targets || pidset_has(&c->targets, pid) || tasks_is_marked(c->o.tasks, pid);
}

static uint64_t cgroup_of(void *ctx, uint32_t pid)
{
	return cgroups_of_pid(((struct census *)ctx)->o.cgroups, pid);
}

static struct procscan_options scan_options(struct census *c)
{
	return (struct procscan_options){
		.tasks = c->o.tasks,
		.modules = c->o.modules,
		.known = c->known,
		.known_cnt = c->known_cnt,
		.proc = "/proc",
		.cgroup_of = cgroup_of,
		.ctx = c,
	};
}

static int scan(struct census *c, bool (*only)(void *ctx, uint32_t pid), struct err *err)
{
	struct procscan_options po = scan_options(c);
	int code;

	po.only = only;
	c->is_scanning = true;
	code = procscan_run(&po, err);
	c->is_scanning = false;
	if (c->o.unwinder)
		unwinder_flush(c->o.unwinder, session_now());
	return code < 0 ? code : 0;
}

int census_scan_runnable(struct census *c, struct err *err)
{
	return take(c, err) ?: scan(c, is_runnable, err);
}

int census_scan(struct census *c, uint64_t now_ts, struct err *err)
{
	int code = take(c, err) ?: scan(c, c->has_targets ? is_wanted : NULL, err);

	for (size_t i = 0; !code && i < c->known_cnt; i++) {
		if (c->known[i].cgroup_id)
			code = cgroups_add(c->o.cgroups, cgroups_task_hierarchy(c->o.cgroups), c->known[i].cgroup_id, now_ts, err);
		if (c->known[i].is_target)
			(void)tasks_mark(c->o.tasks, c->known[i].pid, UINT64_MAX);
	}
	return code < 0 ? code : 0;
}

/* ---- the file --------------------------------------------------------------------------------------------------------- */

int census_keyframe(struct census *c, uint64_t now_ts, struct err *err)
{
	int code = cgroups_keyframe(c->o.cgroups, now_ts, err);

	return code ?: procscan_keyframe(c->o.tasks, c->o.writer, now_ts, c->has_targets ? census_wants : NULL, c,
					 &c->o.options->cmdline, err);
}

int census_meet(void *ctx, uint32_t pid, uint64_t ts, struct err *err)
{
	struct census *c = ctx;
	struct procscan_options po;
	int code = 0;

	if (c->has_targets && pid && tasks_mark(c->o.tasks, pid, ts)) {
		po = scan_options(c);
		c->is_scanning = true;
		code = procscan_process(&po, pid, err);
		c->is_scanning = false;
		if (code >= 0)
			code = procscan_write_process(c->o.tasks, c->o.writer, pid, ts, &c->o.options->cmdline, err);
	}
	if (c->o.unwinder)
		unwinder_meet(c->o.unwinder, pid);
	return code < 0 ? code : 0;
}
