/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flame graph as one SVG file that needs nothing else: it is a picture in any viewer, and in a
 * browser it zooms, searches and flips by the script it carries. Names are escaped here; the tree
 * holds them in their shown form.
 */
#ifndef VARVE_FLAME_SVG_H
#define VARVE_FLAME_SVG_H

#include <stdbool.h>
#include <stdio.h>

#include "formats/err.h"
#include "report/flame_color.h"
#include "report/flame_tree.h"

struct flame_svg_options {
	const char *title, *subtitle; /* raw text; subtitle may be NULL */
	bool is_ns;		      /* values are ns; else they count `unit` */
	const char *unit;	      /* "samples", "waits": the plural */
	enum flame_palette palette;
	bool icicle;	/* roots at the top, whatever the depth */
	bool no_icicle; /* at the bottom, whatever the depth. Neither: at the top where the stacks
			   are so deep that a viewer would show the empty space above them */
	bool is_diff;	/* colour by base_total against total, both as shares of their recording */
	unsigned width; /* px; 0 means 1200 */
	unsigned max_frames; /* 0 means 20,000: the narrowest beyond that many are left out, and the
				picture says so */
};

/* The tree must be settled. Returns 0, -ENOMEM, or -EIO when f took an error. */
int flame_svg_write(FILE *f, const struct flame_tree *t, const struct flame_svg_options *o,
		    struct err *err);

#endif
