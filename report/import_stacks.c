// SPDX-License-Identifier: BSD-2-Clause
#include "report/import_stacks.h"

#include <errno.h>
#include <string.h>

void import_stacks_begin(struct import_stacks *s)
{
	s->reader_modules.cnt = 0;
	if (s->reader_modules.row)
		memset(s->reader_modules.row, 0,
		       s->reader_modules.cap * sizeof(*s->reader_modules.row));
	s->has_chunk = false;
}

/* ---- modules ------------------------------------------------------------ */

static uint32_t module_hash(const struct module *m)
{
	uint32_t hash = hash_mix(m->kind, hash_bytes(m->build_id, m->build_id_sz));

	return hash_mix(hash_mix(m->pid, m->start_ts),
			hash_mix(hash, hash_bytes(m->path, strlen(m->path))));
}

static bool same_module(const struct module *a, const struct module *b)
{
	return a->kind == b->kind && a->build_id_sz == b->build_id_sz &&
	       !memcmp(a->build_id, b->build_id, a->build_id_sz) && a->pid == b->pid &&
	       a->start_ts == b->start_ts && !strcmp(a->path, b->path);
}

/* The reader keeps its strings only as long as it is open, and segments can come with a later
 * chunk. */
static int take_segments(struct module *dst, const struct module *src)
{
	struct module_segment *copy;

	if (dst->segs || !src->segs || !src->seg_cnt)
		return 0;
	copy = malloc(src->seg_cnt * sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, src->segs, src->seg_cnt * sizeof(*copy));
	dst->segs = copy;
	dst->seg_cnt = src->seg_cnt;
	return 0;
}

static uint32_t intern_module(struct import_stacks *s, const struct module *m)
{
	uint32_t hash = module_hash(m), pos, id;
	struct module *row;

	for (id = idmap_first(&s->module_map, hash, &pos); id;
	     id = idmap_next(&s->module_map, hash, &pos))
		if (same_module(&s->modules.row[id], m))
			return take_segments(&s->modules.row[id], m) ? UINT32_MAX : id;
	id = table_add(&s->modules);
	if (!id)
		return UINT32_MAX;
	row = &s->modules.row[id];
	*row = *m;
	row->segs = NULL;
	row->seg_cnt = 0;
	row->path = strpool_add(&s->strings, m->path);
	if (!row->path || take_segments(row, m) || idmap_add(&s->module_map, hash, id))
		return UINT32_MAX;
	return id;
}

uint32_t import_stacks_module(struct import_stacks *s, const struct recording_reader *r,
			      uint32_t id)
{
	const struct module *m;

	if (id && id < s->reader_modules.cap && s->reader_modules.row[id])
		return s->reader_modules.row[id];
	m = recording_reader_module(r, id);
	if (!m)
		return 0;
	if (!table_reserve(&s->reader_modules, id))
		return UINT32_MAX;
	s->reader_modules.row[id] = intern_module(s, m);
	return s->reader_modules.row[id];
}

/* ---- frames and nodes --------------------------------------------------- */

uint32_t import_stacks_frame(struct import_stacks *s, const struct recorded_frame *f)
{
	uint32_t hash = hash_mix(f->off, (uint64_t)f->module << 32 | f->flags), pos, id;

	if (!f->module)
		hash = hash_mix(hash, (uint64_t)f->utid << 32 | (uint32_t)f->era);
	for (id = idmap_first(&s->frame_map, hash, &pos); id;
	     id = idmap_next(&s->frame_map, hash, &pos)) {
		const struct recorded_frame *o = &s->frames.row[id];

		if (o->off == f->off && o->module == f->module && o->flags == f->flags &&
		    o->utid == f->utid && o->era == f->era)
			return id;
	}
	id = table_add(&s->frames);
	if (!id || idmap_add(&s->frame_map, hash, id))
		return 0;
	s->frames.row[id] = *f;
	return id;
}

static uint32_t intern_node(struct import_stacks *s, uint32_t parent, uint32_t frame, uint8_t end)
{
	/* the end is a property of the root; below it, the parent tells */
	uint32_t hash, pos, id = s->last_node + 1;
	struct recorded_node *n = &s->nodes.row[id];

	/*
	 * Chunks hold their tries depth first, and so do we: what comes next mostly is what came
	 * next before. The guess is right for most nodes, and saves the hash table's cache miss.
	 */
	if (id <= s->nodes.cnt && n->parent == parent && n->frame == frame && n->end == end) {
		s->last_node = id;
		return id;
	}
	hash = hash_mix((uint64_t)parent << 32 | frame, parent ? 0 : end + 1u);
	for (id = idmap_first(&s->node_map, hash, &pos); id;
	     id = idmap_next(&s->node_map, hash, &pos)) {
		n = &s->nodes.row[id];
		if (n->parent == parent && n->frame == frame && (parent || n->end == end)) {
			s->last_node = id;
			return id;
		}
	}
	id = table_add(&s->nodes);
	if (!id || idmap_add(&s->node_map, hash, id))
		return 0;
	s->last_node = id;
	n = &s->nodes.row[id];
	n->parent = parent;
	n->frame = frame;
	n->depth = parent ? (uint16_t)(s->nodes.row[parent].depth + 1) : 0;
	n->end = parent ? s->nodes.row[parent].end : end;
	return id;
}

/* Returns 0 with the frame's id in chunk_frames[i], which stays 0 for an address. */
static int translate_frame(struct import_stacks *s, const struct recording_reader *r,
			   const struct frame *f, uint32_t i)
{
	struct recorded_frame rec = { .off = f->off, .flags = f->flags };

	s->chunk_frames.row[i] = 0;
	rec.module = import_stacks_module(s, r, f->module);
	if (!rec.module)
		return 0;
	if (rec.module == UINT32_MAX)
		return -ENOMEM;
	s->chunk_frames.row[i] = import_stacks_frame(s, &rec);
	return s->chunk_frames.row[i] ? 0 : -ENOMEM;
}

static int translate_chunk(struct import_stacks *s, const struct recording_reader *r,
			   const struct chunk_view *v)
{
	if (!table_reserve(&s->chunk_nodes, v->node_cnt) ||
	    !table_reserve(&s->chunk_frames, v->frame_cnt) || !table_reserve(&s->nodes, 0) ||
	    !table_reserve(&s->frames, 0))
		return -ENOMEM;
	for (uint32_t i = 0; i < v->frame_cnt; i++)
		if (translate_frame(s, r, &v->frames[i], i))
			return -ENOMEM;
	for (uint32_t i = 1; i < v->node_cnt; i++) {
		uint32_t parent = v->node_parent[i];
		uint32_t frame = s->chunk_frames.row[v->node_frame[i]];

		s->chunk_nodes.row[i] = 0;
		if (!frame || (parent && !s->chunk_nodes.row[parent]))
			continue; /* holds an address */
		s->chunk_nodes.row[i] = intern_node(s, parent ? s->chunk_nodes.row[parent] : 0,
						    frame, v->node_end[i]);
		if (!s->chunk_nodes.row[i])
			return -ENOMEM;
	}
	s->chunk_seq = v->seq;
	s->has_chunk = true;
	return 0;
}

/* A stack with addresses in it, for this thread and time: from the root down. */
static int translate_addresses(struct import_stacks *s, const struct chunk_view *v, uint32_t id,
			       uint32_t utid, int32_t era, uint32_t *ret)
{
	uint32_t path[STACK_DEPTH_MAX], cnt = 0, node = 0;

	for (; id && !s->chunk_nodes.row[id]; id = v->node_parent[id]) {
		if (cnt == STACK_DEPTH_MAX)
			return -EBADMSG;
		path[cnt++] = id;
	}
	if (id)
		node = s->chunk_nodes.row[id];
	while (cnt--) {
		uint32_t frame = s->chunk_frames.row[v->node_frame[path[cnt]]];

		if (!frame) {
			const struct frame *f = &v->frames[v->node_frame[path[cnt]]];
			struct recorded_frame rec = {
				.off = f->off, .flags = f->flags, .utid = utid, .era = era
			};

			frame = import_stacks_frame(s, &rec);
			if (!frame)
				return -ENOMEM;
		}
		node = intern_node(s, node, frame, v->node_end[path[cnt]]);
		if (!node)
			return -ENOMEM;
	}
	*ret = node;
	return 0;
}

int import_stacks_node(struct import_stacks *s, const struct recording_reader *r,
		       const struct event_stack *st, uint32_t utid, int64_t ts, uint32_t *ret)
{
	const struct chunk_view *v;

	*ret = 0;
	if (!st->id)
		return 0;
	v = recording_reader_chunk(r);
	if (!v || st->id >= v->node_cnt)
		return -EBADMSG;
	if (!s->has_chunk || s->chunk_seq != v->seq) {
		int rc = translate_chunk(s, r, v);

		if (rc)
			return rc;
	}
	*ret = s->chunk_nodes.row[st->id];
	return *ret ? 0 : translate_addresses(s, v, st->id, utid, import_stacks_era(ts), ret);
}

void import_stacks_deinit(struct import_stacks *s)
{
	for (uint32_t i = 1; i <= s->modules.cnt; i++)
		free((void *)s->modules.row[i].segs); /* ours; const in the reader's view */
	table_deinit(&s->modules);
	table_deinit(&s->frames);
	table_deinit(&s->nodes);
	table_deinit(&s->reader_modules);
	table_deinit(&s->chunk_nodes);
	table_deinit(&s->chunk_frames);
	idmap_deinit(&s->module_map);
	idmap_deinit(&s->frame_map);
	idmap_deinit(&s->node_map);
	strpool_deinit(&s->strings);
}
