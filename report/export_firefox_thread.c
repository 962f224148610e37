// SPDX-License-Identifier: BSD-2-Clause
#include "report/export_firefox.h"

#include <inttypes.h>
#include <stdio.h>

#include "formats/cleanup.h"

/* True when row was not numbered yet. */
static bool number_row(struct firefox *o, struct numbering *n, uint32_t row)
{
	uint32_t id;

	if (n->epoch[row] == o->epoch)
		return false;
	id = table_add(&n->rows);
	if (!id) {
		o->failed = true;
		return false;
	}
	n->rows.row[id] = row;
	n->number[row] = id - 1;
	n->epoch[row] = o->epoch;
	return true;
}

static uint64_t add_string(struct firefox *o, const char *s)
{
	uint32_t id = table_add(&o->strings);

	if (!id) {
		o->failed = true;
		return 0;
	}
	o->strings.row[id] = s ?: "";
	return id - 1;
}

/* ---- a thread's tables ---- */

static enum category category_of(const struct firefox *o, const struct stack_frame *f)
{
	char mark = stacks_frame_mark(o->in->stacks, f);

	return mark == 'k' ? CATEGORY_KERNEL : mark == 'j' ? CATEGORY_JIT : CATEGORY_USER;
}

/* Number a stack's nodes, outermost first, so that a prefix always stands before what is on it. */
static void number_stack(struct firefox *o, uint32_t stack)
{
	const struct stacks *s = o->in->stacks;
	uint32_t nodes[EXPORT_DEPTH_MAX];
	uint32_t cnt = export_stack_nodes(s, stack, nodes, EXPORT_DEPTH_MAX);

	while (cnt--) {
		uint32_t frame = s->nodes.row[nodes[cnt]].frame,
			 function = s->frames.row[frame].function;

		if (!number_row(o, &o->stacks, nodes[cnt]))
			continue;
		if (number_row(o, &o->frames, frame) && number_row(o, &o->functions, function))
			number_row(o, &o->images, s->functions.row[function].image);
	}
}

/* One array of a table: value of each row, or null. */
#define PUT_COLUMN(o, name, numbering, row_, has, put)                                             \
	do {                                                                                       \
		json_key(&(o)->j, name);                                                           \
		json_array(&(o)->j);                                                               \
		for (uint32_t _i = 1; _i <= (numbering).rows.cnt; _i++) {                          \
			uint32_t row_ = (numbering).rows.row[_i];                                  \
			if (has)                                                                   \
				put;                                                               \
			else                                                                       \
				json_null(&(o)->j);                                                \
		}                                                                                  \
		json_end(&(o)->j);                                                                 \
	} while (0)

/* One array of a table that holds the same in each row; v < 0: null. */
static void put_constant(struct firefox *o, const char *name, uint32_t cnt, int v)
{
	json_key(&o->j, name);
	json_array(&o->j);
	for (uint32_t i = 0; i < cnt; i++) {
		if (v < 0)
			json_null(&o->j);
		else
			json_u64(&o->j, (uint64_t)v);
	}
	json_end(&o->j);
}

static void put_no(struct firefox *o, const char *name, uint32_t cnt)
{
	json_key(&o->j, name);
	json_array(&o->j);
	for (uint32_t i = 0; i < cnt; i++)
		json_bool(&o->j, false);
	json_end(&o->j);
}

static void begin_table(struct firefox *o, const char *name, uint32_t length)
{
	json_key(&o->j, name);
	json_object(&o->j);
	firefox_put_number(o, "length", length);
}

/* The nearest numbered node below: a stack's prefix. UINT32_MAX: none. */
static uint32_t prefix_of(const struct firefox *o, uint32_t node)
{
	uint32_t parent = o->in->stacks->nodes.row[node].parent;

	return parent && parent <= o->in->stacks->nodes.cnt && o->stacks.epoch[parent] == o->epoch
		       ? o->stacks.number[parent]
		       : UINT32_MAX;
}

static void put_stack_table(struct firefox *o)
{
	const struct stacks *s = o->in->stacks;

	begin_table(o, "stackTable", o->stacks.rows.cnt);
	PUT_COLUMN(o, "frame", o->stacks, r, true,
		   json_u64(&o->j, o->frames.number[s->nodes.row[r].frame]));
	PUT_COLUMN(o, "prefix", o->stacks, r, prefix_of(o, r) != UINT32_MAX,
		   json_u64(&o->j, prefix_of(o, r)));
	PUT_COLUMN(o, "category", o->stacks, r, true,
		   json_u64(&o->j, category_of(o, &s->frames.row[s->nodes.row[r].frame])));
	put_constant(o, "subcategory", o->stacks.rows.cnt, 0);
	json_end(&o->j);
}

static void put_frame_table(struct firefox *o)
{
	const struct stacks *s = o->in->stacks;

	begin_table(o, "frameTable", o->frames.rows.cnt);
	PUT_COLUMN(o, "address", o->frames, r, true,
		   json_i64(&o->j, s->frames.row[r].rel_addr > INT64_MAX
					   ? -1
					   : (int64_t)s->frames.row[r].rel_addr));
	PUT_COLUMN(o, "inlineDepth", o->frames, r, true, json_u64(&o->j, s->frames.row[r].inlined));
	PUT_COLUMN(o, "category", o->frames, r, true,
		   json_u64(&o->j, category_of(o, &s->frames.row[r])));
	put_constant(o, "subcategory", o->frames.rows.cnt, 0);
	PUT_COLUMN(o, "func", o->frames, r, true,
		   json_u64(&o->j, o->functions.number[s->frames.row[r].function]));
	put_constant(o, "nativeSymbol", o->frames.rows.cnt, -1);
	put_constant(o, "innerWindowID", o->frames.rows.cnt, 0);
	put_constant(o, "implementation", o->frames.rows.cnt, -1);
	PUT_COLUMN(o, "line", o->frames, r, s->frames.row[r].line,
		   json_u64(&o->j, s->frames.row[r].line));
	put_constant(o, "column", o->frames.rows.cnt, -1);
	json_end(&o->j);
}

static void put_func_table(struct firefox *o)
{
	const struct stacks *s = o->in->stacks;

	begin_table(o, "funcTable", o->functions.rows.cnt);
	put_no(o, "isJS", o->functions.rows.cnt);
	put_no(o, "relevantForJS", o->functions.rows.cnt);
	PUT_COLUMN(o, "name", o->functions, r, true,
		   json_u64(&o->j, add_string(o, s->functions.row[r].name)));
	PUT_COLUMN(o, "resource", o->functions, r, true,
		   json_u64(&o->j, o->images.number[s->functions.row[r].image]));
	PUT_COLUMN(o, "fileName", o->functions, r, s->functions.row[r].file,
		   json_u64(&o->j, add_string(o, s->files.row[s->functions.row[r].file])));
	PUT_COLUMN(o, "lineNumber", o->functions, r, s->functions.row[r].line,
		   json_u64(&o->j, s->functions.row[r].line));
	put_constant(o, "columnNumber", o->functions.rows.cnt, -1);
	json_end(&o->j);
	begin_table(o, "resourceTable", o->images.rows.cnt);
	PUT_COLUMN(o, "lib", o->images, r, r, json_u64(&o->j, r - 1));
	PUT_COLUMN(o, "name", o->images, r, true,
		   json_u64(&o->j, add_string(o, r ? s->images.row[r].path : "[unknown]")));
	put_constant(o, "host", o->images.rows.cnt, -1);
	put_constant(o, "type", o->images.rows.cnt, 1);
	json_end(&o->j);
}

static void put_no_native_symbols(struct firefox *o)
{
	static const char *const columns[] = { "libIndex", "address", "name", "functionSize" };

	begin_table(o, "nativeSymbols", 0);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		json_key(&o->j, columns[i]);
		json_array(&o->j);
		json_end(&o->j);
	}
	json_end(&o->j);
}

/* ---- a thread's events: order[from..to) ---- */

/* One array over the thread's samples (waits false) or waits (true). */
#define FIREFOX_EVENT(o, i) (&(o)->events.row[(o)->order[i]])
#define PUT_EVENTS(o, name, from, to, waits, ev, put)                                              \
	do {                                                                                       \
		json_key(&(o)->j, name);                                                           \
		json_array(&(o)->j);                                                               \
		for (uint32_t _i = from; _i < (to); _i++) {                                        \
			const struct export_event *ev = FIREFOX_EVENT(o, _i);                      \
			if ((ev->state != 0) == (waits))                                           \
				put;                                                               \
		}                                                                                  \
		json_end(&(o)->j);                                                                 \
	} while (0)

static void put_samples(struct firefox *o, uint32_t from, uint32_t to, uint32_t cnt)
{
	begin_table(o, "samples", cnt);
	json_key(&o->j, "weightType");
	json_string(&o->j, "samples");
	json_key(&o->j, "weight");
	json_null(&o->j);
	PUT_EVENTS(o, "stack", from, to, false, ev,
		   ev->stack && o->stacks.epoch[ev->stack] == o->epoch
			   ? json_u64(&o->j, o->stacks.number[ev->stack])
			   : json_null(&o->j));
	PUT_EVENTS(o, "time", from, to, false, ev, firefox_put_ms(o, ev->ts));
	json_end(&o->j);
}

static const char *wait_name(char state)
{
	switch (state) {
	case 'S':
		return "Sleeping";
	case 'D':
		return "Uninterruptible";
	case 'R':
		return "Preempted";
	}
	return "Waiting";
}

static void put_wait(struct firefox *o, const struct export_event *ev)
{
	json_object(&o->j);
	json_key(&o->j, "type");
	json_string(&o->j, "Wait");
	json_key(&o->j, "function");
	firefox_put_shown(o, export_leaf_name(o->in->stacks, ev->stack));
	json_key(&o->j, "runnable");
	firefox_put_ms(o, (int64_t)ev->runq_ns);
	if (ev->stack && o->stacks.epoch[ev->stack] == o->epoch) {
		json_key(&o->j, "cause"); /* shown as the marker's stack */
		json_object(&o->j);
		firefox_put_number(o, "tid",
				   ev->utid ? o->in->tasks->threads.row[ev->utid].tid : 0);
		json_key(&o->j, "time");
		firefox_put_ms(o, ev->ts);
		firefox_put_number(o, "stack", o->stacks.number[ev->stack]);
		json_end(&o->j);
	}
	json_key(&o->j, "waker");
	firefox_put_shown(o, ev->waker_irq    ? "[interrupt]"
			     : ev->waker_utid ? export_thread_name(o->in->tasks, ev->waker_utid)
					      : "");
	json_end(&o->j);
}

static void put_markers(struct firefox *o, uint32_t from, uint32_t to, uint32_t cnt)
{
	begin_table(o, "markers", cnt);
	PUT_EVENTS(o, "data", from, to, true, ev, put_wait(o, ev));
	PUT_EVENTS(o, "name", from, to, true, ev,
		   json_u64(&o->j, add_string(o, wait_name(ev->state))));
	PUT_EVENTS(o, "startTime", from, to, true, ev, firefox_put_ms(o, ev->ts));
	PUT_EVENTS(o, "endTime", from, to, true, ev,
		   firefox_put_ms(o, ev->ts + (int64_t)ev->dur_ns));
	put_constant(o, "phase", cnt, 1); /* an interval */
	put_constant(o, "category", cnt, CATEGORY_WAIT);
	json_end(&o->j);
}

static void put_who(struct firefox *o, uint32_t utid)
{
	const struct tasks *t = o->in->tasks;
	const struct thread *thread = utid ? &t->threads.row[utid] : NULL;
	const struct process *process =
		thread && thread->upid <= t->processes.cnt ? &t->processes.row[thread->upid] : NULL;
	char pid[16];

	snprintf(pid, sizeof(pid), "%" PRIu32, thread ? thread->pid : 0);
	json_key(&o->j, "processType");
	json_string(&o->j, "default");
	json_key(&o->j, "processName");
	firefox_put_shown(o, process && process->comm ? process->comm : "");
	json_key(&o->j, "name");
	firefox_put_shown(o, export_thread_name(t, utid));
	firefox_put_flag(o, "isMainThread", thread && thread->pid == thread->tid);
	json_key(&o->j, "pid");
	json_string(&o->j, pid);
	firefox_put_number(o, "tid", thread ? thread->tid : 0);
	firefox_put_number(o, "processStartupTime", 0);
	json_key(&o->j, "processShutdownTime");
	json_null(&o->j);
	firefox_put_number(o, "registerTime", 0);
	json_key(&o->j, "unregisterTime");
	json_null(&o->j);
	json_key(&o->j, "pausedRanges");
	json_array(&o->j);
	json_end(&o->j);
}

void firefox_put_thread(struct firefox *o, uint32_t from, uint32_t to)
{
	uint32_t samples = 0;

	o->epoch++;
	o->strings.cnt = o->stacks.rows.cnt = o->frames.rows.cnt = o->functions.rows.cnt =
		o->images.rows.cnt = 0;
	for (uint32_t i = from; i < to; i++) {
		samples += !FIREFOX_EVENT(o, i)->state;
		if (FIREFOX_EVENT(o, i)->stack)
			number_stack(o, FIREFOX_EVENT(o, i)->stack);
	}
	json_object(&o->j);
	put_who(o, FIREFOX_EVENT(o, from)->utid);
	put_samples(o, from, to, samples);
	put_markers(o, from, to, to - from - samples);
	put_stack_table(o);
	put_frame_table(o);
	put_func_table(o);
	put_no_native_symbols(o);
	json_key(&o->j, "stringArray");
	json_array(&o->j);
	for (uint32_t i = 1; i <= o->strings.cnt; i++)
		firefox_put_shown(o, o->strings.row[i]);
	json_end(&o->j);
	json_end(&o->j);
}
