// SPDX-License-Identifier: BSD-2-Clause
#include "formats/modtab.h"

#include <errno.h>
#include <stdlib.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "formats/format.h"

#define SEGMENTS_MAX 65536 /* of one module: e_phnum is 16 bits */

static bool is_same(const struct module *a, const struct module *b)
{
	return a->kind == b->kind && a->build_id_sz == b->build_id_sz &&
	       a->is_content_id == b->is_content_id && a->pid == b->pid &&
	       a->start_ts == b->start_ts && !memcmp(a->build_id, b->build_id, a->build_id_sz) &&
	       !strcmp(a->path, b->path);
}

static uint32_t hash_module(const struct module *m)
{
	uint32_t h = hash_mix(hash_bytes(m->path, strlen(m->path)),
			      hash_bytes(m->build_id, m->build_id_sz));

	return hash_mix(hash_mix(h, m->kind), m->start_ts ^ m->pid);
}

static int take_segments(struct modtab *t, struct module *to, const struct module *from)
{
	size_t sz = from->seg_cnt * sizeof(*from->segs);
	struct module_segment *segs;

	if (to->seg_cnt || !from->seg_cnt)
		return 0;
	segs = malloc(sz);
	if (!segs)
		return -ENOMEM;
	memcpy(segs, from->segs, sz);
	to->segs = segs;
	to->seg_cnt = from->seg_cnt;
	t->bytes += sz;
	return 0;
}

static void module_destroy(struct module *m)
{
	if (!m)
		return;
	free((char *)m->path);
	free((struct module_segment *)m->segs);
	free(m);
}

static int add_new(struct modtab *t, const struct module *m, uint32_t hash, uint32_t *ret_id)
{
	struct module *copy;
	uint32_t id;
	int err;

	if (modtab_count(t) >= RECORDING_MODULES_MAX || t->bytes > RECORDING_MODULE_BYTES_MAX)
		return -E2BIG;
	copy = calloc(1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *m;
	copy->segs = NULL;
	copy->seg_cnt = 0;
	copy->path = strdup(m->path);
	err = copy->path ? take_segments(t, copy, m) : -ENOMEM;
	if (!err)
		err = array_grow(&t->modules, &t->cap, t->cnt, sizeof(*t->modules));
	id = t->free_cnt ? t->free_ids[t->free_cnt - 1] : t->cnt + 1;
	if (!err)
		err = idmap_add(&t->ids, hash, id);
	if (err) {
		module_destroy(copy);
		return err;
	}
	if (t->free_cnt)
		t->free_cnt--;
	else
		t->cnt++;
	t->bytes += strlen(m->path) + 1;
	t->modules[id - 1] = copy;
	*ret_id = id;
	return 0;
}

int64_t modtab_add(struct modtab *t, const struct module *m)
{
	struct module key = *m;
	uint32_t hash, id, pos;
	int err;

	if (!key.path)
		key.path = "";
	if (key.build_id_sz > BUILD_ID_MAX || key.seg_cnt > SEGMENTS_MAX ||
	    (key.seg_cnt && !key.segs))
		return -EINVAL;
	hash = hash_module(&key);
	for (id = idmap_first(&t->ids, hash, &pos); id; id = idmap_next(&t->ids, hash, &pos)) {
		if (!is_same(t->modules[id - 1], &key))
			continue;
		err = take_segments(t, t->modules[id - 1], &key);
		return err ? (int64_t)err : id;
	}
	err = add_new(t, &key, hash, &id);
	return err ? (int64_t)err : id;
}

void modtab_sweep(struct modtab *t, bool (*is_used)(void *ctx, uint32_t id), void *ctx)
{
	idmap_clear(&t->ids); /* keeps its room: adding again cannot fail */
	for (uint32_t i = 0; i < t->cnt; i++) {
		struct module *m = t->modules[i];

		/* no room for the id in the list: then the module stays, too */
		if (m && !is_used(ctx, i + 1) && !array_grow(&t->free_ids, &t->free_cap, t->free_cnt, sizeof(*t->free_ids))) {
			t->free_ids[t->free_cnt++] = i + 1;
			t->bytes -= strlen(m->path) + 1 + m->seg_cnt * sizeof(*m->segs);
			module_destroy(m);
			t->modules[i] = m = NULL;
		}
		if (m)
			(void)idmap_add(&t->ids, hash_module(m), i + 1);
	}
}

void modtab_deinit(struct modtab *t)
{
	for (uint32_t i = 0; i < t->cnt; i++)
		module_destroy(t->modules[i]);
	free(t->modules);
	free(t->free_ids);
	idmap_deinit(&t->ids);
	*t = (struct modtab){ 0 };
}
