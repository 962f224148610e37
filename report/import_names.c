// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_names.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "formats/cleanup.h"

/* The frames one recorded pc became: out->frames first … first + cnt - 1, innermost first. */
struct expansion {
	uint32_t first, cnt;
};

struct resolver {
	struct import_stacks *s;
	const struct import_maps *maps;
	const struct tasks *tasks;
	struct stacks *out;
	struct idmap functions, files;
	struct expansion *expansions; /* by recorded frame */
	uint32_t *order;	      /* recorded frames, by module */
	struct symbolize_query *queries; /* for each of order */
	uint32_t image;		      /* being resolved */
	const uint32_t *frame_ids;    /* of its queries */
};

/* ---- addresses ---------------------------------------------------------- */

static void place_addresses(struct import_stacks *s, const struct import_maps *m,
			    const struct tasks *t)
{
	for (uint32_t i = 1; i <= s->frames.cnt; i++) {
		struct recorded_frame *f = &s->frames.row[i];

		if (!f->module && f->utid)
			(void)import_maps_find(m, t, t->threads.row[f->utid].upid,
					       import_stacks_era_ts(f->era), f->off, &f->module,
					       &f->off); /* else it stays an address */
	}
}

/* ---- images ------------------------------------------------------------- */

static const char *hex_id(struct strpool *pool, const struct module *m)
{
	char hex[2 * BUILD_ID_MAX + 1] = "";

	for (int i = 0; i < m->build_id_sz && i < BUILD_ID_MAX && !m->is_content_id; i++)
		sprintf(hex + 2 * i, "%02x", m->build_id[i]);
	return strpool_add(pool, hex);
}

/* Images of addresses in no module. */
enum nowhere { NOWHERE_UNMAPPED = 1, NOWHERE_GONE = 2, NOWHERE_CNT = 2 };

static const char *const nowhere_reasons[] = {
	[NOWHERE_UNMAPPED] = "in no known mapping",
	[NOWHERE_GONE] = "exited before its mappings could be read",
};

/* An image for each module, with the same id, and those for addresses in none. */
static int add_images(struct resolver *r)
{
	struct strpool *pool = &r->out->strings;
	uint32_t modules = r->s->modules.cnt, cnt = modules + NOWHERE_CNT;

	if (!table_reserve(&r->out->images, cnt))
		return -ENOMEM;
	r->out->images.cnt = cnt;
	for (uint32_t id = 1; id <= cnt; id++) {
		struct stack_image *i = &r->out->images.row[id];
		const struct module *m = id <= modules ? &r->s->modules.row[id] : NULL;

		i->kind = strpool_add(pool, m ? module_kind_name(m->kind) ?: "anon" : "anon");
		i->path = strpool_add(pool, m ? m->path : "[unknown]");
		i->build_id = m ? hex_id(pool, m) : "";
		if (!i->kind || !i->path || !i->build_id)
			return -ENOMEM;
		if (!m)
			i->unnamed_reason = nowhere_reasons[id - modules];
	}
	return 0;
}

static int describe_image(struct resolver *r, uint32_t id,
			  const struct symbolizer_module_info *info)
{
	struct stack_image *i = &r->out->images.row[id];
	struct strpool *pool = &r->out->strings;

	if (!info)
		return 0;
	i->debug_path = info->debug_path ? strpool_add(pool, info->debug_path) : NULL;
	i->symbols = info->symbols ? strpool_add(pool, info->symbols) : NULL;
	i->unnamed_reason = info->unnamed_reason ? strpool_add(pool, info->unnamed_reason) : NULL;
	i->sought = info->sought ? strpool_add(pool, info->sought) : NULL;
	return (info->sought && !i->sought) || (info->debug_path && !i->debug_path) || (info->symbols && !i->symbols) ||
			       (info->unnamed_reason && !i->unnamed_reason) ?
		       -ENOMEM :
		       0;
}

/* ---- functions and frames ----------------------------------------------- */

/* UINT32_MAX: out of memory. */
static uint32_t add_file(struct resolver *r, const char *path)
{
	const char *s;
	uint32_t hash, pos, id;

	if (!path)
		return 0;
	s = strpool_add(&r->out->strings, path);
	if (!s)
		return UINT32_MAX;
	hash = hash_mix((uintptr_t)s, 5);
	for (id = idmap_first(&r->files, hash, &pos); id; id = idmap_next(&r->files, hash, &pos))
		if (r->out->files.row[id] == s)
			return id;
	id = table_add(&r->out->files);
	if (!id || idmap_add(&r->files, hash, id))
		return UINT32_MAX;
	r->out->files.row[id] = s;
	return id;
}

static uint32_t add_function(struct resolver *r, const struct stack_function *f)
{
	uint32_t hash = hash_mix((uintptr_t)f->name, (uint64_t)f->image << 32 | f->file), pos, id;

	hash = hash_mix(hash, f->line);
	for (id = idmap_first(&r->functions, hash, &pos); id;
	     id = idmap_next(&r->functions, hash, &pos)) {
		const struct stack_function *o = &r->out->functions.row[id];

		if (o->name == f->name && o->raw_name == f->raw_name && o->image == f->image &&
		    o->file == f->file && o->line == f->line && o->named == f->named &&
		    o->language == f->language)
			return id;
	}
	id = table_add(&r->out->functions);
	if (!id || idmap_add(&r->functions, hash, id))
		return 0;
	r->out->functions.row[id] = *f;
	return id;
}

static int add_frame(struct resolver *r, const struct symbolized_frame *c, uint64_t rel_addr)
{
	struct stack_function fn = { .image = r->image, .line = c->decl_line, .named = c->named };
	struct stack_frame row = {
		.image = r->image, .rel_addr = rel_addr, .line = c->line, .inlined = c->inlined
	};
	uint32_t id;

	fn.name = strpool_add(&r->out->strings, c->name);
	if (c->raw_name && *c->raw_name && strcmp(c->raw_name, c->name)) {
		fn.raw_name = strpool_add(&r->out->strings, c->raw_name);
		if (!fn.raw_name)
			return -ENOMEM;
	}
	if (c->language) {
		fn.language = strpool_add(&r->out->strings, c->language);
		if (!fn.language)
			return -ENOMEM;
	}
	fn.file = add_file(r, c->decl_file);
	row.file = add_file(r, c->file);
	if (!fn.name || fn.file == UINT32_MAX || row.file == UINT32_MAX)
		return -ENOMEM;
	row.function = add_function(r, &fn);
	id = row.function ? table_add(&r->out->frames) : 0;
	if (!id)
		return -ENOMEM;
	r->out->frames.row[id] = row;
	return 0;
}

static int on_answer(void *ctx, size_t i, const struct symbolized_frame *chain, size_t cnt,
		     uint64_t rel_addr)
{
	struct resolver *r = ctx;
	struct expansion *x = &r->expansions[r->frame_ids[i]];

	x->first = r->out->frames.cnt + 1;
	x->cnt = (uint32_t)cnt;
	for (size_t c = 0; c < cnt; c++)
		if (add_frame(r, &chain[c], rel_addr))
			return -ENOMEM;
	return 0;
}

/* Name the frames order[first, last), which are the module's. */
static int name_module(struct resolver *r, struct symbolizer *sym, uint32_t module, uint32_t first, uint32_t last)
{
	int rc;

	r->image = module;
	r->frame_ids = r->order + first;
	rc = symbolizer_resolve(sym, module, &r->s->modules.row[module], r->queries + first, last - first, on_answer, r);
	return rc ?: describe_image(r, module, symbolizer_module_info(sym, module));
}

static enum nowhere nowhere_of(const struct resolver *r, const struct recorded_frame *f)
{
	uint32_t upid = f->utid ? r->tasks->threads.row[f->utid].upid : 0;

	return !upid || import_maps_has(r->maps, r->tasks, upid) ? NOWHERE_UNMAPPED : NOWHERE_GONE;
}

/* All addresses without a mapping are one frame, or two: nothing is known that would tell them
 * apart but whether their process was ever seen. */
static int name_unknown(struct resolver *r, const uint32_t *ids, size_t cnt)
{
	static const struct symbolized_frame unknown = { .name = "[unknown]" };
	uint32_t frames[NOWHERE_CNT + 1] = { 0 };

	for (size_t i = 0; i < cnt; i++) {
		enum nowhere n = nowhere_of(r, &r->s->frames.row[ids[i]]);

		r->image = r->s->modules.cnt + n;
		if (!frames[n] && add_frame(r, &unknown, UNKNOWN_U64))
			return -ENOMEM;
		if (!frames[n])
			frames[n] = r->out->frames.cnt;
		r->expansions[ids[i]] = (struct expansion){ frames[n], 1 };
	}
	return 0;
}

/* Counting sort: r->order holds the frames of module 0, then of 1, …; starts[m] is where m's begin.
 */
static void order_by_module(struct resolver *r, uint32_t *starts)
{
	for (uint32_t i = 1; i <= r->s->frames.cnt; i++)
		starts[r->s->frames.row[i].module + 1]++;
	for (uint32_t m = 1; m <= r->s->modules.cnt + 1; m++)
		starts[m] += starts[m - 1];
	for (uint32_t i = 1; i <= r->s->frames.cnt; i++)
		r->order[starts[r->s->frames.row[i].module]++] = i;
	for (uint32_t m = r->s->modules.cnt + 1; m > 0; m--)
		starts[m] = starts[m - 1];
	starts[0] = 0;
	for (uint32_t i = 0; i < r->s->frames.cnt; i++) {
		const struct recorded_frame *f = &r->s->frames.row[r->order[i]];

		r->queries[i] = (struct symbolize_query){ .off = f->off, .exact = f->flags & FRAME_EXACT };
	}
}

/* Read the files of all modules that were hit, several at a time, before they are asked one by one. */
static int index_modules(struct resolver *r, struct symbolizer *sym, const uint32_t *starts)
{
	_cleanup_free_ struct symbolizer_want *wants =
		calloc((size_t)r->s->modules.cnt + 1, sizeof(*wants));
	size_t cnt = 0;

	if (!wants)
		return -ENOMEM;
	for (uint32_t m = 1; m <= r->s->modules.cnt; m++)
		if (starts[m + 1] > starts[m])
			wants[cnt++] = (struct symbolizer_want){ m, &r->s->modules.row[m], r->queries + starts[m],
								 starts[m + 1] - starts[m] };
	return symbolizer_prefetch(sym, wants, cnt);
}

static int name_frames(struct resolver *r, struct symbolizer *sym)
{
	_cleanup_free_ uint32_t *starts = calloc((size_t)r->s->modules.cnt + 2, sizeof(*starts));
	int rc;

	r->order = calloc((size_t)r->s->frames.cnt + 1, sizeof(*r->order));
	r->expansions = calloc((size_t)r->s->frames.cnt + 1, sizeof(*r->expansions));
	r->queries = calloc((size_t)r->s->frames.cnt + 1, sizeof(*r->queries));
	if (!starts || !r->order || !r->expansions || !r->queries)
		return -ENOMEM;
	order_by_module(r, starts);
	rc = index_modules(r, sym, starts);
	rc = rc ?: name_unknown(r, r->order, starts[1]);
	for (uint32_t m = 1; m <= r->s->modules.cnt && !rc; m++)
		if (starts[m + 1] > starts[m])
			rc = name_module(r, sym, m, starts[m], starts[m + 1]);
	return rc;
}

/* ---- stacks ------------------------------------------------------------- */

static uint32_t add_node(struct stacks *out, uint32_t id, uint32_t parent, uint32_t frame,
			 uint8_t end)
{
	struct stack_node *n;

	if (!id)
		id = table_add(&out->nodes);
	if (!id)
		return 0;
	n = &out->nodes.row[id];
	n->parent = parent;
	n->frame = frame;
	n->end = end;
	n->depth = parent ? out->nodes.row[parent].depth + 1 : 0;
	return id;
}

static int expand_nodes(struct resolver *r)
{
	const struct import_stacks *s = r->s;

	if (!table_reserve(&r->out->nodes, s->nodes.cnt))
		return -ENOMEM;
	r->out->nodes.cnt = s->nodes.cnt;
	for (uint32_t id = 1; id <= s->nodes.cnt; id++) {
		const struct recorded_node *n = &s->nodes.row[id];
		const struct expansion *x = &r->expansions[n->frame];
		uint32_t parent = n->parent;

		assert(x->cnt > 0); /* symbolize.h: every query is answered */
		/* from the function that was called, inwards; the innermost takes the recorded id
		 */
		for (uint32_t i = x->cnt; i-- > 1;) {
			parent = add_node(r->out, 0, parent, x->first + i, n->end);
			if (!parent)
				return -ENOMEM;
		}
		add_node(r->out, id, parent, x->first, n->end);
	}
	return 0;
}

int import_names_resolve(struct import_stacks *s, const struct import_maps *m,
			 const struct tasks *t, struct symbolizer *sym, struct stacks *out,
			 struct err *err)
{
	struct resolver r = { .s = s, .maps = m, .tasks = t, .out = out };
	int rc = 0;

	/* row 0 of each table stands for none, also when there are no others */
	if (!table_reserve(&s->modules, 0) || !table_reserve(&s->frames, 0) ||
	    !table_reserve(&s->nodes, 0) || !table_reserve(&out->files, 0) ||
	    !table_reserve(&out->functions, 0) || !table_reserve(&out->frames, 0))
		rc = -ENOMEM;
	if (!rc)
		place_addresses(s, m, t);
	rc = rc ?: add_images(&r);
	rc = rc ?: name_frames(&r, sym);
	rc = rc ?: expand_nodes(&r);
	free(r.order);
	free(r.queries);
	free(r.expansions);
	idmap_deinit(&r.functions);
	idmap_deinit(&r.files);
	return rc ? err_code(err, rc, "symbolize") : 0;
}
