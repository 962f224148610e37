// SPDX-License-Identifier: BSD-2-Clause
#include "report/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "report/flame_callers.h"
#include "report/flame_describe.h"
#include "report/flame_load.h"
#include "report/flame_svg.h"
#include "report/print.h"
#include "report/source.h"

/* One input, read. */
struct flame_input {
	struct db *db;
	struct stacks stacks;
	struct tasks tasks;
	bool is_damaged;
};

static int input_read(struct flame_input *in, const struct report_options *o, struct err *err)
{
	int rc = source_open(o, &in->db, &in->is_damaged, err);

	rc = rc ?: stacks_read(&in->stacks, in->db, err);
	return rc ?: tasks_read(&in->tasks, in->db, err);
}

static void input_deinit(struct flame_input *in)
{
	stacks_deinit(&in->stacks);
	tasks_deinit(&in->tasks);
	db_close(in->db);
}

/* What --event (and --offwake) ask for. */
static enum flame_tab tab_of(const struct filter *f)
{
	switch (f->event) {
	case FILTER_ON_CPU:
		return FLAME_TAB_ON_CPU;
	case FILTER_OFF_CPU:
		return f->offwake ? FLAME_TAB_OFF_WAKE : FLAME_TAB_OFF_CPU;
	case FILTER_RUN_QUEUE:
		return FLAME_TAB_RUN_QUEUE;
	case FILTER_WAKEUP:
		return FLAME_TAB_WAKEUP;
	case FILTER_OOM:
		return FLAME_TAB_OOM;
	}
	return FLAME_TAB_ON_CPU;
}

/* A page has the tabs that can show something, and the one asked for. */
static uint32_t page_tabs(struct db *db, enum flame_tab asked)
{
	uint32_t tabs = 1u << asked | 1u << FLAME_TAB_ON_CPU;

	if (db_query_int(db, "SELECT EXISTS(SELECT 1 FROM offcpu)", 0))
		tabs |= 1u << FLAME_TAB_OFF_CPU;
	if (db_query_int(
		    db,
		    "SELECT EXISTS(SELECT 1 FROM offcpu WHERE waker_stack_id IS NOT NULL OR waker_utid IS NOT NULL)",
		    0))
		tabs |= 1u << FLAME_TAB_OFF_WAKE | 1u << FLAME_TAB_WAKEUP;
	if (db_query_int(db, "SELECT EXISTS(SELECT 1 FROM offcpu WHERE runq_ns>0)", 0))
		tabs |= 1u << FLAME_TAB_RUN_QUEUE;
	if (db_query_int(db, "SELECT EXISTS(SELECT 1 FROM oom)", 0))
		tabs |= 1u << FLAME_TAB_OOM;
	return tabs;
}

static bool has_suffix(const char *s, const char *suffix)
{
	size_t len = strlen(s), n = strlen(suffix);

	return len >= n && !strcmp(s + len - n, suffix);
}

/* svg or html: by --format, else by the name of the output. */
static int choose_format(const struct report_options *o, bool *ret_svg, struct err *err)
{
	const char *name = o->output ?: "-";

	if (o->format ? !strcmp(o->format, "svg") : has_suffix(name, ".svg")) {
		*ret_svg = true;
	} else if (o->format ? !strcmp(o->format, "html")
			     : has_suffix(name, ".html") || has_suffix(name, ".htm")) {
		*ret_svg = false;
	} else if (o->format) {
		return err_set(err, -EINVAL, "--format: '%s' is not a picture (html, svg)",
			       o->format);
	} else {
		err_set(err, -EINVAL, "flame: what to write, a page or an SVG?");
		err_hint(err, "give -o FILE.html or -o FILE.svg (or --format html|svg)");
		return -EINVAL;
	}
	if (*ret_svg || (!o->callers && !o->icicle && !o->no_icicle))
		return 0;
	err_set(err, -EINVAL, "flame: --callers, --icicle and --no-icicle are of an SVG");
	err_hint(err, "a page has buttons for both; or -o FILE.svg");
	return -EINVAL;
}

/* Values from the points into the tree, for a picture that has no filters of its own. */
static void sum_points(struct flame_view *v, bool by_count)
{
	for (uint32_t i = 1; i <= v->points.rows.cnt; i++) {
		const struct flame_point *p = &v->points.rows.row[i];

		flame_tree_add(v->tree, p->node, by_count ? p->cnt : p->value);
	}
}

/* A tree in time order: each thread in turn, only neighbours joined. */
static int chart_tree(const struct flame_page *page, const struct flame_view *v, uint8_t index,
		      bool by_count, struct flame_tree **ret)
{
	_cleanup_free_ uint32_t *path = calloc(flame_tree_depth(v->tree) + 1ul, sizeof(*path));
	struct flame_tree *t = NULL;
	int rc = path ? flame_tree_create(&t) : -ENOMEM;

	for (uint32_t i = 1; i <= page->moments.cnt && !rc; i++) {
		const struct flame_moment *m = &page->moments.row[i];
		uint32_t depth = 0, node = FLAME_ROOT;

		if (m->view != index)
			continue;
		for (uint32_t at = m->node; at; at = flame_tree_node(v->tree, at)->parent)
			path[depth++] = flame_tree_node(v->tree, at)->frame;
		while (depth-- && !rc) {
			const struct flame_frame *f = flame_tree_frame_at(v->tree, path[depth]);
			uint32_t frame = flame_tree_frame(t, f->name, f->module, f->kind);

			node = frame ? flame_tree_append(t, node, frame) : 0;
			rc = node ? 0 : -ENOMEM;
		}
		if (!rc)
			flame_tree_add(t, node, by_count ? 1 : m->dur_ns ?: page->sample_ns);
	}
	if (rc)
		flame_tree_destroy(t);
	else
		*ret = t;
	return rc;
}

static int compare_moments(const void *a, const void *b)
{
	const struct flame_moment *x = a, *y = b;

	if (x->utid != y->utid)
		return x->utid < y->utid ? -1 : 1;
	return x->ts < y->ts ? -1 : x->ts > y->ts;
}

static int replace_by_chart(struct flame_page *page, struct flame_view *v, bool by_count)
{
	struct flame_tree *t;
	int rc;

	if (page->moments.cnt)
		qsort(page->moments.row + 1, page->moments.cnt, sizeof(*page->moments.row),
		      compare_moments);
	rc = chart_tree(page, v, (uint8_t)(v - page->views), by_count, &t);
	if (rc)
		return rc;
	flame_tree_destroy(v->tree);
	v->tree = t;
	return 0;
}

static int replace_by_callers(struct flame_view *v)
{
	struct flame_tree *t;
	int rc = flame_callers(v->tree, &t);

	if (rc)
		return rc;
	flame_tree_destroy(v->tree);
	v->tree = t;
	return 0;
}

static int write_svg(const struct report_options *o, struct flame_page *page, FILE *out,
		     struct err *err)
{
	struct flame_view *v = flame_page_tab(page, tab_of(&o->filter));
	bool by_count = v->by_count || !filter_is_ns(&o->filter);
	_cleanup_free_ char *title = NULL;
	struct flame_svg_options svg = {
		.subtitle = page->subtitle,
		.is_ns = !by_count,
		.unit = v->unit,
		.palette = v->palette,
		.icicle = o->icicle,
		.no_icicle = o->no_icicle,
		.is_diff = page->is_diff,
	};
	int rc = 0;

	if (o->chart && (v - page->views) <= FLAME_TAB_OFF_CPU && !page->is_diff)
		rc = replace_by_chart(page, v, by_count);
	else
		sum_points(v, by_count);
	if (!rc && o->callers)
		rc = replace_by_callers(v);
	if (rc || flame_tree_settle(v->tree) ||
	    asprintf(&title, "%s flame %s%s%s%s%s", v->title, o->chart ? "chart" : "graph", o->callers ? ", callers" : "",
		     page->is_diff ? ", compared with " : "", page->is_diff ? page->base_title : "",
		     by_count ? "" : " (time)") < 0)
		return err_code(err, -ENOMEM, "flame graph");
	svg.title = title;
	return flame_svg_write(out, v->tree, &svg, err);
}

static int write_html(struct flame_page *page, FILE *out, struct err *err)
{
	for (unsigned i = 0; i < page->view_cnt; i++)
		if (flame_tree_settle(page->views[i].tree))
			return err_code(err, -ENOMEM, "flame graph");
	return flame_page_write(out, page, err);
}

static int write_picture(const struct report_options *o, struct flame_page *page, bool svg,
			 struct err *err)
{
	FILE *out;
	int rc = print_open(o->output, &out, err);
	if (rc)
		return rc;
	rc = svg ? write_svg(o, page, out, err) : write_html(page, out, err);
	return print_close(out, o->output, rc ? NULL : err) ?: rc;
}

static bool is_empty(const struct flame_page *page)
{
	for (unsigned i = 0; i < page->view_cnt; i++)
		if (flame_tree_node_cnt(page->views[i].tree) > 1)
			return false;
	return true;
}

static int load_base(const struct report_options *o, struct flame_page *page,
		     const struct flame_load_options *lo, bool *damaged, struct err *err)
{
	struct report_options base = *o;
	struct flame_input in = { 0 };
	int rc;

	base.inputs = (const char **)&o->diff;
	base.input_cnt = 1;
	rc = input_read(&in, &base, err);
	rc = rc ?: flame_load_base(page, in.db, &in.stacks, &in.tasks, lo, err);
	*damaged |= in.is_damaged;
	input_deinit(&in);
	page->base_title = o->diff;
	return rc;
}

static int draw(const struct report_options *o, struct flame_input *in, bool svg, struct err *err)
{
	_cleanup_free_ char *subtitle = flame_describe(in->db, &o->filter),
			    *losses = flame_describe_losses(in->db), *title = NULL, *note = NULL;
	_cleanup_free_ char *host = db_meta(in->db, "hostname");
	enum flame_tab tab = tab_of(&o->filter);
	struct flame_load_options lo = { .filter = &o->filter,
					 .tabs = svg ? 1u << tab : page_tabs(in->db, tab),
					 .with_moments = o->chart,
					 .without_lost = o->diff,
					 .base_by_count = svg && !filter_is_ns(&o->filter) };
	struct flame_page page = { .subtitle = subtitle,
				   .start_with_chart = o->chart,
				   .base_title = "" };
	int rc;

	if (!subtitle || !losses ||
	    asprintf(&title, "Flame graph%s%s%s%s", host ? ": " : "", host ?: "",
		     o->diff ? ", compared with " : "", o->diff ?: "") < 0 ||
	    asprintf(&note, "%s%s%s", o->diff ? "Red grew, blue shrank, as shares of all." : "",
		     o->diff && *losses ? " " : "", losses) < 0)
		return err_code(err, -ENOMEM, "flame graph");
	page.title = title;
	rc = flame_load(&page, in->db, &in->stacks, &in->tasks, &lo, err);
	if (!rc && o->diff)
		rc = load_base(o, &page, &lo, &in->is_damaged, err);
	page.unix_ns = db_query_int(in->db, "SELECT t0_unix_ns FROM recording WHERE id=1", 0);
	for (unsigned i = 0; i < page.view_cnt; i++) {
		page.views[i].note = note;
		if (!strcmp(page.views[i].id, flame_tab_id(tab)) &&
		    o->filter.event != FILTER_ON_CPU)
			page.first_view = i;
	}
	rc = rc ?: write_picture(o, &page, svg, err);
	if (!rc && is_empty(&page))
		cmd_note_nothing(o);
	flame_page_deinit(&page);
	return rc;
}

int cmd_flame_check(const struct report_options *o, struct err *err)
{
	bool svg;

	if ((!o->output || !strcmp(o->output, "-")) && isatty(STDOUT_FILENO))
		return err_set(
			err, -EINVAL,
			"flame: a picture does not go to a terminal: give -o FILE, or redirect");
	return choose_format(o, &svg, err);
}

int cmd_flame(const struct report_options *o, struct err *err)
{
	struct flame_input in = { 0 };
	bool svg = false;
	int rc = choose_format(o, &svg, err);

	rc = rc ?: input_read(&in, o, err);
	rc = rc ?: draw(o, &in, svg, err);
	input_deinit(&in);
	return rc ?: in.is_damaged ? EXIT_DAMAGED : EXIT_OK;
}
