// SPDX-License-Identifier: BSD-2-Clause
#include "record/target.h"

#include <errno.h>
#include <string.h>

#define POSITIONS_MAX 31

static void add_byte(struct wire_glob *g, unsigned at, unsigned byte)
{
	if (byte)
		g->step[byte & 0xff] |= 1U << at;
}

/* "[a-z_]" or "[!…]" from after the bracket; returns what follows its end, or NULL. A ']' right at the start is itself. */
static const char *add_set(struct wire_glob *g, unsigned at, const char *p)
{
	bool not = *p == '!' || *p == '^', in[256] = { false };
	const char *start = p += not;

	for (; *p && (*p != ']' || p == start); p++) {
		unsigned char from = (unsigned char)*p, to = from;

		if (p[1] == '-' && p[2] && p[2] != ']') {
			to = (unsigned char)p[2];
			p += 2;
		}
		for (unsigned b = from; b <= to; b++)
			in[b] = true;
	}
	if (!*p)
		return NULL;
	for (unsigned b = 1; b < 256; b++)
		if (in[b] != not)
			add_byte(g, at, b);
	return p + 1;
}

int target_compile_glob(const char *pattern, struct wire_glob *ret, struct err *err)
{
	struct wire_glob g = { .star = 0 };
	const char *p = pattern;
	unsigned at = 0;

	while (*p) {
		if (at >= POSITIONS_MAX)
			return err_set(err, -EINVAL, "pattern '%s' is longer than %d characters", pattern, POSITIONS_MAX);
		if (*p == '*') {
			/* several in a row mean one: the BPF side passes over a single star only */
			while (*p == '*')
				p++;
			g.star |= 1U << at++;
			continue;
		}
		if (*p == '[') {
			p = add_set(&g, at++, p + 1);
			if (!p)
				return err_set(err, -EINVAL, "pattern '%s': '[' without ']'", pattern);
			continue;
		}
		if (*p == '?') {
			for (unsigned b = 1; b < 256; b++)
				add_byte(&g, at, b);
		} else {
			if (*p == '\\' && p[1])
				p++;
			add_byte(&g, at, (unsigned char)*p);
		}
		p++;
		at++;
	}
	g.accept = 1U << at;
	*ret = g;
	return 0;
}

bool target_glob_matches(const struct wire_glob *g, const char *comm)
{
	uint32_t at = 1 | (g->star & 1) << 1;

	for (size_t i = 0; i < WIRE_COMM_SZ && comm[i]; i++) {
		at = (at & g->step[(unsigned char)comm[i]]) << 1 | (at & g->star);
		at |= (at & g->star) << 1;
	}
	return at & g->accept;
}
