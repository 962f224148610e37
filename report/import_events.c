// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_events.h"

static int stack_of(struct import *im, const struct event_stack *st, uint32_t utid, int64_t ts,
		    uint32_t *ret, struct err *err)
{
	int rc = import_stacks_node(&im->in_stacks, im->reader, st, utid, ts, ret);

	return rc ? err_code(err, rc, "import: stack %u", st->id) : 0;
}

/* 0: nobody is known. */
static int waker_of(struct import *im, const struct task_ref *ref, int64_t ts, uint32_t *ret,
		    struct err *err)
{
	*ret = 0;
	if (!ref->tid && !ref->pid && !ref->comm[0])
		return 0;
	*ret = import_tasks_utid(&im->in_tasks, ref, ts);
	return *ret ? 0 : import_no_memory(err);
}

static int on_sample(struct import *im, const struct event *ev, int64_t ts, uint32_t utid,
		     struct err *err)
{
	struct import_sample s = {
		.ts = ts, .cpu = ev->cpu, .utid = utid, .weight_ns = ev->sample.weight_ns
	};
	const struct import_sink *sink = im->o.sink;
	int rc = stack_of(im, &ev->stack, utid, ts, &s.stack, err);

	if (s.weight_ns > IMPORT_NS_MAX)
		s.weight_ns = IMPORT_NS_MAX;
	if (!rc && im->o.db)
		rc = import_rows_sample(&im->rows, &s, err);
	if (!rc && sink && sink->sample)
		rc = sink->sample(sink->ctx, &s, err);
	return rc;
}

/* What a file claims is not always possible: a letter for the state, and a part no longer than the
 * whole. */
static void sane_offcpu(struct import_offcpu *o)
{
	if (o->state <= 0x20 || o->state >= 0x7f)
		o->state = '?';
	if (o->dur_ns > IMPORT_NS_MAX)
		o->dur_ns = IMPORT_NS_MAX;
	if (o->runq_ns != UNKNOWN_U64 && o->runq_ns > o->dur_ns)
		o->runq_ns = o->dur_ns;
}

static int on_offcpu(struct import *im, const struct event *ev, int64_t ts, uint32_t utid,
		     struct err *err)
{
	struct import_offcpu o = {
		.ts = ts,
		.dur_ns = ev->offcpu.dur_ns,
		.runq_ns = ev->offcpu.runq_ns,
		.utid = utid,
		.cpu_out = ev->cpu,
		.cpu_in = ev->offcpu.cpu_in,
		.state = (char)ev->offcpu.state,
		.iowait = ev->offcpu.iowait,
		.waker_irq = ev->offcpu.waker_flags & WAKER_IRQ,
	};
	const struct import_sink *sink = im->o.sink;
	uint32_t waker;
	int rc;

	sane_offcpu(&o);
	rc = waker_of(im, &ev->other, ts, &waker, err);
	rc = rc ?: stack_of(im, &ev->stack, utid, ts, &o.stack, err);
	/* addresses in the waker's stack are the waker's; an interrupt's are the kernel's */
	rc = rc ?: stack_of(im, &ev->offcpu.waker_stack, waker ?: utid, ts, &o.waker_stack, err);
	o.waker_utid = o.waker_irq ? 0 : waker;
	if (!rc && im->o.db)
		rc = import_rows_offcpu(&im->rows, &o, err);
	if (!rc && sink && sink->offcpu)
		rc = sink->offcpu(sink->ctx, &o, err);
	return rc;
}

static int on_mapping(struct import *im, const struct event *ev, int64_t ts, uint32_t utid,
		      struct err *err)
{
	struct import_mapping m = {
		.start = ev->mapping.start,
		.end = ev->mapping.end,
		.pgoff = ev->mapping.pgoff,
		.ts = ev->ts ? ts : INT64_MIN,
		.utid = utid,
		.module = import_stacks_module(&im->in_stacks, im->reader, ev->mapping.module),
	};

	if (m.module == UINT32_MAX)
		return import_no_memory(err);
	if (!m.module || m.end <= m.start)
		return 0;
	m.is_absolute = im->in_stacks.modules.row[m.module].kind == MODULE_JIT;
	return import_maps_add(&im->maps, &m) ? import_no_memory(err) : 0;
}

static int on_symbol(struct import *im, const struct event *ev, struct err *err)
{
	uint32_t module = import_stacks_module(&im->in_stacks, im->reader, ev->symbol.module);
	int rc;

	if (module == UINT32_MAX)
		return import_no_memory(err);
	if (!module)
		return 0;
	rc = symbolizer_add_symbol(im->symbolizer, module, ev->symbol.off, ev->symbol.size,
				   ev->symbol.source, ev->symbol.name);
	return rc ? err_code(err, rc, "import: symbol") : 0;
}

static int on_oom(struct import *im, const struct event *ev, int64_t ts, uint32_t utid,
		  struct err *err)
{
	struct import_oom o = {
		.ev = *ev,
		.ts = ts,
		.snapshot_ts = TS_UNKNOWN,
		.utid = utid,
		.cgroup = import_tasks_cgroup(&im->in_tasks, ev->oom.cgroup_id),
		.recording = im->facts.recording,
	};
	const struct import_sink *sink = im->o.sink;
	int rc = waker_of(im, &ev->other, ts, &o.trigger_utid, err);

	if (ev->oom.cgroup_id && !o.cgroup)
		return import_no_memory(err);
	rc = rc ?: stack_of(im, &ev->stack, o.trigger_utid ?: utid, ts, &o.stack, err);
	if (ev->oom.snapshot_ts)
		o.snapshot_ts = import_ts(import_facts_clock(&im->facts), ev->oom.snapshot_ts);
	if (!rc && import_ooms_add(&im->ooms, &o))
		rc = import_no_memory(err);
	if (!rc && sink && sink->oom)
		rc = sink->oom(sink->ctx, ts, o.trigger_utid, ev->cpu, o.stack, err);
	return rc;
}

/* Threads are met in the same order with and without a database, so that both call them by the same
 * names. */
static int on_sched(struct import *im, const struct event *ev, int64_t ts, uint32_t utid,
		    struct err *err)
{
	uint32_t other = 0;
	int rc;

	switch (ev->kind) {
	case EVENT_SWITCH:
		other = import_tasks_utid(&im->in_tasks, &ev->other, ts);
		if (!other)
			return import_no_memory(err);
		if (!im->o.db)
			return 0;
		rc = import_sched_switch(&im->sched, ev, ts, utid, other, err);
		if (!rc && im->sched.has_slices)
			rc = import_rows_have_slices(&im->rows, err);
		return rc;
	case EVENT_WAKEUP:
		rc = waker_of(im, &ev->other, ts, &other, err);
		return rc || !im->o.db ? rc :
					 import_sched_wakeup(&im->sched, ev, ts, utid, other, err);
	case EVENT_MIGRATE:
		return im->o.db ? import_sched_migrate(&im->sched, ev, ts, utid, err) : 0;
	case EVENT_ACCOUNT:
		if (!im->o.db)
			return 0;
		return import_sched_account(
			&im->sched, ev, ts,
			import_ts(import_facts_clock(&im->facts), ev->account.first_ts), utid, err);
	default:
		return 0;
	}
}

static int on_thread_event(struct import *im, const struct event *ev, int64_t ts, struct err *err)
{
	uint32_t utid = import_tasks_utid(&im->in_tasks, &ev->task, ts);

	if (!utid)
		return import_no_memory(err);
	switch (ev->kind) {
	case EVENT_SAMPLE:
		return on_sample(im, ev, ts, utid, err);
	case EVENT_OFFCPU:
		return on_offcpu(im, ev, ts, utid, err);
	case EVENT_MAPPING:
		return on_mapping(im, ev, ts, utid, err);
	case EVENT_OOM:
		return on_oom(im, ev, ts, utid, err);
	default:
		return on_sched(im, ev, ts, utid, err);
	}
}

int import_event(struct import *im, const struct event *ev, struct err *err)
{
	int64_t ts = import_ts(import_facts_clock(&im->facts), ev->ts);

	im->facts.imported[ev->kind]++;
	switch (ev->kind) {
	case EVENT_SAMPLE:
	case EVENT_OFFCPU:
	case EVENT_MAPPING:
	case EVENT_OOM:
	case EVENT_SWITCH:
	case EVENT_WAKEUP:
	case EVENT_MIGRATE:
	case EVENT_ACCOUNT:
		return on_thread_event(im, ev, ts, err);
	case EVENT_TASK:
	case EVENT_FORK:
	case EVENT_EXEC:
	case EVENT_COMM:
	case EVENT_EXIT:
	case EVENT_CGROUP:
		return import_tasks_event(&im->in_tasks, ev, ts, err);
	case EVENT_SYMBOL:
		return on_symbol(im, ev, err);
	case EVENT_OOM_TASK:
		return import_ooms_add_task(&im->ooms, ev, im->facts.recording) ? import_no_memory(err) : 0;
	default:
		return import_facts_event(&im->facts, ev, ts, err);
	}
}
