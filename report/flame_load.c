// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/export_events.h"
#include "report/flame_pick.h"
#include "report/flame_place.h"

#define SLICES 600	    /* of the time brush: about one to two pixels each */
#define MOMENTS_MAX 1000000 /* what the chart of one page carries */
/*
 * What the first view draws, Chromium opens in 2 s; the views behind the other tabs are made while
 * the page opens too, and share its memory.
 */
#define STACKS_MAX 100000
#define MORE_STACKS_MAX 25000
#define MORE_POINTS_MAX 400000
#define PICK_ROWS 4 /* for each stack to be picked, so many are counted: 48 bytes each */

static const struct {
	const char *id, *title, *unit;
	enum flame_palette palette;
	bool by_count;
} tabs[FLAME_TAB_CNT] = {
	[FLAME_TAB_ON_CPU] = { "on-cpu", "On-CPU", "samples", FLAME_HOT, false },
	[FLAME_TAB_OFF_CPU] = { "off-cpu", "Off-CPU", "waits", FLAME_COLD, false },
	[FLAME_TAB_OFF_WAKE] = { "off-wake", "Off-wake", "waits", FLAME_COLD, false },
	[FLAME_TAB_WAKEUP] = { "wakeup", "Wakers", "waits", FLAME_COLD, false },
	[FLAME_TAB_RUN_QUEUE] = { "run-queue", "Run queue", "waits", FLAME_COLD, false },
	[FLAME_TAB_OOM] = { "oom", "OOM", "kills", FLAME_HOT, true },
};

/* What one view needs while its tree grows. */
struct view_load {
	struct flame_view *view;
	uint8_t index;	       /* in page->views */
	struct flame_placer placer;
	struct flame_picks picks;
};

struct load {
	struct flame_page *page;
	struct db *db;
	const struct stacks *stacks;
	const struct tasks *tasks;
	const struct flame_load_options *o;
	struct view_load views[FLAME_TAB_CNT];
	uint32_t *named; /* [utid] → the first thread of the same name: they are drawn as one */
	uint32_t moment_max;
	bool is_base;
	struct err *err;
};

static int oom(struct load *l)
{
	return err_set(l->err, -ENOMEM, "flame graph: out of memory");
}

const char *flame_tab_id(enum flame_tab tab)
{
	return tabs[tab].id;
}

struct flame_view *flame_page_tab(struct flame_page *page, enum flame_tab tab)
{
	for (unsigned i = 0; i < page->view_cnt; i++)
		if (!strcmp(page->views[i].id, tabs[tab].id))
			return &page->views[i];
	return NULL;
}

static int add_moment(struct load *l, const struct view_load *v, const struct export_event *ev,
		      uint32_t node)
{
	struct flame_page *p = l->page;
	uint32_t id;

	if (!l->o->with_moments || l->is_base)
		return 0;
	if (p->moments.cnt >= l->moment_max) {
		p->moments_left_out++;
		return 0;
	}
	id = table_add(&p->moments);
	if (!id)
		return oom(l);
	p->moments.row[id] = (struct flame_moment){ .utid = ev->utid,
						    .node = node,
						    .view = v->index,
						    .state = ev->state,
						    .ts = ev->ts,
						    .dur_ns = ev->state ? ev->dur_ns : 0,
						    .runq_ns = ev->runq_ns };
	return 0;
}

/*
 * cnt events of a value together, over [ts, ts + dur) cut to the page's time. node 0: it could not
 * be made.
 */
static int add_value(struct load *l, struct view_load *v, uint32_t node, uint32_t utid, int64_t ts,
		     uint64_t dur, uint64_t value, uint64_t cnt)
{
	struct flame_page *p = l->page;

	if (!node)
		return oom(l);
	if (l->is_base) {
		flame_tree_add_base(v->view->tree, node, l->o->base_by_count ? cnt : value);
		return 0;
	}
	if (ts < p->from) {
		dur = dur > (uint64_t)(p->from - ts) ? dur - (uint64_t)(p->from - ts) : 0;
		ts = p->from;
	}
	if (ts >= p->to)
		ts = p->to - 1;
	if (dur > (uint64_t)(p->to - ts))
		dur = (uint64_t)(p->to - ts);
	return flame_points_add(&v->view->points, node, utid, ts, dur, value, cnt) ? oom(l) : 0;
}

static struct view_load *wanted(struct load *l, enum flame_tab tab)
{
	return l->views[tab].view ? &l->views[tab] : NULL;
}

static struct flame_pick_key pick_key(const struct load *l, enum flame_tab tab,
				      const struct export_event *ev)
{
	struct flame_pick_key key = { 0 };

	if (tab != FLAME_TAB_WAKEUP) {
		key.who = l->named[ev->utid];
		key.stack = ev->stack;
	}
	if (tab == FLAME_TAB_WAKEUP || tab == FLAME_TAB_OFF_WAKE) {
		key.waker = ev->waker_irq ? UINT32_MAX : l->named[ev->waker_utid];
		key.waker_stack = ev->waker_stack;
	}
	return key;
}

/* The event's stack is drawn; else it is part of the thread's "[smaller stacks]". */
static bool is_drawn(const struct load *l, const struct view_load *v, enum flame_tab tab,
		     const struct export_event *ev)
{
	struct flame_pick_key key = pick_key(l, tab, ev);

	return flame_picks_keep(&v->picks, &key);
}

static int add_sample(struct load *l, const struct export_event *ev, enum flame_tab tab)
{
	struct view_load *v = wanted(l, tab);
	uint32_t node;
	int rc;

	if (is_drawn(l, v, tab, ev)) {
		node = flame_place_thread(&v->placer, ev->utid);
		node = node ? flame_place_stack(&v->placer, node, ev->stack) : 0;
	} else {
		node = flame_place_smaller(&v->placer, tab == FLAME_TAB_WAKEUP ? NULL : ev);
	}
	rc = add_value(l, v, node, ev->utid, ev->ts, 0, tab == FLAME_TAB_OOM ? 1 : ev->dur_ns, 1);
	if (!rc && tab == FLAME_TAB_ON_CPU)
		rc = add_moment(l, v, ev, node);
	return rc;
}

/* The wait has something for this tab. The same choice as profile_add_offcpu() makes. */
static bool is_for(enum flame_tab tab, const struct export_event *ev)
{
	if (tab == FLAME_TAB_WAKEUP)
		return ev->waker_utid || ev->waker_irq;
	return tab != FLAME_TAB_RUN_QUEUE || ev->has_runq;
}

static uint32_t place_wait(struct load *l, struct view_load *v, enum flame_tab tab,
			   const struct export_event *ev)
{
	uint32_t node;

	if (!is_drawn(l, v, tab, ev))
		return flame_place_smaller(&v->placer, tab == FLAME_TAB_WAKEUP ? NULL : ev);
	if (tab == FLAME_TAB_WAKEUP)
		return flame_place_waker(&v->placer, FLAME_ROOT, ev);
	node = flame_place_thread(&v->placer, ev->utid);
	node = node ? flame_place_stack(&v->placer, node, ev->stack) : 0;
	return node && tab == FLAME_TAB_OFF_WAKE ? flame_place_joint(&v->placer, node, ev) : node;
}

static int add_wait(struct load *l, const struct export_event *ev)
{
	uint64_t blocked = ev->dur_ns - ev->runq_ns;
	int rc = 0;

	for (enum flame_tab tab = FLAME_TAB_OFF_CPU; tab <= FLAME_TAB_RUN_QUEUE && !rc; tab++) {
		struct view_load *v = wanted(l, tab);
		int64_t ts = ev->ts;
		uint64_t dur = ev->dur_ns;
		uint32_t node;

		if (!v || !is_for(tab, ev))
			continue;
		if (tab == FLAME_TAB_WAKEUP) {
			dur = blocked;
		} else if (tab == FLAME_TAB_RUN_QUEUE) {
			ts += (int64_t)blocked;
			dur = ev->runq_ns;
		}
		node = place_wait(l, v, tab, ev);
		rc = add_value(l, v, node, ev->utid, ts, dur, dur, 1);
		if (!rc && tab == FLAME_TAB_OFF_CPU)
			rc = add_moment(l, v, ev, node);
	}
	return rc;
}

/* The value that counts for a place in a picture. */
static uint64_t pick_value(enum flame_tab tab, const struct export_event *ev)
{
	switch (tab) {
	case FLAME_TAB_WAKEUP:
		return ev->dur_ns - ev->runq_ns;
	case FLAME_TAB_RUN_QUEUE:
		return ev->runq_ns;
	default:
		return ev->dur_ns;
	}
}

static uint32_t stack_max(enum flame_tab tab)
{
	return tab == FLAME_TAB_ON_CPU ? STACKS_MAX : MORE_STACKS_MAX;
}

/*
 * Before the events are placed: where they have more stacks than a view can draw, which ones it
 * does. A difference draws all, so that both sides mean the same.
 */
static int pick_stacks(struct load *l, enum filter_event kind, enum flame_tab from,
		       enum flame_tab to)
{
	struct export_events events;
	struct export_event ev;
	int rc;

	if (l->is_base || l->o->without_lost)
		return 0;
	rc = export_events_open(&events, l->db, kind, l->o->filter, l->tasks, l->stacks, l->err);
	if (rc)
		return rc;
	for (enum flame_tab tab = from; tab <= to; tab++)
		l->views[tab].picks.row_max = PICK_ROWS * stack_max(tab);
	while ((rc = export_events_next(&events, &ev, l->err)) > 0) {
		rc = 0;
		for (enum flame_tab tab = from; tab <= to && !rc; tab++) {
			struct flame_pick_key key = pick_key(l, tab, &ev);

			if (wanted(l, tab) && (tab == FLAME_TAB_ON_CPU || is_for(tab, &ev)))
				rc = flame_picks_add(&l->views[tab].picks, &key,
						     pick_value(tab, &ev));
		}
		if (rc) {
			rc = oom(l);
			break;
		}
	}
	export_events_close(&events);
	for (enum flame_tab tab = from; tab <= to && !rc; tab++)
		if (flame_picks_settle(&l->views[tab].picks, stack_max(tab)))
			rc = oom(l);
	return rc;
}

static int load_events(struct load *l, enum filter_event kind)
{
	struct export_events events;
	struct export_event ev;
	int rc =
		export_events_open(&events, l->db, kind, l->o->filter, l->tasks, l->stacks, l->err);

	if (rc)
		return rc;
	while ((rc = export_events_next(&events, &ev, l->err)) > 0) {
		if (kind == FILTER_OFF_CPU || kind == FILTER_RUN_QUEUE)
			rc = add_wait(l, &ev);
		else
			rc = add_sample(l, &ev,
					kind == FILTER_OOM ? FLAME_TAB_OOM : FLAME_TAB_ON_CPU);
		if (rc)
			break;
	}
	export_events_close(&events);
	return rc;
}

/*
 * What did not reach the recording, as a frame of its own beside the threads: lost samples with the
 * time they stand for, lost waits with the mean of the recorded ones (and the frame says so).
 */
static int add_lost(struct load *l, enum flame_tab tab, const char *stream)
{
	struct view_load *v = wanted(l, tab);
	uint64_t value = 0, cnt = 0;
	_cleanup_stmt_ struct db_stmt *st = NULL;
	int rc;

	/*
	 * of picked threads, CPUs or rows nobody knows what was lost: the page's note still tells
	 */
	if (!v || l->is_base || l->o->without_lost || filter_picks_threads(l->o->filter) ||
	    l->o->filter->cpu_cnt || l->o->filter->where)
		return 0;
	for (uint32_t i = 1; i <= v->view->points.rows.cnt; i++) {
		value += v->view->points.rows.row[i].value;
		cnt += v->view->points.rows.row[i].cnt;
	}
	rc = db_query(
		l->db,
		"SELECT ts,coalesce(dur_ns,0),coalesce(lost,0),reason FROM loss WHERE stream=:stream AND lost>0 "
		"AND ts<:to AND ts+coalesce(dur_ns,0)>=:from AND reason<>:without_stack ORDER BY ts,id",
		&st, l->err);
	if (rc)
		return rc;
	db_bind_text(st, ":stream", stream);
	db_bind_int(st, ":from", l->page->from);
	db_bind_int(st, ":to", l->page->to);
	db_bind_text(st, ":without_stack",
		     loss_reason_name(LOSS_STACK_ERROR)); /* those are here, only without a stack */
	while ((rc = db_step(st, l->err)) > 0) {
		_cleanup_free_ char *name = NULL;
		uint64_t lost = (uint64_t)db_column_int(st, 2);
		uint32_t frame, node;

		if (asprintf(&name, "[lost %s: %s%s]", tabs[tab].unit,
			     db_column_text(st, 3, NULL) ?: "unknown",
			     tab == FLAME_TAB_ON_CPU ? "" : "; width estimated") < 0)
			return oom(l);
		frame = flame_tree_frame(v->view->tree, name, NULL, FLAME_LOST);
		node = frame ? flame_tree_child(v->view->tree, FLAME_ROOT, frame) : 0;
		if (lost > INT64_MAX / (cnt ? value / cnt + 1 : 1000000000))
			continue; /* a number no machine can lose: damage */
		rc = add_value(l, v, node, 0, db_column_int(st, 0), (uint64_t)db_column_int(st, 1),
			       lost * (cnt ? value / cnt : l->page->sample_ns), lost);
		if (rc)
			return rc;
	}
	return rc;
}

static int begin_view(struct load *l, enum flame_tab tab, uint64_t slice_ns)
{
	struct view_load *v = &l->views[tab];
	struct flame_page *p = l->page;

	v->view = flame_page_tab(p, tab);
	if (!v->view && !l->is_base) {
		v->index = (uint8_t)p->view_cnt;
		v->view = &p->views[p->view_cnt];
		*v->view = (struct flame_view){ .id = tabs[tab].id,
						.title = tabs[tab].title,
						.unit = tabs[tab].unit,
						.palette = tabs[tab].palette,
						.by_count = tabs[tab].by_count };
		v->view->points.from = p->from;
		v->view->points.slice_ns = slice_ns;
		v->view->points.max = tab == FLAME_TAB_ON_CPU ? 0 : MORE_POINTS_MAX;
		if (flame_tree_create(&v->view->tree))
			return oom(l);
		p->view_cnt++;
	}
	return flame_placer_init(&v->placer, v->view->tree, l->stacks, l->tasks) ? oom(l) : 0;
}

static void end_view(struct view_load *v)
{
	flame_placer_deinit(&v->placer);
	flame_picks_deinit(&v->picks);
}

/* All views show one time axis: the coarsest slices of any. */
static int align_slices(struct load *l)
{
	uint64_t slice_ns = 0;

	for (unsigned i = 0; i < l->page->view_cnt; i++)
		if (l->page->views[i].points.slice_ns > slice_ns)
			slice_ns = l->page->views[i].points.slice_ns;
	for (unsigned i = 0; i < l->page->view_cnt; i++)
		if (flame_points_widen(&l->page->views[i].points, slice_ns))
			return oom(l);
	return 0;
}

static int load_all(struct load *l)
{
	uint32_t want = l->o->tabs;
	uint32_t waits = 1u << FLAME_TAB_OFF_CPU | 1u << FLAME_TAB_OFF_WAKE |
			 1u << FLAME_TAB_WAKEUP | 1u << FLAME_TAB_RUN_QUEUE;
	enum filter_event wait_kind = (want & waits) == 1u << FLAME_TAB_RUN_QUEUE ?
					      FILTER_RUN_QUEUE :
					      FILTER_OFF_CPU;
	int rc = 0;

	if (want & 1u << FLAME_TAB_ON_CPU) {
		rc = pick_stacks(l, FILTER_ON_CPU, FLAME_TAB_ON_CPU, FLAME_TAB_ON_CPU);
		rc = rc ?: load_events(l, FILTER_ON_CPU);
	}
	if (!rc && want & waits) {
		rc = pick_stacks(l, wait_kind, FLAME_TAB_OFF_CPU, FLAME_TAB_RUN_QUEUE);
		rc = rc ?: load_events(l, wait_kind);
	}
	if (!rc && want & 1u << FLAME_TAB_OOM)
		rc = load_events(l, FILTER_OOM);
	rc = rc ?: add_lost(l, FLAME_TAB_ON_CPU, "sample");
	rc = rc ?: add_lost(l, FLAME_TAB_OFF_CPU, "offcpu");
	return rc ?: align_slices(l);
}

/* l->named: threads of one name are one frame. */
static int name_threads(struct load *l)
{
	struct idmap map = { 0 };
	int rc = 0;

	l->named = calloc(l->tasks->threads.cnt + 1ul, sizeof(*l->named));
	if (!l->named)
		return oom(l);
	for (uint32_t utid = 1; utid <= l->tasks->threads.cnt && !rc; utid++) {
		const char *comm = l->tasks->threads.row[utid].comm; /* equal strings are one */
		uint32_t hash = hash_mix((uintptr_t)comm, 9), pos, id;

		for (id = idmap_first(&map, hash, &pos); id; id = idmap_next(&map, hash, &pos))
			if (l->tasks->threads.row[id].comm == comm)
				break;
		l->named[utid] = id ?: utid;
		if (!id)
			rc = idmap_add(&map, hash, utid);
	}
	idmap_deinit(&map);
	return rc ? oom(l) : 0;
}

static int load_db(struct load *l, uint64_t slice_ns)
{
	int rc = name_threads(l);

	for (enum flame_tab tab = 0; tab < FLAME_TAB_CNT && !rc; tab++)
		if (l->o->tabs & 1u << tab)
			rc = begin_view(l, tab, slice_ns);
	rc = rc ?: load_all(l);
	for (enum flame_tab tab = 0; tab < FLAME_TAB_CNT; tab++)
		end_view(&l->views[tab]);
	free(l->named);
	return rc;
}

int flame_load(struct flame_page *page, struct db *db, const struct stacks *s,
	       const struct tasks *t, const struct flame_load_options *o, struct err *err)
{
	struct load l = { .page = page,
			  .db = db,
			  .stacks = s,
			  .tasks = t,
			  .o = o,
			  .err = err,
			  .moment_max = o->moment_max ?: MOMENTS_MAX };
	int64_t duration = db_query_int(db, "SELECT max(start_ts+duration_ns) FROM recording", 0);

	page->tasks = t;
	filter_time(o->filter, duration, &page->from, &page->to);
	if (page->from < 0)
		page->from = 0;
	if (page->to > duration)
		page->to = duration;
	if (page->to <= page->from)
		page->to = page->from + 1;
	page->sample_ns =
		(uint64_t)db_query_int(db, "SELECT weight_ns FROM sample LIMIT 1", 10000000);
	return load_db(&l, (uint64_t)(page->to - page->from) / SLICES + 1);
}

int flame_load_base(struct flame_page *page, struct db *db, const struct stacks *s,
		    const struct tasks *t, const struct flame_load_options *o, struct err *err)
{
	struct load l = {
		.page = page, .db = db, .stacks = s, .tasks = t, .o = o, .err = err, .is_base = true
	};

	page->is_diff = true;
	return load_db(&l, 1);
}
