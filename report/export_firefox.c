// SPDX-License-Identifier: BSD-2-Clause
/*
 * The Firefox Profiler's processed format. Version 47 is the one with tables per thread, which
 * every later profiler still upgrades. Each thread carries only what its own stacks use, numbered
 * anew.
 */
#include "report/export_firefox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/escape.h"

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

void firefox_put_shown(struct firefox *o, const char *s)
{
	char *shown = escape_text_dup(s ?: "", strlen(s ?: ""));

	json_string(&o->j, shown ?: "");
	free(shown);
}

void firefox_put_ms(struct firefox *o, int64_t ns)
{
	json_fixed(&o->j, ns > 0 ? (uint64_t)ns : 0, 6);
}

void firefox_put_number(struct firefox *o, const char *key, uint64_t v)
{
	json_key(&o->j, key);
	json_u64(&o->j, v);
}

void firefox_put_flag(struct firefox *o, const char *key, bool v)
{
	json_key(&o->j, key);
	json_bool(&o->j, v);
}

/* ---- head ---- */

static void put_categories(struct firefox *o)
{
	static const struct {
		const char *name, *color;
	} categories[] = {
		[CATEGORY_OTHER] = { "Other", "grey" },
		[CATEGORY_USER] = { "User", "yellow" },
		[CATEGORY_KERNEL] = { "Kernel", "orange" },
		[CATEGORY_JIT] = { "JIT", "green" },
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

static void put_schema_field(struct firefox *o, const char *key, const char *label,
			     const char *format)
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

static void put_meta(struct firefox *o)
{
	json_key(&o->j, "meta");
	json_object(&o->j);
	firefox_put_number(o, "version", 27);
	firefox_put_number(o, "preprocessedProfileVersion", 47);
	json_key(&o->j, "interval");
	firefox_put_ms(o, o->in->sample_ns ? (int64_t)o->in->sample_ns : 1000000);
	json_key(&o->j, "startTime");
	firefox_put_ms(o, o->in->t0_unix_ns);
	firefox_put_number(
		o, "profilingStartTime",
		0); /* else the view ends with the last sample, and hides waits after it */
	json_key(&o->j, "profilingEndTime");
	firefox_put_ms(o, o->in->duration_ns);
	firefox_put_number(o, "processType", 0);
	json_key(&o->j, "product");
	json_string(&o->j, "varve");
	json_key(&o->j, "platform");
	json_string(&o->j, "Linux");
	json_key(&o->j, "importedFrom");
	json_string(&o->j, "varve-report " VARVE_VERSION);
	firefox_put_number(o, "stackwalk", 1);
	firefox_put_flag(o, "debug", false);
	firefox_put_flag(o, "symbolicated", true);
	firefox_put_flag(o, "usesOnlyOneStackType", true);
	firefox_put_flag(o, "doesNotUseFrameImplementation", true);
	firefox_put_flag(o, "sourceCodeIsNotOnSearchfox", true);
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
		const char *texts[][2] = { { "arch", "" },
					   { "name", slash ? slash + 1 : path },
					   { "path", path },
					   { "debugName", slash ? slash + 1 : path },
					   { "debugPath", path },
					   { "breakpadId", "" },
					   { "codeId", s->images.row[i].build_id } };

		json_object(&o->j);
		for (size_t k = 0; k < ARRAY_SIZE(texts); k++) {
			json_key(&o->j, texts[k][0]);
			firefox_put_shown(o, texts[k][1]);
		}
		json_end(&o->j);
	}
	json_end(&o->j);
}

static int read_events(struct firefox *o, enum filter_event kind, struct err *err)
{
	struct export_events events;
	struct export_event ev;
	int rc = export_events_open(&events, o->in->db, kind, o->in->filter, o->in->tasks,
				    o->in->stacks, err);

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
	const struct export_event *x = &events[*(const uint32_t *)a],
				  *y = &events[*(const uint32_t *)b];

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
		for (to = from + 1;
		     to < cnt && FIREFOX_EVENT(o, to)->utid == FIREFOX_EVENT(o, from)->utid;)
			to++;
		firefox_put_thread(o, from, to);
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
	return rc;
}
