// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_svg.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/escape.h"

#define ROW 16	     /* px a frame is high */
#define FONT 12	     /* px */
#define CHAR 7.2     /* px a letter of the monospace font takes */
#define PAD 10	     /* px left and right */
#define TOP 74	     /* px for the title, the menu, and with an icicle details and match */
#define BOTTOM 40    /* px for details and the match */
/*
 * Levels that fit into a common window. A higher picture with its roots at the bottom opens on
 * nothing but the tips of its deepest stacks in whatever runs no scripts and so cannot scroll by
 * itself: mail, wikis, <img>. So it hangs from the top.
 */
#define LEVELS_UPRIGHT 44
#define LEAST_PX 0.1 /* a frame narrower than this is never seen */

static const char script[] =
#include "report/flame_svg.js.inc"
	;

/* One picture being written. */
struct svg {
	FILE *f;
	const struct flame_tree *tree;
	const struct flame_svg_options *o;
	uint64_t least; /* frames with a smaller total are left out */
	uint32_t left_out;
	unsigned width, levels;
	bool icicle;
	double px_per_value, max_diff;
	uint64_t *start; /* of each node, by id, in units of value */
};

static int compare_descending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/*
 * The least total worth drawing: by pixels, and by how many frames a browser lays out without
 * delay.
 */
static int choose_least(struct svg *s, double px_per_value)
{
	uint32_t cnt = flame_tree_node_cnt(s->tree), wide = 0, max = s->o->max_frames ?: 20000;
	_cleanup_free_ uint64_t *totals = calloc(cnt, sizeof(*totals));

	if (!totals)
		return -ENOMEM;
	s->least = px_per_value > 0 ? (uint64_t)ceil(LEAST_PX / px_per_value) : 0;
	if (!s->least)
		s->least = 1;
	for (uint32_t n = 0; n < cnt; n++) {
		uint64_t total = flame_tree_node(s->tree, n)->total;

		if (total >= s->least)
			totals[wide++] = total;
		else if (total)
			s->left_out++;
	}
	if (wide <= max)
		return 0;
	qsort(totals, wide, sizeof(*totals), compare_descending);
	s->least = totals[max - 1] + (totals[max] == totals[max - 1]);
	for (uint32_t i = 0; i < wide; i++)
		s->left_out += totals[i] < s->least;
	return 0;
}

/*
 * Where each node begins: after its elder siblings, inside its parent. Also the deepest level that
 * is drawn.
 */
static int lay_out(struct svg *s)
{
	const uint32_t *order = flame_tree_order(s->tree);
	uint32_t cnt = flame_tree_node_cnt(s->tree);
	_cleanup_free_ uint64_t *next =
		calloc(cnt, sizeof(*next)); /* where a node's next child begins */

	s->start = calloc(cnt, sizeof(*s->start));
	if (!next || !s->start)
		return -ENOMEM;
	for (uint32_t i = 1; i < cnt; i++) {
		const struct flame_node *n = flame_tree_node(s->tree, order[i]);

		s->start[order[i]] = next[order[i]] = next[n->parent];
		next[n->parent] += n->total;
		if (n->total >= s->least && n->depth + 1 > s->levels)
			s->levels = n->depth + 1;
	}
	return 0;
}

static double share_of(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

static void find_max_diff(struct svg *s)
{
	const struct flame_node *root = flame_tree_node(s->tree, FLAME_ROOT);

	for (uint32_t n = 1; n < flame_tree_node_cnt(s->tree); n++) {
		const struct flame_node *node = flame_tree_node(s->tree, n);
		double delta = share_of(node->total, root->total) -
			       share_of(node->base_total, root->base_total);

		s->max_diff = fmax(s->max_diff, fabs(delta));
	}
}

static const char *value_text(const struct svg *s, char *buf, size_t buf_sz, uint64_t v)
{
	size_t len;

	if (s->o->is_ns)
		return flame_format_ns(buf, buf_sz, v);
	flame_format_count(buf, buf_sz, v);
	len = strlen(buf);
	snprintf(buf + len, buf_sz - len, " %s", s->o->unit);
	return buf;
}

static void put_title(const struct svg *s, const struct flame_node *n, const char *name,
		      const char *module)
{
	const struct flame_node *root = flame_tree_node(s->tree, FLAME_ROOT);
	double share = share_of(n->total, root->total),
	       base = share_of(n->base_total, root->base_total);
	char buf[80];

	fputs("<title>", s->f);
	escape_xml(s->f, name, strlen(name));
	if (*module) {
		fputs(" [", s->f);
		escape_xml(s->f, module, strlen(module));
		fputs("]", s->f);
	}
	fprintf(s->f, " (%s, %.2f%%", value_text(s, buf, sizeof(buf), n->total), 100 * share);
	if (s->o->is_diff)
		fprintf(s->f, "; before %.2f%%, %+.2f points", 100 * base, 100 * (share - base));
	if (n->self && n->self != n->total)
		fprintf(s->f, "; self %s", value_text(s, buf, sizeof(buf), n->self));
	fputs(")</title>", s->f);
}

/* How many bytes of name fit into px; *ret_cut: not all of it did, and two dots follow. */
static size_t fitting_bytes(const char *name, double px, bool *ret_cut)
{
	double fits = floor((px - 6) / CHAR);
	size_t room = fits > 0 ? (size_t)fits : 0;
	size_t letters = 0, cut_at = 0, at = 0;

	while (name[at]) {
		if (letters + 2 == room)
			cut_at = at;
		if (letters == room)
			break;
		letters++;
		do
			at++;
		while ((name[at] & 0xc0) == 0x80);
	}
	*ret_cut = name[at] != '\0';
	if (!*ret_cut)
		return at;
	return room < 3 ? 0 : cut_at;
}

static void put_frame(const struct svg *s, uint32_t id)
{
	const struct flame_node *n = flame_tree_node(s->tree, id),
				*root = flame_tree_node(s->tree, FLAME_ROOT);
	const struct flame_frame *frame = n->frame ? flame_tree_frame_at(s->tree, n->frame) : NULL;
	const char *name = frame ? frame->name : "all";
	double x = PAD + (double)s->start[id] * s->px_per_value,
	       w = (double)n->total * s->px_per_value;
	unsigned row = s->icicle ? n->depth : s->levels - 1 - n->depth;
	unsigned y = TOP + row * ROW;
	char color[FLAME_COLOR_SZ];
	bool cut;
	size_t len = fitting_bytes(name, w, &cut);

	flame_color(color, name, frame ? frame->kind : FLAME_PROCESS, s->o->palette);
	if (s->o->is_diff && (!frame || frame->kind != FLAME_LOST))
		flame_diff_color(color, share_of(n->total, root->total),
				 share_of(n->base_total, root->base_total), s->max_diff);
	fprintf(s->f, "<g data-s=\"%" PRIu64 "\" data-t=\"%" PRIu64 "\" data-d=\"%" PRIu32 "\"",
		s->start[id], n->total, n->depth);
	if (cut) { /* the script needs the whole name; where it fits, the text has it */
		fputs(" data-n=\"", s->f);
		escape_xml(s->f, name, strlen(name));
		fputs("\"", s->f);
	}
	fputs(">", s->f);
	put_title(s, n, name, frame ? frame->module : "");
	fprintf(s->f,
		"<rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\" fill=\"%s\"/><text x=\"%.2f\" y=\"%.1f\">",
		x, y, w, ROW - 1, frame && frame->kind == FLAME_LOST ? "url(#lost)" : color, x + 3,
		y + ROW - 4.5);
	escape_xml(s->f, name, len);
	fputs(cut && len ? "..</text></g>\n" : "</text></g>\n", s->f);
}

static void put_head(const struct svg *s, unsigned height)
{
	fprintf(s->f,
		"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\">\n"
		"<!-- written by varve-report " VARVE_VERSION "; self-contained -->\n"
		"<defs><linearGradient id=\"paper\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"1\"><stop offset=\"0\" stop-color=\"#f6f6f1\"/>"
		"<stop offset=\"1\" stop-color=\"#ececd8\"/></linearGradient>\n"
		"<pattern id=\"lost\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
		"<rect width=\"8\" height=\"8\" fill=\"#d0d0d0\"/><rect width=\"4\" height=\"8\" fill=\"#a8a8a8\"/></pattern></defs>\n"
		"<style>text{font-family:monospace;font-size:%dpx;fill:#000}#frames>g{cursor:pointer}#frames rect{rx:1.5px}"
		"#frames text{pointer-events:none}#frames>g:hover>rect{stroke:#000;stroke-width:.7}"
		"#title{font:17px sans-serif}#sub,#menu text{font-family:sans-serif}#sub{fill:#555}"
		"#menu text{cursor:pointer;fill:#05a}#menu text:hover{text-decoration:underline}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"url(#paper)\"/>\n",
		s->width, height, s->width, height, FONT);
	fprintf(s->f, "<text id=\"title\" x=\"%u\" y=\"24\" text-anchor=\"middle\">", s->width / 2);
	escape_xml(s->f, s->o->title, strlen(s->o->title));
	fprintf(s->f, "</text>\n<text id=\"sub\" x=\"%u\" y=\"42\" text-anchor=\"middle\">",
		s->width / 2);
	escape_xml(s->f, s->o->subtitle ?: "", strlen(s->o->subtitle ?: ""));
	if (s->left_out) {
		char buf[32];

		fprintf(s->f, " — %s frames narrower than %.2f px are not drawn",
			flame_format_count(buf, sizeof(buf), s->left_out),
			(double)s->least * s->px_per_value);
	}
	fprintf(s->f,
		"</text>\n<g id=\"menu\" style=\"display:none\"><text id=\"reset\" x=\"%d\" y=\"24\">Reset zoom</text>"
		"<text id=\"flip\" x=\"%u\" y=\"24\" text-anchor=\"end\">Flip</text>"
		"<text id=\"search\" x=\"%u\" y=\"24\" text-anchor=\"end\">Search</text></g>\n",
		PAD, s->width - PAD - 48, s->width - PAD);
}

static void put_tail(const struct svg *s, unsigned height)
{
	unsigned y = s->icicle ? TOP - 10 : height - 14;

	fprintf(s->f,
		"</g>\n<text id=\"details\" x=\"%d\" y=\"%u\" xml:space=\"preserve\"> </text>\n"
		"<text id=\"matched\" x=\"%u\" y=\"%u\" text-anchor=\"end\"></text>\n<script><![CDATA[\n",
		PAD, y, s->width - PAD, y);
	fputs(script, s->f);
	fputs("]]></script>\n</svg>\n", s->f);
}

int flame_svg_write(FILE *f, const struct flame_tree *t, const struct flame_svg_options *o,
		    struct err *err)
{
	const struct flame_node *root = flame_tree_node(t, FLAME_ROOT);
	struct svg s = { .f = f, .tree = t, .o = o, .width = o->width ?: 1200, .levels = 1 };
	_cleanup_free_ uint64_t *start = NULL;
	unsigned height;
	int rc;

	s.px_per_value = root->total ? (s.width - 2.0 * PAD) / (double)root->total : 0;
	rc = choose_least(&s, s.px_per_value);
	if (!rc)
		rc = lay_out(&s);
	start = s.start;
	if (rc)
		return err_code(err, rc, "lay out a flame graph of %u frames",
				flame_tree_node_cnt(t));
	if (o->is_diff)
		find_max_diff(&s);
	s.icicle = o->icicle || (!o->no_icicle && s.levels > LEVELS_UPRIGHT);
	height = TOP + s.levels * ROW + BOTTOM;
	put_head(&s, height);
	fprintf(f,
		"<g id=\"frames\" data-width=\"%u\" data-height=\"%d\" data-top=\"%d\" data-pad=\"%d\" "
		"data-levels=\"%u\" data-char=\"%.1f\" data-icicle=\"%d\">\n",
		s.width, ROW, TOP, PAD, s.levels, CHAR, s.icicle);
	for (uint32_t i = 0; i < flame_tree_node_cnt(t); i++) {
		uint32_t id = flame_tree_order(t)[i];

		if (id == FLAME_ROOT || flame_tree_node(t, id)->total >= s.least)
			put_frame(&s, id);
	}
	put_tail(&s, height);
	return 0;
}
