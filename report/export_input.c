// SPDX-License-Identifier: BSD-2-Clause
#include "report/export.h"

void export_input_init(struct export_input *in, struct db *db, const struct filter *f,
		       struct stacks *s, struct tasks *t)
{
	*in = (struct export_input){
		.db = db,
		.filter = f,
		.stacks = s,
		.tasks = t,
		.duration_ns =
			db_query_int(db, "SELECT max(start_ts+duration_ns) FROM recording", 0),
		.t0_unix_ns = db_query_int(db, "SELECT t0_unix_ns FROM recording WHERE id=1", 0),
		.t0_mono_ns = db_query_int(db, "SELECT t0_mono_ns FROM recording WHERE id=1", 0),
		.sample_ns = (uint64_t)db_query_int(db, "SELECT weight_ns FROM sample LIMIT 1", 0),
	};
}

uint32_t export_stack_nodes(const struct stacks *s, uint32_t stack, uint32_t *nodes, uint32_t cap)
{
	uint32_t cnt = 0;

	for (uint32_t steps = 0; stack && stack <= s->nodes.cnt && cnt < cap && steps < cap;
	     steps++) {
		const struct stack_node *n = &s->nodes.row[stack];

		if (n->frame && n->frame <= s->frames.cnt)
			nodes[cnt++] = stack;
		stack = n->parent;
	}
	return cnt;
}

const char *export_leaf_name(const struct stacks *s, uint32_t stack)
{
	return stack ? s->functions.row[s->frames.row[s->nodes.row[stack].frame].function].name
		     : "[no stack]";
}

const char *export_thread_name(const struct tasks *t, uint32_t utid)
{
	const char *comm = utid && utid <= t->threads.cnt ? t->threads.row[utid].comm : NULL;

	return comm && *comm ? comm : "[unknown thread]";
}
