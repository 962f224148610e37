// SPDX-License-Identifier: BSD-2-Clause
#include "report/naming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/cmd.h"
#include "report/escape.h"
#include "report/info.h"
#include "report/mend.h"
#include "report/package.h"

#define IMAGES_SHOWN 15

static const struct {
	const char *what;
	enum filter_event event;
} sides[2] = { { "on CPU", FILTER_ON_CPU }, { "off CPU", FILTER_OFF_CPU } };

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static uint64_t unnamed(const struct naming_share *s)
{
	return s->frames - s->named;
}

static void put_image(const struct profile *p, const struct info_image *i, uint64_t all, FILE *out)
{
	const struct stack_image *img = &p->stacks->images.row[i->image];

	fprintf(out, "  %6.2f%%  %6.2f%%  %-14s ", percent(i->frames, all),
		percent(i->named, i->frames), img->symbols ?: "none");
	escape_text(out, img->path, strlen(img->path));
	if (i->named < i->frames) {
		fputs("  (", out);
		escape_text(out, img->unnamed_reason ?: "no reason known",
			    strlen(img->unnamed_reason ?: "no reason known"));
		fputc(')', out);
	}
	fputc('\n', out);
}

static void put_names(const struct info_names *n, const struct profile *p, const char *what,
		      FILE *out)
{
	fprintf(out,
		"\nnames, %s: %.2f%% of the frames, %.2f%% of the leaves\n  %7s  %7s  %-14s image\n",
		what, percent(n->named, n->frames), percent(n->named_leaves, n->leaves), "FRAMES",
		"NAMED", "FROM");
	for (uint32_t i = 1; i <= n->images.cnt && i <= IMAGES_SHOWN; i++)
		put_image(p, &n->images.row[i], n->frames, out);
	if (n->images.cnt > IMAGES_SHOWN)
		fprintf(out, "  and %u more\n", n->images.cnt - IMAGES_SHOWN);
}

static int add_side(struct naming *g, int side, const struct info_names *n)
{
	uint32_t cnt = g->p.stacks->images.cnt;

	if (!table_reserve(&g->images, cnt))
		return -ENOMEM;
	g->images.cnt = cnt;
	g->total[side] = (struct naming_share){ n->frames, n->named };
	g->leaves[side] = (struct naming_share){ n->leaves, n->named_leaves };
	for (uint32_t i = 1; i <= n->images.cnt; i++) {
		const struct info_image *img = &n->images.row[i];

		g->images.row[img->image].of[side] = (struct naming_share){ img->frames, img->named };
	}
	return 0;
}

int naming_read(struct naming *g, struct db *db, FILE *out, struct err *err)
{
	int rc = 0;

	for (int side = 0; side < 2 && !rc; side++) {
		const struct filter f = { .event = sides[side].event };
		struct info_names n = { 0 };

		if (side)
			profile_deinit(&g->p);
		profile_init(&g->p);
		rc = profile_read(&g->p, db, &f, err);
		rc = rc ?: info_names(&n, &g->p, err);
		if (!rc && add_side(g, side, &n))
			rc = err_set(err, -ENOMEM, "out of memory");
		if (!rc && n.frames && out)
			put_names(&n, &g->p, sides[side].what, out);
		table_deinit(&n.images);
	}
	return rc;
}

void naming_deinit(struct naming *g)
{
	profile_deinit(&g->p);
	table_deinit(&g->images);
}

/* ---- what would mend the missing ones ------------------------------------ */

/* Images by what they lack, the worst first. */
struct lacking {
	const struct naming *g;
	uint32_t *ids; /* of images */
	struct package_owner *owners; /* by index into ids */
	size_t cnt;
};

static double lack_of(const struct naming *g, uint32_t image)
{
	const struct naming_image *s = &g->images.row[image];

	return percent(unnamed(&s->of[0]), g->total[0].frames) +
	       percent(unnamed(&s->of[1]), g->total[1].frames);
}

static double presence_of(const struct naming *g, uint32_t image)
{
	const struct naming_image *s = &g->images.row[image];

	return percent(s->of[0].frames, g->total[0].frames) +
	       percent(s->of[1].frames, g->total[1].frames);
}

static int compare_lack(const void *a, const void *b, void *ctx)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	double dx = lack_of(ctx, x), dy = lack_of(ctx, y);

	if (dx == dy) {
		dx = presence_of(ctx, x);
		dy = presence_of(ctx, y);
	}
	return dx > dy ? -1 : dx < dy ? 1 : x < y ? -1 : x > y;
}

static void lacking_deinit(struct lacking *l)
{
	for (size_t i = 0; l->owners && i < l->cnt; i++)
		package_owner_deinit(&l->owners[i]);
	free(l->owners);
	free(l->ids);
}

static int lacking_find(struct lacking *l, const char *root, struct err *err)
{
	const struct stacks *s = l->g->p.stacks;
	_cleanup_free_ const char **paths = calloc((size_t)s->images.cnt + 1, sizeof(*paths));

	l->ids = calloc((size_t)s->images.cnt + 1, sizeof(*l->ids));
	l->owners = calloc((size_t)s->images.cnt + 1, sizeof(*l->owners));
	if (!paths || !l->ids || !l->owners)
		return err_set(err, -ENOMEM, "out of memory");
	for (uint32_t i = 1; i <= l->g->images.cnt; i++)
		if (lack_of(l->g, i) > 0 ||
		    (presence_of(l->g, i) > 0 && mend_wants_debug_file(&s->images.row[i])))
			l->ids[l->cnt++] = i;
	qsort_r(l->ids, l->cnt, sizeof(*l->ids), compare_lack, (void *)l->g);
	for (size_t i = 0; i < l->cnt; i++)
		if (mend_wants_debug_file(&s->images.row[l->ids[i]]))
			paths[i] = s->images.row[l->ids[i]].path;
	package_find_owners(root, paths, l->cnt, l->owners);
	return 0;
}

static void put_lacking(const struct lacking *l, size_t i, FILE *out)
{
	const struct stack_image *img = &l->g->p.stacks->images.row[l->ids[i]];
	const struct naming_image *s = &l->g->images.row[l->ids[i]];
	const char *why = lack_of(l->g, l->ids[i]) > 0 ? img->unnamed_reason ?: "no reason known" :
			  mend_is_half(img)	       ? img->unnamed_reason :
							 "named, but without lines and inlined functions";

	fprintf(out, "  %7.2f%%  %7.2f%%  ", percent(unnamed(&s->of[0]), l->g->total[0].frames),
		percent(unnamed(&s->of[1]), l->g->total[1].frames));
	escape_text(out, img->path, strlen(img->path));
	if (img->build_id[0])
		fprintf(out, "  build-id %s", img->build_id);
	fprintf(out, "\n%22swhy:  ", "");
	escape_text(out, why, strlen(why));
	fprintf(out, "\n%22smend: ", "");
	mend_print(img, &l->owners[i], out);
	fputc('\n', out);
}

int naming_print_missing(const struct naming *g, const char *symfs, FILE *out, struct err *err)
{
	struct lacking l = { .g = g };
	int rc = lacking_find(&l, symfs ?: "", err);

	for (int side = 0; side < 2; side++)
		if (g->total[side].frames)
			fprintf(out, "names, %s: %.2f%% of the frames, %.2f%% of the leaves\n",
				sides[side].what, percent(g->total[side].named, g->total[side].frames),
				percent(g->leaves[side].named, g->leaves[side].frames));
	if (!rc && !l.cnt)
		fputs("\nnothing is missing\n", out);
	else if (!rc)
		fprintf(out, "\nframes without a name\n  %8s  %8s  image\n", "ON CPU", "OFF CPU");
	for (size_t i = 0; i < l.cnt && !rc; i++)
		put_lacking(&l, i, out);
	if (!rc && l.cnt)
		fputs("\nDebug files (xx/….debug) go below /usr/lib/debug/.build-id, or below DIR/.build-id with --debug-dir DIR.\n",
		      out);
	lacking_deinit(&l);
	return rc;
}

bool naming_is_below(const struct naming *g, const struct report_options *o)
{
	bool below = false;

	for (int side = 0; side < 2; side++) {
		double have = percent(g->total[side].named, g->total[side].frames);

		if (!g->total[side].frames || have >= o->min_named)
			continue;
		cmd_note(o, "%.2f%% of the frames %s have names, less than --min-named %g", have,
			 sides[side].what, o->min_named);
		below = true;
	}
	return below;
}
