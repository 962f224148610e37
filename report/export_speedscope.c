// SPDX-License-Identifier: BSD-2-Clause
#include "report/export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "formats/idmap.h"
#include "report/escape.h"
#include "report/export_events.h"
#include "report/json.h"
#include "report/profile.h"

/*
 * speedscope holds each sample's stack as a list of its own, so that a long recording would be
 * gigabytes: beyond this many events threads are written as sums instead of in time order.
 */
#define TIMELINE_MAX 300000

/* One event or sum, kept until its turn in the output. */
struct item {
	uint32_t utid, stack;
	uint64_t ns;
};

struct items {
	TABLE(struct item) rows;
};

struct speedscope {
	const struct export_input *in;
	struct json j;
	struct items items;
	uint32_t *frame_of; /* [stacks.functions] → frame index; 0: none yet */
	uint32_t frame_cnt;
	struct idmap shown; /* functions that have a frame of their own, by what it shows */
};

static void put_shown(struct speedscope *o, const char *s)
{
	char *shown = escape_text_dup(s ?: "", strlen(s ?: ""));

	json_string(&o->j, shown ?: "");
	free(shown);
}

/* All of a function that speedscope shows. */
struct shown {
	const char *name, *file;
	uint32_t line; /* 0: none */
};

static struct shown shown_of(const struct stacks *s, uint32_t id)
{
	const struct stack_function *fn = &s->functions.row[id];
	const char *file = fn->file    ? s->files.row[fn->file]
			   : fn->image ? s->images.row[fn->image].path
				       : NULL;

	return (struct shown){fn->name ?: "", file ?: "", fn->file ? fn->line : 0};
}

/* The frame of an earlier function that would look the same; 0: none. */
static uint32_t find_frame(const struct speedscope *o, const struct shown *sh, uint32_t hash)
{
	uint32_t pos, id;

	for (id = idmap_first(&o->shown, hash, &pos); id; id = idmap_next(&o->shown, hash, &pos)) {
		struct shown x = shown_of(o->in->stacks, id);

		if (x.line == sh->line && !strcmp(x.name, sh->name) && !strcmp(x.file, sh->file))
			return o->frame_of[id];
	}
	return 0;
}

static void put_frame(struct speedscope *o, const struct shown *sh)
{
	json_object(&o->j);
	json_key(&o->j, "name");
	put_shown(o, sh->name);
	json_key(&o->j, "file");
	put_shown(o, sh->file);
	if (sh->line) {
		json_key(&o->j, "line");
		json_u64(&o->j, sh->line);
	}
	json_end(&o->j);
}

/*
 * What speedscope sums self and total by. Functions that look the same there are one frame: an
 * inline function of a header is one of each program that has it, and rows nobody can tell apart
 * would each show a part of its time. Index 0 stands for "no stack".
 */
static int put_frames(struct speedscope *o)
{
	const struct stacks *s = o->in->stacks;

	o->frame_of = calloc(s->functions.cnt + 1ul, sizeof(*o->frame_of));
	if (!o->frame_of)
		return -ENOMEM;
	json_key(&o->j, "shared");
	json_object(&o->j);
	json_key(&o->j, "frames");
	json_array(&o->j);
	json_object(&o->j);
	json_key(&o->j, "name");
	json_string(&o->j, "[no stack]");
	json_end(&o->j);
	for (uint32_t id = 1; id <= s->functions.cnt; id++) {
		struct shown sh = shown_of(s, id);
		uint32_t hash =
			hash_mix(hash_bytes(sh.name, strlen(sh.name)),
				 hash_bytes(sh.file, strlen(sh.file)) ^ (uint64_t)sh.line << 32);

		o->frame_of[id] = find_frame(o, &sh, hash);
		if (o->frame_of[id])
			continue;
		if (idmap_add(&o->shown, hash, id))
			return -ENOMEM;
		o->frame_of[id] = ++o->frame_cnt;
		put_frame(o, &sh);
	}
	json_end(&o->j);
	json_end(&o->j);
	return 0;
}

static void put_stack(struct speedscope *o, uint32_t stack)
{
	const struct stacks *s = o->in->stacks;
	uint32_t nodes[EXPORT_DEPTH_MAX];
	uint32_t cnt = export_stack_nodes(s, stack, nodes, EXPORT_DEPTH_MAX);

	json_array(&o->j);
	if (!cnt)
		json_u64(&o->j, 0);
	while (cnt--)
		json_u64(&o->j,
			 o->frame_of[s->frames.row[s->nodes.row[nodes[cnt]].frame].function]);
	json_end(&o->j);
}

/* items[from..to) as one profile. */
static void put_profile(struct speedscope *o, const char *name, const struct item *from,
			const struct item *to)
{
	uint64_t sum = 0;

	for (const struct item *i = from; i < to; i++)
		sum += i->ns;
	json_object(&o->j);
	json_key(&o->j, "type");
	json_string(&o->j, "sampled");
	json_key(&o->j, "name");
	put_shown(o, name);
	json_key(&o->j, "unit");
	json_string(&o->j, "nanoseconds");
	json_key(&o->j, "startValue");
	json_u64(&o->j, 0);
	json_key(&o->j, "endValue");
	json_u64(&o->j, sum);
	json_key(&o->j, "samples");
	json_array(&o->j);
	for (const struct item *i = from; i < to; i++)
		put_stack(o, i->stack);
	json_end(&o->j);
	json_key(&o->j, "weights");
	json_array(&o->j);
	for (const struct item *i = from; i < to; i++)
		json_u64(&o->j, i->ns);
	json_end(&o->j);
	json_end(&o->j);
}

static int add_item(struct items *items, uint32_t utid, uint32_t stack, uint64_t ns)
{
	uint32_t id = items->rows.cnt;

	/* the same stack again: a longer stay in it */
	if (id && items->rows.row[id].utid == utid && items->rows.row[id].stack == stack) {
		items->rows.row[id].ns += ns;
		return 0;
	}
	id = table_add(&items->rows);
	if (!id)
		return -ENOMEM;
	items->rows.row[id] = (struct item){utid, stack, ns};
	return 0;
}

/* All threads together: each distinct stack once. */
static int put_sum(struct speedscope *o, const char *what, const struct filter *f, struct err *err)
{
	struct profile profile;
	_cleanup_free_ char *name = NULL;
	int rc;

	profile_init(&profile);
	rc = profile_read(&profile, o->in->db, f, err);
	if (!rc && asprintf(&name, "%s, all threads", what) < 0)
		rc = -ENOMEM;
	o->items.rows.cnt = 0;
	for (uint32_t i = 1; i <= profile.entries.cnt && !rc; i++)
		rc = add_item(&o->items, 0, profile.entries.row[i].stack,
			      profile.entries.row[i].ns);
	if (!rc && o->items.rows.cnt)
		put_profile(o, name, o->items.rows.row + 1,
			    o->items.rows.row + 1 + o->items.rows.cnt);
	profile_deinit(&profile);
	return rc;
}

static int read_timeline(struct speedscope *o, enum filter_event kind, struct err *err)
{
	struct export_events events;
	struct export_event ev;
	int rc = export_events_open(&events, o->in->db, kind, o->in->filter, o->in->tasks,
				    o->in->stacks, err);

	if (rc)
		return rc;
	o->items.rows.cnt = 0;
	while ((rc = export_events_next(&events, &ev, err)) > 0) {
		uint32_t id = o->items.rows.cnt < TIMELINE_MAX ? table_add(&o->items.rows) : 0;

		if (!id) {
			rc = o->items.rows.cnt < TIMELINE_MAX ? err_code(err, -ENOMEM, "speedscope")
							      : -EFBIG;
			break;
		}
		o->items.rows.row[id] = (struct item){ev.utid, ev.stack, ev.dur_ns};
	}
	export_events_close(&events);
	return rc;
}

static int compare_threads(const void *a, const void *b)
{
	const struct item *x = *(const struct item *const *)a, *y = *(const struct item *const *)b;

	if (x->utid != y->utid)
		return x->utid < y->utid ? -1 : 1;
	return x < y ? -1 : x > y; /* they are in time order already */
}

/* Each thread's events in time order. More events than a page can hold: leave it at the sum. */
static int put_threads(struct speedscope *o, const char *what, enum filter_event kind,
		       struct err *err)
{
	_cleanup_free_ const struct item **order = NULL;
	struct items thread = {0};
	int rc = read_timeline(o, kind, err);
	uint32_t cnt = o->items.rows.cnt;

	if (rc)
		return rc == -EFBIG ? 0 : rc;
	order = calloc(cnt + 1ul, sizeof(*order));
	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < cnt; i++)
		order[i] = &o->items.rows.row[i + 1];
	qsort(order, cnt, sizeof(*order), compare_threads);
	for (uint32_t i = 0; i < cnt && !rc;) {
		uint32_t utid = order[i]->utid;
		_cleanup_free_ char *name = NULL;

		thread.rows.cnt = 0;
		for (; i < cnt && order[i]->utid == utid && !rc; i++)
			rc = add_item(&thread, utid, order[i]->stack, order[i]->ns);
		if (rc ||
		    asprintf(&name, "%s, %s %" PRIu32, what, export_thread_name(o->in->tasks, utid),
			     utid ? o->in->tasks->threads.row[utid].tid : 0) < 0)
			rc = -ENOMEM;
		else
			put_profile(o, name, thread.rows.row + 1,
				    thread.rows.row + 1 + thread.rows.cnt);
	}
	table_deinit(&thread.rows);
	return rc;
}

static int put_all(struct speedscope *o, struct err *err)
{
	static const struct {
		const char *name;
		enum filter_event event;
	} kinds[] = {{"On-CPU", FILTER_ON_CPU}, {"Off-CPU", FILTER_OFF_CPU}};
	int rc = put_frames(o);

	json_key(&o->j, "profiles");
	json_array(&o->j);
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !rc; i++) {
		struct filter f = *o->in->filter;

		f.event = kinds[i].event;
		rc = put_sum(o, kinds[i].name, &f, err);
		rc = rc ?: put_threads(o, kinds[i].name, kinds[i].event, err);
	}
	if (!rc)
		json_end(&o->j);
	return rc;
}

int export_speedscope(const struct export_input *in, FILE *f, struct err *err)
{
	struct speedscope o = {.in = in};
	int rc;

	json_init(&o.j, f);
	json_object(&o.j);
	json_key(&o.j, "$schema");
	json_string(&o.j, "https://www.speedscope.app/file-format-schema.json");
	json_key(&o.j, "exporter");
	json_string(&o.j, "varve-report " VARVE_VERSION);
	json_key(&o.j, "activeProfileIndex");
	json_u64(&o.j, 0);
	rc = put_all(&o, err);
	if (!rc) {
		json_end(&o.j);
		putc('\n', f);
	}
	free(o.frame_of);
	idmap_deinit(&o.shown);
	table_deinit(&o.items.rows);
	if (rc == -ENOMEM)
		return err_code(err, rc, "write the profile");
	return rc;
}
