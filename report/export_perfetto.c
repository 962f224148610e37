// SPDX-License-Identifier: BSD-2-Clause
#include "report/export_perfetto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/escape.h"
#include "report/export_events.h"

enum {
	CLOCKS_CLOCK = 1, CLOCK_ID = 1, CLOCK_TIME = 2, CLOCK_REAL = 1, CLOCK_BOOT = 6,
	SYSTEM_UTSNAME = 1, UTSNAME_SYSNAME = 1, UTSNAME_RELEASE = 3,
	TREE_PROCESS = 1, TREE_THREAD = 2,
	PROCESS_PID = 1, PROCESS_PPID = 2, PROCESS_CMDLINE = 3, PROCESS_UID = 5,
	THREAD_TID = 1, THREAD_NAME = 2, THREAD_TGID = 3,
	INTERNED_FUNCTION = 5, INTERNED_FRAME = 6, INTERNED_CALLSTACK = 7, INTERNED_BUILD_ID = 16,
	INTERNED_PATH = 17,
	INTERNED_MAPPING = 19,
	STRING_IID = 1, STRING_TEXT = 2,
	FRAME_IID = 1, FRAME_FUNCTION = 2, FRAME_MAPPING = 3, FRAME_REL_PC = 4,
	CALLSTACK_IID = 1, CALLSTACK_FRAME = 2,
	MAPPING_IID = 1, MAPPING_BUILD_ID = 2, MAPPING_PATH = 7,
	SAMPLE_CPU = 1, SAMPLE_PID = 2, SAMPLE_TID = 3, SAMPLE_CALLSTACK = 4, SAMPLE_MODE = 5,
	SAMPLE_LOST = 17,
	MODE_KERNEL = 1, MODE_USER = 2,
};

/* Interning key of what belongs to no image or function; ids of rows follow it. */
#define IID_NONE 1
#define IID(row) ((uint64_t)(row) + 1)

void perfetto_begin(struct perfetto *o, int64_t ts)
{
	int64_t at = o->in->t0_mono_ns + ts;

	protobuf_reset(&o->p);
	o->mark = protobuf_begin(&o->p, TRACE_PACKET);
	protobuf_uint(&o->p, PACKET_TIME, at > 0 ? (uint64_t)at : 0);
	protobuf_uint(&o->p, PACKET_SEQUENCE, 1);
	protobuf_uint(&o->p, PACKET_SEQUENCE_FLAGS,
		      o->is_first ? SEQUENCE_CLEARED | SEQUENCE_NEEDS_STATE : SEQUENCE_NEEDS_STATE);
	o->is_first = false;
}

void perfetto_end(struct perfetto *o)
{
	protobuf_end(&o->p, o->mark);
	if (!o->p.failed)
		fwrite(o->p.data, 1, o->p.len, o->f);
}

void perfetto_text(struct perfetto *o, uint32_t field, const char *s)
{
	char *shown = escape_text_dup(s ?: "", strlen(s ?: ""));

	if (shown)
		protobuf_string(&o->p, field, shown);
	else
		o->p.failed = true;
	free(shown);
}

uint32_t perfetto_tid(const struct perfetto *o, uint32_t utid)
{
	return utid ? o->in->tasks->threads.row[utid].tid : 0;
}

uint32_t perfetto_pid(const struct perfetto *o, uint32_t utid)
{
	return utid ? o->in->tasks->threads.row[utid].pid : 0;
}

/*
 * ---- what the trace is about
 * ------------------------------------------------------------------------------
 */

static void put_clock(struct perfetto *o, uint64_t id, int64_t ns)
{
	size_t mark = protobuf_begin(&o->p, CLOCKS_CLOCK);

	protobuf_uint(&o->p, CLOCK_ID, id);
	protobuf_uint(&o->p, CLOCK_TIME, ns > 0 ? (uint64_t)ns : 0);
	protobuf_end(&o->p, mark);
}

static void put_clocks(struct perfetto *o)
{
	size_t mark;

	perfetto_begin(o, 0);
	mark = protobuf_begin(&o->p, PACKET_CLOCKS);
	put_clock(o, CLOCK_BOOT, o->in->t0_mono_ns);
	put_clock(o, CLOCK_REAL, o->in->t0_unix_ns);
	protobuf_end(&o->p, mark);
	perfetto_end(o);
}

/* The kernel's release tells readers what the numbers in prev_state mean. */
static void put_system(struct perfetto *o)
{
	_cleanup_free_ char *release = db_meta(o->in->db, "kernel");
	size_t mark, name;

	perfetto_begin(o, 0);
	mark = protobuf_begin(&o->p, PACKET_SYSTEM_INFO);
	name = protobuf_begin(&o->p, SYSTEM_UTSNAME);
	protobuf_string(&o->p, UTSNAME_SYSNAME, "Linux");
	perfetto_text(o, UTSNAME_RELEASE, release ?: "6.1.0");
	protobuf_end(&o->p, name);
	protobuf_end(&o->p, mark);
	perfetto_end(o);
}

static void put_process_tree(struct perfetto *o)
{
	const struct tasks *t = o->in->tasks;
	size_t mark, item;

	perfetto_begin(o, 0);
	mark = protobuf_begin(&o->p, PACKET_PROCESS_TREE);
	for (uint32_t i = 1; i <= t->processes.cnt; i++) {
		const struct process *p = &t->processes.row[i];

		item = protobuf_begin(&o->p, TREE_PROCESS);
		protobuf_uint(&o->p, PROCESS_PID, p->pid);
		protobuf_uint(&o->p, PROCESS_PPID, p->ppid);
		perfetto_text(o, PROCESS_CMDLINE, p->comm ?: "");
		if (p->uid != UINT32_MAX)
			protobuf_uint(&o->p, PROCESS_UID, p->uid);
		protobuf_end(&o->p, item);
	}
	for (uint32_t i = 1; i <= t->threads.cnt; i++) {
		item = protobuf_begin(&o->p, TREE_THREAD);
		protobuf_uint(&o->p, THREAD_TID, t->threads.row[i].tid);
		protobuf_uint(&o->p, THREAD_TGID, t->threads.row[i].pid);
		perfetto_text(o, THREAD_NAME, export_thread_name(t, i));
		protobuf_end(&o->p, item);
	}
	protobuf_end(&o->p, mark);
	perfetto_end(o);
}

/*
 * ---- samples
 * ----------------------------------------------------------------------------------------------
 */

static void intern_string(struct perfetto *o, uint32_t field, uint64_t iid, const char *text)
{
	size_t mark = protobuf_begin(&o->p, field);

	protobuf_uint(&o->p, STRING_IID, iid);
	perfetto_text(o, STRING_TEXT, text);
	protobuf_end(&o->p, mark);
}

/*
 * A mapping needs a build-id entry even where there is none: without, readers drop every stack that
 * uses it.
 */
static void intern_image(struct perfetto *o, uint32_t image)
{
	const struct stacks *s = o->in->stacks;
	const struct stack_image *i = image ? &s->images.row[image] : NULL;
	size_t mark;

	if (o->image_iid[image])
		return;
	o->image_iid[image] = 1;
	intern_string(o, INTERNED_BUILD_ID, IID(image), i ? i->build_id : "");
	intern_string(o, INTERNED_PATH, IID(image), i ? i->path : "[unknown]");
	mark = protobuf_begin(&o->p, INTERNED_MAPPING);
	protobuf_uint(&o->p, MAPPING_IID, IID(image));
	protobuf_uint(&o->p, MAPPING_BUILD_ID, IID(image));
	protobuf_uint(&o->p, MAPPING_PATH, IID(image));
	protobuf_end(&o->p, mark);
}

static void intern_frame(struct perfetto *o, uint32_t id)
{
	const struct stacks *s = o->in->stacks;
	const struct stack_frame *f = &s->frames.row[id];
	size_t mark;

	if (o->frame_iid[id])
		return;
	o->frame_iid[id] = 1;
	intern_image(o, f->image);
	if (!o->function_iid[f->function]) {
		o->function_iid[f->function] = 1;
		intern_string(o, INTERNED_FUNCTION, IID(f->function),
			      s->functions.row[f->function].name);
	}
	mark = protobuf_begin(&o->p, INTERNED_FRAME);
	protobuf_uint(&o->p, FRAME_IID, IID(id));
	protobuf_uint(&o->p, FRAME_FUNCTION, IID(f->function));
	protobuf_uint(&o->p, FRAME_MAPPING, IID(f->image));
	protobuf_uint(&o->p, FRAME_REL_PC, f->rel_addr == UNKNOWN_U64 ? 0 : f->rel_addr);
	protobuf_end(&o->p, mark);
}

static void intern_stack(struct perfetto *o, uint32_t stack)
{
	const struct stacks *s = o->in->stacks;
	uint32_t nodes[EXPORT_DEPTH_MAX];
	uint32_t cnt = export_stack_nodes(s, stack, nodes, EXPORT_DEPTH_MAX);
	size_t interned, mark;

	if (o->stack_iid[stack])
		return;
	o->stack_iid[stack] = 1;
	interned = protobuf_begin(&o->p, PACKET_INTERNED);
	for (uint32_t i = 0; i < cnt; i++)
		intern_frame(o, s->nodes.row[nodes[i]].frame);
	mark = protobuf_begin(&o->p, INTERNED_CALLSTACK);
	protobuf_uint(&o->p, CALLSTACK_IID, IID(stack));
	while (cnt--) /* outermost first */
		protobuf_uint(&o->p, CALLSTACK_FRAME, IID(s->nodes.row[nodes[cnt]].frame));
	protobuf_end(&o->p, mark);
	protobuf_end(&o->p, interned);
}

static bool is_kernel_leaf(const struct perfetto *o, uint32_t stack)
{
	const struct stacks *s = o->in->stacks;

	return stack && stacks_frame_mark(s, &s->frames.row[s->nodes.row[stack].frame]) == 'k';
}

static void put_sample(struct perfetto *o, const struct export_event *ev)
{
	size_t mark;

	perfetto_begin(o, ev->ts);
	if (ev->stack)
		intern_stack(o, ev->stack);
	mark = protobuf_begin(&o->p, PACKET_PERF_SAMPLE);
	protobuf_uint(&o->p, SAMPLE_CPU, ev->cpu);
	protobuf_uint(&o->p, SAMPLE_PID, perfetto_pid(o, ev->utid));
	protobuf_uint(&o->p, SAMPLE_TID, perfetto_tid(o, ev->utid));
	if (ev->stack)
		protobuf_uint(&o->p, SAMPLE_CALLSTACK, IID(ev->stack));
	protobuf_uint(&o->p, SAMPLE_MODE, is_kernel_leaf(o, ev->stack) ? MODE_KERNEL : MODE_USER);
	protobuf_end(&o->p, mark);
	perfetto_end(o);
}

static int put_samples(struct perfetto *o, struct err *err)
{
	struct export_events events;
	struct export_event ev;
	int rc = export_events_open(&events, o->in->db, FILTER_ON_CPU, o->in->filter, o->in->tasks,
				    o->in->stacks, err);

	if (rc)
		return rc;
	while ((rc = export_events_next(&events, &ev, err)) > 0)
		put_sample(o, &ev);
	export_events_close(&events);
	return rc;
}

/* Lost samples, which readers then count in their own statistics of data loss. */
static int put_losses(struct perfetto *o, struct err *err)
{
	_cleanup_stmt_ struct db_stmt *st = NULL;
	int rc = db_query(
		o->in->db,
		"SELECT ts,coalesce(cpu,0),lost FROM loss WHERE stream='sample' AND lost>0 AND reason<>:without_stack ORDER BY ts,id",
		&st, err);

	if (!rc)
		db_bind_text(st, ":without_stack", loss_reason_name(LOSS_STACK_ERROR));
	while (!rc && (rc = db_step(st, err)) > 0) {
		size_t mark;

		perfetto_begin(o, db_column_int(st, 0));
		mark = protobuf_begin(&o->p, PACKET_PERF_SAMPLE);
		protobuf_uint(&o->p, SAMPLE_CPU, (uint64_t)db_column_int(st, 1));
		protobuf_uint(&o->p, SAMPLE_LOST, (uint64_t)db_column_int(st, 2));
		protobuf_end(&o->p, mark);
		perfetto_end(o);
		rc = 0;
	}
	return rc;
}

static int put_trace(struct perfetto *o, struct err *err)
{
	int rc;

	put_clocks(o);
	put_system(o);
	put_process_tree(o);
	rc = perfetto_put_sched(o, err);
	rc = rc ?: put_samples(o, err);
	rc = rc ?: put_losses(o, err);
	rc = rc ?: perfetto_put_waits(o, err);
	rc = rc ?: perfetto_put_ooms(o, err);
	return rc ?: perfetto_put_counters(o, err);
}

int export_perfetto(const struct export_input *in, FILE *f, struct err *err)
{
	const struct stacks *s = in->stacks;
	struct perfetto o = {
		.in = in,
		.f = f,
		.is_first = true,
		.frame_iid = calloc(s->frames.cnt + 1ul, sizeof(*o.frame_iid)),
		.function_iid = calloc(s->functions.cnt + 1ul, sizeof(*o.function_iid)),
		.image_iid = calloc(s->images.cnt + 1ul, sizeof(*o.image_iid)),
		.stack_iid = calloc(s->nodes.cnt + 1ul, sizeof(*o.stack_iid)),
		.stack_text_iid = calloc(s->nodes.cnt + 1ul, sizeof(*o.stack_text_iid)),
		.has_track = calloc(in->tasks->threads.cnt + 1ul, sizeof(*o.has_track)),
	};
	int rc = -ENOMEM;

	if (o.frame_iid && o.function_iid && o.image_iid && o.stack_iid && o.stack_text_iid &&
	    o.has_track)
		rc = put_trace(&o, err);
	if (!rc && o.p.failed)
		rc = -ENOMEM;
	protobuf_deinit(&o.p);
	free(o.frame_iid);
	free(o.function_iid);
	free(o.image_iid);
	free(o.stack_iid);
	free(o.stack_text_iid);
	free(o.has_track);
	if (rc == -ENOMEM)
		return err_code(err, rc, "write the trace");
	return rc;
}
