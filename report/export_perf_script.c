// SPDX-License-Identifier: BSD-2-Clause
#include "report/export.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "report/escape.h"
#include "report/export_events.h"

struct perf_script {
	const struct export_input *in;
	FILE *f;
	const char *event;
};

static void put_shown(FILE *f, const char *s)
{
	escape_text(f, s, strlen(s));
}

/* "comm pid/tid [cpu] seconds: period event:" */
static void put_header(const struct perf_script *o, const struct export_event *ev)
{
	const struct tasks *t = o->in->tasks;
	int64_t ts = o->in->t0_mono_ns + ev->ts;
	uint32_t pid = 0, tid = 0;

	if (ev->utid) {
		pid = t->threads.row[ev->utid].pid;
		tid = t->threads.row[ev->utid].tid;
	}
	if (ts < 0)
		ts = 0;
	put_shown(o->f, export_thread_name(t, ev->utid));
	fprintf(o->f,
		" %" PRIu32 "/%" PRIu32 " [%03" PRIu32 "] %5" PRId64 ".%09" PRId64 ": %10" PRIu64
		" %s:\n",
		pid, tid, ev->cpu, ts / 1000000000, ts % 1000000000, ev->dur_ns, o->event);
}

/*
 * The image as perf names it: what ends in "kernel.kallsyms]" or ".ko" its readers take for the
 * kernel.
 */
static void put_image(const struct perf_script *o, const struct stack_image *image)
{
	size_t len = strlen(image->path);

	if (!strcmp(image->kind, "kernel"))
		fputs("[kernel.kallsyms]", o->f);
	else if (!strcmp(image->kind, "module") && len > 2 && image->path[0] == '[') {
		escape_text(o->f, image->path + 1, len - 2);
		fputs(".ko", o->f);
	} else if (!strcmp(image->kind, "bpf")) {
		fputs("[kernel.bpf]", o->f);
	} else {
		put_shown(o->f, image->path);
	}
}

static void put_frame(const struct perf_script *o, uint32_t id)
{
	const struct stacks *s = o->in->stacks;
	const struct stack_frame *f = &s->frames.row[id];
	const struct stack_function *fn = &s->functions.row[f->function];

	fprintf(o->f, "\t%16" PRIx64 " ", f->rel_addr == UNKNOWN_U64 ? 0 : f->rel_addr);
	put_shown(o->f, fn->name);
	fputs(" (", o->f);
	if (f->inlined)
		fputs("inlined", o->f);
	else if (f->image)
		put_image(o, &s->images.row[f->image]);
	else
		fputs("[unknown]", o->f);
	fputs(")\n", o->f);
}

static void put_event(const struct perf_script *o, const struct export_event *ev)
{
	uint32_t nodes[EXPORT_DEPTH_MAX];
	uint32_t cnt = export_stack_nodes(o->in->stacks, ev->stack, nodes, EXPORT_DEPTH_MAX);

	put_header(o, ev);
	for (uint32_t i = 0; i < cnt; i++)
		put_frame(o, o->in->stacks->nodes.row[nodes[i]].frame);
	putc('\n', o->f);
}

/* The event as --event means it: of run-queue the runnable part, of wakeups what the waker did. */
static bool is_for(enum filter_event event, struct export_event *ev)
{
	switch (event) {
	case FILTER_RUN_QUEUE:
		ev->ts += (int64_t)(ev->dur_ns - ev->runq_ns);
		ev->dur_ns = ev->runq_ns;
		return ev->has_runq;
	case FILTER_WAKEUP:
		ev->dur_ns -= ev->runq_ns;
		ev->stack = ev->waker_stack;
		return ev->waker_utid || ev->waker_irq;
	default:
		return true;
	}
}

static const char *event_name(enum filter_event event)
{
	switch (event) {
	case FILTER_ON_CPU:
		return "cpu-clock";
	case FILTER_RUN_QUEUE:
		return "run-queue";
	case FILTER_WAKEUP:
		return "wakeup";
	case FILTER_OOM:
		return "oom";
	default:
		return "off-cpu";
	}
}

int export_perf_script(const struct export_input *in, FILE *f, struct err *err)
{
	struct perf_script o = { .in = in, .f = f, .event = event_name(in->filter->event) };
	struct export_events events;
	struct export_event ev;
	int rc = export_events_open(&events, in->db, in->filter->event, in->filter, in->tasks,
				    in->stacks, err);

	if (rc)
		return rc;
	while ((rc = export_events_next(&events, &ev, err)) > 0)
		if (is_for(in->filter->event, &ev))
			put_event(&o, &ev);
	export_events_close(&events);
	return rc;
}
