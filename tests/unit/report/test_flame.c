// SPDX-License-Identifier: BSD-2-Clause
/* Pictures of the fixture: what is in the SVG and the page. How they behave is tried in a browser (tests/browser). */
#include "report/flame_describe.h"
#include "report/flame_load.h"
#include "report/flame_svg.h"

#include "tests/unit/report/fixture.h"

static void load(struct fixture *x, struct flame_page *page, uint32_t tabs, bool with_moments)
{
	struct flame_load_options lo = { .filter = &x->filter, .tabs = tabs, .with_moments = with_moments };

	*page = (struct flame_page){ .title = "t <>", .subtitle = "s & s", .base_title = "" };
	CHECK_EQ(flame_load(page, x->db, &x->stacks, &x->tasks, &lo, &x->err), 0);
}

static void settle(struct flame_view *v)
{
	for (uint32_t i = 1; i <= v->points.rows.cnt; i++)
		flame_tree_add(v->tree, v->points.rows.row[i].node, v->points.rows.row[i].value);
	CHECK_EQ(flame_tree_settle(v->tree), 0);
}

/* Self and total, over the whole tree, of the frames with this name (each stack counted once: names do not recur in the fixture). */
static void sum_name(const struct flame_tree *t, const char *name, uint64_t *self, uint64_t *total)
{
	*self = *total = 0;
	for (uint32_t i = 1; i < flame_tree_node_cnt(t); i++) {
		const struct flame_node *n = flame_tree_node(t, i);

		if (!strcmp(flame_tree_frame_at(t, n->frame)->name, name)) {
			*self += n->self;
			*total += n->total;
		}
	}
}

static const struct flame_frame *frame_named(const struct flame_tree *t, const char *name)
{
	for (uint32_t i = 1; i <= flame_tree_frame_cnt(t); i++)
		if (!strcmp(flame_tree_frame_at(t, i)->name, name))
			return flame_tree_frame_at(t, i);
	return NULL;
}

TEST(self_and_total_of_each_function_are_the_databases)
{
	struct flame_page page;
	struct fixture x;
	struct db_stmt *st;
	int n = 0;

	/* what defines function_total, as an import would compute it */
	fixture_init(&x, NULL);
	load(&x, &page, 1u << FLAME_TAB_ON_CPU, false);
	settle(&page.views[0]);
	CHECK_EQ(db_query(x.db, "SELECT fn.name,self_ns,total_ns FROM function_total_def JOIN function fn ON fn.id=function_id "
			  "WHERE kind='on-cpu'", &st, &x.err), 0);
	while (db_step(st, &x.err) > 0) {
		uint64_t self, total;
		const char *name = db_column_text(st, 0, NULL);

		sum_name(page.views[0].tree, strchr(name, '\x1b') ? "evil;\"></script><b>&\\x1b[31m" : name, &self, &total);
		CHECK_EQ(self, db_column_int(st, 1));
		CHECK_EQ(total, db_column_int(st, 2));
		n++;
	}
	CHECK_EQ(n, 8);
	db_stmt_close(st);
	flame_page_deinit(&page);
	fixture_deinit(&x);
}

TEST(frames_have_the_kinds_that_colour_them)
{
	struct flame_page page;
	struct fixture x;
	const struct flame_tree *t;

	fixture_init(&x, NULL);
	load(&x, &page, 1u << FLAME_TAB_ON_CPU | 1u << FLAME_TAB_OFF_WAKE, false);
	t = page.views[0].tree;
	CHECK_EQ(frame_named(t, "main")->kind, FLAME_USER);
	CHECK_STR(frame_named(t, "main")->module, "/usr/bin/app");
	CHECK_EQ(frame_named(t, "parse:json")->kind, FLAME_INLINED);
	CHECK_EQ(frame_named(t, "gc")->kind, FLAME_JIT);
	CHECK_EQ(frame_named(t, "__x64_sys_recvfrom")->kind, FLAME_KERNEL);
	CHECK_EQ(frame_named(t, "pool 1")->kind, FLAME_PROCESS);
	t = page.views[1].tree;
	CHECK_EQ(frame_named(t, "try_to_wake_up")->kind, FLAME_WAKER);
	CHECK_EQ(frame_named(t, "[interrupt]")->kind, FLAME_WAKER);
	CHECK_EQ(frame_named(t, "--")->kind, FLAME_JOINT);
	CHECK_EQ(frame_named(t, "futex_wait")->kind, FLAME_KERNEL);
	flame_page_deinit(&page);
	fixture_deinit(&x);
}

TEST(what_was_lost_is_a_frame_of_its_own_as_wide_as_its_time)
{
	struct flame_page page;
	struct fixture x;
	uint64_t self, total;

	fixture_init(&x, "INSERT INTO loss(recording_id,ts,stream,lost,reason) VALUES(1,1,'sample',50,'stack error');");
	load(&x, &page, 1u << FLAME_TAB_ON_CPU, false);
	settle(&page.views[0]);
	sum_name(page.views[0].tree, "[lost samples: ring full]", &self, &total);
	CHECK_EQ(total, 5 * 10000000ll);
	CHECK_EQ(flame_tree_node(page.views[0].tree, FLAME_ROOT)->total, 110 * 10000000ll);
	CHECK(!frame_named(page.views[0].tree, "[lost samples: stack error]")); /* those are in the picture */
	flame_page_deinit(&page);
	fixture_deinit(&x);
}

TEST(each_kind_of_wait_has_its_own_time)
{
	struct flame_page page;
	struct fixture x;

	fixture_init(&x, NULL);
	load(&x, &page, 63 & ~(1u << FLAME_TAB_ON_CPU), false);
	CHECK_EQ(page.view_cnt, 5);
	for (unsigned i = 0; i < 5; i++)
		settle(&page.views[i]);
	CHECK_EQ(flame_tree_node(flame_page_tab(&page, FLAME_TAB_OFF_CPU)->tree, FLAME_ROOT)->total, 605000000);
	CHECK_EQ(flame_tree_node(flame_page_tab(&page, FLAME_TAB_OFF_WAKE)->tree, FLAME_ROOT)->total, 605000000);
	CHECK_EQ(flame_tree_node(flame_page_tab(&page, FLAME_TAB_WAKEUP)->tree, FLAME_ROOT)->total, 590000000); /* blocked */
	CHECK_EQ(flame_tree_node(flame_page_tab(&page, FLAME_TAB_RUN_QUEUE)->tree, FLAME_ROOT)->total, 15000000);
	CHECK_EQ(flame_tree_node(flame_page_tab(&page, FLAME_TAB_OOM)->tree, FLAME_ROOT)->total, 1);
	CHECK(!flame_page_tab(&page, FLAME_TAB_ON_CPU));
	flame_page_deinit(&page);
	fixture_deinit(&x);
}

TEST(filters_hold_in_pictures)
{
	struct flame_page page;
	struct fixture x;

	fixture_init(&x, NULL);
	CHECK_EQ(filter_set(&x.filter, "comm", "pool*", &x.err), 0);
	CHECK_EQ(filter_set(&x.filter, "time", "0.5s,", &x.err), 0);
	CHECK_EQ(filter_set(&x.filter, "where", "cpu=0", &x.err), 0);
	load(&x, &page, 1u << FLAME_TAB_ON_CPU, false);
	CHECK_EQ(page.from, 500000000);
	CHECK_EQ(page.to, 2000000000);
	CHECK_EQ(page.views[0].points.rows.cnt > 0, 1);
	settle(&page.views[0]);
	/* threads 2's samples are every fourth, from 0.505 s on: 50, 52 … by 4: 52..96 */
	CHECK_EQ(flame_tree_node(page.views[0].tree, FLAME_ROOT)->total, 12 * 10000000ll);
	flame_page_deinit(&page);
	fixture_deinit(&x);
}

static char *svg_of(struct flame_view *v, struct flame_svg_options *o)
{
	char *text = NULL;
	size_t text_sz;
	FILE *f = open_memstream(&text, &text_sz);
	struct err err;

	o->title = "A & B";
	o->unit = "samples";
	CHECK_EQ(flame_svg_write(f, v->tree, o, &err), 0);
	fclose(f);
	return text;
}

TEST(an_svg_names_every_frame_with_its_value)
{
	struct flame_svg_options o = { .is_ns = true };
	struct flame_page page;
	struct fixture x;
	char *svg;

	fixture_init(&x, "DELETE FROM loss;");
	load(&x, &page, 1u << FLAME_TAB_ON_CPU, false);
	settle(&page.views[0]);
	svg = svg_of(&page.views[0], &o);
	CHECK_HAS(svg, "<title>all (1.05 s, 100.00%)</title>");
	CHECK_HAS(svg, "<title>__x64_sys_recvfrom [[kernel]] (370.00 ms, 35.24%)</title>");
	CHECK_HAS(svg, "evil;&quot;&gt;&lt;/script&gt;&lt;b&gt;&amp;\\x1b[31m");
	CHECK_HAS(svg, ">A &amp; B</text>");
	CHECK(!strchr(svg, '\x1b'));
	CHECK(!strstr(svg, "http://") || !strstr(strstr(svg, "http://") + 1, "href")); /* no link leads anywhere */
	CHECK(!strstr(svg, "xlink:href"));
	free(svg);
	flame_page_deinit(&page);
	fixture_deinit(&x);
}

TEST(an_svg_of_too_many_frames_leaves_out_the_narrowest_and_says_so)
{
	struct flame_svg_options o = { .max_frames = 5, .is_ns = true };
	struct flame_page page;
	struct fixture x;
	char *svg;

	fixture_init(&x, "DELETE FROM loss;");
	load(&x, &page, 1u << FLAME_TAB_ON_CPU, false);
	settle(&page.views[0]);
	svg = svg_of(&page.views[0], &o);
	CHECK_HAS(svg, "<title>main ");
	CHECK(!strstr(svg, "<title>gc "));
	CHECK_HAS(svg, "are not drawn");
	free(svg);
	flame_page_deinit(&page);
	fixture_deinit(&x);
}

TEST(a_picture_of_nothing_is_still_a_picture)
{
	struct flame_svg_options o = { .is_ns = true };
	struct flame_page page;
	struct fixture x;
	char *svg;

	fixture_init(&x, "DELETE FROM sample; DELETE FROM loss;");
	load(&x, &page, 1u << FLAME_TAB_ON_CPU, true);
	settle(&page.views[0]);
	svg = svg_of(&page.views[0], &o);
	CHECK_HAS(svg, "<title>all (0 ns, 0.00%)</title>");
	CHECK_HAS(svg, "</svg>");
	free(svg);
	flame_page_deinit(&page);
	fixture_deinit(&x);
}

TEST(a_difference_is_of_shares_not_of_sizes)
{
	struct flame_svg_options o = { .is_ns = true, .is_diff = true };
	struct flame_load_options lo = { .tabs = 1u << FLAME_TAB_ON_CPU };
	struct flame_page page;
	struct fixture x, base;
	char *svg;

	fixture_init(&x, "DELETE FROM loss;");
	fixture_init(&base, "DELETE FROM loss; UPDATE sample SET stack_id=8 WHERE stack_id=7;"
			    "INSERT INTO sample(ts,cpu,utid,stack_id,weight_ns) SELECT ts+1500000000,cpu,utid,stack_id,weight_ns FROM sample;"); /* twice as long */
	lo.filter = &x.filter;
	load(&x, &page, lo.tabs, false);
	CHECK_EQ(flame_load_base(&page, base.db, &base.stacks, &base.tasks, &lo, &x.err), 0);
	settle(&page.views[0]);
	CHECK_EQ(flame_tree_node(page.views[0].tree, FLAME_ROOT)->base_total, 2 * flame_tree_node(page.views[0].tree, FLAME_ROOT)->total);
	svg = svg_of(&page.views[0], &o);
	CHECK_HAS(svg, "<title>main [/usr/bin/app] (750.00 ms, 71.43%; before 71.43%, +0.00 points)</title>");
	CHECK_HAS(svg, "<title>gc [//anon] (60.00 ms, 5.71%; before 14.29%, -8.57 points)</title>");
	free(svg);
	flame_page_deinit(&page);
	fixture_deinit(&x);
	fixture_deinit(&base);
}

static char *page_of(struct flame_page *page)
{
	char *text = NULL;
	size_t text_sz;
	FILE *f = open_memstream(&text, &text_sz);
	struct err err;

	for (unsigned i = 0; i < page->view_cnt; i++)
		CHECK_EQ(flame_tree_settle(page->views[i].tree), 0);
	CHECK_EQ(flame_page_write(f, page, &err), 0);
	fclose(f);
	return text;
}

TEST(a_page_cannot_be_broken_out_of_and_asks_for_nothing)
{
	struct flame_page page;
	struct fixture x;
	const char *at;
	char *html;
	int ends = 0;

	fixture_init(&x, "UPDATE process SET comm='</script><script>alert(1)</script>'; UPDATE thread SET comm='<!--';");
	load(&x, &page, 63, true);
	html = page_of(&page);
	for (at = html; (at = strstr(at, "</script")); at++)
		ends++;
	CHECK_EQ(ends, 2); /* the page's own: data and program */
	CHECK(!strstr(html, "<!--"));
	CHECK_HAS(html, "default-src 'none'");
	CHECK(!strstr(html, "src=") && !strstr(html, "href=") && !strstr(html, "@import") && !strstr(html, "url("));
	CHECK_HAS(html, "\"title\":\"Off-wake\"");
	CHECK_HAS(html, "\"moments\":{");
	free(html);
	flame_page_deinit(&page);
	fixture_deinit(&x);
}

TEST(words_around_the_picture_say_what_is_shown_and_missing)
{
	struct fixture x;
	char *text;

	fixture_init(&x, NULL);
	CHECK_EQ(filter_set(&x.filter, "pid", "100", &x.err), 0);
	text = flame_describe(x.db, &x.filter);
	CHECK_STR(text, "host fixture, 2.0 s from 2023-11-14 22:13:20 UTC, kernel 6.1.0, pid 100");
	free(text);
	text = flame_describe_losses(x.db);
	CHECK_STR(text, "Lost or incomplete: 5 sample (ring full)");
	free(text);
	fixture_deinit(&x);
}

TEST(numbers_read_as_people_write_them)
{
	char buf[32];

	CHECK_STR(flame_format_count(buf, sizeof(buf), 1234567), "1,234,567");
	CHECK_STR(flame_format_count(buf, sizeof(buf), 0), "0");
	CHECK_STR(flame_format_ns(buf, sizeof(buf), 1500000000), "1.50 s");
	CHECK_STR(flame_format_ns(buf, sizeof(buf), 999), "999 ns");
}

TEST(a_colour_is_the_names_and_says_the_kind)
{
	char a[FLAME_COLOR_SZ], b[FLAME_COLOR_SZ];

	flame_color(a, "main", FLAME_USER, FLAME_HOT);
	flame_color(b, "main", FLAME_USER, FLAME_HOT);
	CHECK_STR(a, b);
	flame_color(b, "main", FLAME_KERNEL, FLAME_HOT);
	CHECK(strcmp(a, b));
	flame_diff_color(a, 0.5, 0.5, 0.2);
	CHECK_STR(a, "#ebebeb");
	flame_diff_color(a, 0.5, 0.3, 0.2);
	CHECK(a[1] > a[5]); /* more red than blue */
}

TEST_MAIN()
