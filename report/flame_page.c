// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/escape.h"
#include "report/flame_column.h"
#include "report/json.h"

static const char style[] =
#include "report/flame.css.inc"
	;
static const char script[] =
#include "report/flame_data.js.inc"
#include "report/flame_draw.js.inc"
#include "report/flame_chart.js.inc"
#include "report/flame_page.js.inc"
#include "report/flame_input.js.inc"
	;

/* What the page is written from, and the numbering of threads and cgroups it uses. */
struct writer {
	FILE *f;
	struct json j;
	struct flame_page *page;
	uint32_t *thread;	 /* utid → number in the page + 1; 0: not in it */
	uint32_t *cgroup;	 /* likewise */
	TABLE(uint32_t) threads; /* number + 1 → utid */
	TABLE(uint32_t) cgroups;
};

void flame_page_deinit(struct flame_page *p)
{
	for (unsigned i = 0; i < p->view_cnt; i++) {
		flame_tree_destroy(p->views[i].tree);
		flame_points_deinit(&p->views[i].points);
	}
	table_deinit(&p->moments);
	p->view_cnt = 0;
}

static const struct thread *thread_at(const struct tasks *t, uint32_t utid)
{
	static const struct thread none = { 0 };

	return utid && utid <= t->threads.cnt ? &t->threads.row[utid] : &none;
}

static const struct process *process_at(const struct tasks *t, uint32_t upid)
{
	static const struct process none = { 0 };

	return upid && upid <= t->processes.cnt ? &t->processes.row[upid] : &none;
}

static int number_thread(struct writer *w, uint32_t utid)
{
	const struct tasks *t = w->page->tasks;
	uint32_t cgroup;

	if (utid > t->threads.cnt || w->thread[utid])
		return 0;
	w->thread[utid] = table_add(&w->threads);
	if (!w->thread[utid])
		return -ENOMEM;
	w->threads.row[w->thread[utid]] = utid;
	cgroup = process_at(t, thread_at(t, utid)->upid)->cgroup;
	if (cgroup > t->cgroups.cnt || w->cgroup[cgroup])
		return 0;
	w->cgroup[cgroup] = table_add(&w->cgroups);
	if (!w->cgroup[cgroup])
		return -ENOMEM;
	w->cgroups.row[w->cgroup[cgroup]] = cgroup;
	return 0;
}

/* Threads that occur get numbers; utid 0 (lost, unknown) is number 0. */
static int number_threads(struct writer *w)
{
	const struct tasks *t = w->page->tasks;
	int err;

	w->thread = calloc(t->threads.cnt + 1ul, sizeof(*w->thread));
	w->cgroup = calloc(t->cgroups.cnt + 1ul, sizeof(*w->cgroup));
	if (!w->thread || !w->cgroup)
		return -ENOMEM;
	err = number_thread(w, 0);
	for (unsigned v = 0; v < w->page->view_cnt; v++)
		for (uint32_t i = 1; i <= w->page->views[v].points.rows.cnt && !err; i++)
			err = number_thread(w, w->page->views[v].points.rows.row[i].thread);
	for (uint32_t i = 1; i <= w->page->moments.cnt && !err; i++)
		err = number_thread(w, w->page->moments.row[i].utid);
	return err;
}

static void put_shown(struct writer *w, const char *s)
{
	char *shown = escape_text_dup(s ?: "", strlen(s ?: ""));

	json_string(&w->j, shown ?: "");
	free(shown);
}

/*
 * Each thread: tid, its name, its process's pid and name, its cgroup's number, is it the kernel's,
 * its recording's number.
 */
static void put_threads(struct writer *w)
{
	const struct tasks *t = w->page->tasks;

	json_key(&w->j, "threads");
	json_array(&w->j);
	for (uint32_t i = 1; i <= w->threads.cnt; i++) {
		const struct thread *thread = thread_at(t, w->threads.row[i]);
		const struct process *process = process_at(t, thread->upid);

		json_array(&w->j);
		json_u64(&w->j, thread->tid);
		put_shown(w, thread->comm);
		json_u64(&w->j, process->pid);
		put_shown(w, process->comm);
		json_u64(&w->j,
			 process->cgroup <= t->cgroups.cnt ? w->cgroup[process->cgroup] - 1 : 0);
		json_u64(&w->j, thread->is_kernel);
		json_u64(&w->j, process->recording);
		json_end(&w->j);
	}
	json_end(&w->j);
	json_key(&w->j, "recordings");
	json_array(&w->j);
	for (uint32_t i = 1; i <= t->hosts.cnt; i++)
		put_shown(w, t->hosts.row[i]);
	json_end(&w->j);
	json_key(&w->j, "cgroups");
	json_array(&w->j);
	for (uint32_t i = 1; i <= w->cgroups.cnt; i++)
		put_shown(w, w->cgroups.row[i] ? t->cgroups.row[w->cgroups.row[i]].path : "");
	json_end(&w->j);
}

static void put_frames(struct writer *w, const struct flame_tree *t)
{
	struct flame_column c;

	json_key(&w->j, "names");
	json_array(&w->j);
	json_string(&w->j, "all");
	for (uint32_t i = 1; i <= flame_tree_frame_cnt(t); i++)
		json_string(&w->j, flame_tree_frame_at(t, i)->name);
	json_end(&w->j);
	json_key(&w->j, "modules"); /* as they come: each differs from the one before, or is empty
				       for "the same" */
	json_array(&w->j);
	json_string(&w->j, "");
	for (uint32_t i = 1; i <= flame_tree_frame_cnt(t); i++) {
		const char *module = flame_tree_frame_at(t, i)->module;
		bool same = i > 1 && !strcmp(module, flame_tree_frame_at(t, i - 1)->module);

		if (same)
			json_u64(&w->j, 0);
		else
			json_string(&w->j, module);
	}
	json_end(&w->j);
	json_key(&w->j, "kinds");
	flame_column_open(&c, &w->j);
	flame_column_put(&c, FLAME_PROCESS);
	for (uint32_t i = 1; i <= flame_tree_frame_cnt(t); i++)
		flame_column_put(&c, flame_tree_frame_at(t, i)->kind);
	flame_column_close(&c);
}

/* The tree in preorder: depth and frame of each node; parents follow from the depths. */
static void put_tree(struct writer *w, const struct flame_tree *t)
{
	uint32_t cnt = flame_tree_node_cnt(t);
	const uint32_t *order = flame_tree_order(t);
	struct flame_column c;

	json_key(&w->j, "depth");
	flame_column_open(&c, &w->j);
	for (uint32_t i = 0; i < cnt; i++)
		flame_column_put(&c, flame_tree_node(t, order[i])->depth);
	flame_column_close(&c);
	json_key(&w->j, "frame");
	flame_column_open(&c, &w->j);
	for (uint32_t i = 0; i < cnt; i++)
		flame_column_put(&c, flame_tree_node(t, order[i])->frame);
	flame_column_close(&c);
	if (!w->page->is_diff)
		return;
	json_key(&w->j, "base");
	flame_column_open(&c, &w->j);
	for (uint32_t i = 0; i < cnt; i++)
		flame_column_put(&c, flame_tree_node(t, order[i])->base_self);
	flame_column_close(&c);
}

enum point_column {
	POINT_NODE,
	POINT_THREAD,
	POINT_SLICE,
	POINT_LEN,
	POINT_VALUE,
	POINT_CNT,
	POINT_COLUMNS
};

static void put_points(struct writer *w, const struct flame_points *p)
{
	static const char *const names[POINT_COLUMNS] = { "node", "thread", "slice",
							  "len",  "value",  "count" };

	json_key(&w->j, "points");
	json_object(&w->j);
	for (int column = 0; column < POINT_COLUMNS; column++) {
		struct flame_column c;
		uint32_t before = 0;

		json_key(&w->j, names[column]);
		flame_column_open(&c, &w->j);
		for (uint32_t i = 1; i <= p->rows.cnt; i++) {
			const struct flame_point *x = &p->rows.row[i];
			uint32_t number = x->thread <= w->page->tasks->threads.cnt
						  ? w->thread[x->thread] - 1
						  : 0;
			uint64_t values[POINT_COLUMNS] = { x->node - before, number,   x->slice,
							   x->len,	     x->value, x->cnt };

			before = x->node;
			flame_column_put(&c, values[column]);
		}
		flame_column_close(&c);
	}
	json_end(&w->j);
}

/* From node ids to places in drawing order, which is how the page numbers nodes. */
static uint32_t *places(const struct flame_tree *t)
{
	uint32_t cnt = flame_tree_node_cnt(t);
	uint32_t *place = calloc(cnt, sizeof(*place));

	for (uint32_t i = 0; place && i < cnt; i++)
		place[flame_tree_order(t)[i]] = i;
	return place;
}

static int put_view(struct writer *w, struct flame_view *v, unsigned index)
{
	_cleanup_free_ uint32_t *place = places(v->tree);
	struct flame_page *p = w->page;

	if (!place || flame_points_settle(&v->points, place))
		return -ENOMEM;
	for (uint32_t i = 1; i <= p->moments.cnt; i++)
		if (p->moments.row[i].view == index)
			p->moments.row[i].node = place[p->moments.row[i].node];
	json_object(&w->j);
	json_key(&w->j, "id");
	json_string(&w->j, v->id);
	json_key(&w->j, "title");
	json_string(&w->j, v->title);
	json_key(&w->j, "unit");
	json_string(&w->j, v->unit);
	json_key(&w->j, "note");
	put_shown(w, v->note);
	json_key(&w->j, "palette");
	json_u64(&w->j, v->palette);
	json_key(&w->j, "byCount");
	json_bool(&w->j, v->by_count);
	json_key(&w->j, "sliceNs");
	json_u64(&w->j, v->points.slice_ns);
	put_frames(w, v->tree);
	put_tree(w, v->tree);
	put_points(w, &v->points);
	json_end(&w->j);
	return 0;
}

static int compare_moments(const void *a, const void *b, void *ctx)
{
	const struct flame_moment *x = a, *y = b;
	const uint32_t *thread = ctx;

	if (x->utid != y->utid)
		return thread[x->utid] < thread[y->utid] ? -1 : 1;
	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	return x->view < y->view ? -1 : x->view > y->view;
}

enum moment_column {
	MOMENT_THREAD,
	MOMENT_TS,
	MOMENT_VIEW,
	MOMENT_NODE,
	MOMENT_DUR,
	MOMENT_RUNQ,
	MOMENT_STATE,
	MOMENT_COLUMNS
};

static void put_moments(struct writer *w)
{
	static const char *const names[MOMENT_COLUMNS] = { "thread", "ts",   "view", "node",
							   "dur",    "runq", "state" };
	struct flame_page *p = w->page;

	if (!p->moments.cnt)
		return;
	qsort_r(p->moments.row + 1, p->moments.cnt, sizeof(*p->moments.row), compare_moments,
		w->thread);
	json_key(&w->j, "moments");
	json_object(&w->j);
	for (int column = 0; column < MOMENT_COLUMNS; column++) {
		struct flame_column c;
		int64_t before = p->from;
		uint32_t thread = 0;

		json_key(&w->j, names[column]);
		flame_column_open(&c, &w->j);
		for (uint32_t i = 1; i <= p->moments.cnt; i++) {
			const struct flame_moment *m = &p->moments.row[i];
			uint32_t number = w->thread[m->utid] - 1;
			int64_t since;

			if (number != thread) /* each thread's times begin at the page's */
				before = p->from;
			thread = number;
			since = m->ts - before;
			before = m->ts;
			flame_column_put_signed(&c, (int64_t[]){ number, since, m->view, m->node,
								 (int64_t)m->dur_ns,
								 (int64_t)m->runq_ns,
								 m->state }[column]);
		}
		flame_column_close(&c);
	}
	json_end(&w->j);
}

static int put_data(struct writer *w)
{
	struct flame_page *p = w->page;
	int err = 0;

	json_init(&w->j, w->f);
	json_object(&w->j);
	json_key(&w->j, "from");
	json_i64(&w->j, p->from);
	json_key(&w->j, "to");
	json_i64(&w->j, p->to);
	json_key(&w->j, "unixMs");
	json_i64(&w->j, p->unix_ns / 1000000);
	json_key(&w->j, "sampleNs");
	json_u64(&w->j, p->sample_ns);
	json_key(&w->j, "isDiff");
	json_bool(&w->j, p->is_diff);
	json_key(&w->j, "baseTitle");
	put_shown(w, p->base_title);
	json_key(&w->j, "firstView");
	json_u64(&w->j, p->first_view);
	json_key(&w->j, "startWithChart");
	json_bool(&w->j, p->start_with_chart);
	json_key(&w->j, "momentsLeftOut");
	json_u64(&w->j, p->moments_left_out);
	put_threads(w);
	json_key(&w->j, "views");
	json_array(&w->j);
	for (unsigned i = 0; i < p->view_cnt && !err; i++)
		err = put_view(w, &p->views[i], i);
	if (err)
		return err;
	json_end(&w->j);
	put_moments(w);
	json_end(&w->j);
	return 0;
}

static int put_page(struct writer *w)
{
	const struct flame_page *p = w->page;
	int err;

	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
	      "script-src 'unsafe-inline'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"generator\" content=\"varve-report " VARVE_VERSION "\">\n<title>",
	      w->f);
	escape_xml(w->f, p->title, strlen(p->title));
	fputs("</title>\n<style>\n", w->f);
	fputs(style, w->f);
	fputs("</style></head>\n<body><header><h1>", w->f);
	escape_xml(w->f, p->title, strlen(p->title));
	fputs("</h1><p>", w->f);
	escape_xml(w->f, p->subtitle ?: "", strlen(p->subtitle ?: ""));
	fputs("</p></header>\n<main id=\"main\"><noscript>This page draws with its own script, which is switched off here."
	      "</noscript></main>\n<script type=\"application/json\" id=\"data\">",
	      w->f);
	err = put_data(w);
	fputs("</script>\n<script>\n\"use strict\";\n", w->f);
	fputs(script, w->f);
	fputs("</script></body></html>\n", w->f);
	return err;
}

int flame_page_write(FILE *f, struct flame_page *p, struct err *err)
{
	struct writer w = { .f = f, .page = p };
	int rc = number_threads(&w);

	if (!rc)
		rc = put_page(&w);
	free(w.thread);
	free(w.cgroup);
	table_deinit(&w.threads);
	table_deinit(&w.cgroups);
	return rc ? err_code(err, rc, "write the page") : 0;
}
