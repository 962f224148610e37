/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Colours and numbers as pictures show them. A frame's colour says its kind by hue and is the same
 * for the same name in every picture; report/flame.js computes the same colours, and a test
 * compares.
 */
#ifndef VARVE_FLAME_COLOR_H
#define VARVE_FLAME_COLOR_H

#include <stdint.h>
#include <stddef.h>

#include "report/flame_tree.h"

enum flame_palette {
	FLAME_HOT = 0,	/* on-CPU: warm */
	FLAME_COLD = 1, /* waiting: blue */
};

#define FLAME_COLOR_SZ 8 /* "#rrggbb" */

void flame_color(char ret[FLAME_COLOR_SZ], const char *name, enum flame_kind kind,
		 enum flame_palette palette);

/*
 * A difference: share and base_share of their wholes (0..1), max the largest difference in the
 * picture. Red grew.
 */
void flame_diff_color(char ret[FLAME_COLOR_SZ], double share, double base_share, double max);

/* "1.23 s", "45.6 ms", "789 ns". Returns buf. */
char *flame_format_ns(char *buf, size_t buf_sz, uint64_t ns);

/* "1,234,567". Returns buf. */
char *flame_format_count(char *buf, size_t buf_sz, uint64_t n);

#endif
