// SPDX-License-Identifier: BSD-2-Clause
#include "report/flame_color.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A range of hues (degrees) and lightness (percent) that a kind's names are spread over. */
struct swatch {
	uint16_t hue, hue_span;
	uint8_t saturation, light, light_span;
};

static const struct swatch swatches[2][FLAME_KIND_CNT] = {
	[FLAME_HOT] = {
		[FLAME_USER] = { 4, 18, 82, 64, 9 },
		[FLAME_KERNEL] = { 33, 10, 92, 58, 8 },
		[FLAME_INLINED] = { 172, 16, 46, 62, 9 },
		[FLAME_JIT] = { 92, 30, 48, 60, 10 },
		[FLAME_WAKER] = { 266, 20, 58, 74, 7 },
		[FLAME_LOST] = { 0, 1, 0, 45, 1 },
		[FLAME_PROCESS] = { 210, 20, 14, 78, 8 },
		[FLAME_JOINT] = { 0, 1, 0, 72, 1 },
	},
	[FLAME_COLD] = {
		[FLAME_USER] = { 203, 16, 66, 66, 9 },
		[FLAME_KERNEL] = { 228, 14, 58, 73, 7 },
		[FLAME_INLINED] = { 172, 16, 46, 62, 9 },
		[FLAME_JIT] = { 92, 30, 48, 60, 10 },
		[FLAME_WAKER] = { 272, 20, 58, 74, 7 },
		[FLAME_LOST] = { 0, 1, 0, 45, 1 },
		[FLAME_PROCESS] = { 210, 20, 14, 78, 8 },
		[FLAME_JOINT] = { 0, 1, 0, 72, 1 },
	},
};

/* FNV-1a, 32 bits: small enough to be the same few lines of JavaScript. */
static uint32_t name_hash(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h;
}

static unsigned channel(double hue, double chroma, double least, double shift)
{
	double at = fmod(hue / 60 + shift, 6), level;

	level = at < 1 ? at : at < 3 ? 1 : at < 4 ? 4 - at : 0;
	return (unsigned)floor((least + chroma * level) * 255 + 0.5);
}

static void hsl(char ret[FLAME_COLOR_SZ], double hue, double saturation, double light)
{
	double chroma = (1 - fabs(2 * light - 1)) * saturation, least = light - chroma / 2;

	snprintf(ret, FLAME_COLOR_SZ, "#%02x%02x%02x", channel(hue, chroma, least, 2) & 255,
		 channel(hue, chroma, least, 0) & 255, channel(hue, chroma, least, 4) & 255);
}

void flame_color(char ret[FLAME_COLOR_SZ], const char *name, enum flame_kind kind,
		 enum flame_palette palette)
{
	const struct swatch *s = &swatches[palette][kind];
	uint32_t h = name_hash(name);

	hsl(ret, s->hue + (h & 0xff) * s->hue_span / 256.0, s->saturation / 100.0,
	    (s->light + (h >> 8 & 0xff) * s->light_span / 256.0) / 100.0);
}

void flame_diff_color(char ret[FLAME_COLOR_SZ], double share, double base_share, double max)
{
	double delta = share - base_share;
	double depth =
		max > 0 ? sqrt(fmin(fabs(delta) / max, 1)) : 0; /* small differences stay visible */

	if (fabs(delta) < 1e-9)
		depth = 0;
	hsl(ret, delta > 0 ? 4 : 216, 0.85 * depth, 0.92 - 0.32 * depth);
}

char *flame_format_ns(char *buf, size_t buf_sz, uint64_t ns)
{
	if (ns >= 1000000000)
		snprintf(buf, buf_sz, "%.2f s", (double)ns / 1e9);
	else if (ns >= 1000000)
		snprintf(buf, buf_sz, "%.2f ms", (double)ns / 1e6);
	else if (ns >= 1000)
		snprintf(buf, buf_sz, "%.1f us", (double)ns / 1e3);
	else
		snprintf(buf, buf_sz, "%" PRIu64 " ns", ns);
	return buf;
}

char *flame_format_count(char *buf, size_t buf_sz, uint64_t n)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n), at = 0;

	for (size_t i = 0; i < len && at + 2 < buf_sz; i++) {
		if (i && (len - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}
