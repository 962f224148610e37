// SPDX-License-Identifier: BSD-2-Clause
/*
 * The Firefox Profiler's processed format. Version 47 is the one with tables per thread, which every later profiler still
 * upgrades. Each thread carries only what its own stacks use, numbered anew.
 */
#include "report/export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/escape.h"
#include "report/export_events.h"
#include "report/json.h"

enum category { CATEGORY_OTHER = 0, CATEGORY_USER = 1, CATEGORY_KERNEL = 2, CATEGORY_JIT = 3, CATEGORY_WAIT = 4 };

/* Numbers one thread gives to rows of ours: number[row], valid where epoch[row] is the thread's; and the rows in order. */
struct numbering {
	uint32_t *number, *epoch;
	TABLE(uint32_t) rows;
};

struct firefox {
	const struct export_input *in;
	struct json j;
	TABLE(struct export_event) events; /* samples and waits, by thread and time */
	uint32_t *order;
	struct numbering stacks, frames, functions, images;
	TABLE(const char *) strings; /* of the thread being written; borrowed */
	uint32_t epoch;
	bool failed;
};

static int numbering_init(struct numbering *n, uint32_t cnt)
{
	n->number = calloc(cnt + 1ul, sizeof(*n->number));
	n->epoch = calloc(cnt + 1ul, sizeof(*n->epoch));
	return n->number && n->epoch ? 0 : -ENOMEM;
}

static void numbering_deinit(struct numbering *n)
{
	free(n->number);
	free(n->epoch);
	table_deinit(&n->rows);
}

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

static void put_shown(struct firefox *o, const char *s)
{
	char *shown = escape_text_dup(s ?: "", strlen(s ?: ""));

	json_string(&o->j, shown ?: "");
	free(shown);
}

static void put_ms(struct firefox *o, int64_t ns)
{
	json_fixed(&o->j, ns > 0 ? (uint64_t)ns : 0, 6);
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

/* ---- head ------------------------------------------------------------------------------------------------- */

static void put_categories(struct firefox *o)
{
	static const struct {
		const char *name, *color;
	} categories[] = {
		[CATEGORY_OTHER] = { "Other", "grey" }, [CATEGORY_USER] = { "User", "yellow" },
		[CATEGORY_KERNEL] = { "Kernel", "orange" }, [CATEGORY_JIT] = { "JIT", "green" },
		[CATEGORY_WAIT] = { "Waiting", "blue" },
	};

	json_key(&o->j, "categories");
	json_array(&o->j);
	for (size_t i = 0; i < ARRAY_SIZE(categories); i++) {
		json_object(&o->j);
		json_key(&o->j, "name");
		json_string(&o->j, categories[i].name);
		json_key(&o->j, "color");
		json_string(&o->j, categories[i].color);
		json_key(&o->j, "subcategories");
		json_array(&o->j);
		json_string(&o->j, "Other");
		json_end(&o->j);
		json_end(&o->j);
	}
	json_end(&o->j);
}

static void put_schema_field(struct firefox *o, const char *key, const char *label, const char *format)
{
	json_object(&o->j);
	json_key(&o->j, "key");
	json_string(&o->j, key);
	json_key(&o->j, "label");
	json_string(&o->j, label);
	json_key(&o->j, "format");
	json_string(&o->j, format);
	json_key(&o->j, "searchable");
	json_bool(&o->j, true);
	json_end(&o->j);
}

/* How a wait shows: a marker with its state, where it waited and who ended it. */
static void put_marker_schema(struct firefox *o)
{
	json_key(&o->j, "markerSchema");
	json_array(&o->j);
	json_object(&o->j);
	json_key(&o->j, "name");
	json_string(&o->j, "Wait");
	json_key(&o->j, "tooltipLabel");
	json_string(&o->j, "{marker.name}: {marker.data.function}");
	json_key(&o->j, "tableLabel");
	json_string(&o->j, "{marker.data.function}");
	json_key(&o->j, "chartLabel");
	json_string(&o->j, "{marker.data.function}");
	json_key(&o->j, "display");
	json_array(&o->j);
	json_string(&o->j, "marker-chart");
	json_string(&o->j, "marker-table");
	json_end(&o->j);
	json_key(&o->j, "data");
	json_array(&o->j);
	put_schema_field(o, "function", "Waits in", "string");
	put_schema_field(o, "runnable", "Of it runnable", "duration");
	put_schema_field(o, "waker", "Woken by", "string");
	json_end(&o->j);
	json_end(&o->j);
	json_end(&o->j);
}

static void put_number(struct firefox *o, const char *key, uint64_t v)
{
	json_key(&o->j, key);
	json_u64(&o->j, v);
}

static void put_flag(struct firefox *o, const char *key, bool v)
{
	json_key(&o->j, key);
	json_bool(&o->j, v);
}

static void put_meta(struct firefox *o)
{
	json_key(&o->j, "meta");
	json_object(&o->j);
	put_number(o, "version", 27);
	put_number(o, "preprocessedProfileVersion", 47);
	json_key(&o->j, "interval");
	put_ms(o, o->in->sample_ns ? (int64_t)o->in->sample_ns : 1000000);
	json_key(&o->j, "startTime");
	put_ms(o, o->in->t0_unix_ns);
	put_number(o, "profilingStartTime", 0); /* else the view ends with the last sample, and hides waits after it */
	json_key(&o->j, "profilingEndTime");
	put_ms(o, o->in->duration_ns);
	put_number(o, "processType", 0);
	json_key(&o->j, "product");
	json_string(&o->j, "varve");
	json_key(&o->j, "platform");
	json_string(&o->j, "Linux");
	json_key(&o->j, "importedFrom");
	json_string(&o->j, "varve-report " VARVE_VERSION);
	put_number(o, "stackwalk", 1);
	put_flag(o, "debug", false);
	put_flag(o, "symbolicated", true);
	put_flag(o, "usesOnlyOneStackType", true);
	put_flag(o, "doesNotUseFrameImplementation", true);
	put_flag(o, "sourceCodeIsNotOnSearchfox", true);
	put_categories(o);
	put_marker_schema(o);
	json_end(&o->j);
}

static void put_libs(struct firefox *o)
{
	const struct stacks *s = o->in->stacks;

	json_key(&o->j, "libs");
	json_array(&o->j);
	for (uint32_t i = 1; i <= s->images.cnt; i++) {
		const char *path = s->images.row[i].path, *slash = strrchr(path, '/');
		const char *texts[][2] = { { "arch", "" }, { "name", slash ? slash + 1 : path }, { "path", path },
					   { "debugName", slash ? slash + 1 : path }, { "debugPath", path }, { "breakpadId", "" },
					   { "codeId", s->images.row[i].build_id } };

		json_object(&o->j);
		for (size_t k = 0; k < ARRAY_SIZE(texts); k++) {
			json_key(&o->j, texts[k][0]);
			put_shown(o, texts[k][1]);
		}
		json_end(&o->j);
	}
	json_end(&o->j);
}

/* ---- a thread's tables ------------------------------------------------------------------------------------ */

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
		uint32_t frame = s->nodes.row[nodes[cnt]].frame, function = s->frames.row[frame].function;

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
	put_number(o, "length", length);
}

/* The nearest numbered node below: a stack's prefix. UINT32_MAX: none. */
static uint32_t prefix_of(const struct firefox *o, uint32_t node)
{
	uint32_t parent = o->in->stacks->nodes.row[node].parent;

	return parent && parent <= o->in->stacks->nodes.cnt && o->stacks.epoch[parent] == o->epoch ? o->stacks.number[parent] : UINT32_MAX;
}

static void put_stack_table(struct firefox *o)
{
	const struct stacks *s = o->in->stacks;

	begin_table(o, "stackTable", o->stacks.rows.cnt);
	PUT_COLUMN(o, "frame", o->stacks, r, true, json_u64(&o->j, o->frames.number[s->nodes.row[r].frame]));
	PUT_COLUMN(o, "prefix", o->stacks, r, prefix_of(o, r) != UINT32_MAX, json_u64(&o->j, prefix_of(o, r)));
	PUT_COLUMN(o, "category", o->stacks, r, true, json_u64(&o->j, category_of(o, &s->frames.row[s->nodes.row[r].frame])));
	put_constant(o, "subcategory", o->stacks.rows.cnt, 0);
	json_end(&o->j);
}

static void put_frame_table(struct firefox *o)
{
	const struct stacks *s = o->in->stacks;

	begin_table(o, "frameTable", o->frames.rows.cnt);
	PUT_COLUMN(o, "address", o->frames, r, true,
		   json_i64(&o->j, s->frames.row[r].rel_addr > INT64_MAX ? -1 : (int64_t)s->frames.row[r].rel_addr));
	PUT_COLUMN(o, "inlineDepth", o->frames, r, true, json_u64(&o->j, s->frames.row[r].inlined));
	PUT_COLUMN(o, "category", o->frames, r, true, json_u64(&o->j, category_of(o, &s->frames.row[r])));
	put_constant(o, "subcategory", o->frames.rows.cnt, 0);
	PUT_COLUMN(o, "func", o->frames, r, true, json_u64(&o->j, o->functions.number[s->frames.row[r].function]));
	put_constant(o, "nativeSymbol", o->frames.rows.cnt, -1);
	put_constant(o, "innerWindowID", o->frames.rows.cnt, 0);
	put_constant(o, "implementation", o->frames.rows.cnt, -1);
	PUT_COLUMN(o, "line", o->frames, r, s->frames.row[r].line, json_u64(&o->j, s->frames.row[r].line));
	put_constant(o, "column", o->frames.rows.cnt, -1);
	json_end(&o->j);
}

static void put_func_table(struct firefox *o)
{
	const struct stacks *s = o->in->stacks;

	begin_table(o, "funcTable", o->functions.rows.cnt);
	put_no(o, "isJS", o->functions.rows.cnt);
	put_no(o, "relevantForJS", o->functions.rows.cnt);
	PUT_COLUMN(o, "name", o->functions, r, true, json_u64(&o->j, add_string(o, s->functions.row[r].name)));
	PUT_COLUMN(o, "resource", o->functions, r, true, json_u64(&o->j, o->images.number[s->functions.row[r].image]));
	PUT_COLUMN(o, "fileName", o->functions, r, s->functions.row[r].file,
		   json_u64(&o->j, add_string(o, s->files.row[s->functions.row[r].file])));
	PUT_COLUMN(o, "lineNumber", o->functions, r, s->functions.row[r].line, json_u64(&o->j, s->functions.row[r].line));
	put_constant(o, "columnNumber", o->functions.rows.cnt, -1);
	json_end(&o->j);
	begin_table(o, "resourceTable", o->images.rows.cnt);
	PUT_COLUMN(o, "lib", o->images, r, r, json_u64(&o->j, r - 1));
	PUT_COLUMN(o, "name", o->images, r, true, json_u64(&o->j, add_string(o, r ? s->images.row[r].path : "[unknown]")));
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

/* ---- a thread's events: order[from..to) ------------------------------------------------------------------- */

#define EVENT(o, i) (&(o)->events.row[(o)->order[i]])

/* One array over the thread's samples (waits false) or waits (true). */
#define PUT_EVENTS(o, name, from, to, waits, ev, put)                                              \
	do {                                                                                       \
		json_key(&(o)->j, name);                                                           \
		json_array(&(o)->j);                                                               \
		for (uint32_t _i = from; _i < (to); _i++) {                                        \
			const struct export_event *ev = EVENT(o, _i);                              \
			if ((ev->state != 0) == (waits))                                                 \
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
		   ev->stack && o->stacks.epoch[ev->stack] == o->epoch ? json_u64(&o->j, o->stacks.number[ev->stack]) : json_null(&o->j));
	PUT_EVENTS(o, "time", from, to, false, ev, put_ms(o, ev->ts));
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
	const struct stacks *s = o->in->stacks;

	json_object(&o->j);
	json_key(&o->j, "type");
	json_string(&o->j, "Wait");
	json_key(&o->j, "function");
	put_shown(o, ev->stack ? s->functions.row[s->frames.row[s->nodes.row[ev->stack].frame].function].name : "[no stack]");
	json_key(&o->j, "runnable");
	put_ms(o, (int64_t)ev->runq_ns);
	if (ev->stack && o->stacks.epoch[ev->stack] == o->epoch) {
		json_key(&o->j, "cause"); /* shown as the marker's stack */
		json_object(&o->j);
		put_number(o, "tid", ev->utid ? o->in->tasks->threads.row[ev->utid].tid : 0);
		json_key(&o->j, "time");
		put_ms(o, ev->ts);
		put_number(o, "stack", o->stacks.number[ev->stack]);
		json_end(&o->j);
	}
	json_key(&o->j, "waker");
	put_shown(o, ev->waker_irq ? "[interrupt]" : ev->waker_utid ? export_thread_name(o->in->tasks, ev->waker_utid) : "");
	json_end(&o->j);
}

static void put_markers(struct firefox *o, uint32_t from, uint32_t to, uint32_t cnt)
{
	begin_table(o, "markers", cnt);
	PUT_EVENTS(o, "data", from, to, true, ev, put_wait(o, ev));
	PUT_EVENTS(o, "name", from, to, true, ev, json_u64(&o->j, add_string(o, wait_name(ev->state))));
	PUT_EVENTS(o, "startTime", from, to, true, ev, put_ms(o, ev->ts));
	PUT_EVENTS(o, "endTime", from, to, true, ev, put_ms(o, ev->ts + (int64_t)ev->dur_ns));
	put_constant(o, "phase", cnt, 1); /* an interval */
	put_constant(o, "category", cnt, CATEGORY_WAIT);
	json_end(&o->j);
}

static void put_who(struct firefox *o, uint32_t utid)
{
	const struct tasks *t = o->in->tasks;
	const struct thread *thread = utid ? &t->threads.row[utid] : NULL;
	const struct process *process = thread && thread->upid <= t->processes.cnt ? &t->processes.row[thread->upid] : NULL;
	char pid[16];

	snprintf(pid, sizeof(pid), "%" PRIu32, thread ? thread->pid : 0);
	json_key(&o->j, "processType");
	json_string(&o->j, "default");
	json_key(&o->j, "processName");
	put_shown(o, process && process->comm ? process->comm : "");
	json_key(&o->j, "name");
	put_shown(o, export_thread_name(t, utid));
	put_flag(o, "isMainThread", thread && thread->pid == thread->tid);
	json_key(&o->j, "pid");
	json_string(&o->j, pid);
	put_number(o, "tid", thread ? thread->tid : 0);
	put_number(o, "processStartupTime", 0);
	json_key(&o->j, "processShutdownTime");
	json_null(&o->j);
	put_number(o, "registerTime", 0);
	json_key(&o->j, "unregisterTime");
	json_null(&o->j);
	json_key(&o->j, "pausedRanges");
	json_array(&o->j);
	json_end(&o->j);
}

static void put_thread(struct firefox *o, uint32_t from, uint32_t to)
{
	uint32_t samples = 0;

	o->epoch++;
	o->strings.cnt = o->stacks.rows.cnt = o->frames.rows.cnt = o->functions.rows.cnt = o->images.rows.cnt = 0;
	for (uint32_t i = from; i < to; i++) {
		samples += !EVENT(o, i)->state;
		if (EVENT(o, i)->stack)
			number_stack(o, EVENT(o, i)->stack);
	}
	json_object(&o->j);
	put_who(o, EVENT(o, from)->utid);
	put_samples(o, from, to, samples);
	put_markers(o, from, to, to - from - samples);
	put_stack_table(o);
	put_frame_table(o);
	put_func_table(o);
	put_no_native_symbols(o);
	json_key(&o->j, "stringArray");
	json_array(&o->j);
	for (uint32_t i = 1; i <= o->strings.cnt; i++)
		put_shown(o, o->strings.row[i]);
	json_end(&o->j);
	json_end(&o->j);
}

static int read_events(struct firefox *o, enum filter_event kind, struct err *err)
{
	struct export_events events;
	struct export_event ev;
	int rc = export_events_open(&events, o->in->db, kind, o->in->filter, o->in->tasks, o->in->stacks, err);

	if (rc)
		return rc;
	while ((rc = export_events_next(&events, &ev, err)) > 0) {
		uint32_t id = table_add(&o->events);

		if (!id) {
			rc = -ENOMEM;
			break;
		}
		o->events.row[id] = ev;
	}
	export_events_close(&events);
	return rc;
}

static int compare_events(const void *a, const void *b, void *ctx)
{
	const struct export_event *events = ctx;
	const struct export_event *x = &events[*(const uint32_t *)a], *y = &events[*(const uint32_t *)b];

	if (x->utid != y->utid)
		return x->utid < y->utid ? -1 : 1;
	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int put_profile(struct firefox *o)
{
	uint32_t cnt = o->events.cnt;

	o->order = calloc(cnt + 1ul, sizeof(*o->order));
	if (!o->order)
		return -ENOMEM;
	for (uint32_t i = 0; i < cnt; i++)
		o->order[i] = i + 1;
	qsort_r(o->order, cnt, sizeof(*o->order), compare_events, o->events.row);
	json_object(&o->j);
	put_meta(o);
	put_libs(o);
	json_key(&o->j, "threads");
	json_array(&o->j);
	for (uint32_t from = 0, to; from < cnt; from = to) {
		for (to = from + 1; to < cnt && EVENT(o, to)->utid == EVENT(o, from)->utid;)
			to++;
		put_thread(o, from, to);
	}
	json_end(&o->j);
	json_end(&o->j);
	putc('\n', o->j.f);
	return o->failed ? -ENOMEM : 0;
}

int export_firefox(const struct export_input *in, FILE *f, struct err *err)
{
	const struct stacks *s = in->stacks;
	struct firefox o = { .in = in };
	int rc = numbering_init(&o.stacks, s->nodes.cnt);

	json_init(&o.j, f);
	rc = rc ?: numbering_init(&o.frames, s->frames.cnt);
	rc = rc ?: numbering_init(&o.functions, s->functions.cnt);
	rc = rc ?: numbering_init(&o.images, s->images.cnt);
	rc = rc ?: read_events(&o, FILTER_ON_CPU, err);
	rc = rc ?: read_events(&o, FILTER_OFF_CPU, err);
	rc = rc ?: put_profile(&o);
	numbering_deinit(&o.stacks);
	numbering_deinit(&o.frames);
	numbering_deinit(&o.functions);
	numbering_deinit(&o.images);
	table_deinit(&o.events);
	table_deinit(&o.strings);
	free(o.order);
	if (rc == -ENOMEM)
		return err_code(err, rc, "write the profile");
	if (rc)
		return rc;
	return ferror(f) ? err_set(err, -EIO, "write the profile: the output took an error") : 0;
}
