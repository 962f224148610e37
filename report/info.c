// SPDX-License-Identifier: BSD-2-Clause
#include "report/info.h"

#include <errno.h>
#include <stdlib.h>

static void count_stack(struct info_names *n, const struct stacks *s, uint32_t stack, uint64_t cnt)
{
	for (uint32_t id = stack; id; id = s->nodes.row[id].parent) {
		const struct stack_frame *f = &s->frames.row[s->nodes.row[id].frame];
		bool named = s->functions.row[f->function].named;
		struct info_image *i = &n->images.row[f->image];

		i->frames += cnt;
		n->frames += cnt;
		if (named) {
			i->named += cnt;
			n->named += cnt;
		}
		if (id == stack) {
			n->leaves += cnt;
			n->named_leaves += named ? cnt : 0;
		}
	}
}

static int compare(const void *a, const void *b)
{
	const struct info_image *x = a, *y = b;

	if (x->frames != y->frames)
		return x->frames > y->frames ? -1 : 1;
	return x->image < y->image ? -1 : x->image > y->image;
}

int info_names(struct info_names *n, const struct profile *p, struct err *err)
{
	uint32_t kept = 0;

	if (!table_reserve(&n->images, p->stacks->images.cnt))
		return err_set(err, -ENOMEM, "out of memory");
	for (uint32_t i = 1; i <= p->entries.cnt; i++)
		count_stack(n, p->stacks, p->entries.row[i].stack, p->entries.row[i].cnt);
	for (uint32_t i = 1; i <= p->stacks->images.cnt; i++) {
		const struct info_image img = { i, n->images.row[i].frames,
						n->images.row[i].named };

		if (img.frames)
			n->images.row[++kept] = img;
	}
	n->images.cnt = kept;
	if (kept)
		qsort(n->images.row + 1, kept, sizeof(*n->images.row), compare);
	return 0;
}
