// SPDX-License-Identifier: BSD-2-Clause
#include "report/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/cleanup.h"
#include "formats/recording.h"
#include "formats/seqset.h"
#include "report/import_facts.h"
#include "report/import_maps.h"
#include "report/import_names.h"
#include "report/import_ooms.h"
#include "report/import_rows.h"
#include "report/import_sched.h"
#include "report/import_stacks.h"
#include "report/import_tasks.h"
#include "report/interrupt.h"
#include "report/progress.h"

#define LOOK_UP 16384 /* events between two looks at whether to give up, and how far it is */

struct import {
	struct import_options o;
	struct symbolizer *symbolizer;
	struct tasks tasks;
	struct stacks stacks; /* the result */
	struct import_tasks in_tasks;
	struct import_stacks in_stacks;
	struct import_maps maps;
	struct import_facts facts;
	struct import_ooms ooms;
	struct import_rows rows;	 /* only with a database */
	struct import_sched sched;	 /* the same */
	struct recording_reader *reader; /* of the input being read */
	struct seqset chunks; /* of the recording, that were met */
	uint64_t chunk;	      /* the number of the present one */
	bool has_chunk, takes_chunk;
	struct import_damage damage;
	uint64_t events; /* read */
	bool is_open;	 /* a recording has begun and not ended */
};

int import_create(const struct import_options *o, struct import **ret, struct err *err)
{
	struct import *im = calloc(1, sizeof(*im));
	int rc;

	if (!im)
		return err_set(err, -ENOMEM, "import: out of memory");
	im->o = *o;
	im->damage.has_end = true;
	rc = symbolizer_create(&o->symbols, &im->symbolizer, err);
	rc = rc ?: import_tasks_init(&im->in_tasks, &im->tasks, o->db, err);
	rc = rc ?: import_facts_init(&im->facts, o->db, err);
	if (o->db && !rc) {
		rc = import_rows_init(&im->rows, o->db, err);
		rc = rc ?: import_sched_init(&im->sched, o->db, err);
	}
	if (rc) {
		import_destroy(im);
		return rc;
	}
	*ret = im;
	return 0;
}

static int oom(struct err *err)
{
	return err_set(err, -ENOMEM, "import: out of memory");
}

/* ---- events ------------------------------------------------------------- */

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
	return *ret ? 0 : oom(err);
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
		return oom(err);
	if (!m.module || m.end <= m.start)
		return 0;
	m.is_absolute = im->in_stacks.modules.row[m.module].kind == MODULE_JIT;
	return import_maps_add(&im->maps, &m) ? oom(err) : 0;
}

static int on_symbol(struct import *im, const struct event *ev, struct err *err)
{
	uint32_t module = import_stacks_module(&im->in_stacks, im->reader, ev->symbol.module);
	int rc;

	if (module == UINT32_MAX)
		return oom(err);
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
		return oom(err);
	rc = rc ?: stack_of(im, &ev->stack, o.trigger_utid ?: utid, ts, &o.stack, err);
	if (ev->oom.snapshot_ts)
		o.snapshot_ts = import_ts(import_facts_clock(&im->facts), ev->oom.snapshot_ts);
	if (!rc && import_ooms_add(&im->ooms, &o))
		rc = oom(err);
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
			return oom(err);
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
		return oom(err);
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

static int on_event(struct import *im, const struct event *ev, struct err *err)
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
		return import_ooms_add_task(&im->ooms, ev, im->facts.recording) ? oom(err) : 0;
	default:
		return import_facts_event(&im->facts, ev, ts, err);
	}
}

/* ---- inputs ------------------------------------------------------------- */

static int end_recording(struct import *im, struct err *err)
{
	int rc;

	if (!im->is_open)
		return 0;
	im->is_open = false;
	rc = import_tasks_end(&im->in_tasks, import_facts_clock(&im->facts), err);
	if (!rc && im->o.db) {
		rc = import_sched_end(
			&im->sched, im->facts.recordings.row[im->facts.recording].has_target, err);
		rc = rc ?: import_facts_write_totals(&im->facts, im->o.db, err);
	}
	if (!im->facts.recordings.row[im->facts.recording].ended)
		im->damage.has_end = false;
	return rc;
}

/* Files of one run are its segments; they share tasks and time. */
static int begin_input(struct import *im, struct err *err)
{
	const struct recording_summary *sum = recording_reader_summary(im->reader);
	bool is_new = !im->is_open || memcmp(im->facts.recordings.row[im->facts.recording].uuid,
					     sum->uuid, sizeof(sum->uuid));
	int rc = 0;

	import_stacks_begin(&im->in_stacks);
	im->has_chunk = false;
	if (is_new) {
		rc = end_recording(im, err);
		rc = rc ?: import_facts_begin(&im->facts, sum, true, err);
		if (!rc) {
			import_tasks_begin(&im->in_tasks, im->facts.recording);
			import_sched_begin(&im->sched);
			seqset_deinit(&im->chunks);
			im->is_open = true;
		}
	}
	return rc;
}

static void count_damage(struct import *im, const struct recording_summary *sum)
{
	im->damage.chunks += sum->chunks;
	im->damage.stretches += sum->damage_cnt;
	for (size_t i = 0; i < sum->damage_cnt; i++) {
		im->damage.bytes += sum->damage[i].bytes;
		im->damage.missing_chunks += sum->damage[i].chunks;
	}
}

/* 0: there is no telling, as of a pipe. */
static uint64_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

/*
 * A chunk that an input before had is passed over: the same recording given twice, or two snapshots
 * of one run that overlap. (The reader does so within one input.) 1: the event is to be taken, 0: it
 * was.
 */
static int is_new_event(struct import *im)
{
	uint64_t chunk = recording_reader_chunk(im->reader)->seq;
	int rc;

	if (!im->has_chunk || chunk != im->chunk) {
		rc = seqset_add(&im->chunks, chunk);
		if (rc < 0)
			return rc;
		im->damage.known_chunks += !rc;
		im->has_chunk = true;
		im->takes_chunk = rc;
		im->chunk = chunk;
	}
	return im->takes_chunk;
}

static int take_event(struct import *im, const struct event *ev, struct err *err)
{
	int rc = is_new_event(im);

	if (rc <= 0)
		return rc ? oom(err) : 0;
	return on_event(im, ev, err);
}

/* Now and then: is it still wanted, and how far is it? */
static int look_up(struct import *im, uint64_t size, struct err *err)
{
	if (interrupt_is_pending())
		return err_set(err, -EINTR, "interrupted");
	progress_set(im->o.symbols.progress, recording_reader_summary(im->reader)->bytes, size);
	return 0;
}

int import_read(struct import *im, const char *path, struct err *err)
{
	uint64_t size = file_size(path);
	struct event ev;
	int rc = recording_reader_open(path, &im->reader, err);

	if (rc)
		return rc;
	rc = begin_input(im, err);
	while (!rc && (rc = recording_reader_next(im->reader, &ev, err)) == 1) {
		rc = take_event(im, &ev, err);
		if (++im->events % LOOK_UP == 0 && !rc)
			rc = look_up(im, size, err);
	}
	if (!rc && interrupt_is_pending())
		rc = err_set(err, -EINTR, "interrupted");
	if (!rc) {
		rc = import_facts_end_file(&im->facts, recording_reader_summary(im->reader), err);
		count_damage(im, recording_reader_summary(im->reader));
	} else {
		err_prefix(err, "'%s'", path);
	}
	recording_reader_close(take_ptr(im->reader));
	return rc;
}

static int set_exec_parents(struct db *db, struct err *err)
{
	return db_exec(
		db,
		"UPDATE exec_event SET parent_upid=(SELECT parent_upid FROM process WHERE process.upid=exec_event.upid)",
		err);
}

static int write_sums(struct import *im, struct err *err)
{
	struct db *db = im->o.db;
	int rc = import_sums_write(&im->rows.sums, &im->stacks, db, err);

	rc = rc ?: import_sched_write(&im->sched, db, err);
	/* as the view runq_latency: the switches know every wait for a CPU, the recorded waits some
	 */
	return rc ?: import_runq_write(im->rows.has_slices ? &im->sched.runq : &im->rows.runq, err);
}

static int write_rest(struct import *im, struct err *err)
{
	struct db *db = im->o.db;
	int rc = stacks_write(&im->stacks, db, err);

	rc = rc ?: tasks_write(&im->tasks, db, err);
	rc = rc ?: import_rows_finish(&im->rows, err);
	rc = rc ?: import_sched_finish(&im->sched, err);
	rc = rc ?: write_sums(im, err);
	rc = rc ?: import_facts_write(&im->facts, db, err);
	rc = rc ?: import_ooms_write(&im->ooms, &im->tasks, db, err);
	if (!rc && im->sched.has_bystanders)
		rc = import_sched_drop_bystanders(db, err);
	im->damage.duplicates = im->rows.duplicates + im->sched.duplicates;
	if (!rc && im->damage.duplicates)
		rc = import_facts_loss(&im->facts, 0, -1, "recording", im->damage.duplicates,
				       "duplicate: the same thread, time and CPU twice", 0, err);
	rc = rc ?: import_tasks_deinit(&im->in_tasks, err);
	rc = rc ?: set_exec_parents(db, err);
	return rc;
}

/* Filters pick threads by their host. */
static int name_hosts(struct import *im)
{
	for (uint32_t i = 1; i <= im->facts.recordings.cnt; i++) {
		uint32_t id = table_add(&im->tasks.hosts);

		if (!id)
			return -ENOMEM;
		im->tasks.hosts.row[id] =
			strpool_add(&im->tasks.strings, im->facts.recordings.row[i].host);
		if (!im->tasks.hosts.row[id])
			return -ENOMEM;
	}
	return 0;
}

int import_finish(struct import *im, struct err *err)
{
	int rc = end_recording(im, err);

	if (!rc && name_hosts(im))
		rc = err_set(err, -ENOMEM, "import: out of memory");
	if (rc)
		return rc;
	import_maps_sort(&im->maps, &im->tasks);
	rc = import_names_resolve(&im->in_stacks, &im->maps, &im->tasks, im->symbolizer,
				  &im->stacks, err);
	if (!rc && im->o.db)
		rc = write_rest(im, err);
	/* the losses' last row is in only when this inserter is closed */
	return rc ?: im->o.db ? import_facts_close(&im->facts, err) : 0;
}

struct stacks *import_result_stacks(struct import *im)
{
	return &im->stacks;
}

struct tasks *import_result_tasks(struct import *im)
{
	return &im->tasks;
}

void import_damage(const struct import *im, struct import_damage *ret)
{
	*ret = im->damage;
}

int64_t import_duration_ns(const struct import *im)
{
	int64_t end = 0;

	for (uint32_t i = 1; i <= im->facts.recordings.cnt; i++) {
		const struct import_recording *r = &im->facts.recordings.row[i];

		if (r->clock.start_ts + r->duration_ns > end)
			end = r->clock.start_ts + r->duration_ns;
	}
	return end;
}

void import_destroy(struct import *im)
{
	if (!im)
		return;
	/* errors do not matter any more: what was to be kept has been written by import_finish() */
	recording_reader_close(im->reader);
	seqset_deinit(&im->chunks);
	import_rows_deinit(&im->rows);
	import_sched_deinit(&im->sched);
	(void)import_tasks_deinit(&im->in_tasks, NULL);
	import_facts_deinit(&im->facts);
	import_ooms_deinit(&im->ooms);
	import_stacks_deinit(&im->in_stacks);
	import_maps_deinit(&im->maps);
	stacks_deinit(&im->stacks);
	tasks_deinit(&im->tasks);
	symbolizer_destroy(im->symbolizer);
	free(im);
}
